"""Meeting in the middle under several budgets, against every plan."""

from __future__ import annotations

import numpy as np
import pytest

from router.allocation.block_many import ManyBlock
from router.allocation.dual_many import find_prices
from router.allocation.middle_many import meet_many
from tests.contracts.allocators import best_by_enumeration


@pytest.mark.parametrize("states_max", [1, 5, 10_000])
@pytest.mark.parametrize("n_budgets", [1, 2, 3])
def test_value_and_bound_enclose_the_best(n_budgets: int, states_max: int) -> None:
    """From the plan of free options, at the optimal and at any other prices."""
    for seed in range(10):
        chance = np.random.default_rng([seed, n_budgets])
        cost = chance.integers(0, 100, (6, 4, n_budgets))
        cost[:, 0] = 0
        quality = np.round(chance.random((6, 4)), 1 + seed % 4)
        budgets = (cost.max(axis=1).sum(axis=0) * 0.4).astype(np.int64)
        block = ManyBlock(quality, cost)
        best = best_by_enumeration(quality, cost, budgets.tolist())
        known = block.plan(np.zeros(6, dtype=np.int64))
        prices = find_prices(block, budgets).prices
        for factor in (1.0, chance.uniform(0.5, 2.0)):
            plan, bound = meet_many(block, budgets, prices * factor, known, states_max=states_max)
            assert (plan.spend <= budgets).all()
            assert known.gain <= plan.gain <= best + 1e-9
            assert bound >= best - 1e-9
            if states_max == 10_000:
                assert plan.gain == pytest.approx(best, abs=1e-9)
                assert bound == pytest.approx(best, abs=1e-9)


def test_a_grid_proves_without_a_search() -> None:
    """Where a whole step above the known plan lies above the bound, the plan is the best."""
    block = ManyBlock(np.array([[0.0, 0.5], [0.0, 0.5]]), np.array([[0, 0], [10, 10]]))
    budgets = np.array([15, 15])
    known = block.plan(np.array([1, 0]))
    prices = np.array([0.025, 0.025])
    plan, bound = meet_many(block, budgets, prices, known, states_max=1, grid=0.5)
    assert (plan.gain, bound) == (0.5, 0.5)
