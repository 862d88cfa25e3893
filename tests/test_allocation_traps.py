"""Known ways to get a budgeted choice wrong, one by one."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from router.allocation import Hulls
from router.exceptions import AllocationError
from tests.contracts.allocators import best_by_table, check_plan, draw
from tests.contracts.allocators import solve_both as solve


@pytest.mark.parametrize("kind", ["strong", "linear"])
@pytest.mark.parametrize("n_rows", [200, 2000])
def test_collinear_options_never_overspend(kind: str, n_rows: int) -> None:
    """Slopes that differ in the last digit only do not put a row's steps out of order."""
    for seed in range(3):
        x = draw(kind, n_rows, 16, seed=seed)
        for plan in (
            solve(x.quality, x.cost, x.budget, method="dual"),
            Hulls.build(x.quality, x.cost).solve(x.budget),
        ):
            check_plan(plan, x.quality, x.cost, x.budget)


@pytest.mark.parametrize("kind", ["linear", "ties", "strong"])
def test_tied_slopes_leave_no_budget_unspent(kind: str) -> None:
    """Where a price alone cannot split a tie, the fill does."""
    x = draw(kind, 300, 16, seed=1)
    plan = solve(x.quality, x.cost, x.budget)
    assert plan.gap < 1e-3
    assert plan.spends[0] >= 0.995 * x.budget


def test_equal_rows_and_equal_slopes() -> None:
    """A batch of one row repeated buys as many upgrades as the budget pays for."""
    quality, cost = np.tile([0.0, 0.5, 1.0], (100, 1)), np.array([0, 1, 2])
    for budget in (0, 1, 99, 100, 101, 199, 200, 500):
        plan = solve(quality, cost, budget)
        assert plan.value == pytest.approx(min(budget, 200) / 2)
        assert plan.proven


def test_all_tied_quality_buys_the_cheapest() -> None:
    """Options that are all equally good cost no more than the cheapest plan."""
    cost = np.array([[5, 3, 9], [4, 8, 2]])
    for budget in (5, 10, 100):
        plan = solve(np.full((2, 3), 0.7), cost, budget)
        assert plan.choices.tolist() == [1, 2]
        assert plan.spend == 5


def test_single_precision_scores_do_not_move_the_spend() -> None:
    """The spend of a float32 surface is the integer total of the choices."""
    x = draw("strong", 5000, 8, seed=0)
    plan = solve(x.quality.astype(np.float32), x.cost, x.budget, method="dual")
    check_plan(plan, x.quality.astype(np.float32), x.cost, x.budget)
    assert plan.spends[0] >= 0.999 * x.budget


def test_three_dimes_buy_three_dimes_worth() -> None:
    """In micro-units, unlike in floats, 0.1 + 0.1 + 0.1 does not exceed 0.3."""
    plan = solve(np.array([[0.0, 1.0]] * 3), np.array([0, 100_000]), 300_000)
    assert plan.choices.tolist() == [1, 1, 1]


def test_nan_is_refused_not_chosen() -> None:
    """A NaN, which argmax would pick, never reaches the search."""
    with pytest.raises(AllocationError, match=r"quality\[0, 1\] is nan"):
        solve(np.array([[0.1, np.nan]]), np.array([0, 1]), 1)


@pytest.mark.parametrize("budget", [0, 1, 10, 100])
def test_free_improvements_are_taken(budget: int) -> None:
    """A better option at the same cost, zero included, is always taken."""
    quality = np.array([[0.0, 0.4, 0.2, 0.9], [0.3, 0.1, 0.35, 0.5]])
    cost = np.array([[0, 0, 0, 60], [0, 0, 0, 50]])
    plan = solve(quality, cost, budget)
    assert plan.value == pytest.approx(best_by_table(quality, cost, budget))
    assert solve(quality, cost, 0).choices.tolist() == [1, 2]


def test_convex_and_falling_stretches_do_not_stall() -> None:
    """An option beyond a worse one is reached; buying only the next option would stop there."""
    quality = np.tile([0.0, 0.0, 0.1, 0.05, 0.9], (50, 1))
    plan = solve(quality, np.array([0, 10, 20, 30, 40]), 1000)
    assert plan.value == pytest.approx(25 * 0.9)
    assert plan.proven


def test_skip_rows() -> None:
    """Rows may skip at no cost and no quality, and rows worth nothing do."""
    quality = np.array([[0.0, 0.0], [0.0, 0.8], [0.0, 0.3]])
    plan = solve(quality, np.array([0, 10]), 10)
    assert plan.choices.tolist() == [0, 1, 0]


