"""Plans of tables."""

from __future__ import annotations

import numpy as np
import pytest

from router.evaluation.plan_tables import plan_table
from router.exceptions import BudgetError, InputError
from router.options import Option
from tests.contracts.planning import find_best_value

OPTIONS = [Option("a", model="s"), Option("b", model="s", samples=4), Option("c", model="l")]


def test_tables_are_planned_like_questions() -> None:
    """The plan is the best one within the budget, its options keep what they are."""
    quality = np.random.default_rng(1).random((5, 3))
    plan = plan_table(OPTIONS, quality, [1.0, 2.0, 5.0], 12.0, unit="tokens")
    taken = quality[np.arange(5), plan.choice_index].sum()
    cost = np.array([[1], [2], [5]]) * 10**6
    assert taken == pytest.approx(find_best_value(quality, cost, [12 * 10**6]))
    assert plan.surface.menu.options[1].samples == 4
    assert plan.totals["cost"]["tokens"] <= 12.0


def test_what_does_not_fit_is_refused() -> None:
    """Tables of other shapes, and budgets that reach for nothing, are named."""
    with pytest.raises(InputError, match="3 options"):
        plan_table(OPTIONS, np.ones((2, 2)), [1.0, 2.0, 3.0], 9.0)
    with pytest.raises(BudgetError):
        plan_table(OPTIONS, np.ones((2, 3)), [1.0, 2.0, 3.0], 1.0)
