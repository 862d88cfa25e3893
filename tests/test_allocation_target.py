"""The cheapest plan that reaches a target, against exact oracles and the laws it has to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_matrix

from router.allocation import Solution, solve
from router.exceptions import AllocationError, BudgetError
from tests.contracts.allocators import KINDS, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUALITY = np.array([[0.1, 0.5, 0.7], [0.2, 0.4, 0.9]])
COST = np.array([[0, 10, 20], [1, 11, 21]])
GRID = st.sampled_from([0.0, 0.1, 0.2, 0.5, 0.7, 1.0])
CONTINUUM = st.floats(0.0, 1.0, allow_subnormal=False)
COSTS = st.one_of(st.sampled_from([0, 1, 2, 3, 5]), st.integers(0, 60))
# What the rounding of a sum may take away from a target, and a little more.
SLACK = 1e-11


def least_by_table(quality: NDArray[np.float64], cost: NDArray[np.int64], target: float) -> float:
    """Find the least spend that reaches a target from the textbook table of value by spend."""
    top = int(cost.max(axis=1).sum())
    best = np.full(top + 1, -np.inf)
    best[0] = 0.0
    for row in range(len(quality)):
        longer = np.full(top + 1, -np.inf)
        for option in range(quality.shape[1]):
            price = int(cost[row, option])
            reached = best[: top + 1 - price] + quality[row, option]
            longer[price:] = np.maximum(longer[price:], reached)
        best = longer
    enough = np.flatnonzero(best >= target)
    return float(enough[0]) if len(enough) else np.inf


def check_reached(plan: Solution, quality: NDArray[Any], cost: NDArray[Any], target: float) -> None:
    """Assert that a plan reaches its target and that its totals are its choices'."""
    rows = np.arange(len(quality))
    assert plan.spends[0] == int(cost[rows, plan.choices].sum())
    assert plan.value == pytest.approx(float(quality[rows, plan.choices].sum()), abs=1e-9)
    assert plan.value >= target - SLACK * max(1.0, target)
    assert plan.cost_bound is not None
    assert 0 <= plan.cost_bound <= plan.spends[0]
    assert plan.gap >= 0.0


@st.composite
def problems(draw: st.DrawFn) -> tuple[NDArray[np.float64], NDArray[np.int64], float]:
    """Draw quality, cost and a target from nothing to all that can be reached."""
    shape = (draw(st.integers(1, 6)), draw(st.integers(1, 5)))
    elements = draw(st.sampled_from([GRID, CONTINUUM]))
    quality = draw(arrays.arrays(np.float64, shape, elements=elements))
    cost = draw(arrays.arrays(np.int64, shape, elements=COSTS))
    return quality, cost, draw(st.floats(0.0, 1.0)) * float(quality.max(axis=1).sum())


@given(problems())
@settings(max_examples=150)
def test_plans_reach_their_target_at_the_least_cost(problem: Any) -> None:
    """The spend is the least that the table of all spends knows, and it is proven."""
    quality, cost, target = problem
    plan = solve(quality, cost, target=target)
    check_reached(plan, quality, cost, target)
    assert plan.proven
    # A trillionth of the target counts as rounding, so the oracle is asked on both sides of it.
    room = SLACK * max(1.0, target)
    assert least_by_table(quality, cost, target - room) <= plan.spends[0]
    assert plan.spends[0] <= least_by_table(quality, cost, target + room)


@given(problems(), st.floats(0.0, 1.0))
@settings(max_examples=50)
def test_cost_never_falls_as_the_target_grows(problem: Any, share: float) -> None:
    """A lower target is reached for no more."""
    quality, cost, target = problem
    low = solve(quality, cost, target=share * target)
    assert low.spends[0] <= solve(quality, cost, target=target).spends[0]


@given(problems(), st.integers(0, 200))
@settings(max_examples=50)
def test_the_value_of_a_plan_costs_no_more_than_the_plan(problem: Any, more: int) -> None:
    """Asking for what a budget bought never costs more than it did, nor buys less."""
    quality, cost, _ = problem
    bought = solve(quality, cost, int(cost.min(axis=1).sum()) + more)
    plan = solve(quality, cost, target=bought.value)
    assert plan.spends[0] <= bought.spends[0]
    assert plan.value >= bought.value - 1e-9
    # Of plans that cost as little the best one is taken.
    assert plan.value == pytest.approx(solve(quality, cost, plan.spends[0]).value, abs=1e-9)


