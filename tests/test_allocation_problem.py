"""The large form of a problem, read in blocks, agrees with the dense one and copies little."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from router.allocation import Hulls, problem, single, solve
from router.allocation.block import Block
from router.allocation.checks import check_problem
from router.allocation.problem import Problem, Table
from tests.contracts.allocators import KINDS, best_by_table, check_plan, draw


@pytest.fixture
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every problem as a large one, in blocks of a few rows."""
    monkeypatch.setattr(problem, "DENSE_ELEMENTS", 20)
    monkeypatch.setattr(problem, "BLOCK_ELEMENTS", 30)
    monkeypatch.setattr(single, "POLISH_ELEMENTS", 40)


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
def test_blockwise_plans_are_feasible_and_bounded(kind: str, *, masked: bool) -> None:
    """Read in blocks, a problem gets a feasible plan, a true bound and a small gap."""
    for seed in range(6):
        x = draw(kind, 30, 5, seed=seed, share=0.3 + 0.1 * seed)
        allowed = None
        if masked:
            allowed = np.random.default_rng(seed).random(x.quality.shape) < 0.8
            allowed[:, 0] = True
        plan = solve(x.quality, x.cost, x.budget, allowed=allowed)
        check_plan(plan, x.quality, x.cost, x.budget)
        best = best_by_table(x.quality, x.cost, x.budget, allowed)
        assert plan.value <= best + 1e-9
        assert plan.bound >= best - 1e-9
        assert plan.value >= 0.97 * best


@pytest.mark.usefixtures("_small_limits")
def test_blockwise_weights_and_shared_costs() -> None:
    """Weights, shared costs and a slack budget mean the same in blocks as in one piece."""
    x = draw("noisy", 40, 5, seed=5)
    weights = np.linspace(0.0, 2.0, 40)
    shared = x.cost[0]
    blockwise = solve(x.quality, shared, 4000, weights=weights)
    wide = np.tile(shared, (40, 1))
    best = best_by_table(x.quality * weights[:, None], wide, 4000)
    assert blockwise.bound >= best - 1e-9 >= blockwise.value - 2e-9
    assert blockwise.value >= 0.97 * best
    assert solve(x.quality, shared, 10**9).method == "slack"


@pytest.mark.usefixtures("_small_limits")
def test_blockwise_choice_of_many_options() -> None:
    """Option numbers beyond one byte survive the narrow type of large plans."""
    quality = np.tile(np.linspace(0.0, 1.0, 300), (4, 1))
    plan = solve(quality, np.arange(300), 4 * 290)
    assert plan.value == pytest.approx(4 * 290 / 299)
    assert plan.choices.max() > 255


def test_few_rows_of_very_many_options() -> None:
    """A row may have more options than a block has room for."""
    quality = np.linspace(0.0, 1.0, 400_000)[None, :]
    plan = solve(quality, np.arange(400_000), 123_456)
    assert plan.choices.tolist() == [123_456]
    assert plan.proven


@pytest.mark.parametrize("kind", ["noisy", "concave", "ties", "linear"])
def test_large_problems_are_solved_to_a_tiny_gap(kind: str) -> None:
    """Above the dense limit the sampled bracket leads to a gap below a hundred-thousandth."""
    x = draw(kind, 20_000, 16, seed=0)
    plan = solve(x.quality.astype(np.float32), x.cost, x.budget)
    check_plan(plan, x.quality.astype(np.float32), x.cost, x.budget)
    assert plan.gap < 1e-5


def test_heavy_tails_do_not_mislead_the_sample() -> None:
    """A few rows that hold nearly all the cost are missed by the sample, not by the plan."""
    x = draw("noisy", 20_000, 16, seed=1)
    cost = x.cost.copy()
    cost[7::5000] *= 1_000_000
    budget = int(cost[7::5000].max(axis=1).sum() // 2)
    plan = solve(x.quality, cost, budget)
    check_plan(plan, x.quality, cost, budget)
    assert plan.gap < 1e-3


def test_large_problems_are_not_copied() -> None:
    """Solving a float32 surface takes less extra memory than the surface itself."""
    chance = np.random.default_rng(0)
    quality = chance.random((200_000, 16), dtype=np.float32)
    cost = np.arange(16, dtype=np.int64) * 10
    solve(quality[:100], cost, 5000)
    tracemalloc.start()
    solve(quality, cost, 200_000 * 40)
    extra = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert extra < quality.nbytes


def test_table_and_block_agree() -> None:
    """Every primitive of a table gives what the block of the same rows gives."""
    x = draw("scurve", 50, 6, seed=3)
    mask = np.random.default_rng(3).random(x.quality.shape) < 0.7
    mask[:, 2] = True
    whole = check_problem(x.quality, x.cost, np.linspace(0.5, 2.0, 50), mask)
    rows = np.arange(3, 50, 4)
    for table, block in (
        (Table(whole), whole.block()),
        (Table(whole, rows), whole.block(rows)),
    ):
        assert len(table) == len(block)
        for rule in (Block.cheapest, Block.richest, lambda b: b.best_at(1e-3)):
            (plan,) = table.plans([rule])
            assert plan.choices.tolist() == rule(block).tolist()
            assert plan.gain == pytest.approx(block.plan(plan.choices).gain)
            assert plan.spend == block.plan(plan.choices).spend == table.plan(plan.choices).spend
            assert table.gain_of(plan.choices) == pytest.approx(block.gain_of(plan.choices))
            assert table.cost_of(plan.choices).tolist() == block.cost_of(plan.choices).tolist()


def test_taken_rows_keep_weights_and_masks() -> None:
    """A smaller problem reads the same gains and costs as the rows of the whole one."""
    x = draw("noisy", 12, 4, seed=0)
    mask = np.ones((12, 4), dtype=bool)
    mask[3, 1] = False
    whole = Problem(x.quality, x.cost, np.arange(12.0), mask)
    rows = np.array([3, 7])
    part = whole.take(rows)
    assert len(part) == 2
    assert (part.gains() == whole.gains(rows)).all()
    assert (part.costs() == whole.costs(rows)).all()
    assert part.gains()[0, 1] == -np.inf


@pytest.mark.usefixtures("_small_limits")
def test_hulls_are_built_block_by_block() -> None:
    """Hull steps of many blocks are numbered through all rows."""
    x = draw("noisy", 33, 5, seed=9)
    plan = Hulls.build(x.quality, x.cost).solve(x.budget)
    check_plan(plan, x.quality, x.cost, x.budget)
    assert plan.bound >= best_by_table(x.quality, x.cost, x.budget) - 1e-9
