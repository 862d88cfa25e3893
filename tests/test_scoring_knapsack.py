"""The protocol's knapsack: within its budget, near the best plan, equal to its definition."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import BudgetError, InputError
from router.scoring.knapsack import knapsack

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEEDS = st.integers(0, 2**32 - 1)


def draw_problem(
    seed: int, n_questions: int = 5, n_options: int = 3
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Draw a surface with ties, costs, and a budget between the cheapest and the dearest plan."""
    generator = np.random.default_rng(seed)
    quality = generator.integers(0, 11, (n_questions, n_options)) / 10
    cost = generator.integers(0, 9, n_options).astype(float)
    return quality, cost, float(cost.min() + generator.random() * np.ptp(cost))


def find_best(quality: NDArray[np.float64], cost: NDArray[np.float64], budget: float) -> float:
    """Find the highest total quality of all plans within the budget by trying all."""
    plans = itertools.product(range(len(cost)), repeat=len(quality))
    rows = np.arange(len(quality))
    return max(
        float(quality[rows, plan].sum())
        for plan in map(list, plans)
        if cost[plan].mean() <= budget + 1e-12
    )


@given(seed=SEEDS)
def test_plan_stays_within_the_budget(seed: int) -> None:
    """The mean cost of the choices never exceeds the budget."""
    quality, cost, budget = draw_problem(seed, n_questions=30, n_options=5)
    assert cost[knapsack(quality, cost, budget)].mean() <= budget + 1e-9


@given(seed=SEEDS)
def test_plan_misses_the_best_by_one_question_at_most(seed: int) -> None:
    """The greedy plan is never better than the best one and at most one question worse."""
    quality, cost, budget = draw_problem(seed)
    value = quality[np.arange(5), knapsack(quality, cost, budget)].sum()
    best = find_best(quality, cost, budget)
    assert best - 1.0 - 1e-9 <= value <= best + 1e-9


@given(seed=SEEDS)
def test_all_rounds_and_early_stop_agree(seed: int) -> None:
    """Stopping when the price no longer moves gives what 200 rounds give before the fill."""
    quality, cost, budget = draw_problem(seed, n_questions=20, n_options=4)
    rows, table = np.arange(20), np.broadcast_to(cost, quality.shape)
    scale = max(cost.max(), 1e-12)
    low, high, pick = 1e-9 / scale, 1e6 / scale, table.argmin(1)
    for _ in range(200):
        price = np.sqrt(low * high)
        choice = (quality - price * table).argmax(1)
        if table[rows, choice].mean() <= budget:
            high, pick = price, choice
        else:
            low = price
    filled = knapsack(quality, cost, budget)
    changed = filled != pick
    assert (quality[rows, filled][changed] > quality[rows, pick][changed]).all()
    assert (cost[filled][changed] > cost[pick][changed]).all()


def test_ample_budget_takes_the_best_option() -> None:
    """When the budget pays for everything, every question gets its best option."""
    quality = np.array([[0.1, 0.9, 0.3], [0.7, 0.2, 0.3]])
    assert knapsack(quality, [1.0, 2.0, 3.0], 3.0).tolist() == [1, 0]


def test_costs_may_differ_by_question() -> None:
    """A table of costs is used row by row: the upgrade goes where it is cheap."""
    quality, cost = np.array([[0.0, 1.0]] * 2), np.array([[0.0, 10.0], [0.0, 2.0]])
    assert knapsack(quality, cost, 1.0).tolist() == [0, 1]


@given(seed=SEEDS)
def test_forbidden_options_are_never_chosen(seed: int) -> None:
    """A mask is kept to, and a mask that allows everything changes nothing."""
    quality, cost, _ = draw_problem(seed, n_questions=12, n_options=4)
    allowed = np.random.default_rng(seed).random(quality.shape) < 0.5
    allowed[np.arange(12), quality.argmin(1)] = True
    budget = float(np.where(allowed, cost, np.inf).min(1).mean()) + 0.5
    choices = knapsack(quality, cost, budget, allowed=allowed)
    assert allowed[np.arange(12), choices].all()
    everything = np.ones_like(allowed)
    free = knapsack(quality, cost, budget)
    assert knapsack(quality, cost, budget, allowed=everything).tolist() == free.tolist()


def test_budget_below_the_cheapest_plan_is_refused() -> None:
    """An infeasible budget is an error; one that is off by rounding is not."""
    with pytest.raises(BudgetError, match=r"budget 0.5 is below"):
        knapsack([[0.1, 0.9]], [1.0, 3.0], 0.5)
    assert knapsack([[0.1, 0.9]], [1.0, 3.0], 1.0 - 1e-12).tolist() == [0]


@pytest.mark.parametrize(
    ("quality", "cost", "allowed"),
    [
        ([0.1, 0.2], [1.0, 2.0], None),
        ([[0.1, 0.2]], [1.0], None),
        ([[0.1, np.nan]], [1.0, 2.0], None),
        ([[0.1, 0.2]], [1.0, -2.0], None),
        ([[0.1, 0.2]], [1.0, 2.0], [[False, False]]),
        ([[0.1, 0.2]], [1.0, 2.0], [True, True]),
    ],
)
def test_bad_arrays_are_refused(
    quality: list[list[float]], cost: list[float], allowed: list[list[bool]] | None
) -> None:
    """Wrong shapes, numbers that are not finite, negative costs and empty rows are errors."""
    with pytest.raises(InputError, match=r"needed|finite"):
        knapsack(quality, cost, 5.0, allowed=allowed)