@given(problems(), st.randoms(use_true_random=False), st.integers(2, 10**9))
@settings(max_examples=50)
def test_order_and_units_do_not_matter(problem: Any, random: Any, unit: int) -> None:
    """Shuffled rows and options cost as much, and costs in a smaller unit so many times as much."""
    quality, cost, target = problem
    spend = solve(quality, cost, target=target).spends[0]
    rows, options = list(range(len(quality))), list(range(quality.shape[1]))
    random.shuffle(rows)
    random.shuffle(options)
    shuffled = solve(quality[rows][:, options], cost[rows][:, options], target=target)
    assert shuffled.spends[0] == spend
    assert solve(quality, cost * unit, target=target).spends[0] == spend * unit


@given(problems(), st.integers(0, 4), st.integers(0, 9), st.floats(0.0, 1.0))
@settings(max_examples=50)
def test_a_dominated_option_changes_nothing(
    problem: Any, column: int, dearer: int, share: float
) -> None:
    """An option no cheaper and no better than another makes no target cheaper."""
    quality, cost, target = problem
    column %= quality.shape[1]
    worse = np.column_stack([quality, quality[:, column] * share])
    plan = solve(worse, np.column_stack([cost, cost[:, column] + dearer]), target=target)
    assert plan.spends[0] == solve(quality, cost, target=target).spends[0]


def least_by_highs(quality: NDArray[np.float64], cost: NDArray[np.int64], target: float) -> float:
    """Find the least spend that reaches a target with HiGHS."""
    row, option = np.indices(quality.shape).reshape(2, -1)
    columns = np.arange(quality.size)
    one = csr_matrix((np.ones(quality.size), (row, columns)))
    result = milp(
        cost.ravel().astype(float),
        constraints=[
            LinearConstraint(one, 1.0, 1.0),
            LinearConstraint(quality[row, option][None, :], target, np.inf),
        ],
        integrality=np.ones(quality.size),
        bounds=Bounds(0.0, 1.0),
        options={"mip_rel_gap": 0.0},
    )
    return float(round(result.fun))


@pytest.mark.parametrize("kind", KINDS)
def test_larger_batches_equal_highs(kind: str) -> None:
    """Forty questions with eight options cost what the mixed-integer solver says."""
    x = draw(kind, 40, 8, seed=1)
    # On a grid no plan misses a target by a rounding that HiGHS would forgive.
    quality = x.quality.round(3)
    target = round(0.7 * float(quality.max(axis=1).sum()), 3) - 5e-4
    plan = solve(quality, x.cost, target=target)
    check_reached(plan, quality, x.cost, target)
    expected = least_by_highs(quality, x.cost, target)
    assert plan.cost_bound is not None
    assert plan.cost_bound <= expected <= plan.spends[0]
    if kind not in {"strong", "linear"}:
        assert plan.proven


@pytest.mark.parametrize("kind", ["noisy", "strong"])
def test_without_the_search_the_bound_still_holds(kind: str) -> None:
    """Dual price and fill reach the target too, and say how far from the least cost they may be."""
    x = draw(kind, 12, 6, seed=3)
    target = 0.6 * float(x.quality.max(axis=1).sum())
    expected = least_by_table(x.quality, x.cost, target)
    for method in ("dual", "auto", "milp"):
        plan = solve(x.quality, x.cost, target=target, method=method)
        check_reached(plan, x.quality, x.cost, target)
        assert plan.cost_bound is not None
        assert plan.cost_bound <= expected <= plan.spends[0]


def test_large_batches_have_a_small_gap() -> None:
    """With tens of thousands of rows the proven gap of the cost is next to nothing."""
    x = draw("noisy", 20_000, 16, seed=5)
    target = 0.6 * float(x.quality.max(axis=1).sum())
    plan = solve(x.quality, x.cost, target=target)
    check_reached(plan, x.quality, x.cost, target)
    assert plan.gap < 1e-5


def test_weights_count_towards_the_target() -> None:
    """The target is a total of weighted qualities."""
    plan = solve(QUALITY, COST, target=3.1, weights=[1.0, 3.0])
    assert plan.choices.tolist() == [1, 2]
    assert plan.value == pytest.approx(3.2)
    assert solve(QUALITY, COST, target=1.2, weights=[1.0, 3.0]).choices.tolist() == [0, 1]


def test_several_budgets_stay_ceilings() -> None:
    """The first budget is spent least of while the others are kept."""
    cost = np.stack([COST, 30 - COST], axis=2)
    free = solve(QUALITY, cost, [1000, 1000], target=1.0)
    tight = solve(QUALITY, cost, [1000, 30], target=1.0)
    assert free.spends == (21, 39)
    assert tight.spends == (31, 29)
    assert (free.cost_bound, tight.cost_bound) == (21, 31)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_several_budgets_equal_enumeration(seed: int) -> None:
    """With two ceilings the least spend of the first is that of all plans tried."""
    chance = np.random.default_rng(seed)
    quality = chance.integers(0, 20, (4, 3)) / 20.0
    cost = chance.integers(0, 30, (4, 3, 2))
    target = 0.7 * float(quality.max(axis=1).sum())
    ceiling = int(cost[:, :, 1].mean(axis=1).sum())
    rows, least = np.arange(4), np.inf
    for plan in np.ndindex(3, 3, 3, 3):
        spend = cost[rows, plan].sum(axis=0)
        if spend[1] <= ceiling and quality[rows, plan].sum() >= target - 1e-9:
            least = min(least, float(spend[0]))
    if least == np.inf:
        with pytest.raises(BudgetError):
            solve(quality, cost, [10**6, ceiling], target=target)
        return
    solution = solve(quality, cost, [10**6, ceiling], target=target)
    assert solution.spends[0] == least
    assert solution.spends[1] <= ceiling


