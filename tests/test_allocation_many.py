"""Several budgets at once, against brute force and HiGHS."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from router.allocation import solve
from router.allocation.master import Master
from router.exceptions import BudgetError
from tests.contracts.allocators import best_by_enumeration, check_plan

if TYPE_CHECKING:
    from numpy.typing import NDArray


def draw_many(
    n_rows: int, n_options: int, n_budgets: int, *, seed: int, share: float = 0.3
) -> tuple[NDArray[np.float64], NDArray[np.int64], list[int]]:
    """Draw a surface with a free first option and budgets that bind."""
    chance = np.random.default_rng([seed, n_rows, n_options, n_budgets])
    cost = chance.integers(0, 1001, (n_rows, n_options, n_budgets))
    cost[:, 0] = 0
    noise = chance.normal(0.1, 0.1, (n_rows, n_options))
    quality = np.clip(cost.mean(axis=2) / 1000 * 0.6 + noise, 0.0, 1.0)
    dearest = cost.max(axis=1).sum(axis=0)
    budgets = (dearest * share * chance.uniform(0.5, 1.0, n_budgets)).astype(np.int64)
    return quality, cost, budgets.tolist()


def best_by_highs(
    quality: NDArray[np.float64], cost: NDArray[np.int64], budgets: list[int], *, relaxed: bool
) -> float:
    """Solve the integer or the relaxed program with HiGHS."""
    n_rows, n_options, n_budgets = cost.shape
    one_each = sparse.kron(sparse.eye(n_rows), np.ones((1, n_options)))
    result = milp(
        -quality.ravel(),
        constraints=[
            LinearConstraint(one_each, 1, 1),
            LinearConstraint(cost.reshape(-1, n_budgets).T.astype(float), -np.inf, budgets),
        ],
        bounds=Bounds(0, 1),
        integrality=np.full(quality.size, 0 if relaxed else 1),
        options={"mip_rel_gap": 0.0},
    )
    return -float(result.fun)


@pytest.mark.parametrize("n_budgets", [1, 2, 3, 4])
def test_small_plans_are_the_best(n_budgets: int) -> None:
    """Against every plan tried: feasible, bounded, and the best, which the bound proves."""
    for seed in range(12):
        quality, cost, budgets = draw_many(5, 4, n_budgets, seed=seed)
        plan = solve(quality, cost, budgets)
        check_plan(plan, quality, cost, budgets)
        best = best_by_enumeration(quality, cost, budgets)
        assert plan.value <= best + 1e-9 <= plan.bound + 2e-9
        assert plan.value == pytest.approx(best, abs=1e-9)
        assert plan.proven


@pytest.mark.parametrize("n_budgets", [2, 3, 4])
def test_milp_method_is_optimal(n_budgets: int) -> None:
    """The MILP method over the options left open reaches the best of all plans."""
    for seed in range(4):
        quality, cost, budgets = draw_many(5, 4, n_budgets, seed=seed)
        plan = solve(quality, cost, budgets, method="milp")
        check_plan(plan, quality, cost, budgets)
        assert plan.value == pytest.approx(best_by_enumeration(quality, cost, budgets), abs=1e-9)
        assert plan.gap < 1e-6


@pytest.mark.parametrize("n_budgets", [2, 3, 4])
def test_bound_is_the_relaxed_optimum(n_budgets: int) -> None:
    """The dual found by cutting planes equals the linear relaxation that HiGHS solves."""
    quality, cost, budgets = draw_many(60, 8, n_budgets, seed=1)
    plan = solve(quality, cost, budgets, method="dual")
    check_plan(plan, quality, cost, budgets)
    relaxed = best_by_highs(quality, cost, budgets, relaxed=True)
    assert plan.bound == pytest.approx(relaxed, rel=1e-7)
    assert plan.gap < 0.02
    better = solve(quality, cost, budgets)
    assert better.value >= plan.value
    assert better.bound <= plan.bound


@given(
    n_budgets=st.integers(1, 4),
    shape=st.tuples(st.integers(1, 5), st.integers(1, 4)),
    digits=st.integers(0, 4),
    cost_max=st.sampled_from([1, 3, 50, 10**12]),
    seed=st.integers(0, 10**6),
)
@settings(max_examples=80, deadline=None)
def test_any_small_problem_is_solved_or_refused_rightly(
    n_budgets: int, shape: tuple[int, int], digits: int, cost_max: int, seed: int
) -> None:
    """Ties, zeros, dominated options and huge costs: the best plan, or none where there is none."""
    chance = np.random.default_rng(seed)
    quality = np.round(chance.random(shape), digits)
    cost = chance.integers(0, cost_max + 1, (*shape, n_budgets))
    budgets = (cost.max(axis=1).sum(axis=0) * chance.random(n_budgets)).astype(np.int64).tolist()
    best = best_by_enumeration(quality, cost, budgets)
    try:
        plan = solve(quality, cost, budgets)
    except BudgetError:
        assert best == -np.inf
        return
    check_plan(plan, quality, cost, budgets)
    assert plan.value == pytest.approx(best, abs=1e-9)
    assert plan.bound >= best - 1e-9


def test_middling_plans_are_as_good_as_those_of_highs() -> None:
    """Of thirty rows the plan is as good as the one that HiGHS proves, and bounded by no less."""
    for n_budgets in (2, 3):
        quality, cost, budgets = draw_many(30, 6, n_budgets, seed=0)
        best = best_by_highs(quality, cost, budgets, relaxed=False)
        plan = solve(quality, cost, budgets)
        check_plan(plan, quality, cost, budgets)
        assert plan.value == pytest.approx(best, rel=1e-6)
        assert plan.bound >= best * (1.0 - 1e-7)


def test_plans_of_a_request_are_proven_under_four_budgets() -> None:
    """Sixteen rows of eight options are proven, and one of them is as good as HiGHS says."""
    for seed in range(3):
        quality, cost, budgets = draw_many(16, 8, 4, seed=seed)
        plan = solve(quality, cost, budgets)
        check_plan(plan, quality, cost, budgets)
        assert plan.proven
    best = best_by_highs(quality, cost, budgets, relaxed=False)
    assert plan.value == pytest.approx(best, rel=1e-6)


@pytest.mark.parametrize("n_budgets", [2, 3, 4])
def test_shadow_prices_are_those_of_the_relaxed_program(n_budgets: int) -> None:
    """The price of every budget is what HiGHS finds as the dual value of its row."""
    quality, cost, budgets = draw_many(60, 8, n_budgets, seed=5)
    result = linprog(
        -quality.ravel(),
        A_ub=cost.reshape(-1, n_budgets).T.astype(float),
        b_ub=budgets,
        A_eq=sparse.kron(sparse.eye(60), np.ones((1, 8))),
        b_eq=np.ones(60),
    )
    prices = solve(quality, cost, budgets).shadow_price
    assert prices == pytest.approx((-result.ineqlin.marginals).tolist(), rel=1e-9, abs=1e-12)


def test_plans_of_hundreds_of_rows_are_found_again_and_lie_near_their_bound() -> None:
    """Two calls give the same plan, and it lacks a small part of a thousandth at most."""
    quality, cost, budgets = draw_many(200, 32, 2, seed=0)
    plan, again = (solve(quality, cost, budgets) for _ in range(2))
    check_plan(plan, quality, cost, budgets)
    assert plan.gap <= 3e-4
    assert plan.choices.tolist() == again.choices.tolist()
    assert plan.value >= solve(quality, cost, budgets, states_max=1000).value


def test_on_a_grid_the_bound_is_a_total_that_can_be() -> None:
    """Where all qualities are tenths the bound is a whole number of tenths, often the value."""
    quality, cost, budgets = draw_many(60, 8, 2, seed=6)
    plan = solve(np.round(quality, 1), cost, budgets)
    check_plan(plan, np.round(quality, 1), cost, budgets)
    assert plan.bound * 10 == pytest.approx(round(plan.bound * 10))
    assert plan.proven


def test_budgets_far_above_what_can_be_spent() -> None:
    """The largest budget there is beside one that binds is the same as none beside it."""
    quality, cost, budgets = draw_many(40, 6, 2, seed=8)
    plan = solve(quality, cost, [budgets[0], int(np.iinfo(np.int64).max)])
    alone = solve(quality, cost[:, :, 0], budgets[0])
    assert plan.value == pytest.approx(alone.value, abs=1e-9)


def test_one_budget_in_a_list_is_one_budget() -> None:
    """A list of one budget has the same bound as the budget alone, with figures in tuples."""
    quality, cost, budgets = draw_many(20, 6, 1, seed=4)
    listed, alone = solve(quality, cost, budgets), solve(quality, cost[:, :, 0], budgets[0])
    assert listed.value == pytest.approx(alone.value)
    assert listed.bound >= alone.value - 1e-9
    assert isinstance(listed.spend, tuple)
    assert isinstance(listed.shadow_price, tuple)


def test_shared_costs_mean_the_same_for_every_row() -> None:
    """Costs of shape (m, k) equal the same costs written out for every row."""
    quality, cost, _ = draw_many(25, 6, 2, seed=2)
    shared = cost[0]
    budgets = [3000, 4000]
    one = solve(quality, shared, budgets)
    check_plan(one, quality, shared, budgets)
    assert one.value == solve(quality, np.tile(shared, (25, 1, 1)), budgets).value


def test_a_budget_that_does_not_bind_has_no_price() -> None:
    """Of two budgets the loose one has price zero, and both loose have none."""
    quality, cost, budgets = draw_many(40, 6, 2, seed=3)
    prices = solve(quality, cost, [budgets[0], 10**12]).shadow_price
    assert isinstance(prices, tuple)
    assert prices[0] > 0.0
    assert prices[1] == pytest.approx(0.0, abs=1e-12)
    loose = solve(quality, cost, [10**12, 10**12])
    assert (loose.method, loose.shadow_price) == ("slack", (0.0, 0.0))
    assert loose.value == pytest.approx(quality.max(axis=1).sum())


def test_a_zero_budget_closes_what_costs_anything() -> None:
    """With nothing to spend in one dimension only options free in it are taken."""
    quality = np.array([[0.1, 0.9, 0.5], [0.1, 0.9, 0.5]])
    cost = np.array([[0, 0], [5, 1], [5, 0]])
    plan = solve(quality, cost, [10, 0])
    assert plan.choices.tolist() == [2, 2]
    assert plan.proven


def test_masks_and_weights_with_several_budgets() -> None:
    """Masks and weights act as they do with one budget."""
    quality, cost, budgets = draw_many(5, 4, 2, seed=7)
    allowed = np.ones((5, 4), dtype=bool)
    allowed[:, 3] = False
    weights = np.arange(1.0, 6.0)
    plan = solve(quality, cost, budgets, allowed=allowed, weights=weights, method="milp")
    best = best_by_enumeration(quality[:, :3] * weights[:, None], cost[:, :3], budgets)
    assert plan.value == pytest.approx(best, abs=1e-9)
    assert (plan.choices < 3).all()


def test_each_budget_below_its_least_total_is_named() -> None:
    """The error names the place of the budget and the least total in its dimension."""
    cost = np.array([[5, 9], [9, 5]])
    with pytest.raises(BudgetError, match=r"budget\[1\] of 9 .* least total of 2 rows, which is 1"):
        solve(np.ones((2, 2)), cost, [100, 9])


def test_budgets_that_exclude_each_other_are_refused() -> None:
    """Budgets that each suffice alone but not together are refused with the reason."""
    quality, cost = np.full((3, 2), 0.5), np.array([[3, 0], [0, 3]])
    with pytest.raises(BudgetError, match=r"there is no plan within all of the budgets \(4, 4\)"):
        solve(quality, np.tile(cost, (3, 1, 1)), [4, 4])
    with pytest.raises(BudgetError, match="row 0 has no option that keeps all of the budgets"):
        solve(quality[:1], np.array([[5, 0], [0, 5]]), [4, 4])


def test_worthless_options_are_still_planned() -> None:
    """Where every quality is zero a feasible plan is found, and an impossible one refused."""
    quality, cost = np.zeros((3, 2)), np.tile([[3, 0], [0, 3]], (3, 1, 1))
    plan = solve(quality, cost, [6, 3])
    check_plan(plan, quality, cost, [6, 3])
    assert (plan.value, plan.bound) == (0.0, 0.0)
    with pytest.raises(BudgetError, match="within all of the budgets"):
        solve(quality, cost, [4, 4])


def test_unfunded_rows_with_several_budgets() -> None:
    """Rows are funded by their share of the budgets, and the rest are marked."""
    cost = np.array([[[4, 1]], [[1, 1]], [[2, 2]], [[1, 9]]])
    plan = solve(np.full((4, 1), 0.5), cost, [5, 10], unfunded="mark")
    assert plan.choices.tolist() == [-1, 0, 0, -1]
    assert (plan.spend, plan.minimum_required) == ((3, 3), (8, 13))
    nothing = solve(np.full((4, 1), 0.5), cost, [0, 0], unfunded="mark")
    assert (nothing.spend, nothing.shadow_price) == ((0, 0), (0.0, 0.0))


def test_master_prices_the_binding_budget() -> None:
    """A mix of two plans that meets the budget half way has the slope between them as price."""
    master = Master(100.0, 1.0, np.array([1.0]))
    master.add(3.0, np.array([-1.0]))
    prices, height = master.solve()
    assert prices.tolist() == pytest.approx([1.0])
    assert height == pytest.approx(2.0)
    assert master.mixed().tolist() == [0, 1]


@pytest.mark.parametrize("n_budgets", [1, 2, 3])
def test_large_costs_that_lie_close_together(n_budgets: int) -> None:
    """Where least costs take nearly all no plan is missed, nor worth more than its bound."""
    chance, offset = np.random.default_rng(n_budgets), 2**58
    for _ in range(40):
        quality, above = chance.random((3, 4)), chance.integers(0, 6, (3, 4, n_budgets))
        room = above.min(axis=1).sum(axis=0) + chance.integers(0, 9, n_budgets)
        budgets = (room + 3 * offset).tolist()
        best = best_by_enumeration(quality, above, room.tolist())
        if best == -np.inf:
            with pytest.raises(BudgetError):
                solve(quality, above + offset, budgets)
            continue
        plan = solve(quality, above + offset, budgets)
        check_plan(plan, quality, above + offset, budgets)
        assert plan.bound >= best * (1.0 - 1e-12)
        assert plan.value == pytest.approx(best, rel=1e-12)


def test_least_costs_that_take_all_of_a_budget() -> None:
    """Costs shared by all rows, with options off the menu, are counted to the unit as well."""
    quality, cost = np.array([[0.9, 0.1, 0.5]] * 2), np.array([[0, 0], [5, 1], [5, 3]])
    allowed = np.array([[False, True, True], [True, True, True]])
    plan = solve(quality, cost, [5, 3], allowed=allowed)
    assert (plan.choices.tolist(), plan.spend, plan.proven) == ([2, 0], (5, 3), True)
    tight = solve(quality, cost, [5, 1], allowed=allowed)
    assert (tight.choices.tolist(), tight.spend, tight.proven) == ([1, 0], (5, 1), True)
