"""The ledger as a whole: what is granted, settled, given back, kept and refused."""

from __future__ import annotations

import stat
import time
from typing import TYPE_CHECKING

import pytest

from router.exceptions import (
    ConflictError,
    LedgerError,
    PoolExhaustedError,
    StoreError,
    UnknownError,
)
from router.ledger import Ledger
from router.ledger.ledger import read_outcomes
from router.ledger.records import Answer, Report, RequestKey
from tests.contracts.ledgers import VirtualClock, make_pool, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = RequestKey("default", "/v1/allocate", "key", b"body")


@pytest.fixture
def clock() -> VirtualClock:
    """Give a clock that stands still."""
    return VirtualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: VirtualClock) -> Iterator[Ledger]:
    """Give a ledger with a pool of 1000 micro-dollars, audited at the end."""
    with Ledger(tmp_path / "data", clock=clock) as ledger:
        ledger.create_pool("default", make_pool()).result()
        yield ledger
        assert ledger.audit() == []


def reserve(ledger: Ledger, plan_id: str, amounts: list[int], lease_seconds: float = 60) -> None:
    """Reserve in the pool and wait for the disk."""
    record = make_record(plan_id, amounts)
    ledger.reserve(record, "pool", lease_seconds=lease_seconds, opening_price={}).result()


def read_account(ledger: Ledger) -> tuple[int, int, int, int]:
    """Read what is reserved, settled, overrun and free."""
    account = ledger.read_pool("default", "pool").accounts["usd"]
    return account.reserved, account.settled, account.overrun, account.free


def test_grants_end_where_the_pool_ends(ledger: Ledger) -> None:
    """The last micro-unit is granted, the next is refused and leaves no trace."""
    reserve(ledger, "a", [600, 300])
    with pytest.raises(PoolExhaustedError, match=r"0\.0001 usd free, 0\.000101 are needed"):
        reserve(ledger, "b", [101])
    reserve(ledger, "c", [100])
    assert read_account(ledger) == (1000, 0, 0, 0)
    with pytest.raises(UnknownError):
        ledger.settle("default", "b", [Report("q0")]).result()


def test_what_was_not_spent_is_free_at_once(ledger: Ledger) -> None:
    """A settlement returns the rest in the same commit; a release returns all."""
    reserve(ledger, "a", [600, 300])
    words = (
        ledger.settle(
            "default", "a", [Report("q0", {"usd": 250}, 0.5), Report("q1", released=True)]
        )
        .result()
        .words
    )
    assert words == ["settled", "released"]
    assert read_account(ledger) == (0, 250, 0, 750)


def test_overrun_is_charged_and_stops_grants(ledger: Ledger) -> None:
    """What was spent above the reservation is kept apart, and counts."""
    reserve(ledger, "a", [100])
    ledger.settle("default", "a", [Report("q0", {"usd": 1500})]).result()
    assert read_account(ledger) == (0, 100, 1400, 0)
    with pytest.raises(PoolExhaustedError):
        reserve(ledger, "b", [1])
    reserve(ledger, "c", [0])


def test_unit_that_is_left_out_counts_as_planned(ledger: Ledger) -> None:
    """Whoever does not say what it cost is charged the reservation."""
    reserve(ledger, "a", [100])
    ledger.settle("default", "a", [Report("q0", {"tokens": 7}, 1.0)]).result()
    assert read_account(ledger) == (0, 100, 0, 900)


def test_reservation_ends_with_its_lease(ledger: Ledger, clock: VirtualClock) -> None:
    """A dead agent's budget comes back; a report that is late after all is overrun."""
    reserve(ledger, "a", [300, 200], lease_seconds=60)
    ledger.settle("default", "a", [Report("q1", {"usd": 200})]).result()
    clock.pass_seconds(59)
    ledger.probe().result()
    assert read_account(ledger) == (300, 200, 0, 500)
    clock.pass_seconds(1)
    ledger.probe().result()
    assert read_account(ledger) == (0, 200, 0, 800)
    assert ledger.settle("default", "a", [Report("q0", {"usd": 50})]).result().words == ["late"]
    assert ledger.settle("default", "a", [Report("q0", {"usd": 50})]).result().words == ["repeated"]
    assert read_account(ledger) == (0, 200, 50, 750)


