"""Floors, ceilings and ranks of single rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.allocation import solve
from router.exceptions import AllocationError, BudgetError
from tests.contracts.allocators import best_by_table, check_plan, draw

QUALITY = np.array([[0.1, 0.5, 0.7], [0.2, 0.4, 0.9]])
COST = np.array([[0, 10, 20], [1, 11, 21]])


@pytest.mark.parametrize("kind", ["noisy", "scurve", "ties"])
def test_floors_and_ceilings_close_options(kind: str) -> None:
    """The plan is the best of those whose every choice keeps its row's floor and ceiling."""
    for seed in range(6):
        x = draw(kind, 7, 5, seed=seed)
        chance = np.random.default_rng(seed)
        ceiling = x.cost[:, 1:].max(axis=1) - chance.integers(0, 200, 7)
        within = x.cost <= ceiling[:, None]
        floor = np.where(within, x.quality, 0.0).max(axis=1) * chance.random(7)
        allowed = within & (x.quality >= floor[:, None])
        budget = max(x.budget, int(np.where(allowed, x.cost, 10**6).min(axis=1).sum()))
        plan = solve(x.quality, x.cost, budget, min_quality=floor, max_cost=ceiling)
        check_plan(plan, x.quality, x.cost, budget)
        assert allowed[np.arange(7), plan.choices].all()
        best = best_by_table(x.quality, x.cost, budget, allowed)
        assert plan.value == pytest.approx(best, abs=1e-9)


def test_the_cheapest_plan_that_keeps_all_floors() -> None:
    """A target of zero asks for each row's cheapest option that is good enough."""
    plan = solve(QUALITY, COST, target=0.0, min_quality=[0.5, 0.3])
    assert (plan.choices.tolist(), plan.spends, plan.proven) == ([1, 1], (21,), True)
    assert solve(QUALITY, COST, target=0.0, min_quality=0.6).choices.tolist() == [2, 2]


def test_ceilings_with_several_budgets() -> None:
    """With k budgets a row has k ceilings, its own or those of all."""
    cost = np.stack([COST, COST[:, ::-1]], axis=2)
    plan = solve(QUALITY, cost, [100, 100], max_cost=[[100, 15], [100, 100]])
    assert plan.choices.tolist() == [2, 2]
    assert solve(QUALITY, cost, [100, 100], max_cost=[15, 15]).choices.tolist() == [1, 1]


def test_floors_hold_in_single_precision() -> None:
    """A quality of .7 in single precision reaches a floor of .7."""
    quality = QUALITY.astype(np.float32)
    assert solve(quality, COST, 100, min_quality=[0.7, 0.9]).choices.tolist() == [2, 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"min_quality": [0.1, 0.95]},
            r"row 1 has no option left: min_quality is 0.95, the best reachable is 0.9 \(option 2",
        ),
        (
            {"min_quality": 0.8, "max_cost": 15},
            r"row 0 .* min_quality is 0.8, the best reachable is 0.5 \(option 1\)",
        ),
        (
            {"max_cost": [0, 0]},
            r"row 1 has no option left: max_cost is \[0\], the least costs are \[1\]",
        ),
    ],
)
def test_rows_without_options_are_named(change: dict[str, Any], message: str) -> None:
    """The error names row, condition and the best that could be had; marked, the rest is funded."""
    with pytest.raises(AllocationError, match=message):
        solve(QUALITY, COST, 100, **change)
    plan = solve(QUALITY, COST, 100, unfunded="mark", **change)
    row = int(message[4])
    assert plan.choices[row] == -1
    assert plan.spends[0] == sum(COST[r, c] for r, c in enumerate(plan.choices) if c >= 0)


