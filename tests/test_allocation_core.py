"""The parts of the exact search: what it is given, what it returns when it ends early."""

from __future__ import annotations

import numpy as np
import pytest

from router.allocation.block import Block, Plan
from router.allocation.block_many import ManyBlock
from router.allocation.core import search_core
from router.allocation.core_many import search_many
from router.allocation.dual import find_bracket
from router.allocation.dual_many import find_prices
from router.allocation.fill import fill_block, split_ties
from router.allocation.grid import find_step, lies_on_grid
from tests.contracts.allocators import KINDS, best_by_table, draw


def opened(kind: str, *, seed: int = 0) -> tuple[Block, int, Plan, Plan]:
    """Read an instance as a block with its budget, cheapest and richest plan."""
    x = draw(kind, 12, 6, seed=seed)
    block = Block(x.quality, x.cost)
    return block, x.budget, block.plan(block.cheapest()), block.plan(block.richest())


@pytest.mark.parametrize("kind", KINDS)
def test_bracket_meets_at_the_least_dual(kind: str) -> None:
    """No other price gives a lower bound, and both plans lie on the bound's tangents."""
    block, budget, cheapest, richest = opened(kind)
    bracket = find_bracket(block, budget, cheapest, richest)
    assert bracket.lean.spend <= budget < bracket.rich.spend
    for price in bracket.price * np.array([0.5, 0.9, 0.999, 1.0, 1.001, 1.1, 2.0]):
        dual = float(block.scores(price).max(axis=1).sum()) + price * budget
        assert dual >= bracket.bound - 1e-9
    for plan in (bracket.lean, bracket.rich):
        tangent = plan.units / block.scale + bracket.price * (budget - plan.spend)
        assert tangent == pytest.approx(bracket.bound)


@pytest.mark.parametrize("kind", KINDS)
def test_bracket_ignores_decided_rows(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropping rows on the way changes neither bound nor plans."""
    block, budget, cheapest, richest = opened(kind, seed=1)
    whole = find_bracket(block, budget, cheapest, richest)
    monkeypatch.setattr("router.allocation.dual.COMPACT_ELEMENTS", 0)
    dropped = find_bracket(block, budget, cheapest, richest)
    assert dropped.bound == pytest.approx(whole.bound)
    for plan in (dropped.lean, dropped.rich):
        again = block.plan(plan.choices)
        assert again.spend == plan.spend
        assert again.units == plan.units
    assert dropped.lean.spend <= budget < dropped.rich.spend


def test_ties_are_split_cheapest_first() -> None:
    """Of rows tied at the price as many as fit move up, the cheapest ones first."""
    block = Block(
        np.array([[0.0, 0.6], [0.0, 0.2], [0.0, 0.4]]), np.array([[0, 6], [0, 2], [0, 4]])
    )
    lean, rich = block.plan(np.zeros(3, dtype=int)), block.plan(np.ones(3, dtype=int))
    assert split_ties(block, lean, rich, 7).choices.tolist() == [0, 1, 1]
    assert split_ties(block, lean, rich, 1).choices.tolist() == [0, 0, 0]


def test_fill_prefers_the_cheaper_of_equal_upgrades() -> None:
    """Equal rises go to the lower cost, then to the lower row and option."""
    block = Block(np.array([[0.0, 0.5, 0.5], [0.0, 0.5, 0.5]]), np.array([0, 4, 3]))
    filled = fill_block(block, block.plan(np.zeros(2, dtype=int)), 3)
    assert filled.choices.tolist() == [2, 0]


@pytest.mark.parametrize("states_max", [1, 30, 300])
def test_search_that_ends_early_bounds_what_it_left(states_max: int) -> None:
    """Whatever the number of states, value and bound enclose the best value."""
    for seed in range(10):
        block, budget, cheapest, richest = opened("scurve", seed=seed)
        bracket = find_bracket(block, budget, cheapest, richest)
        best = best_by_table(block.gain, block.costs(), budget)
        result = search_core(
            block, budget, bracket.price, bracket.bound, bracket.lean, states_max=states_max
        )
        assert result.plan.spend <= budget
        assert result.plan.units / block.scale <= best + 1e-9
        assert result.bound >= best - 1e-9


def test_search_starts_from_any_plan() -> None:
    """Even from the cheapest plan the search reaches the best one."""
    for kind in KINDS:
        block, budget, cheapest, richest = opened(kind, seed=2)
        bracket = find_bracket(block, budget, cheapest, richest)
        result = search_core(
            block, budget, bracket.price, bracket.bound, cheapest, states_max=10**7
        )
        assert result.plan.units / block.scale == pytest.approx(
            best_by_table(block.gain, block.costs(), budget)
        )
        assert result.bound == pytest.approx(result.plan.units / block.scale)


def test_search_under_several_budgets_encloses_the_best() -> None:
    """With one budget in the many-budget form, value and bound enclose the exact table's."""
    for seed in range(10):
        x = draw("noisy", 10, 5, seed=seed)
        block, budgets = ManyBlock(x.quality, x.cost[:, :, None]), np.array([x.budget])
        best = best_by_table(x.quality, x.cost, x.budget)
        for states_max in (1000, 20_000, 10**7):
            dual = find_prices(block, budgets)
            plan, bound = search_many(block, budgets, dual, None, states_max=states_max)
            assert bound >= best - 1e-9
            assert plan is None or plan.gain <= best + 1e-9
        assert plan is not None
        assert plan.gain == pytest.approx(best)


@pytest.mark.parametrize(
    ("gain", "step"),
    [
        ([[0.1, 0.3], [0.7, 0.0]], 0.1),
        ([[0.25, 0.75]], 0.25),
        ([[0.004, 1.0]], 0.004),
        ([[0.5, -np.inf]], 0.5),
        ([[0.0, 0.0]], 0.0),
        ([[0.1, 0.3], [0.7, 0.12345]], 0.0),
        ([[0.5, 1e-11]], 0.0),
    ],
)
def test_grid_steps_are_found(gain: list[list[float]], step: float) -> None:
    """The step is the largest that divides all gains, zero off the grid."""
    assert find_step(np.array(gain)) == pytest.approx(step)


def test_multiples_of_a_step() -> None:
    """Gains lie on the grid of every divisor of their steps; forbidden options on all grids."""
    gain = np.array([[0.2, 0.6], [0.0, -np.inf]])
    assert lies_on_grid(gain, 0.2)
    assert lies_on_grid(gain, 0.1)
    assert not lies_on_grid(gain, 0.3)
    assert not lies_on_grid(np.array([[0.2, 0.6], [0.01234567, 0.0]]), 0.2)


def test_nearly_even_gains_are_no_grid() -> None:
    """Votes that were averaged in single precision are not rounded to a grid they left."""
    assert find_step(np.array([[0.1, 0.3]], dtype=np.float32).astype(np.float64)) == 0.0