def test_quality_may_come_later_and_once(ledger: Ledger) -> None:
    """A second report completes the first; what contradicts it is refused with all beside it."""
    reserve(ledger, "a", [100, 100])
    ledger.settle("default", "a", [Report("q0", {"usd": 80})]).result()
    second = Report("q0", quality=0.5)
    assert ledger.settle("default", "a", [second]).result().words == ["completed"]
    assert ledger.settle("default", "a", [second]).result().words == ["repeated"]
    for contradiction in (
        Report("q0", quality=0.6),
        Report("q0", {"usd": 81}),
        Report("q0", released=True),
    ):
        with pytest.raises(ConflictError, match="outcome 2"):
            ledger.settle("default", "a", [Report("q1", {"usd": 1}), contradiction]).result()
    assert read_account(ledger) == (100, 80, 0, 820)


def test_plan_without_pool_is_reported_on(ledger: Ledger) -> None:
    """Nothing is reserved, everything is remembered."""
    ledger.record(make_record("a", [100])).result()
    assert ledger.settle("default", "a", [Report("q0", {"usd": 9}, 1.0)]).result().words == [
        "settled"
    ]
    assert read_account(ledger) == (0, 0, 0, 1000)
    ledger.record(make_record("b", [100])).result()
    assert ledger.settle("default", "b", [Report("q0", released=True)]).result().words == [
        "released"
    ]


def test_everything_is_there_after_a_restart(tmp_path: Path, clock: VirtualClock) -> None:
    """Pools, leases, answers and outcomes survive; time went on meanwhile."""
    with Ledger(tmp_path, clock=clock) as ledger:
        ledger.create_pool("default", make_pool()).result()
        record = make_record("a", [300])
        ledger.reserve(
            *(record, "pool"),
            lease_seconds=60,
            opening_price={"usd": 2.0},
            key=KEY,
            answer=Answer(200, b"told"),
        ).result()
    clock.pass_seconds(59)
    with Ledger(tmp_path, clock=clock) as ledger:
        assert ledger.find_answer(KEY) == Answer(200, b"told")
        assert read_account(ledger)[0] == 300
        assert (ledger.read_pool("default", "pool").accounts["usd"].price or 0) > 0
        clock.pass_seconds(1)
        ledger.probe().result()
        assert read_account(ledger)[0] == 0
        ledger.settle("default", "a", [Report("q0", {"usd": 5}, 0.25)]).result()
        stored = list(read_outcomes(tmp_path))
        assert [(x.plan_id, x.quality, x.cost_micro, x.late) for x in stored] == [
            ("a", 0.25, {"usd": 5}, True)
        ]
        assert ledger.audit() == []


def test_same_key_is_answered_once(ledger: Ledger) -> None:
    """A key that comes again does nothing; with another body it is refused."""
    first = ledger.reserve(
        *(make_record("a", [100]), "pool"),
        lease_seconds=60,
        opening_price={},
        key=KEY,
        answer=Answer(200, b"first"),
    )
    twin = ledger.reserve(
        *(make_record("b", [100]), "pool"),
        lease_seconds=60,
        opening_price={},
        key=KEY,
        answer=Answer(200, b"second"),
    )
    first.result()
    with pytest.raises(ConflictError):
        twin.result()
    assert read_account(ledger)[0] == 100
    assert ledger.find_answer(KEY) == Answer(200, b"first")
    with pytest.raises(ConflictError, match="another body"):
        ledger.find_answer(RequestKey("default", "/v1/allocate", "key", b"other"))


def test_answers_are_kept_for_a_day(ledger: Ledger, clock: VirtualClock) -> None:
    """A key is known for 24 hours and not for ever."""
    ledger.record(make_record("a", [1]), key=KEY, answer=Answer(200, b"x")).result()
    clock.pass_seconds(24 * 3600 - 1)
    ledger.probe().result()
    assert ledger.find_answer(KEY) is not None
    clock.pass_seconds(1)
    ledger.probe().result()
    assert ledger.find_answer(KEY) is None


