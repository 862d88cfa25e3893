"""What is held for a plan, moved between its questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.exceptions import ConflictError, UnknownError
from router.ledger import Ledger
from router.ledger.records import Report
from tests.contracts.ledgers import VirtualClock, make_pool, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> VirtualClock:
    """Give the ledger's clock."""
    return VirtualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: VirtualClock) -> Iterator[Ledger]:
    """Give a ledger with a pool of 100 micro-units and a plan of three questions, audited."""
    with Ledger(tmp_path / "data", clock=clock) as ledger:
        ledger.create_pool("t", make_pool("night", usd=100)).result()
        record = make_record("plan-1", [10, 20, 30], tenant="t")
        ledger.reserve(record, "night", lease_seconds=60, opening_price={}).result()
        yield ledger
        assert ledger.audit() == []


def read(ledger: Ledger) -> dict[str, int]:
    """Read what is held by question."""
    held = ledger.read_open("t", "plan-1")
    assert held is not None
    return {name: row["usd"] for name, row in held.items()}


def test_amounts_move_and_the_sum_stays(ledger: Ledger) -> None:
    """Questions get what they need; what nobody needs stays with those that hold it."""
    ledger.move_reserved("t", "plan-1", {"q0": {"usd": 5}, "q1": {"usd": 42}, "q2": {"usd": 5}})
    ledger.probe().result()
    assert read(ledger) == {"q0": 10, "q1": 42, "q2": 8}
    assert ledger.read_pool("t", "night").accounts["usd"].reserved == 60


def test_more_than_is_held_is_refused(ledger: Ledger) -> None:
    """A plan never gets more than it was granted, and nothing moves then."""
    move = ledger.move_reserved("t", "plan-1", {"q0": {"usd": 31}})
    with pytest.raises(ConflictError, match="21 micro-units of usd more"):
        move.result()
    assert read(ledger) == {"q0": 10, "q1": 20, "q2": 30}


def test_settled_questions_are_left_alone(ledger: Ledger) -> None:
    """What is settled keeps its row, and only the others share what is still held."""
    ledger.settle("t", "plan-1", [Report("q2", {"usd": 25}, 1.0)]).result()
    ledger.move_reserved("t", "plan-1", {"q0": {"usd": 0}, "q1": {"usd": 30}}).result()
    assert read(ledger) == {"q0": 0, "q1": 30}
    account = ledger.read_pool("t", "night").accounts["usd"]
    assert (account.reserved, account.settled, account.free) == (30, 25, 45)


def test_nothing_needed_moves_nothing(ledger: Ledger) -> None:
    """No question comes to hold more than it needs, as a report without a cost is charged that."""
    ledger.move_reserved("t", "plan-1", {f"q{row}": {"usd": 0} for row in range(3)}).result()
    assert read(ledger) == {"q0": 10, "q1": 20, "q2": 30}
    ledger.settle("t", "plan-1", [Report("q0", quality=1.0)]).result()
    assert ledger.read_pool("t", "night").accounts["usd"].settled == 10


def test_a_question_that_got_more_settles_without_overrun(ledger: Ledger) -> None:
    """Spending what was moved to it is no overrun, and what is left goes back to the pool."""
    ledger.move_reserved("t", "plan-1", {"q0": {"usd": 40}, "q1": {"usd": 0}, "q2": {"usd": 20}})
    reports = [Report("q0", {"usd": 38}, 1.0), Report("q1", {"usd": 0}, None)]
    ledger.settle("t", "plan-1", reports).result()
    account = ledger.read_pool("t", "night").accounts["usd"]
    assert (account.settled, account.overrun, account.reserved) == (38, 0, 20)


def test_plans_of_others_are_not_there(ledger: Ledger) -> None:
    """Another tenant neither reads nor moves anything."""
    with pytest.raises(UnknownError):
        ledger.read_open("other", "plan-1")
    with pytest.raises(UnknownError):
        ledger.move_reserved("other", "plan-1", {}).result()


def test_questions_that_are_not_there_are_refused(ledger: Ledger) -> None:
    """A question of another plan is no question to move to, and nothing moves then."""
    move = ledger.move_reserved("t", "plan-1", {"q0": {"usd": 0}, "q3": {"usd": 10}})
    with pytest.raises(UnknownError, match="no question 'q3'"):
        move.result()
    assert read(ledger) == {"q0": 10, "q1": 20, "q2": 30}


def test_nothing_moves_after_the_lease(ledger: Ledger, clock: VirtualClock) -> None:
    """Who is told that amounts moved may spend them, so that an ended lease is no silent matter."""
    clock.pass_seconds(60)
    with pytest.raises(ConflictError, match="nothing is held"):
        ledger.move_reserved("t", "plan-1", {"q0": {"usd": 30}}).result()
    assert ledger.read_pool("t", "night").accounts["usd"].free == 100


def test_nothing_moves_after_the_last_settlement(ledger: Ledger) -> None:
    """A plan of which every question is settled or released holds nothing to move."""
    reports = [Report("q0", {}), Report("q1", released=True), Report("q2", {"usd": 1})]
    ledger.settle("t", "plan-1", reports).result()
    with pytest.raises(ConflictError, match="nothing is held"):
        ledger.move_reserved("t", "plan-1", {}).result()


def test_a_plan_without_a_pool_holds_nothing_to_move(ledger: Ledger) -> None:
    """What was only written down was granted nothing."""
    ledger.record(make_record("plan-2", [10], tenant="t")).result()
    with pytest.raises(ConflictError, match="nothing is held"):
        ledger.move_reserved("t", "plan-2", {}).result()