def test_every_tiny_problem_is_exact() -> None:
    """All 256 problems of two rows and two options on a small grid are solved exactly."""
    levels, prices = (0.0, 0.5), (0, 1)
    for entries in itertools.product(levels, levels, levels, levels, *[prices] * 4):
        quality, cost = np.reshape(entries[:4], (2, 2)), np.reshape(entries[4:], (2, 2)).astype(int)
        for budget in range(int(cost.min(axis=1).sum()), 3):
            plan = solve(quality, cost, budget)
            assert plan.value == best_by_table(quality, cost, budget)
            assert plan.spends[0] <= budget


def test_one_option_leaves_nothing_to_choose() -> None:
    """A single option is taken by every row, at any budget that pays for it."""
    plan = solve(np.full((5, 1), 0.3), np.array([4]), 20)
    assert plan.choices.tolist() == [0] * 5
    assert (plan.spend, plan.proven) == (20, True)


def test_small_batches_beat_the_relaxed_plan() -> None:
    """On a handful of rows, where rounding costs most, the exact search makes up for it."""
    loss = []
    for seed in range(30):
        x = draw("noisy", 4, 6, seed=seed)
        exact, dual = (
            solve(x.quality, x.cost, x.budget),
            solve(x.quality, x.cost, x.budget, method="dual"),
        )
        loss.append(exact.value - dual.value)
    assert min(loss) >= 0.0
    assert max(loss) > 0.01


def test_state_cap_is_honoured_on_hard_instances() -> None:
    """On strongly correlated costs the search ends early with a true bound."""
    x = draw("strong", 1000, 16, seed=0)
    plan = solve(x.quality, x.cost, x.budget, states_max=5000)
    check_plan(plan, x.quality, x.cost, x.budget)
    assert plan.gap < 1e-6


def test_equal_input_gives_equal_plans() -> None:
    """Nothing in the search depends on chance or on the clock."""
    x = draw("scurve", 150, 12, seed=4)
    plans = [solve(x.quality, x.cost, x.budget) for _ in range(3)]
    assert len({tuple(plan.choices.tolist()) for plan in plans}) == 1
    assert len({plan.bound for plan in plans}) == 1


@pytest.mark.parametrize("seed", range(40))
def test_several_budgets_buy_nothing_for_nothing(seed: int) -> None:
    """No choice is matched in quality by an option that is nowhere dearer and somewhere cheaper."""
    chance = np.random.default_rng(seed)
    quality = np.round(chance.random((6, 5)), 1)
    cost = chance.integers(0, 6, (6, 5, 2))
    cost[:, 0] = 0
    for share in (1, 4):
        budgets = [int(part) for part in cost.max(axis=(0, 1)) * 2 * share]
        chosen = solve(quality, cost, budgets).choices
        for row, choice in enumerate(chosen):
            as_good = quality[row] >= quality[row, choice]
            nowhere_dearer = (cost[row] <= cost[row, choice]).all(axis=1)
            cheaper = (cost[row] < cost[row, choice]).any(axis=1)
            assert not (as_good & nowhere_dearer & cheaper).any(), f"seed {seed}, row {row}"


@pytest.mark.parametrize("offset", [2**50, 2**58])
def test_large_costs_that_lie_close_together(offset: int) -> None:
    """What all options of a row cost alike, however much, leaves bound and plan as they are."""
    chance = np.random.default_rng(offset)
    for _ in range(60):
        quality, above = chance.random((3, 4)), chance.integers(0, 6, (3, 4))
        room = int(above.min(axis=1).sum()) + int(chance.integers(0, 9))
        best = best_by_table(quality, above, room)
        plan = solve(quality, above + offset, room + 3 * offset)
        check_plan(plan, quality, above + offset, room + 3 * offset)
        assert plan.proven
        assert plan.value == pytest.approx(best, rel=1e-12)


def test_forbidden_options_do_not_count_as_the_least_cost() -> None:
    """An option that is off the menu does not say from where a row's costs are counted."""
    top = 2**58
    quality, cost = (
        np.array([[1.0, 0.2, 0.9]] * 2),
        np.array([[0, top, top + 7], [0, top, top + 2]]),
    )
    allowed = np.array([[False, True, True]] * 2)
    plan = solve(quality, cost, 2 * top + 8, allowed=allowed)
    assert (plan.choices.tolist(), plan.spend, plan.proven) == ([1, 2], 2 * top + 2, True)
    for row in range(2):
        alone = solve(quality[[row]], cost[row], top + 7, allowed=allowed[[row]])
        assert (alone.choices.tolist(), alone.proven) == ([2], True)