def test_rows_that_a_mask_leaves_nothing_may_be_marked() -> None:
    """A mask without options is refused unless rows may be marked, all of them included."""
    allowed = np.array([[True, True, True], [False, False, False]])
    plan = solve(QUALITY, COST, 100, allowed=allowed, unfunded="mark")
    assert (plan.choices.tolist(), plan.minimum_required) == ([2, -1], 0)
    nothing = solve(QUALITY, COST, 100, allowed=np.zeros((2, 3), dtype=bool), unfunded="mark")
    assert (nothing.choices.tolist(), nothing.spends, nothing.value) == ([-1, -1], (0,), 0.0)
    several = solve(
        QUALITY, np.stack([COST, COST], axis=2), [1, 1], min_quality=1.0, unfunded="mark"
    )
    assert (several.choices.tolist(), several.spends) == ([-1, -1], (0, 0))


def test_higher_ranks_are_funded_first() -> None:
    """Where the budget does not reach all rows, the rank decides before the cost does."""
    quality, cost = np.full((4, 2), 0.5), np.array([[1, 9], [2, 9], [3, 9], [4, 9]])
    cheap = solve(quality, cost, 6, unfunded="mark")
    assert (cheap.choices >= 0).tolist() == [True, True, True, False]
    ranked = solve(quality, cost, 6, unfunded="mark", priority=[0, 0, 0, 2])
    assert (ranked.choices >= 0).tolist() == [True, False, False, True]
    # A rank that does not fit leaves what there is to the ranks below.
    over = solve(quality, cost, 3, unfunded="mark", priority=[0, 0, 0, 2])
    assert (over.choices >= 0).tolist() == [True, True, False, False]
    with pytest.raises(BudgetError):
        solve(quality, cost, 6, priority=[0, 0, 0, 2])


def test_rows_are_funded_in_the_order_of_exact_costs() -> None:
    """Costs that are the same as floats still decide to the micro-unit which row is funded."""
    top = 2**60
    quality, cost = np.full((2, 2), 0.5), np.array([[top + 2, top + 1], [top + 3, top]])
    plan = solve(quality, cost, top, unfunded="mark")
    assert (plan.choices.tolist(), plan.spend) == ([-1, 1], top)
    alone = solve(quality[:1], cost[:1], top + 1, unfunded="mark")
    assert (alone.choices.tolist(), alone.spend) == ([1], top + 1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"min_quality": [0.1, np.nan]}, r"min_quality\[1\] is nan; it must lie in \[0, 1\]"),
        ({"min_quality": 1.5}, r"min_quality is 1.5; it must lie"),
        ({"min_quality": -0.1}, r"min_quality is -0.1; it must lie"),
        ({"min_quality": "high"}, "min_quality cannot be read as numbers"),
        ({"min_quality": [0.1]}, r"min_quality has shape \(1,\); \(\) or \(2,\) is needed"),
        ({"max_cost": 1.5}, "max_cost has type float64; integers are needed"),
        ({"max_cost": [1, 2, 3]}, r"max_cost has shape \(3,\); \(2,\) is needed"),
        ({"max_cost": [1, -2]}, r"max_cost\[1\] is -2; ceilings must not be negative"),
        ({"max_cost": -2}, r"max_cost is -2; ceilings must not be negative"),
        ({"priority": [1.0, 2.0]}, "priority has type float64; integers are needed"),
        ({"priority": 1}, r"priority has shape \(\); \(2,\) is needed"),
    ],
)
def test_conditions_that_are_none_are_refused(change: dict[str, Any], message: str) -> None:
    """Wrong types, shapes, signs and ranges are refused and named."""
    with pytest.raises(AllocationError, match=message):
        solve(QUALITY, COST, 100, **change)


def test_ceilings_beyond_64_bits_close_nothing() -> None:
    """A ceiling larger than any cost is one that nothing exceeds."""
    plan = solve(QUALITY, COST, 100, max_cost=np.array([2**64 - 1, 2**63], dtype=np.uint64))
    assert plan.choices.tolist() == [2, 2]


def test_weights_whose_total_is_no_float_are_refused() -> None:
    """Weights that are finite one by one still have to be together."""
    with pytest.raises(AllocationError, match=r"weights\[1\] is 1e\+308; the total of 2 such"):
        solve(QUALITY, COST, 100, weights=[1.0, 1e308])
