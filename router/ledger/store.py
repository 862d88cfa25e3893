"""Opening the SQLite file with the settings that its promises rest on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal

import apsw

from router.exceptions import LedgerError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

__all__ = [
    "Synchronous",
    "check_library",
    "check_soundness",
    "fetch",
    "open_reader",
    "open_writer",
    "read_mark",
]

Synchronous = Literal["FULL", "NORMAL", "OFF"]

# The first release without the bug by which two connections could reset a write-ahead log that was
# still in use (sqlite.org/wal.html#walresetbug).
SQLITE_VERSION_MIN = (3, 51, 3)
BUSY_MILLISECONDS = 250
# A large store is looked through for as long as a start may take.
CHECK_SECONDS_MAX = 1.0
CHECK_STEPS = 10_000
WRITER_FLAGS = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
SETTINGS = (
    "PRAGMA foreign_keys = ON",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA mmap_size = 0",
)
WRITER_SETTINGS = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA fullfsync = ON",
    "PRAGMA wal_autocheckpoint = 4000",
    f"PRAGMA journal_size_limit = {64 * 1024 * 1024}",
)


def fetch(
    connection: apsw.Connection,
    statement: str,
    bindings: Sequence[Any] | Mapping[str, Any] = (),
) -> list[tuple[Any, ...]]:
    """Run a statement and read all of its rows, so that nothing stays open behind it.

    Parameters
    ----------
    connection : apsw.Connection
        Any.
    statement : str
        In SQL; values are bound, never written into it.
    bindings : sequence or mapping
        The values.

    Returns
    -------
    list of tuple

    Examples
    --------
    >>> fetch(apsw.Connection(":memory:"), "SELECT ?, 'b'", ["a"])
    [('a', 'b')]
    """
    return connection.execute(statement, bindings).fetchall()


def check_library() -> None:
    """Refuse a SQLite with the bug.

    Raises
    ------
    LedgerError
        Naming its version and the one that is needed.

    Examples
    --------
    >>> check_library()
    """
    version = tuple(int(part) for part in apsw.sqlite_lib_version().split("."))
    if version < SQLITE_VERSION_MIN:
        needed = ".".join(map(str, SQLITE_VERSION_MIN))
        raise LedgerError(
            f"SQLite {apsw.sqlite_lib_version()} may damage a store in use: {needed} is needed "
            "(upgrade apsw)"
        )


def open_writer(
    path: Path, *, synchronous: Synchronous = "FULL", vfs: str | None = None
) -> apsw.Connection:
    """Open the one connection that writes.

    Parameters
    ----------
    path : Path
        The file; made where it is missing.
    synchronous : {"FULL", "NORMAL", "OFF"}, default="FULL"
        What a commit waits for. Anything but ``"FULL"`` loses acknowledged rows when the power
        fails, and is here for the rig that shows it.
    vfs : str, optional
        A registered virtual file system, for rigs.

    Returns
    -------
    apsw.Connection

    Raises
    ------
    LedgerError
        If it cannot be opened or is no database.
    """
    settings = (*SETTINGS, *WRITER_SETTINGS, f"PRAGMA synchronous = {synchronous}")
    return _open(path, WRITER_FLAGS, settings, vfs)


def open_reader(path: Path, *, vfs: str | None = None) -> apsw.Connection:
    """Open a connection that only reads, beside a writer or after it.

    Parameters
    ----------
    path : Path
        The file.
    vfs : str, optional
        A registered virtual file system, for rigs.

    Returns
    -------
    apsw.Connection

    Raises
    ------
    LedgerError
        If there is none.
    """
    return _open(path, apsw.SQLITE_OPEN_READONLY, (*SETTINGS, "PRAGMA query_only = ON"), vfs)


def _open(path: Path, flags: int, settings: Sequence[str], vfs: str | None) -> apsw.Connection:
    """Open a connection with settings, or none."""
    check_library()
    try:
        connection = apsw.Connection(str(path), flags=flags, vfs=vfs)
    except apsw.Error as error:
        raise LedgerError(f"{path}: the store cannot be opened ({error})") from None
    try:
        connection.set_busy_timeout(BUSY_MILLISECONDS)
        for setting in settings:
            connection.execute(setting)
        # Where it cannot be had, for want of shared memory or by a fault, SQLite only says so.
        ((mode,),) = fetch(connection, "PRAGMA journal_mode")
    except apsw.Error as error:
        connection.close()
        raise LedgerError(f"{path}: the store cannot be opened ({error})") from None
    if mode != "wal":
        connection.close()
        raise LedgerError(f"{path}: keeps no write-ahead log, but {mode!r}")
    return connection


def read_mark(connection: apsw.Connection) -> tuple[str, int, int] | None:
    """Read where lease time was when something was last written.

    Parameters
    ----------
    connection : apsw.Connection
        With its tables.

    Returns
    -------
    tuple of (str, int, int) or None
        As :meth:`~router.ledger.clock.LeaseClock.mark` gave it.
    """
    names = ("boot_id", "elapsed_us", "lease_us")
    found = dict(fetch(connection, "SELECT name, value FROM meta"))
    if not all(name in found for name in names):
        return None
    return str(found["boot_id"]), int(found["elapsed_us"]), int(found["lease_us"])


def check_soundness(connection: apsw.Connection, seconds_max: float = CHECK_SECONDS_MAX) -> None:
    """Look through the file for damage, for a while.

    Parameters
    ----------
    connection : apsw.Connection
        Outside a transaction.
    seconds_max : float, default=1.0
        How long at most; what was not reached by then is not complained about.

    Raises
    ------
    LedgerError
        If damage was found.
    """
    end = time.monotonic() + seconds_max
    connection.set_progress_handler(lambda: time.monotonic() > end, CHECK_STEPS)
    try:
        ((report,),) = connection.execute("PRAGMA quick_check(1)").fetchall()
    except apsw.InterruptError:
        report = "ok"
    finally:
        connection.set_progress_handler(None)
    if report != "ok":
        line = " ".join(str(report).split())
        raise LedgerError(f"the store is damaged ({line}): restore a copy of it")
