"""The data directory: private, on a disk of this machine, and held by one process at a time."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import IO

from router.exceptions import LedgerError

__all__ = ["SECRET_NAME", "STORE_NAME", "DataDirectory", "read_secret", "refuse_network"]

STORE_NAME = "ledger.sqlite"
LOCK_NAME = "lock"
SECRET_NAME = "secret"  # noqa: S105 - the name of a file
SECRET_BYTES = 32
MOUNTS = Path("/proc/mounts")
# SQLite's locks and the order of its writes are not to be trusted over a network.
NETWORK_SYSTEMS = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "glusterfs")


class DataDirectory:
    """A directory that this process alone serves from.

    Parameters
    ----------
    path : Path
        Made where it is missing, readable by its owner only.

    Raises
    ------
    LedgerError
        If another process holds it, it cannot be written, or lies on a network file system.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            refuse_network(self.path)
            self._lock = _lock_file(self.path / LOCK_NAME)
            try:
                self.secret = read_secret(self.path)
                # Made here, so that nobody else may ever read it, nor the log beside it.
                self.store.touch(mode=0o600)
                for place in (self.path, self.path.parent):
                    _sync_directory(place)
            except BaseException:
                self._lock.close()
                raise
        except LedgerError:
            raise
        except OSError as error:
            raise LedgerError(f"{self.path}: cannot be used ({error.strerror})") from None

    @property
    def store(self) -> Path:
        """The file of the store."""
        return self.path / STORE_NAME

    def close(self) -> None:
        """Let another process have it."""
        self._lock.close()


def read_secret(path: Path) -> bytes:
    """Read the directory's secret, by which texts are hashed, and make it where there is none.

    Parameters
    ----------
    path : Path
        The directory.

    Returns
    -------
    bytes

    Raises
    ------
    LedgerError
        If the file has another length, so that hashes would no longer be comparable.
    """
    file = path / SECRET_NAME
    if not file.exists():
        # Written beside it and renamed, so that a crash leaves none rather than half of one.
        beside = path / f"{SECRET_NAME}.new"
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(descriptor, secrets.token_bytes(SECRET_BYTES))
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        beside.replace(file)
    secret = file.read_bytes()
    if len(secret) != SECRET_BYTES:
        raise LedgerError(f"{file}: has {len(secret)} bytes, a secret has {SECRET_BYTES}")
    return secret


def refuse_network(path: Path, mounts: str | None = None) -> None:
    r"""Refuse a directory on a network file system.

    Parameters
    ----------
    path : Path
        Absolute.
    mounts : str, optional
        As in ``/proc/mounts``; read from there by default, and nothing is refused without it.

    Raises
    ------
    LedgerError
        Naming the kind of file system.

    Examples
    --------
    >>> refuse_network(Path("/mnt/a"), "disk / ext4 rw 0 0\nhost:/x /mnt nfs4 rw 0 0")
    Traceback (most recent call last):
    ...
    router.exceptions.LedgerError: /mnt/a: lies on a network file system (nfs4), ...
    """
    if mounts is None:
        mounts = MOUNTS.read_text("utf-8", "replace") if MOUNTS.exists() else ""
    best, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) > 2:
            place = Path(fields[1])
            if len(fields[1]) >= len(best) and (place == path or place in path.parents):
                best, kind = fields[1], fields[2]
    if kind in NETWORK_SYSTEMS:
        raise LedgerError(
            f"{path}: lies on a network file system ({kind}), a disk of this machine is needed"
        )


def _sync_directory(path: Path) -> None:
    """Have the disk remember which files a directory holds, where a system lets one ask for it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _lock_file(path: Path) -> IO[bytes]:
    """Lock a file for as long as it stays open; a process that dies lets go of it."""
    file = path.open("a+b")
    try:
        path.chmod(0o600)
        _lock(file)
    except BlockingIOError:
        file.close()
        raise LedgerError(
            f"{path.parent}: another server is running on this data directory, "
            "stop it or take another directory"
        ) from None
    except BaseException:
        file.close()
        raise
    return file


def _lock(file: IO[bytes]) -> None:
    """Lock an open file, or raise `BlockingIOError` where another has."""
    try:
        import fcntl
    except ImportError:
        import msvcrt

        file.seek(0)
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        except OSError as error:
            raise BlockingIOError from error
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
