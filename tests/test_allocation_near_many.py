"""The search near plans whose large choices are made."""

from __future__ import annotations

import numpy as np
import pytest

from router.allocation.block_many import ManyBlock
from router.allocation.dual_many import find_prices
from router.allocation.near_many import search_near


def draw_block(n_rows: int, n_options: int, n_budgets: int, *, seed: int) -> ManyBlock:
    """Draw rows that are either left alone or pay off at once, and then gain ever less."""
    chance = np.random.default_rng([seed, n_rows, n_options, n_budgets])
    cost = chance.integers(5, 1001, (n_rows, n_options, n_budgets))
    cost[:, 0] = 0
    part = cost.mean(axis=2) / 1000.0
    quality = 0.9 / (1.0 + np.exp(-12.0 * (part - chance.uniform(0.1, 0.9, (n_rows, 1)))))
    return ManyBlock(quality, cost)


@pytest.mark.parametrize("n_budgets", [1, 2, 4])
def test_plans_only_get_better(n_budgets: int) -> None:
    """From the plan of free options to a better one within all budgets and the bound."""
    for seed in range(2):
        block = draw_block(40, 12, n_budgets, seed=seed)
        budgets = (block.cost.max(axis=1).sum(axis=0) * 0.3).astype(np.int64)
        dual = find_prices(block, budgets)
        known = block.plan(np.zeros(40, dtype=np.int64))
        plan = search_near(block, budgets, dual, known, states_max=1000)
        assert (plan.spend <= budgets).all()
        assert known.gain < plan.gain <= dual.bound + 1e-9
        assert plan.gain >= 0.99 * dual.bound
        again = search_near(block, budgets, dual, plan, states_max=1000)
        assert again.gain >= plan.gain


@pytest.mark.parametrize("n_options", [1, 2])
def test_few_options_leave_nothing_to_narrow(n_options: int) -> None:
    """With one or two options a row the known plan is at least kept."""
    block = draw_block(6, n_options, 2, seed=0)
    budgets = np.array([1000, 1000])
    known = block.plan(np.zeros(6, dtype=np.int64))
    plan = search_near(block, budgets, find_prices(block, budgets), known, states_max=50)
    assert (plan.spend <= budgets).all()
    assert plan.gain >= known.gain
