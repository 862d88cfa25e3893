"""One budget against exact oracles: every kind of instance, masks, weights, funding."""

from __future__ import annotations

import numpy as np
import pytest

from router.allocation import Solution
from router.exceptions import AllocationError, BudgetError
from tests.contracts.allocators import KINDS, best_by_table, check_plan, draw
from tests.contracts.allocators import solve_both as solve

SHAPES = [(1, 1), (1, 6), (2, 3), (3, 5), (6, 4), (9, 8), (14, 5)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_small_plans_are_proven_optimal(kind: str, shape: tuple[int, int]) -> None:
    """The plan of a small batch has the value of the exact table, and says that it is proven."""
    for seed, share in enumerate((0.05, 0.2, 0.5, 0.8, 0.97)):
        x = draw(kind, *shape, seed=seed, share=share)
        plan = solve(x.quality, x.cost, x.budget)
        check_plan(plan, x.quality, x.cost, x.budget)
        assert plan.value == pytest.approx(best_by_table(x.quality, x.cost, x.budget), abs=1e-9)
        assert plan.proven


@pytest.mark.parametrize("kind", KINDS)
def test_dual_plans_keep_bound_and_budget(kind: str) -> None:
    """Without the exact search the plan stays within its bound and above the relaxed plan."""
    for seed in range(6):
        x = draw(kind, 10, 6, seed=seed)
        plan = solve(x.quality, x.cost, x.budget, method="dual")
        check_plan(plan, x.quality, x.cost, x.budget)
        best = best_by_table(x.quality, x.cost, x.budget)
        assert plan.value <= best + 1e-9
        assert plan.bound >= best - 1e-9
        # The relaxed plan splits one row, so rounding loses less than that row's best option.
        assert plan.value >= plan.bound - x.quality.max() - 1e-9


@pytest.mark.parametrize("kind", ["noisy", "scurve", "strong"])
def test_states_run_out_gracefully(kind: str) -> None:
    """With next to no states the plan is still feasible and the bound still covers the best."""
    for seed in range(5):
        x = draw(kind, 12, 6, seed=seed)
        best = best_by_table(x.quality, x.cost, x.budget)
        for states_max in (1, 10, 100):
            plan = solve(x.quality, x.cost, x.budget, states_max=states_max)
            check_plan(plan, x.quality, x.cost, x.budget)
            assert plan.value <= best + 1e-9 <= plan.bound + 2e-9


@pytest.mark.parametrize("kind", KINDS)
def test_masks_are_respected(kind: str) -> None:
    """Forbidden options are never taken, and the best of the allowed plans is found."""
    for seed in range(8):
        x = draw(kind, 7, 5, seed=seed)
        allowed = np.random.default_rng(seed).random(x.quality.shape) < 0.6
        allowed[np.arange(7), np.arange(7) % 5] = True
        cheapest = int(np.where(allowed, x.cost, 10**6).min(axis=1).sum())
        budget = max(x.budget, cheapest)
        plan = solve(x.quality, x.cost, budget, allowed=allowed)
        check_plan(plan, x.quality, x.cost, budget)
        assert allowed[np.arange(7), plan.choices].all()
        best = best_by_table(x.quality, x.cost, budget, allowed)
        assert plan.value == pytest.approx(best, abs=1e-9)
        assert plan.minimum_required == cheapest


def test_shared_masked_costs() -> None:
    """A mask over shared costs may forbid the cheapest option of one row only."""
    quality = np.array([[0.0, 0.5, 0.6], [0.0, 0.5, 0.9]])
    allowed = np.array([[False, True, True], [True, True, True]])
    plan = solve(quality, np.array([0, 10, 30]), 25, allowed=allowed)
    assert plan.choices.tolist() == [1, 1]
    assert plan.minimum_required == 10


@pytest.mark.parametrize("kind", ["noisy", "ties"])
def test_weights_scale_the_rows(kind: str) -> None:
    """Weights change the optimum to that of the weighted table, a zero weight included."""
    for seed in range(8):
        x = draw(kind, 8, 5, seed=seed)
        weights = np.random.default_rng(seed).uniform(0.0, 3.0, 8)
        weights[seed % 8] = 0.0
        plan = solve(x.quality, x.cost, x.budget, weights=weights)
        best = best_by_table(x.quality * weights[:, None], x.cost, x.budget)
        assert plan.value == pytest.approx(best, abs=1e-9)
        assert plan.spends[0] <= x.budget


def test_shared_costs_equal_repeated_costs() -> None:
    """One row of costs means the same as that row repeated."""
    x = draw("noisy", 30, 8, seed=3)
    shared = np.sort(np.unique(x.cost)[:8])
    one = solve(x.quality, shared, 2000)
    all_rows = solve(x.quality, np.tile(shared, (30, 1)), 2000)
    assert one.choices.tolist() == all_rows.choices.tolist()
    assert (one.value, one.spend, one.bound) == (all_rows.value, all_rows.spend, all_rows.bound)


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.uint16, np.uint64, np.int64])
def test_integer_types_of_cost_agree(dtype: type) -> None:
    """Every integer type of cost gives the same plan."""
    x = draw("scurve", 20, 6, seed=1)
    expected = solve(x.quality, x.cost, x.budget)
    assert solve(x.quality, x.cost.astype(dtype), x.budget).choices.tolist() == (
        expected.choices.tolist()
    )


