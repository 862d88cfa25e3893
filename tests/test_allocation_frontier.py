"""Cached hulls and the frontier of value against spend."""

from __future__ import annotations

import numpy as np
import pytest

from router.allocation import Hulls, solve, trace_frontier
from router.allocation.block import Block
from router.allocation.hull import climb_hull
from router.exceptions import BudgetError
from tests.contracts.allocators import KINDS, check_plan, draw


@pytest.mark.parametrize("kind", KINDS)
def test_hull_bound_equals_the_dual(kind: str) -> None:
    """Both roads to the relaxed optimum, hulls and tangents, give the same bound and price."""
    for seed, share in enumerate((0.1, 0.4, 0.8)):
        x = draw(kind, 60, 9, seed=seed, share=share)
        hull = Hulls.build(x.quality, x.cost).solve(x.budget)
        dual = solve(x.quality, x.cost, x.budget, method="dual")
        check_plan(hull, x.quality, x.cost, x.budget)
        assert hull.bound == pytest.approx(dual.bound, rel=1e-9)
        assert hull.value <= dual.value + 1e-9
        assert hull.shadow_price == pytest.approx(dual.shadow_price, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_every_point_of_the_frontier_is_a_plan(kind: str) -> None:
    """At each spend of the frontier the hulls give a plan of exactly that spend and value."""
    x = draw(kind, 12, 6, seed=2)
    hulls = Hulls.build(x.quality, x.cost)
    for spend, value in zip(*trace_frontier(x.quality, x.cost), strict=True):
        plan = hulls.solve(int(spend))
        check_plan(plan, x.quality, x.cost, int(spend))
        assert plan.spend == spend
        assert plan.value == pytest.approx(value)


def test_frontier_ends_at_the_best_plan() -> None:
    """The frontier runs from the cheapest plan to the best one."""
    x = draw("noisy", 20, 7, seed=0)
    spend, value = trace_frontier(x.quality, x.cost, weights=np.full(20, 2.0))
    assert spend[0] == 0
    assert value[-1] == pytest.approx(2.0 * x.quality.max(axis=1).sum())


def test_frontier_respects_masks() -> None:
    """Forbidden options are on no hull."""
    allowed = np.array([[True, False, True]])
    spend, value = trace_frontier(np.array([[0.1, 0.9, 0.5]]), np.array([0, 5, 9]), allowed=allowed)
    assert spend.tolist() == [0, 9]
    assert value.tolist() == pytest.approx([0.1, 0.5])


def test_rows_that_are_done_can_be_left_out() -> None:
    """Hulls without some rows equal the hulls of the other rows."""
    x = draw("scurve", 40, 8, seed=1)
    keep = np.arange(40) % 3 > 0
    kept = Hulls.build(x.quality, x.cost).keep(keep)
    fresh = Hulls.build(x.quality[keep], x.cost[keep])
    for budget in (0, 1000, 5000, 20000):
        assert kept.solve(budget).choices.tolist() == fresh.solve(budget).choices.tolist()
        assert kept.solve(budget).bound == pytest.approx(fresh.solve(budget).bound)


def test_hulls_refuse_a_budget_below_the_cheapest_plan() -> None:
    """The hulls name budget and cheapest plan like the solver does."""
    with pytest.raises(BudgetError, match=r"budget of 3 .* costs 4"):
        Hulls.build(np.ones((2, 2)), np.array([2, 5])).solve(3)


def test_slack_budget_has_no_price() -> None:
    """Beyond the last step a micro-unit is worth nothing."""
    plan = Hulls.build(np.array([[0.2, 0.4]]), np.array([0, 5])).solve(99)
    assert (plan.shadow_price, plan.bound, plan.proven) == (0.0, plan.value, True)


def test_climbing_skips_dominated_and_inner_options() -> None:
    """Only vertices of the upper hull are steps, in falling order of slope."""
    gain = np.array([[0.0, 0.1, 0.6, 0.5, 0.9]])
    block = Block(gain, np.array([[0, 10, 20, 30, 50]]))
    steps = climb_hull(block.gain, block.costs(), block.cheapest())
    assert steps.option.tolist() == [2, 4]
    assert steps.spend.tolist() == [20, 30]
    assert steps.slope.tolist() == pytest.approx([0.03, 0.01])


def test_collinear_slopes_never_rise_within_a_row() -> None:
    """Rounding on straight stretches is held down so that steps stay in order."""
    chance = np.random.default_rng(0)
    cost = np.sort(chance.integers(1, 10**6, (300, 20)), axis=1)
    block = Block(cost / 1e6 * chance.uniform(0.1, 1.0, (300, 1)), cost)
    steps = climb_hull(block.gain, block.costs(), block.cheapest())
    for row in range(300):
        mine = steps.row == row
        assert (np.diff(steps.slope[mine]) <= 0.0).all()
        assert (np.diff(cost[row, steps.option[mine]]) > 0).all()
