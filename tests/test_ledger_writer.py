"""The writer: many operations a commit, each told only after it, none at another's expense."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import apsw
import pytest

from router.exceptions import InputError, StoreBusyError, StoreError
from router.ledger import writer as writer_module
from router.ledger.clock import LeaseClock
from router.ledger.writer import BATCH_MAX, Writer
from tests.contracts.ledgers import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from router.ledger.writer import Operation


class Rounds:
    """A sweep that counts how often it ran and says what it is told to say."""

    def __init__(self) -> None:
        """Start with none."""
        self.count = 0
        self.changed = False

    def __call__(self, _connection: apsw.Connection, _now_us: int) -> bool:
        """Count."""
        self.count += 1
        return self.changed


@pytest.fixture
def sweep() -> Rounds:
    """Give a sweep that counts."""
    return Rounds()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    """Give a store with a table of small numbers."""
    connection = apsw.Connection(str(tmp_path / "store"))
    connection.execute("CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY) STRICT")
    connection.execute("CREATE TABLE numbers (n INTEGER UNIQUE CHECK (n < 1000)) STRICT")
    yield connection
    connection.close()


@pytest.fixture
def writer(connection: apsw.Connection, sweep: Rounds) -> Iterator[Writer]:
    """Give a writer, closed at the end."""
    writer = Writer(connection, LeaseClock(VirtualClock()), sweep)
    yield writer
    writer.close()


def insert(number: int, error: Exception | None = None) -> Operation[int]:
    """Make an operation that inserts a number, and then fails where it is to."""

    def operate(connection: apsw.Connection, _now_us: int) -> int:
        """Insert it."""
        connection.execute("INSERT INTO numbers VALUES (?)", (number,))
        if error is not None:
            raise error
        return number

    return operate


def read_numbers(connection: apsw.Connection) -> list[int]:
    """Read which numbers are there."""
    return [n for (n,) in connection.execute("SELECT n FROM numbers ORDER BY n")]


class Gate:
    """Holds the writer inside an operation until it is opened."""

    def __init__(self, writer: Writer) -> None:
        """Begin to hold."""
        self._inside, self._open = threading.Event(), threading.Event()
        self.future = writer.submit(self._operate)
        assert self._inside.wait(10)

    def _operate(self, _connection: apsw.Connection, _now_us: int) -> None:
        """Wait."""
        self._inside.set()
        assert self._open.wait(10)

    def open(self) -> None:
        """Let the writer go on."""
        self._open.set()
        self.future.result(10)


def test_what_waits_meanwhile_goes_into_one_commit(
    writer: Writer, connection: apsw.Connection
) -> None:
    """While one commit is made the next gathers, up to its limit."""
    gate = Gate(writer)
    before = writer.n_commits
    seen: list[tuple[float, int]] = []
    writer.watch = lambda seconds, n_waiting: seen.append((seconds, n_waiting))
    futures = [writer.submit(insert(n)) for n in range(BATCH_MAX + 1)]
    assert writer.n_waiting == BATCH_MAX + 1
    gate.open()
    assert [future.result() for future in futures] == list(range(BATCH_MAX + 1))
    writer.close()
    assert writer.n_commits - before == 3
    assert writer.n_waiting == 0
    assert [n_waiting for _, n_waiting in seen] == [BATCH_MAX + 1, 1, 0]
    assert min(seconds for seconds, _ in seen) > 0
    assert read_numbers(connection) == list(range(BATCH_MAX + 1))


@pytest.mark.parametrize(
    ("operation", "error"),
    [
        (insert(1, InputError("no")), InputError),
        (insert(1, KeyError("usd")), StoreError),
        (insert(1, UnicodeEncodeError("utf-8", "\ud800", 0, 1, "surrogates")), StoreError),
        (insert(5000), StoreError),
    ],
)
def test_operation_that_fails_leaves_no_trace_and_disturbs_no_other(
    writer: Writer,
    connection: apsw.Connection,
    operation: Operation[int],
    error: type[Exception],
) -> None:
    """A refusal, a defect and a row that the table does not take are one operation's own."""
    gate = Gate(writer)
    first, bad, last = (writer.submit(o) for o in (insert(10), operation, insert(11)))
    gate.open()
    with pytest.raises(error):
        bad.result()
    assert (first.result(), last.result()) == (10, 11)
    assert not writer.failing
    assert read_numbers(connection) == [10, 11]


