"""The ledger from outside: its start, its end, its threads, and what it needs."""

from __future__ import annotations

import runpy
import shutil
import sys
import threading
import time
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import apsw
import pytest

from router.exceptions import (
    LedgerError,
    MissingExtraError,
    PoolExhaustedError,
    StoreBusyError,
    StoreError,
)
from router.ledger import Ledger, plans
from router.ledger import ledger as ledger_module
from router.ledger.records import Report
from router.ledger.store import fetch, open_reader
from tests.contracts.ledgers import VirtualClock, make_pool, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def clock() -> VirtualClock:
    """Give a clock that stands still."""
    return VirtualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: VirtualClock) -> Iterator[Ledger]:
    """Give a ledger with a pool of 1000 micro-dollars."""
    with Ledger(tmp_path, clock=clock) as ledger:
        ledger.create_pool("default", make_pool()).result()
        yield ledger


def reserve(ledger: Ledger, plan_id: str, amounts: list[int]) -> None:
    """Reserve in the pool for a minute and wait for the disk."""
    record = make_record(plan_id, amounts)
    ledger.reserve(record, "pool", lease_seconds=60, opening_price={}).result()


def read_account(ledger: Ledger) -> tuple[int, int, int, int]:
    """Read what is reserved, settled, overrun and free."""
    account = ledger.read_pool("default", "pool").accounts["usd"]
    return account.reserved, account.settled, account.overrun, account.free


def test_64_threads_are_granted_the_pool_and_no_more(tmp_path: Path) -> None:
    """However they come, the pool is handed out to the last unit and not beyond."""
    granted: list[int] = []
    start = threading.Barrier(64)

    def draw(ledger: Ledger, number: int) -> None:
        """Ask for amounts of one to four until nothing is left."""
        start.wait()
        for attempt in range(40):
            amount = 1 + (number + attempt) % 4
            while True:
                try:
                    reserve(ledger, f"p{number}-{attempt}", [amount])
                except StoreBusyError:
                    # Where the cores are busy with other work 64 may be too many at once.
                    time.sleep(0.01)
                    continue
                except PoolExhaustedError:
                    break
                granted.append(amount)
                break

    with Ledger(tmp_path, clock=VirtualClock()) as ledger:
        ledger.create_pool("default", make_pool(usd=2001)).result()
        threads = [threading.Thread(target=draw, args=(ledger, n)) for n in range(64)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sum(granted) == 2001
        assert read_account(ledger) == (2001, 0, 0, 0)
        assert ledger.audit() == []
        assert ledger.writer.n_commits < len(granted)


def test_answer_to_several_questions_is_of_one_moment(ledger: Ledger) -> None:
    """What is written while the store is being read is seen by the next reading."""

    def look_twice(reader: apsw.Connection) -> list[object]:
        """Count plans before and after one more is written."""
        counts = [fetch(reader, "SELECT count(*) FROM plans")]
        reserve(ledger, "meanwhile", [1])
        return [*counts, fetch(reader, "SELECT count(*) FROM plans")]

    assert ledger._read(look_twice) == [[(0,)], [(0,)]]
    assert ledger._read(lambda reader: fetch(reader, "SELECT count(*) FROM plans")) == [(1,)]


def test_copy_made_at_work_is_whole(ledger: Ledger, tmp_path: Path) -> None:
    """A backup while others draw holds everything answered before it, and adds up."""
    busy = threading.Event()

    def draw() -> None:
        """Draw and report until it is enough."""
        for number in range(300):
            reserve(ledger, f"busy{number}", [1])
            ledger.settle("default", f"busy{number}", [Report("q0", {"usd": number % 3})]).result()
            busy.set()

    reserve(ledger, "before", [7])
    thread = threading.Thread(target=draw)
    thread.start()
    assert busy.wait(10)
    (tmp_path / "copy").mkdir()
    copy = apsw.Connection(str(tmp_path / "copy" / "ledger.sqlite"))
    reader = open_reader(tmp_path / "ledger.sqlite")
    with copy.backup("main", reader, "main") as backup:
        while not backup.done:
            backup.step(2)
    reader.close()
    copy.close()
    thread.join()
    with Ledger(tmp_path / "copy", clock=VirtualClock()) as restored:
        assert restored.audit() == []
        assert restored.settle("default", "before", [Report("q0")]).result().words == ["settled"]


def test_stopped_ledger_is_one_file(tmp_path: Path) -> None:
    """Closing folds the log into the store: a copy of it holds everything. Twice is fine."""
    with Ledger(tmp_path) as ledger:
        ledger.create_pool("default", make_pool()).result()
        reserve(ledger, "a", [7])
    ledger.close()
    assert {path.name for path in tmp_path.iterdir()} == {"ledger.sqlite", "lock", "secret"}
    with pytest.raises(StoreError, match="closed"):
        ledger.probe()
    with pytest.raises(StoreError, match="cannot be read"):
        ledger.read_pool("default", "pool")
    (tmp_path / "copy").mkdir()
    shutil.copy(tmp_path / "ledger.sqlite", tmp_path / "copy")
    with Ledger(tmp_path / "copy") as copy:
        assert read_account(copy)[0] == 7


@pytest.mark.parametrize(
    ("part", "error", "message"),
    [
        ("open_writer", LedgerError("no"), "no"),
        ("prepare_schema", apsw.IOError("disk"), "cannot be opened .*disk"),
        ("check_soundness", LedgerError("damaged"), "damaged"),
        ("open_reader", StoreError("no"), "no"),
        ("read_mark", ValueError("odd"), "odd"),
    ],
)
def test_start_that_fails_lets_go_of_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str, error: Exception, message: str
) -> None:
    """Whichever part of a start fails is told, and the next start finds nothing in its way."""

    def fail(*_: object, **__: object) -> None:
        """Fail."""
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(ledger_module, part, fail)
        with pytest.raises((LedgerError, ValueError), match=message):
            Ledger(tmp_path)
    Ledger(tmp_path).close()