def test_a_budget_beside_a_target_is_kept() -> None:
    """Where the target costs more than the budget the error says what the budget reaches."""
    assert solve(QUALITY, COST, 21, target=1.0).spends == (21,)
    message = r"no plan within 20 micro-units reaches the target of 1; .* found reaches 0.7"
    with pytest.raises(BudgetError, match=message):
        solve(QUALITY, COST, 20, target=1.0)
    with pytest.raises(BudgetError, match="does not reach the cheapest plan"):
        solve(QUALITY, COST, 0, target=0.1)


def test_targets_out_of_reach_name_what_can_be_reached() -> None:
    """Above the best plan the error says how good and how dear that one is; marked, it is given."""
    message = "target is 1.7; the best plan reaches 1.6 for 41 micro-units"
    with pytest.raises(AllocationError, match=message):
        solve(QUALITY, COST, target=1.7)
    closest = solve(QUALITY, COST, target=1.7, unfunded="mark")
    assert closest.choices.tolist() == [2, 2]
    assert closest.cost_bound is None
    within = solve(QUALITY, COST, 20, target=1.0, unfunded="mark")
    assert within.value == pytest.approx(solve(QUALITY, COST, 20).value)
    assert solve(QUALITY, COST, 0, target=1.0, unfunded="mark").choices.tolist() == [0, -1]


def test_the_best_plan_is_a_target_itself() -> None:
    """All that can be reached is reached, by the cheapest best options, and nothing costs least."""
    plan = solve(QUALITY, COST, target=float(QUALITY.max(axis=1).sum()))
    assert plan.choices.tolist() == [2, 2]
    least = solve(QUALITY, COST, target=0)
    assert (least.choices.tolist(), least.spends, least.proven) == ([0, 0], (1,), True)
    nothing = solve(np.zeros((2, 2)), np.array([3, 1]), target=0.0)
    assert nothing.choices.tolist() == [1, 1]


@pytest.mark.parametrize("target", [np.nan, np.inf, -0.1, "1", None, True, 10**400])
def test_targets_are_finite_numbers(target: Any) -> None:
    """A target that is none is refused, and so is having neither target nor budget."""
    error = BudgetError if target is None else AllocationError
    with pytest.raises(error, match=r"target is .*; a finite total quality|budget is None"):
        solve(QUALITY, COST, target=target)


def test_costs_near_the_end_of_64_bits() -> None:
    """Spends stay exact where savings leave the range in which floats are."""
    top = 2**62
    cost = np.array([[0, 7, top - 9], [1, 12, top - 5]])
    plan = solve(QUALITY, cost, target=0.7)
    assert (plan.choices.tolist(), plan.spends) == ([1, 0], (8,))
    assert plan.proven
    assert solve(QUALITY, cost, target=1.6).spends == (2 * top - 14,)


def test_bound_on_large_costs_is_no_lower_than_the_cheapest_plan() -> None:
    """Where there is but one plan, rounding of its savings leaves the bound at what it costs."""
    top = 2**55 + 3
    plan = solve([[0.5], [0.25]], [[top], [top]], target=0.0)
    assert (plan.spend, plan.cost_bound, plan.proven) == (2 * top, 2 * top, True)
    closed = np.array([[True, False]] * 2)
    plan = solve([[0.5, 0.9]] * 2, [[top, 2**61], [top, 2**61]], target=0.0, allowed=closed)
    assert (plan.spend, plan.cost_bound) == (2 * top, 2 * top)


@pytest.mark.parametrize("scale", [1e-13, 1.0, 1e13])
def test_targets_scale_with_the_weights(scale: float) -> None:
    """What rounding may take away from a target is a share of it, however light the rows are."""
    weights = np.array([scale, 2.0 * scale])
    plan = solve(QUALITY, COST, target=1.5 * scale, weights=weights)
    assert plan.choices.tolist() == [0, 2]
    with pytest.raises(AllocationError, match="the best plan reaches"):
        solve(QUALITY, COST, target=2.6 * scale, weights=weights)
