"""Lets the n-th write, sync or cut of the store fail, for one n after the other.

Either that one fails, or all from then on until the disk is mended. Nobody may be told of success
then; nothing that was answered before may be lost; and the ledger has to go on where it is, without
being opened anew. ``--full-disk`` limits the size of files instead, as a disk without space does.
"""

from __future__ import annotations

import argparse
import multiprocessing
import resource
import secrets
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import apsw

from router.exceptions import LedgerError
from tests.rigs.places import open_place
from tests.rigs.processes import scale
from tests.rigs.work import Work, inspect_store, open_ledger

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from router.ledger import Ledger

__all__ = ["ERRORS", "FaultyDisk", "fail_nth", "fill_disk"]

ERRORS = {"ioerr": apsw.IOError, "full": apsw.FullError}
# Short, and folded into the store often, so that a few hundred calls see everything there is.
ROUNDS = 12
ROUNDS_AFTER = 4
CHECKPOINT_PAGES = 30
FILE_BYTES_MAX = 300_000


class FaultyFile(apsw.VFSFile):
    """A file on a disk that fails when it is told to."""

    def __init__(self, disk: FaultyDisk, name: Any, flags: list[int]) -> None:
        """Open it."""
        self._disk = disk
        super().__init__("", name, flags)

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - SQLite's name
        """Write, or fail."""
        self._disk.count_call()
        super().xWrite(data, offset)

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        """Cut to length, or fail."""
        self._disk.count_call()
        super().xTruncate(newsize)

    def xSync(self, flags: int) -> None:  # noqa: N802
        """Wait for the disk, or fail."""
        self._disk.count_call()
        super().xSync(flags)


class FaultyDisk(apsw.VFS):
    """A file system that fails at one call, or from one call on.

    Parameters
    ----------
    name : str
        To register under.
    at : int
        At which of the calls that write, sync or cut, counted from 1.
    error : type
        What to raise.
    sticky : bool
        Whether all calls behind it fail too, until the disk is mended.
    """

    def __init__(self, name: str, at: int, error: type[apsw.Error], *, sticky: bool) -> None:
        """Register."""
        self._at, self._error, self._sticky = at, error, sticky
        self.n_calls = 0
        self.n_failed = 0
        super().__init__(name, "")

    def count_call(self) -> None:
        """Count a call, and fail if it is the one."""
        self.n_calls += 1
        if self.n_calls == self._at or (self._sticky and self.n_calls > self._at > 0):
            self.n_failed += 1
            raise self._error("a planted fault")

    def mend(self) -> None:
        """Let nothing fail any more."""
        self._at = 0

    def xOpen(self, name: Any, flags: list[int]) -> FaultyFile:  # noqa: N802
        """Open a file."""
        return FaultyFile(self, name, flags)


def fail_nth(
    at: int, error: str, *, sticky: bool, seed: int = 1, n_rounds: int = ROUNDS
) -> tuple[bool, list[str]]:
    """Let the n-th call fail while a ledger works.

    Parameters
    ----------
    at : int
        Which, from 1.
    error : {"ioerr", "full"}
        How.
    sticky : bool
        Whether those behind it fail too, until the disk is mended.
    seed : int, default=1
        Decides the work.
    n_rounds : int, default=12
        How long it is.

    Returns
    -------
    tuple of (bool, list of str)
        Whether there were so many calls at all; what was wrong.
    """
    name = f"faulty-{at}-{error}-{sticky}"
    disk = FaultyDisk(name, at, ERRORS[error], sticky=sticky)
    with open_place() as place, _expect_faults():
        path = place / "data"
        ledger = _open(path, disk, name)
        work = Work(ledger, seed)
        faults = _work(work, disk, n_rounds)
        ledger.close()
        faults += inspect_store(path).compare(work.asked, work.told)
    reached = disk.n_failed > 0
    disk.unregister()
    return reached, [f"call {at}, {error}, sticky {sticky}: {fault}" for fault in faults]


