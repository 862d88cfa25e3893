"""Settlements: what a report does to a reservation, to its pool, and to an earlier report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.exceptions import ConflictError, UnknownError
from router.ledger import Ledger
from router.ledger.records import PlanRecord, Report
from tests.contracts.ledgers import VirtualClock, make_pool, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USD, SEARCHES = 100, 10


@pytest.fixture
def clock() -> VirtualClock:
    """Give a clock that stands still."""
    return VirtualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: VirtualClock) -> Iterator[Ledger]:
    """Give a ledger with a pool of two units and a plan of two questions, audited at the end."""
    with Ledger(tmp_path, clock=clock) as ledger:
        state = make_pool("pool", 100, usd=1000, searches=100)
        ledger.create_pool("default", state).result()
        ledger.reserve(
            make_plan(), "pool", lease_seconds=60, opening_price={"usd": 1.0, "searches": 1.0}
        ).result()
        yield ledger
        assert ledger.audit() == []


def make_plan() -> PlanRecord:
    """Make a plan of two questions that cost something of either unit, and tokens beside."""
    record = make_record("plan", [USD, USD])
    record.content.planned.update(searches=[SEARCHES, SEARCHES], tokens=[5, 5])
    return record


def settle(ledger: Ledger, *reports: Report) -> list[str]:
    """Report, and hear the words."""
    return ledger.settle("default", "plan", reports).result().words


def read(ledger: Ledger) -> dict[str, tuple[int, int, int]]:
    """Read what is reserved, settled and overrun of either unit."""
    accounts = ledger.read_pool("default", "pool").accounts.items()
    return {unit: (a.reserved, a.settled, a.overrun) for unit, a in accounts}


@pytest.mark.parametrize(
    ("usd", "expected"),
    [
        (0, (100, 0, 0)),
        (99, (100, 99, 0)),
        (100, (100, 100, 0)),
        (101, (100, 100, 1)),
        (5000, (100, 100, 4900)),
    ],
)
def test_each_unit_is_charged_for_itself(
    ledger: Ledger, usd: int, expected: tuple[int, int, int]
) -> None:
    """Within the reservation it is settled, beyond it is overrun; the other unit is its own."""
    assert settle(ledger, Report("q0", {"usd": usd, "searches": 3, "tokens": 7})) == ["settled"]
    assert read(ledger) == {"usd": expected, "searches": (10, 3, 0)}


def test_settlement_tells_how_the_pool_stands(ledger: Ledger) -> None:
    """What is told is what is in the store, in the same commit."""
    settled = ledger.settle("default", "plan", [Report("q0", {"usd": 40})]).result()
    assert settled.pool == ledger.read_pool("default", "pool")
    assert settled.pool is not None
    assert settled.pool.accounts["usd"].free == 1000 - 100 - 40


def test_price_moves_by_what_was_planned_wrongly(ledger: Ledger) -> None:
    """Less spent than planned lowers the price of that unit, as planned leaves the other's."""
    before = ledger.read_pool("default", "pool").accounts
    settle(ledger, Report("q0", {"usd": 0, "searches": SEARCHES}), Report("q1", {"usd": 50}))
    after = ledger.read_pool("default", "pool").accounts
    assert (after["usd"].price or 0) < (before["usd"].price or 0)
    assert after["searches"].price == before["searches"].price
    settle(ledger, Report("q0", {"usd": 0, "searches": SEARCHES}))
    assert ledger.read_pool("default", "pool").accounts == after


def test_released_question_costs_nothing_and_lowers_the_price(ledger: Ledger) -> None:
    """Everything flows back once; a second word about it changes nothing."""
    before = ledger.read_pool("default", "pool").accounts["usd"].price or 0
    assert settle(ledger, Report("q0", released=True)) == ["released"]
    assert settle(ledger, Report("q0", released=True)) == ["repeated"]
    assert read(ledger) == {"usd": (100, 0, 0), "searches": (10, 0, 0)}
    assert (ledger.read_pool("default", "pool").accounts["usd"].price or 0) < before


