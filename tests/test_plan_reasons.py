"""Reasons: what binds a question, and how much its group hangs on it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.plan_reasons import multiply_groups
from tests.contracts.planning import make_menu, make_router

QUALITY = [[0.2, 0.5, 0.9], [0.3, 0.6, 0.7]]


def plan_for(first: dict[str, Any], budget: float, **second: Any) -> Any:
    """Plan two questions of which the first has conditions."""
    router = make_router(make_menu([1.0, 2.0, 4.0], seconds=[1.0, 3.0, 9.0]), QUALITY)
    questions = [
        {"id": "a", "text": "question 0", **first},
        {"id": "b", "text": "question 1", **second},
    ]
    return router.allocate(questions, {"usd": budget})


@pytest.mark.parametrize(
    ("fields", "condition"),
    [
        ({"max_latency_s": 5}, "latency ceiling"),
        ({"max_cost": {"usd": 3}}, "cost ceiling"),
        ({"forbidden_options": ["o2"]}, "forbidden"),
    ],
)
def test_what_keeps_a_better_option_out_is_named(fields: dict[str, Any], condition: str) -> None:
    """With money to spare the condition that closes the best option is the reason."""
    plan = plan_for(fields, 100)
    first, second = plan.choices
    assert (first.option, first.bound_by) == ("o1", condition)
    assert first.reason.endswith(f"; its {condition} keeps out 'o2'")
    assert (second.bound_by, "keeps out" in second.reason) == (None, False)


def test_conditions_that_change_nothing_are_no_reason() -> None:
    """A closed option that would not have been taken binds nothing."""
    assert plan_for({"forbidden_options": ["o0"]}, 100).choices[0].bound_by is None
    assert plan_for({"min_quality": 0.4}, 100).choices[0].bound_by is None


def test_floors_bind_where_money_is_short() -> None:
    """Held up by its floor, a question takes what would have done more elsewhere."""
    plan = plan_for({"min_quality": 0.9}, 5)
    assert [choice.option for choice in plan] == ["o2", "o0"]
    assert plan.choices[0].bound_by == "floor"
    assert "the only option that the question's conditions leave" in plan.choices[0].reason


def test_dependent_questions_share_their_product() -> None:
    """Both report the product, the totals count it once, and no interval is claimed for it."""
    plan = plan_for({"depends_on": ["b"]}, 6)
    assert [choice.option for choice in plan] == ["o2", "o1"]
    assert [choice.joint_quality for choice in plan] == pytest.approx([0.54, 0.54])
    assert [choice.expected_quality for choice in plan] == [0.9, 0.6]
    totals = plan.totals
    assert (totals["n_questions"], totals["n_answers"]) == (2, 1)
    assert totals["expected_quality"] == totals["mean_quality"] == pytest.approx(0.54)
    assert totals["expected_gain"] == pytest.approx(0.54 - 0.06)
    assert totals["quality_interval"] is None
    assert plan_for({}, 6).choices[0].joint_quality is None


def test_weights_count_in_the_mean_only() -> None:
    """The sum stays that of the answers; the mean is what was optimised."""
    plan = plan_for({"weight": 3.0}, 6)
    assert plan.totals["expected_quality"] == pytest.approx(1.5)
    assert plan.totals["mean_quality"] == pytest.approx((3 * 0.9 + 0.6) / 4)


@pytest.mark.parametrize("labels", [None, [0, 1, 2], [0, 0, 2], [0, 0, 0]])
def test_products_are_those_of_the_groups(labels: list[int] | None) -> None:
    """Each member has the product of all members."""
    quality = np.array([0.5, 0.4, 0.9])
    found = multiply_groups(quality, None if labels is None else np.array(labels))
    groups = labels or [0, 1, 2]
    expected = [
        np.prod([q for q, other in zip(quality, groups, strict=True) if other == label])
        for label in groups
    ]
    assert found == pytest.approx(expected)
