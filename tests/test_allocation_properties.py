"""Laws of the allocator that hold for every input Hypothesis can think of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from router.allocation import trace_frontier
from tests.contracts.allocators import best_by_enumeration, best_by_table, check_plan
from tests.contracts.allocators import solve_both as solve

if TYPE_CHECKING:
    from numpy.typing import NDArray

# Qualities on a coarse grid and from a continuum, costs with many repeats and zeros: ties,
# duplicates and dominated options turn up in nearly every example.
GRID = st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.7, 1.0])
CONTINUUM = st.floats(0.0, 1.0, allow_subnormal=False)
COSTS = st.one_of(st.sampled_from([0, 1, 2, 3, 5]), st.integers(0, 60))


@st.composite
def problems(
    draw: st.DrawFn, rows_max: int = 6, options_max: int = 5
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    """Draw quality, cost and a budget from the cheapest plan to beyond the dearest."""
    shape = (draw(st.integers(1, rows_max)), draw(st.integers(1, options_max)))
    elements = draw(st.sampled_from([GRID, CONTINUUM]))
    quality = draw(arrays.arrays(np.float64, shape, elements=elements))
    cost = draw(arrays.arrays(np.int64, shape, elements=COSTS))
    least, most = int(cost.min(axis=1).sum()), int(cost.max(axis=1).sum())
    return quality, cost, draw(st.integers(least, most + 1))


@given(problems())
@settings(max_examples=200)
def test_plans_are_feasible_optimal_and_bounded(problem: Any) -> None:
    """A plan keeps its budget, equals the best plan, and its bound is never below that."""
    quality, cost, budget = problem
    plan = solve(quality, cost, budget)
    check_plan(plan, quality, cost, budget)
    best = best_by_table(quality, cost, budget)
    assert plan.value == pytest.approx(best, abs=1e-9)
    assert plan.bound >= best - 1e-9
    assert plan.proven


@given(problems())
@settings(max_examples=60)
def test_dual_plans_are_feasible_and_bounded(problem: Any) -> None:
    """The plan without the exact search keeps budget and bound as well."""
    quality, cost, budget = problem
    plan = solve(quality, cost, budget, method="dual")
    check_plan(plan, quality, cost, budget)
    assert plan.bound >= best_by_table(quality, cost, budget) - 1e-9


@given(problems(), st.integers(0, 20))
@settings(max_examples=60)
def test_value_never_falls_as_the_budget_grows(problem: Any, more: int) -> None:
    """A larger budget is worth at least as much."""
    quality, cost, budget = problem
    small, large = solve(quality, cost, budget), solve(quality, cost, budget + more)
    assert large.value >= small.value - 1e-9


@given(problems(), st.randoms(use_true_random=False))
@settings(max_examples=60)
def test_order_of_rows_and_options_does_not_matter(problem: Any, random: Any) -> None:
    """Shuffled rows and options give a plan of the same value."""
    quality, cost, budget = problem
    rows, options = list(range(len(quality))), list(range(quality.shape[1]))
    random.shuffle(rows)
    random.shuffle(options)
    shuffled = solve(quality[rows][:, options], cost[rows][:, options], budget)
    assert shuffled.value == pytest.approx(solve(quality, cost, budget).value, abs=1e-9)


@given(problems(), st.integers(2, 10**9))
@settings(max_examples=60)
def test_units_of_cost_do_not_matter(problem: Any, unit: int) -> None:
    """All costs and the budget in a smaller unit give a plan of the same value."""
    quality, cost, budget = problem
    plan, scaled = solve(quality, cost, budget), solve(quality, cost * unit, budget * unit)
    check_plan(scaled, quality, cost * unit, budget * unit)
    assert scaled.value == pytest.approx(plan.value, abs=1e-9)
    assert scaled.shadow_prices[0] * unit == pytest.approx(plan.shadow_price, rel=1e-6, abs=1e-12)


@given(problems(), st.integers(0, 4), st.integers(0, 9), st.floats(0.0, 1.0))
@settings(max_examples=60)
def test_a_dominated_option_changes_nothing(
    problem: Any, column: int, dearer: int, share: float
) -> None:
    """An option no cheaper and no better than another adds nothing."""
    quality, cost, budget = problem
    column %= quality.shape[1]
    worse = np.column_stack([quality, quality[:, column] * share])
    plan = solve(worse, np.column_stack([cost, cost[:, column] + dearer]), budget)
    assert plan.value == pytest.approx(solve(quality, cost, budget).value, abs=1e-9)


@given(problems(), st.integers(0, 30))
@settings(max_examples=60)
def test_marking_never_overspends(problem: Any, missing: int) -> None:
    """Below the cheapest plan the funded rows still keep the budget and have a best plan."""
    quality, cost, _ = problem
    budget = max(0, int(cost.min(axis=1).sum()) - missing)
    plan = solve(quality, cost, budget, unfunded="mark")
    funded = plan.choices >= 0
    assert plan.minimum_required == int(cost.min(axis=1).sum())
    assert plan.spends[0] <= budget
    if funded.any():
        best = best_by_table(quality[funded], cost[funded], budget)
        assert plan.value == pytest.approx(best, abs=1e-9)
    left = cost.min(axis=1)[~funded]
    assert (left + cost.min(axis=1)[funded].sum() > budget).all()


@given(problems())
@settings(max_examples=60)
def test_frontier_is_concave_and_bounds_plans(problem: Any) -> None:
    """Spend and value rise along the frontier, slopes fall, and no plan lies above it."""
    quality, cost, budget = problem
    spend, value = trace_frontier(quality, cost)
    assert (np.diff(spend) > 0).all()
    slopes = np.diff(value) / np.diff(spend)
    assert (np.diff(slopes) <= 1e-9 * np.maximum(1.0, slopes[:-1])).all()
    assert np.interp(budget, spend, value) >= best_by_table(quality, cost, budget) - 1e-9


@given(problems(rows_max=4, options_max=4), st.data())
@settings(max_examples=80)
def test_several_budgets_are_kept_and_bounded(problem: Any, data: st.DataObject) -> None:
    """With k budgets a plan keeps all of them and its bound covers the best plan."""
    quality, first, budget = problem
    others = data.draw(arrays.arrays(np.int64, (*first.shape, 2), elements=COSTS))
    cost = np.concatenate([first[:, :, None], others], axis=2)
    # The cheapest options of the first budget set the others, so that a plan always exists.
    cheapest = cost[np.arange(len(first)), first.argmin(axis=1)].sum(axis=0)
    more = data.draw(st.integers(0, 40))
    budgets = [budget, int(cheapest[1]) + more, int(cheapest[2]) + 2 * more]
    best = best_by_enumeration(quality, cost, budgets)
    plan = solve(quality, cost, budgets, unfunded="mark")
    if (plan.choices >= 0).all():
        check_plan(plan, quality, cost, budgets)
        assert plan.bound >= best - 1e-9
        assert plan.value == pytest.approx(best, abs=1e-9)