def test_report_after_a_release_is_overrun(ledger: Ledger) -> None:
    """Nothing holds what was given back, so that what was spent after all is charged beside."""
    settle(ledger, Report("q0", released=True))
    before = ledger.read_pool("default", "pool").accounts["usd"].price or 0
    assert settle(ledger, Report("q0", {"usd": 30})) == ["late"]
    assert read(ledger) == {"usd": (100, 0, 30), "searches": (10, 0, 10)}
    assert (ledger.read_pool("default", "pool").accounts["usd"].price or 0) > before


def test_report_after_the_lease_is_overrun(ledger: Ledger, clock: VirtualClock) -> None:
    """Late is late for the whole question, also where it cost less than planned."""
    settle(ledger, Report("q1", {"usd": 1, "searches": 1}))
    clock.pass_seconds(60)
    assert settle(ledger, Report("q0", {"usd": 30, "searches": 0})) == ["late"]
    assert read(ledger) == {"usd": (0, 1, 30), "searches": (0, 1, 0)}


def test_lease_of_an_expired_question_cannot_be_released(
    ledger: Ledger, clock: VirtualClock
) -> None:
    """It is free already."""
    clock.pass_seconds(60)
    assert settle(ledger, Report("q0", released=True)) == ["repeated"]
    assert read(ledger) == {"usd": (0, 0, 0), "searches": (0, 0, 0)}


def test_quality_completes_a_report_without_its_cost(ledger: Ledger) -> None:
    """The second report need not repeat what the first said, and may."""
    settle(ledger, Report("q0", {"usd": 5}), Report("q1", {"usd": 5}))
    assert settle(ledger, Report("q0", quality=0.5)) == ["completed"]
    assert settle(ledger, Report("q1", {"usd": 5}, 0.0)) == ["completed"]
    assert settle(ledger, Report("q0", {"usd": 5}, 0.5), Report("q1")) == ["repeated", "repeated"]


@pytest.mark.parametrize(
    ("report", "what"),
    [
        (Report("q0", {"usd": 6}), "cost in usd"),
        (Report("q0", {"searches": 10}), "cost in searches"),
        (Report("q0", {"usd": 5}, 0.25), "quality"),
        (Report("q0", released=True), "cannot be released"),
    ],
)
def test_contradiction_is_refused_with_all_beside_it(
    ledger: Ledger, report: Report, what: str
) -> None:
    """Which outcome and what about it is told, and none of the request is done."""
    settle(ledger, Report("q0", {"usd": 5}, 0.5))
    before = read(ledger)
    with pytest.raises(ConflictError, match=f"outcome 2: .*{what}"):
        settle(ledger, Report("q1", {"usd": 1}), report)
    assert read(ledger) == before
    assert settle(ledger, Report("q1", {"usd": 1})) == ["settled"]


def test_unknown_question_is_refused_with_all_beside_it(ledger: Ledger) -> None:
    """The place of the outcome is told."""
    with pytest.raises(UnknownError, match="outcome 2: the plan has no question"):
        settle(ledger, Report("q0", {"usd": 1}), Report("q2"))
    assert read(ledger)["usd"] == (200, 0, 0)


def test_plan_without_a_pool_is_settled_once(ledger: Ledger) -> None:
    """Nothing is reserved and nothing charged, but reports are held together all the same."""
    ledger.record(make_record("other", [5])).result()
    told = ledger.settle("default", "other", [Report("q0", released=True)]).result()
    assert (told.words, told.pool) == (["released"], None)
    for word in ("settled", "repeated"):
        assert ledger.settle("default", "other", [Report("q0", {"usd": 9})]).result().words == [
            word
        ]
    with pytest.raises(ConflictError, match="outcome 1"):
        ledger.settle("default", "other", [Report("q0", {"usd": 8})]).result()
    assert read(ledger)["usd"] == (200, 0, 0)