def test_ended_leases_are_told(ledger: Ledger, clock: VirtualClock) -> None:
    """Whoever watches hears how many plans' leases ended."""
    heard: list[int] = []
    ledger.watch_expired = heard.append
    for plan_id in ("a", "b"):
        reserve(ledger, plan_id, [1])
    clock.pass_seconds(60)
    ledger.probe().result()
    assert heard == [2]


def test_more_leases_than_a_request_may_wait_for_end_over_several(
    ledger: Ledger, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One request ends some rounds of them, the next goes on."""
    monkeypatch.setattr(ledger_module, "ROUNDS_MAX", 2)
    monkeypatch.setattr(plans, "EXPIRE_MAX", 1)
    for number in range(5):
        reserve(ledger, f"p{number}", [1])
    clock.pass_seconds(60)
    left = []
    for _ in range(3):
        ledger.probe().result()
        left.append(read_account(ledger)[0])
    assert left == [3, 1, 0]


class Broken(ModuleType):
    """A module whose import fails for want of another."""

    def __getattr__(self, _name: str) -> None:
        """Fail."""
        raise ImportError(name=self.__name__)


@pytest.mark.parametrize(
    ("missing", "error"),
    [("apsw", MissingExtraError), ("msgspec.json", MissingExtraError), ("numpy", ImportError)],
)
def test_ledger_without_its_libraries_names_the_extra(
    monkeypatch: pytest.MonkeyPatch, missing: str, error: type[Exception]
) -> None:
    """What is missing is told by the extra that brings it; any other defect stays one."""
    monkeypatch.setitem(sys.modules, "router.ledger.ledger", Broken(missing))
    with pytest.raises(ImportError) as caught:
        runpy.run_path(str(Path(ledger_module.__file__).with_name("__init__.py")))
    assert type(caught.value) is error
