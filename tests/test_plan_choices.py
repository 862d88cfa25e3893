"""Choices of a plan: described some at a time, and the same as each by itself."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

import router.plan_choices
from router.planner import Router
from router.questions import Question
from tests.contracts.commands import PRICES, tiny_bundle

if TYPE_CHECKING:
    from router.plan import Plan


def make_plan() -> Plan:
    """Make a plan with funded, cheap, bound, joined and unfunded questions."""
    router = Router(tiny_bundle(), PRICES)
    questions = [
        Question(
            f"q{number}",
            f"Who ruled city {number} in {1300 + number}?",
            weight=1.0 + number % 2,
            min_quality=0.99 if number % 7 == 3 else 0.0,
            forbidden_options=("toy|s0",) if number % 5 == 1 else (),
            depends_on=(f"q{number - 1}",) if number % 6 == 5 else (),
        )
        for number in range(23)
    ]
    return router.allocate(questions, {"usd": 0.012}, allow_unfunded=True)


@pytest.mark.parametrize("rows_at_once", [1, 3, 22])
def test_how_many_are_described_together_changes_nothing(
    monkeypatch: pytest.MonkeyPatch, rows_at_once: int
) -> None:
    """A plan is written the same whether its questions are described together or one by one."""
    plan = make_plan()
    whole = plan.to_dict()
    assert {choice["status"] for choice in whole["choices"]} == {"funded", "minimum", "unfunded"}
    monkeypatch.setattr(router.plan_choices, "ROWS_AT_ONCE", rows_at_once)
    assert replace(plan).to_dict() == whole


def test_written_choices_are_those_of_the_plan() -> None:
    """The dictionaries of a plan are its choices, field by field and in their order."""
    plan = make_plan()
    written = plan.to_dict()["choices"]
    assert written == [choice.to_dict() for choice in plan]
    assert {tuple(fields) for fields in written} == {tuple(plan.choices[0].to_dict())}


def test_one_question_alone_is_described_as_in_its_batch() -> None:
    """Reasons and slopes of a question do not depend on which questions are described with it."""
    plan = make_plan()
    for row in np.flatnonzero(plan.choice_index >= 0).tolist():
        reasons, bound_by = plan._reasons.compare(np.array([row]))
        assert (reasons[0], bound_by[0]) == (plan.choices[row].reason, plan.choices[row].bound_by)
