"""Backups: a copy of a data directory as it was at one moment, also while a server works on it."""

from __future__ import annotations

import contextlib
import os
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

import apsw

from router.exceptions import LedgerError
from router.ledger.audit import audit_store
from router.ledger.directory import SECRET_NAME, STORE_NAME
from router.ledger.store import fetch, open_reader

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Backup", "back_up"]

COUNTS = "SELECT (SELECT count(*) FROM pools), count(*), (SELECT count(*) FROM outcomes) FROM plans"


@dataclass(frozen=True)
class Backup:
    """What a copy holds.

    Parameters
    ----------
    n_bytes : int
        Length of its store.
    n_pools, n_plans, n_outcomes : int
        How many of each.
    """

    n_bytes: int
    n_pools: int
    n_plans: int
    n_outcomes: int


def back_up(path: Path, target: Path) -> Backup:
    """Copy a data directory as it is at one moment, and add the copy up.

    Parameters
    ----------
    path : Path
        The directory; a server may be working on it, and is not held up.
    target : Path
        The copy, a directory that is not there yet. It appears once it is whole, on disk and found
        to be sound. A server that is started on it goes on from that moment.

    Returns
    -------
    Backup

    Raises
    ------
    LedgerError
        If there is no store or it cannot be read, `target` exists or cannot be written, or the copy
        does not add up.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from router.ledger import Ledger
    >>> with tempfile.TemporaryDirectory() as name, Ledger(Path(name) / "data"):
    ...     back_up(Path(name) / "data", Path(name) / "copy").n_plans
    0
    """
    if not (path / STORE_NAME).is_file():
        raise LedgerError(f"{path}: holds no ledger")
    if target.exists():
        raise LedgerError(f"{target}: is there already; a copy is written to a place of its own")
    beside = target.parent / f".{target.name}.partial"
    try:
        shutil.rmtree(beside, ignore_errors=True)
        beside.mkdir(mode=0o700, parents=True)
        _copy_secret(path, beside)
        backup = _copy_store(path, beside)
        _sync(beside)
        beside.rename(target)
        _sync(target.parent)
    except (apsw.Error, OSError) as error:
        raise LedgerError(f"{target}: the copy cannot be made ({error})") from None
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return backup


def _copy_secret(path: Path, target: Path) -> None:
    """Copy what texts are hashed by, or the hashes in the copy would be of no more use."""
    file = target / SECRET_NAME
    file.touch(mode=0o600)
    file.write_bytes((path / SECRET_NAME).read_bytes())
    _sync(file)


def _copy_store(path: Path, target: Path) -> Backup:
    """Copy all pages as one transaction sees them, and look whether everything adds up."""
    file = target / STORE_NAME
    file.touch(mode=0o600)
    with (
        contextlib.closing(open_reader(path / STORE_NAME)) as reader,
        contextlib.closing(apsw.Connection(str(file))) as copy,
    ):
        # In one step: between two the server would have written, and SQLite would begin anew.
        with copy.backup("main", reader, "main") as copying:
            copying.step()
        faults = audit_store(copy)
        if faults:
            raise LedgerError(f"{path}: the copy does not add up ({faults[0]})")
        ((n_pools, n_plans, n_outcomes),) = fetch(copy, COUNTS)
    _sync(file)
    return Backup(file.stat().st_size, n_pools, n_plans, n_outcomes)


def _sync(path: Path) -> None:
    """Have the disk hold a file, or the names in a directory."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
