"""Opening the store: with the settings its promises rest on, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw
import pytest

from router.exceptions import LedgerError
from router.ledger import store
from router.ledger.schema import prepare_schema
from router.ledger.store import (
    check_library,
    check_soundness,
    fetch,
    open_reader,
    open_writer,
    read_mark,
)

if TYPE_CHECKING:
    from pathlib import Path

PAGE = 4096


def read_setting(connection: apsw.Connection, name: str) -> object:
    """Read a setting of a connection."""
    return fetch(connection, f"PRAGMA {name}")[0][0]


def test_writer_has_the_settings_that_promises_rest_on(tmp_path: Path) -> None:
    """A commit waits for the disk, keys are checked, and files are not mapped into memory."""
    writer = open_writer(tmp_path / "store")
    expected = {
        "journal_mode": "wal",
        "synchronous": 2,
        "fullfsync": 1,
        "foreign_keys": 1,
        "trusted_schema": 0,
        "cell_size_check": 1,
        "mmap_size": 0,
        "wal_autocheckpoint": 4000,
        "journal_size_limit": 64 * 1024 * 1024,
        "busy_timeout": 250,
    }
    assert {name: read_setting(writer, name) for name in expected} == expected
    writer.close()


def test_reader_reads_and_writes_nothing(tmp_path: Path) -> None:
    """Beside a writer, a reader sees what was committed and can change nothing."""
    writer = open_writer(tmp_path / "store")
    writer.execute("CREATE TABLE t (a)")
    reader = open_reader(tmp_path / "store")
    assert fetch(reader, "SELECT count(*) FROM t") == [(0,)]
    assert read_setting(reader, "query_only") == 1
    with pytest.raises(apsw.ReadOnlyError):
        reader.execute("INSERT INTO t VALUES (1)")
    reader.close()
    writer.close()


def test_old_library_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The last release with the bug is refused by its name, the first without is not."""
    for version in ("3.51.2", "3.9.9"):
        monkeypatch.setattr(apsw, "sqlite_lib_version", lambda version=version: version)
        with pytest.raises(LedgerError, match=rf"SQLite {version} .*3\.51\.3 is needed"):
            open_writer(tmp_path / "store")
    for version in ("3.51.3", "3.52.0", "4.0.0"):
        monkeypatch.setattr(apsw, "sqlite_lib_version", lambda version=version: version)
        check_library()


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    """No file to read, a directory, and something else than a store are told in a sentence."""
    with pytest.raises(LedgerError, match="cannot be opened"):
        open_reader(tmp_path / "nothing")
    with pytest.raises(LedgerError, match="cannot be opened"):
        open_writer(tmp_path)
    (tmp_path / "text").write_bytes(b"no store " * 1000)
    with pytest.raises(LedgerError, match="not a database"):
        open_writer(tmp_path / "text")


def test_store_without_a_log_is_refused(tmp_path: Path) -> None:
    """Where SQLite keeps another journal than was asked for, it only says so; here it is told."""
    (tmp_path / "empty").touch()
    with pytest.raises(LedgerError, match="no write-ahead log, but 'delete'"):
        open_reader(tmp_path / "empty")


def test_mark_is_read_or_nothing(tmp_path: Path) -> None:
    """Without all three parts there is no mark."""
    writer = open_writer(tmp_path / "store")
    prepare_schema(writer)
    assert read_mark(writer) is None
    writer.execute("INSERT INTO meta VALUES ('boot_id', 'b'), ('elapsed_us', 5)")
    assert read_mark(writer) is None
    writer.execute("INSERT INTO meta VALUES ('lease_us', 7)")
    assert read_mark(writer) == ("b", 5, 7)
    writer.close()


def fill(path: Path) -> None:
    """Make a store of some hundred pages."""
    writer = open_writer(path)
    writer.execute("CREATE TABLE t (a)")
    writer.executemany("INSERT INTO t VALUES (?)", [(bytes(1000),)] * 1000)
    writer.close()


def test_damage_is_found(tmp_path: Path) -> None:
    """A page of nonsense in the middle is complained about."""
    path = tmp_path / "store"
    fill(path)
    writer = open_writer(path)
    check_soundness(writer)
    writer.close()
    data = bytearray(path.read_bytes())
    data[40 * PAGE : 41 * PAGE] = b"\x07" * PAGE
    path.write_bytes(data)
    writer = open_writer(path)
    with pytest.raises(LedgerError, match=r"damaged \(.*page 41.*\): restore a copy"):
        check_soundness(writer)
    writer.close()


def test_looking_for_damage_takes_no_longer_than_it_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was not reached in time is not complained about, and the connection works on."""
    fill(tmp_path / "store")
    writer = open_writer(tmp_path / "store")
    monkeypatch.setattr(store, "CHECK_STEPS", 1)
    check_soundness(writer, seconds_max=0.0)
    assert fetch(writer, "SELECT count(*) FROM t") == [(1000,)]
    writer.close()
