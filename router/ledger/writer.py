"""One thread that writes: many operations a commit, and nobody is told before it is on disk.

A commit waits for the disk, some milliseconds whatever it holds. So everything that is asked for
meanwhile goes into the next one. Each operation has a savepoint: one that is refused leaves no
trace and does not disturb the others. A commit that fails fails all that was in it.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

import apsw

from router.exceptions import RouterError, StoreBusyError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from router.ledger.clock import LeaseClock

__all__ = ["Operation", "Writer"]

BATCH_MAX = 256
QUEUE_MAX = 4096
# Refused beyond this, rather than let wait: who asks can do so again, with the same key.
WAIT_SECONDS_MAX = 0.25
SWEEP_SECONDS = 1.0

Result = TypeVar("Result")

if TYPE_CHECKING:
    Operation = Callable[[apsw.Connection, int], Result]
else:
    Operation = Any


class Writer:
    """Runs operations on a connection of its own, in the order in which they came.

    Parameters
    ----------
    connection : apsw.Connection
        Open for writing, used by the writer's thread alone from now on.
    clock : LeaseClock
        Tells operations the time.
    sweep : callable
        Operation that does what time demands, as letting leases expire; runs before every batch,
        and once a second where nothing else is to be done. Tells whether it wrote anything.
    restart_sweep : callable, optional
        Called where a batch was taken back: whatever the sweep remembers of it is not so.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        clock: LeaseClock,
        sweep: Operation[bool],
        restart_sweep: Callable[[], None] = lambda: None,
    ) -> None:
        self._connection = connection
        self._clock = clock
        self._sweep = sweep
        self._restart_sweep = restart_sweep
        self._queue: queue.Queue[tuple[Operation[Any], Future[Any], float] | None] = queue.Queue()
        self._closing = threading.Lock()
        self._closed = False
        self._working_since: float | None = None
        self.failing = False
        self.n_commits = 0
        # Told after each commit how many seconds it took, and how many operations wait then.
        self.watch: Callable[[float, int], None] | None = None
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    @property
    def n_waiting(self) -> int:
        """How many operations nobody has begun with."""
        return self._queue.qsize()

    def submit(self, operation: Operation[Result]) -> Future[Result]:
        """Hand in an operation.

        Parameters
        ----------
        operation : callable
            Takes the connection and the time in microseconds. Its commit may fail after it has
            returned, so it has no effect but on the connection.

        Returns
        -------
        Future
            Done when the operation is on disk, or has failed.

        Raises
        ------
        StoreBusyError
            If the writer is so far behind that waiting makes no sense.
        StoreError
            If it is closed.
        """
        future: Future[Result] = Future()
        with self._closing:
            if self._closed:
                raise StoreError("the ledger is closed")
            since = self._working_since
            late = since is not None and time.monotonic() - since > WAIT_SECONDS_MAX
            if late or self._queue.qsize() >= QUEUE_MAX:
                raise StoreBusyError("the ledger cannot keep up: ask again a little later")
            self._queue.put((operation, future, time.monotonic()))
        return future

    def close(self) -> None:
        """Finish what was handed in; may be called twice. The connection stays open."""
        with self._closing:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        """Work until told to end; whatever ends it otherwise, nobody may wait for it then."""
        try:
            self._work()
        finally:
            with self._closing:
                self._closed = True
            self._refuse_rest()

    def _refuse_rest(self) -> None:
        """Tell those who still wait that nothing will come."""
        with contextlib.suppress(queue.Empty):
            while True:
                entry = self._queue.get_nowait()
                if entry is not None and entry[1].set_running_or_notify_cancel():
                    entry[1].set_exception(StoreError("the ledger is closed"))

    def _work(self) -> None:
        """Write batch after batch."""
        open_for_more = True
        while open_for_more:
            batch, open_for_more = self._collect()
            # Who no longer waits has asked for nothing; whoever does cannot change that any more.
            batch = [entry for entry in batch if entry[1].set_running_or_notify_cancel()]
            if batch:
                self._working_since = min(asked for _, _, asked in batch)
                self._write(batch)
                self._working_since = None
            elif open_for_more:
                self._write([])

    def _collect(self) -> tuple[list[tuple[Operation[Any], Future[Any], float]], bool]:
        """Take what has been handed in, and wait for it up to a second."""
        batch: list[tuple[Operation[Any], Future[Any], float]] = []
        try:
            entry = self._queue.get(timeout=SWEEP_SECONDS)
            while entry is not None:
                batch.append(entry)
                if len(batch) == BATCH_MAX:
                    return batch, True
                entry = self._queue.get_nowait()
        except queue.Empty:
            return batch, True
        return batch, False

    def _write(self, batch: list[tuple[Operation[Any], Future[Any], float]]) -> None:
        """Run a batch in one transaction, commit, and only then tell anybody."""
        outcomes: list[tuple[Future[Any], Any, RouterError | None]] = []
        started = time.perf_counter()
        try:
            if self._connection.in_transaction:
                # The last batch could not be taken back either.
                self._connection.execute("ROLLBACK")
            self._connection.execute("BEGIN IMMEDIATE")
            now = self._clock.now()
            changed = self._sweep(self._connection, now)
            for operation, future, _ in batch:
                outcomes.append((future, *self._attempt(operation, now)))
            # Where the last commit failed this is the attempt that shows whether one works again.
            if changed or batch or self.failing:
                self._write_mark()
            self._connection.execute("COMMIT")
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            self._abandon(batch, error)
            return
        self.failing = False
        self.n_commits += 1
        seconds = time.perf_counter() - started
        for future, result, refusal in outcomes:
            if refusal is None:
                future.set_result(result)
            else:
                future.set_exception(refusal)
        if batch and self.watch is not None:
            self.watch(seconds, self.n_waiting)

    def _attempt(self, operation: Operation[Any], now: int) -> tuple[Any, RouterError | None]:
        """Run one operation; what it refuses leaves no trace."""
        self._connection.execute("SAVEPOINT operation")
        result: Any = None
        refusal: RouterError | None = None
        try:
            result = operation(self._connection, now)
        except RouterError as error:
            refusal = error
        except Exception as error:
            if isinstance(error, apsw.Error) and not isinstance(error, apsw.ConstraintError):
                raise
            # What the tables do not take is a defect of this operation, not of the disk, as is
            # whatever Python objects to: those beside it have nothing to do with that.
            refusal = StoreError(f"the store does not take it ({type(error).__name__}: {error})")
            refusal.__cause__ = error
        if refusal is not None:
            self._connection.execute("ROLLBACK TO operation")
        self._connection.execute("RELEASE operation")
        return result, refusal

    def _write_mark(self) -> None:
        """Write down lease time, so that the next process goes on from here."""
        boot_id, elapsed, lease = self._clock.mark()
        rows = (("boot_id", boot_id), ("elapsed_us", elapsed), ("lease_us", lease))
        self._connection.executemany("INSERT OR REPLACE INTO meta VALUES (?, ?)", rows)

    def _abandon(
        self, batch: list[tuple[Operation[Any], Future[Any], float]], error: BaseException
    ) -> None:
        """Take everything back and say so to all who wait."""
        self.failing = True
        # Where that fails as well it is the first thing that the next batch does.
        with contextlib.suppress(apsw.Error):
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        self._restart_sweep()
        failure = StoreError(f"the store cannot be written ({type(error).__name__})")
        failure.__cause__ = error
        for _, future, _ in batch:
            future.set_exception(failure)
