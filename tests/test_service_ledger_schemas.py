"""Requests about pools and outcomes, and what the ledger is told of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router.budgets import to_micro_ceil
from router.ledger.records import Report
from router.service import ledger_schemas
from router.service.ledger_schemas import OutcomeBody, make_reports

if TYPE_CHECKING:
    import pytest


def test_costs_of_all_outcomes_are_rounded_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of outcomes take no longer than a few, and each keeps what is its own."""
    rounded = []

    def note(amounts: Any) -> Any:
        """Note how many amounts there are."""
        rounded.append(len(amounts))
        return to_micro_ceil(amounts)

    monkeypatch.setattr(ledger_schemas, "to_micro_ceil", note)
    bodies = [
        OutcomeBody("a", {"usd": 0.1, "searches": 2.0}, 0.5),
        OutcomeBody("b", released=True),
        OutcomeBody("c", {}, 1.0),
        OutcomeBody("d", {"tokens": 7.0000005}),
    ]
    assert make_reports(bodies) == [
        Report("a", {"usd": 100_000, "searches": 2_000_000}, 0.5),
        Report("b", {}, None, released=True),
        Report("c", {}, 1.0),
        Report("d", {"tokens": 7_000_001}),
    ]
    assert rounded == [3]
