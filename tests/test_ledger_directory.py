"""The data directory: private, on a local disk, and one process's at a time."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from router.exceptions import LedgerError
from router.ledger import directory
from router.ledger.directory import DataDirectory, read_secret, refuse_network

NOBODY = 65_534
MOUNTS = """
/dev/a / ext4 rw 0 0
host:/x /srv/far nfs4 rw 0 0
/dev/b /srv/far/near xfs rw 0 0
none / overlay rw 0 0
odd
"""


def read_mode(path: Path) -> int:
    """Read who may do what with a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_directory_is_made_for_its_owner_only(tmp_path: Path) -> None:
    """It is made with all above it, and nobody else reads what is in it."""
    held = DataDirectory(tmp_path / "a" / "b")
    held.close()
    assert read_mode(held.path) == 0o700
    assert {path.name: read_mode(path) for path in held.path.iterdir()} == {
        "lock": 0o600,
        "secret": 0o600,
        "ledger.sqlite": 0o600,
    }


def test_directory_is_held_until_it_is_closed(tmp_path: Path) -> None:
    """A second one is refused in one line, also in another process; afterwards it is free."""
    held = DataDirectory(tmp_path)
    with pytest.raises(LedgerError, match="another server is running"):
        DataDirectory(tmp_path)
    words = "from router.ledger.directory import *; from pathlib import Path; import sys; "
    command = [sys.executable, "-c", f"{words}DataDirectory(Path(sys.argv[1]))", str(tmp_path)]
    refused = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "another server is running" in refused.stderr.splitlines()[-1]
    held.close()
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("taken", [False, True])
def test_system_without_this_kind_of_lock_has_another(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    taken: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    """Where files are locked in another way a directory is held, or refused, all the same."""
    locked = []

    class Other(ModuleType):
        """The other system's locks."""

        LK_NBLCK = 2

        @staticmethod
        def locking(descriptor: int, mode: int, n_bytes: int) -> None:
            """Lock, unless it is taken."""
            if taken:
                raise PermissionError
            locked.append((descriptor > 2, mode, n_bytes))

    monkeypatch.setitem(sys.modules, "fcntl", None)
    monkeypatch.setitem(sys.modules, "msvcrt", Other("msvcrt"))
    if taken:
        with pytest.raises(LedgerError, match="another server"):
            DataDirectory(tmp_path)
    else:
        DataDirectory(tmp_path).close()
        assert locked == [(True, 2, 1)]


def test_lock_of_somebody_else_is_no_running_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the system does not permit is called that, and not what it is not."""

    def refuse(path: Path, _mode: int) -> None:
        """Refuse as for a file of another owner."""
        raise PermissionError(1, "Operation not permitted", path)

    monkeypatch.setattr(Path, "chmod", refuse)
    with pytest.raises(LedgerError, match=r"cannot be used \(Operation not permitted\)"):
        DataDirectory(tmp_path)


def test_directory_is_let_go_where_it_cannot_be_used(tmp_path: Path) -> None:
    """A secret of another length is named, and the directory is not left locked."""
    (tmp_path / "secret").write_bytes(b"short")
    with pytest.raises(LedgerError, match="has 5 bytes, a secret has 32"):
        DataDirectory(tmp_path)
    (tmp_path / "secret").unlink()
    DataDirectory(tmp_path).close()


def test_place_that_cannot_be_a_directory_is_refused(tmp_path: Path) -> None:
    """Below a file nothing can be made; the message says where and why."""
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match=r"file.*data: cannot be used \(Not a directory\)"):
        DataDirectory(tmp_path / "file" / "data")


def test_directory_that_is_read_only_is_refused(tmp_path: Path) -> None:
    """Where nothing may be written it is said at once, and nothing is left behind."""
    place = tmp_path / "data"
    place.mkdir(mode=0o555)
    # The one who may do everything is nobody for a moment.
    powerful = os.geteuid() == 0
    for path in (place, *place.parents[:4]) if powerful else ():
        path.chmod(read_mode(path) | 0o555)
    if powerful:
        os.seteuid(NOBODY)
    try:
        with pytest.raises(LedgerError, match=r"cannot be used \(Permission denied\)"):
            DataDirectory(place)
    finally:
        if powerful:
            os.seteuid(0)
    assert list(place.iterdir()) == []


def test_secret_stays_the_same(tmp_path: Path) -> None:
    """It is made once, of 32 bytes, and another directory has another one."""
    (tmp_path / "other").mkdir()
    secret = read_secret(tmp_path)
    assert len(secret) == 32
    assert read_secret(tmp_path) == secret
    assert read_secret(tmp_path / "other") != secret
    assert sorted(path.name for path in tmp_path.iterdir()) == ["other", "secret"]


def test_secret_half_written_is_written_anew(tmp_path: Path) -> None:
    """What a crash left beside it does not count."""
    (tmp_path / "secret.new").write_bytes(b"half")
    assert len(read_secret(tmp_path)) == 32


@pytest.mark.parametrize("place", ["/srv/far", "/srv/far/data/deep"])
def test_network_is_refused(place: str) -> None:
    """A directory at or below a remote mount is refused by its kind."""
    with pytest.raises(LedgerError, match=r"nfs4.*a disk of this machine"):
        refuse_network(Path(place), MOUNTS)


@pytest.mark.parametrize("place", ["/srv", "/srv/farther", "/srv/far/near/data"])
def test_local_disk_is_taken(place: str) -> None:
    """The nearest mount decides, and a name that only begins alike is another one."""
    assert refuse_network(Path(place), MOUNTS) is None  # type: ignore[func-returns-value]
    assert refuse_network(Path(place), "") is None  # type: ignore[func-returns-value]


def test_machine_without_a_table_of_mounts_refuses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system does not tell, nothing is held against a directory."""
    monkeypatch.setattr(directory, "MOUNTS", Path("/nowhere/at/all"))
    assert refuse_network(Path("/srv")) is None  # type: ignore[func-returns-value]