@pytest.mark.parametrize("error", [apsw.FullError("full"), apsw.IOError("disk"), SystemExit()])
def test_commit_that_fails_fails_all_in_it(
    writer: Writer, connection: apsw.Connection, error: BaseException
) -> None:
    """Where the disk fails nobody is told of success, and the next commit may work again."""

    def fail(_connection: apsw.Connection, _now_us: int) -> None:
        """Fail as a disk does."""
        raise error

    gate = Gate(writer)
    futures = [writer.submit(o) for o in (insert(1), fail, insert(2))]
    gate.open()
    for future in futures:
        with pytest.raises(StoreError, match=type(error).__name__) as caught:
            future.result()
        assert caught.value.__cause__ is error
    assert writer.failing
    assert writer.submit(insert(3)).result() == 3
    assert not writer.failing
    assert read_numbers(connection) == [3]


class Stubborn:
    """A connection that at first cannot take anything back."""

    def __init__(self, connection: apsw.Connection) -> None:
        """Stand before another."""
        self._connection = connection
        self.refusals = 1

    def __getattr__(self, name: str) -> Any:
        """Be the other in all else."""
        return getattr(self._connection, name)

    def execute(self, statement: str, *arguments: Any) -> Any:
        """Refuse to roll back while there are refusals left."""
        if statement == "ROLLBACK" and self.refusals:
            self.refusals -= 1
            raise apsw.IOError("not now")
        return self._connection.execute(statement, *arguments)


def test_batch_that_could_not_be_taken_back_is_taken_back_by_the_next(
    connection: apsw.Connection, sweep: Rounds
) -> None:
    """A rollback that fails is made up for before anything else is written."""

    def fail(_connection: apsw.Connection, _now_us: int) -> None:
        """Fail as a disk does."""
        raise apsw.IOError("disk")

    stubborn: Any = Stubborn(connection)
    writer = Writer(stubborn, LeaseClock(VirtualClock()), sweep)
    gate = Gate(writer)
    lost, failed = writer.submit(insert(1)), writer.submit(fail)
    gate.open()
    assert isinstance(lost.exception(), StoreError)
    assert isinstance(failed.exception(), StoreError)
    assert stubborn.refusals == 0
    assert connection.in_transaction
    assert writer.submit(insert(2)).result() == 2
    writer.close()
    assert read_numbers(connection) == [2]


def test_who_gives_up_before_it_has_begun_has_asked_for_nothing(
    writer: Writer, connection: apsw.Connection
) -> None:
    """A cancelled operation is not run; one that has begun can no longer be cancelled."""
    gate = Gate(writer)
    cancelled, kept = writer.submit(insert(1)), writer.submit(insert(2))
    assert cancelled.cancel()
    assert not gate.future.cancel()
    gate.open()
    assert kept.result() == 2
    assert read_numbers(connection) == [2]