@contextmanager
def _expect_faults() -> Iterator[None]:
    """Say nothing of faults in spite of which SQLite goes on, as when a checkpoint may wait."""
    before = sys.unraisablehook

    def hear(report: Any) -> None:
        """Pass on what was not planted."""
        if not isinstance(report.exc_value, apsw.Error):
            before(report)

    sys.unraisablehook = hear
    try:
        yield
    finally:
        sys.unraisablehook = before


def _open(path: Path, disk: FaultyDisk, name: str) -> Ledger:
    """Open a ledger; where the fault hits that already it says so, and may be opened again."""
    try:
        return open_ledger(path, vfs=name)
    except LedgerError:
        disk.mend()
        return open_ledger(path, vfs=name)


def _work(work: Work, disk: FaultyDisk, n_rounds: int) -> list[str]:
    """Work through the fault and beyond it; say what was wrong on the way."""
    faults = []
    pragma = f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}"
    writer = work.ledger.writer
    writer.submit(lambda connection, _now: connection.execute(pragma).fetchall()).exception()
    for _ in range(n_rounds):
        before = work.n_failed
        work.create_pool() if ("pool", "pool") not in work.told else work.do_round()
        if work.n_failed > before and not writer.failing:
            faults.append("the writer does not say that it fails")
    disk.mend()
    work.n_failed = 0
    for _ in range(ROUNDS_AFTER):
        work.create_pool() if ("pool", "pool") not in work.told else work.do_round()
    if work.n_failed or writer.failing:
        faults.append("it does not go on when the disk is mended")
    return faults + work.faults + work.ledger.audit()


def fill_disk(n_bytes: int = FILE_BYTES_MAX) -> list[str]:
    """Work in a process whose files cannot grow beyond a size, and beyond that once they can.

    Parameters
    ----------
    n_bytes : int, default=300000
        The size.

    Returns
    -------
    list of str
        What was wrong.
    """
    context = multiprocessing.get_context("spawn")
    with open_place() as place:
        answers = context.SimpleQueue()
        child = context.Process(target=_fill, args=(place / "data", n_bytes, answers))
        child.start()
        child.join(120)
        if child.exitcode != 0:
            return [f"the process ended with {child.exitcode}"]
        faults, asked, told = answers.get()
        return [*faults, *inspect_store(place / "data").compare(asked, told)]


def _fill(path: Path, n_bytes: int, answers: Any) -> None:
    """Work until nothing fits any more, then make room and go on."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    faults = []
    with open_ledger(path) as ledger:
        work = Work(ledger, 1)
        work.create_pool()
        resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, most))
        for _ in range(1000):
            work.do_round()
            if work.n_failed > 20:
                break
        else:
            faults.append("the disk never was full")
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
        work.n_failed = 0
        for _ in range(ROUNDS_AFTER):
            work.do_round()
        if work.n_failed:
            faults.append("it does not go on when there is room")
    answers.put((faults + work.faults, work.asked, work.told))


def main() -> int:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=scale(2000), help="up to which n (2000)")
    parser.add_argument("--rounds", type=int, default=60, help="of work, which make calls (60)")
    parser.add_argument("--every", type=int, default=1, help="only every so many (1)")
    parser.add_argument("--full-disk", action="store_true", help="fill the disk, and no more")
    parser.add_argument("--seed", type=int, default=None, help="of the work")
    options = parser.parse_args()
    seed = secrets.randbelow(2**32) if options.seed is None else options.seed
    started, n_runs = time.monotonic(), 0
    found = fill_disk()
    kinds = [] if options.full_disk else [(e, sticky) for e in ERRORS for sticky in (False, True)]
    for error, sticky in kinds:
        for at in range(1, options.calls + 1, options.every):
            reached, faults = fail_nth(at, error, sticky=sticky, seed=seed, n_rounds=options.rounds)
            found += faults
            n_runs += reached
            if not reached:
                break
        took = time.monotonic() - started
        sys.stdout.write(f"{error}, sticky {sticky}: up to call {at}, {took:.0f} s\n")
        sys.stdout.flush()
    took = time.monotonic() - started
    sys.stdout.write(f"{n_runs} faults and a full disk in {took:.0f} s, seed {seed}\n")
    sys.stdout.writelines(f"  {line}\n" for line in found[:50])
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main())