def test_tenants_do_not_see_each_other(ledger: Ledger) -> None:
    """A pool, a plan and a key of another tenant are not there."""
    reserve(ledger, "a", [100])
    with pytest.raises(UnknownError):
        ledger.read_pool("other", "pool")
    with pytest.raises(UnknownError):
        ledger.settle("other", "a", [Report("q0")]).result()
    record = make_record("b", [1], tenant="other")
    with pytest.raises(UnknownError):
        ledger.reserve(record, "pool", lease_seconds=1, opening_price={}).result()
    assert ledger.list_pools("other") == []


def test_second_server_refuses_to_start(ledger: Ledger, tmp_path: Path) -> None:
    """A directory in use is refused in one line, and is free after the first has closed."""
    with pytest.raises(LedgerError, match="another server") as caught:
        Ledger(tmp_path / "data")
    assert "\n" not in str(caught.value)
    assert read_account(ledger)[3] == 1000


def test_files_are_private(ledger: Ledger, tmp_path: Path) -> None:
    """Nobody but their owner reads the directory and its files, the log beside it included."""
    reserve(ledger, "a", [1])
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in (tmp_path / "data").iterdir()}
    assert set(modes.values()) == {0o600}
    assert {"ledger.sqlite", "ledger.sqlite-wal", "secret", "lock"} <= set(modes)


def test_hash_knows_a_text_again(tmp_path: Path) -> None:
    """The same text has the same hash after a restart, and another in another directory."""
    hashes = []
    for name in ("one", "one", "two"):
        with Ledger(tmp_path / name) as ledger:
            hashes.append(ledger.hash_text("Who?"))
    assert hashes[0] == hashes[1] != hashes[2]


def test_retention_forgets_what_is_old(tmp_path: Path, clock: VirtualClock) -> None:
    """Old plans without a pool go with their outcomes, those of a pool keep its account right."""
    with Ledger(tmp_path, clock=clock, retention_seconds=3600) as ledger:
        ledger.create_pool("default", make_pool()).result()
        reserve(ledger, "paid", [10])
        ledger.record(make_record("free", [10])).result()
        for plan_id in ("paid", "free"):
            ledger.settle("default", plan_id, [Report("q0", {"usd": 7})]).result()
        clock.pass_seconds(3601)
        ledger.probe().result()
        assert [x.plan_id for x in read_outcomes(tmp_path)] == ["paid"]
        assert ledger.audit() == []
        assert read_account(ledger) == (0, 7, 0, 993)


def test_plan_of_which_nothing_came_goes_after_a_week(ledger: Ledger, clock: VirtualClock) -> None:
    """Plans without an outcome do not pile up, those with one stay."""
    reserve(ledger, "dead", [10])
    ledger.record(make_record("silent", [10])).result()
    ledger.record(make_record("told", [10])).result()
    ledger.settle("default", "told", [Report("q0", quality=1.0)]).result()
    clock.pass_seconds(7 * 24 * 3600 + 1)
    for _ in range(2):
        ledger.probe().result()
    for plan_id in ("dead", "silent"):
        with pytest.raises(UnknownError):
            ledger.settle("default", plan_id, [Report("q0")]).result()
    assert ledger.settle("default", "told", [Report("q0")]).result().words == ["repeated"]
    assert read_account(ledger) == (0, 0, 0, 1000)


def test_caller_that_gives_up_does_not_stop_the_writer(ledger: Ledger) -> None:
    """A future that was cancelled before its turn is passed over, and the next one is served."""
    ledger.writer.submit(lambda _connection, _now: time.sleep(0.1))
    given_up = ledger.record(make_record("a", [1]))
    assert given_up.cancel()
    ledger.record(make_record("b", [1])).result()
    with pytest.raises(UnknownError):
        ledger.settle("default", "a", [Report("q0")]).result()


def test_defect_of_one_operation_is_its_own(ledger: Ledger) -> None:
    """What the tables refuse fails alone, what was handed in beside it is written."""
    ledger.record(make_record("a", [1])).result()
    blocker = ledger.writer.submit(lambda _connection, _now: time.sleep(0.1))
    twin = ledger.record(make_record("a", [1]))
    other = ledger.record(make_record("b", [1]))
    blocker.result()
    with pytest.raises(StoreError, match="does not take"):
        twin.result()
    other.result()
    assert ledger.settle("default", "b", [Report("q0")]).result().words == ["settled"]