def test_single_precision_quality_is_exact() -> None:
    """A float32 surface is planned at its exact values, like its own float64 copy."""
    x = draw("noisy", 40, 8, seed=2)
    narrow = x.quality.astype(np.float32)
    plan, wide = solve(narrow, x.cost, x.budget), solve(narrow.astype(float), x.cost, x.budget)
    assert plan.choices.tolist() == wide.choices.tolist()
    assert (plan.value, plan.bound) == (wide.value, wide.bound)


def test_slack_budget_takes_the_cheapest_best_options() -> None:
    """A budget that does not bind buys the best options, the cheapest of equally good ones."""
    quality = np.array([[0.1, 0.9, 0.9, 0.9], [0.2, 0.2, 0.1, 0.0]])
    plan = solve(quality, np.array([[0, 50, 20, 20], [4, 3, 3, 0]]), 10**30)
    assert plan.choices.tolist() == [2, 1]
    assert (plan.method, plan.shadow_price, plan.gap) == ("slack", 0.0, 0.0)
    assert plan.proven


def test_budget_below_the_cheapest_plan_is_refused() -> None:
    """The error names the budget and what the cheapest plan costs."""
    with pytest.raises(BudgetError, match=r"budget of 14 .* cheapest plan of 2 rows.* costs 15"):
        solve(np.ones((2, 2)), np.array([[10, 20], [5, 6]]), 14)
    assert solve(np.ones((2, 2)), np.array([[10, 20], [5, 6]]), 15).spend == 15


def test_unfunded_rows_are_marked() -> None:
    """Rows are funded cheapest first, then the funded ones are planned as well as can be."""
    quality = np.array([[0.5, 0.6], [0.1, 0.9], [0.7, 0.8], [0.2, 0.4]])
    cost = np.array([[30, 40], [10, 15], [50, 60], [10, 40]])
    plan = solve(quality, cost, 55, unfunded="mark")
    assert plan.choices.tolist() == [0, 1, -1, 0]
    assert (plan.spend, plan.minimum_required) == (55, 100)
    assert plan.value == pytest.approx(0.5 + 0.9 + 0.2)


def test_unfunded_ties_go_to_the_earlier_row() -> None:
    """Of equally cheap rows the earlier ones are funded."""
    plan = solve(np.full((4, 1), 0.5), np.array([7]), 20, unfunded="mark")
    assert plan.choices.tolist() == [0, 0, -1, -1]


def test_nothing_funded_is_an_empty_plan() -> None:
    """A budget below every row's cheapest option marks all rows and spends nothing."""
    plan = solve(np.full((2, 2), 0.5), np.array([7, 9]), 0, unfunded="mark")
    assert plan.choices.tolist() == [-1, -1]
    assert (plan.spend, plan.value, plan.bound, plan.minimum_required) == (0, 0.0, 0.0, 14)


def test_marking_changes_nothing_where_all_rows_are_funded() -> None:
    """With enough budget both answers to unfunded rows give the same plan."""
    x = draw("noisy", 10, 5, seed=0)
    marked = solve(x.quality, x.cost, x.budget, unfunded="mark")
    assert marked.choices.tolist() == solve(x.quality, x.cost, x.budget).choices.tolist()


def test_milp_agrees_with_the_exact_search() -> None:
    """HiGHS finds the same value over the options that the bound leaves open."""
    for seed in range(3):
        x = draw("scurve", 20, 6, seed=seed)
        plan = solve(x.quality, x.cost, x.budget, method="milp", states_max=1)
        check_plan(plan, x.quality, x.cost, x.budget)
        assert plan.value == pytest.approx(solve(x.quality, x.cost, x.budget).value, abs=1e-7)
        assert plan.gap < 1e-6


@pytest.mark.parametrize(
    ("word", "value", "known"),
    [
        ("method", "fast", "auto, dual, milp"),
        ("unfunded", "skip", "raise, mark"),
    ],
)
def test_unknown_words_are_refused(word: str, value: str, known: str) -> None:
    """A misspelt choice is refused, naming the known ones."""
    with pytest.raises(AllocationError, match=f"{word} is '{value}'; known are {known}"):
        solve(np.ones((1, 1)), np.array([0]), 1, **{word: value})


def test_gap_of_a_worthless_plan_is_zero() -> None:
    """A bound of zero gives no division by zero."""
    plan = Solution(np.zeros(1, dtype=np.int64), 0.0, 0, 0.0, 0.0, "slack", 0)
    assert plan.gap == 0.0
    assert plan.proven