def test_writer_that_is_behind_refuses(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a commit takes too long nothing more is let in, afterwards it is."""
    monkeypatch.setattr(writer_module, "WAIT_SECONDS_MAX", 0.05)
    gate = Gate(writer)
    time.sleep(0.06)
    with pytest.raises(StoreBusyError):
        writer.submit(insert(1))
    gate.open()
    assert insert_patiently(writer, 1) == 1


def insert_patiently(writer: Writer, number: int) -> int:
    """Insert a number as soon as the writer lets one."""
    for _ in range(1000):
        try:
            return writer.submit(insert(number)).result()
        except StoreBusyError:
            time.sleep(0.01)
    raise AssertionError


def test_queue_has_an_end(writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    """More than so many do not wait."""
    monkeypatch.setattr(writer_module, "QUEUE_MAX", 2)
    monkeypatch.setattr(writer_module, "WAIT_SECONDS_MAX", 60)
    gate = Gate(writer)
    waiting = [writer.submit(insert(n)) for n in range(2)]
    with pytest.raises(StoreBusyError):
        writer.submit(insert(2))
    gate.open()
    assert [future.result() for future in waiting] == [0, 1]


def test_closing_finishes_what_was_handed_in(writer: Writer, connection: apsw.Connection) -> None:
    """Everything handed in before is on disk after, nothing is taken in later."""
    gate = Gate(writer)
    futures = [writer.submit(insert(n)) for n in range(5)]
    closing = threading.Thread(target=writer.close)
    closing.start()
    gate.open()
    closing.join()
    writer.close()
    assert [future.result(0) for future in futures] == list(range(5))
    with pytest.raises(StoreError, match="closed"):
        writer.submit(insert(9))
    assert read_numbers(connection) == list(range(5))


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait until something is so, for some seconds at most."""
    for _ in range(1000):
        if condition():
            return
        time.sleep(0.01)
    raise AssertionError


@pytest.mark.parametrize("cause", ["changed", "failing"])
def test_sweep_runs_where_nobody_asks(
    connection: apsw.Connection, sweep: Rounds, monkeypatch: pytest.MonkeyPatch, cause: str
) -> None:
    """Time is looked after once a while, and written down with a change or to try a disk again."""
    monkeypatch.setattr(writer_module, "SWEEP_SECONDS", 0.005)
    writer = Writer(connection, LeaseClock(VirtualClock()), sweep)
    wait_until(lambda: sweep.count > 2)
    assert connection.execute("SELECT * FROM meta").fetchall() == []
    setattr(sweep if cause == "changed" else writer, cause, True)
    wait_until(lambda: connection.execute("SELECT * FROM meta").fetchall() != [])
    wait_until(lambda: not writer.failing)
    writer.close()
    stored = dict(connection.execute("SELECT name, value FROM meta"))
    assert stored == {"boot_id": "boot", "elapsed_us": 5_000_000, "lease_us": 0}


def test_store_that_somebody_else_writes_to_is_waited_for_and_then_refused(
    writer: Writer, connection: apsw.Connection
) -> None:
    """What cannot even begin is told, and works as soon as the other is done."""
    other = apsw.Connection(connection.filename)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="BusyError"):
        writer.submit(insert(1)).result()
    other.execute("ROLLBACK")
    assert writer.submit(insert(1)).result() == 1
    other.close()


def test_watcher_hears_of_each_batch(writer: Writer) -> None:
    """How long its commit took and how much waits; of idle rounds it hears nothing."""
    heard: list[tuple[float, int]] = []
    writer.watch = lambda seconds, n_waiting: heard.append((seconds, n_waiting))
    writer.submit(insert(1)).result()
    writer.close()
    ((seconds, n_waiting),) = heard
    assert (seconds > 0, n_waiting) == (True, 0)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_writer_that_dies_lets_nobody_wait(writer: Writer, connection: apsw.Connection) -> None:
    """What was committed is told; whoever waits for more is refused, and so is who comes later."""

    def fail(_seconds: float, _n_waiting: int) -> None:
        """Fail where nothing may."""
        raise ZeroDivisionError

    gate = Gate(writer)
    waiting, cancelled = writer.submit(insert(1)), writer.submit(insert(2))
    cancelled.cancel()
    writer.watch = fail
    gate.open()
    with pytest.raises(StoreError, match="closed"):
        waiting.result(10)
    writer.close()
    with pytest.raises(StoreError, match="closed"):
        writer.submit(insert(3))
    assert read_numbers(connection) == []
