"""The large form of a problem, read in blocks, agrees with the dense one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.allocation import Hulls, problem
from router.allocation.checks import check_problem
from router.allocation.problem import Problem, Table
from tests.contracts.allocators import best_by_table, check_plan, draw

if TYPE_CHECKING:
    import pytest


def test_table_reads_all_rows_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of a table, put together, are the block of all rows."""
    monkeypatch.setattr(problem, "BLOCK_ELEMENTS", 30)
    x = draw("scurve", 52, 6, seed=3)
    mask = np.random.default_rng(3).random(x.quality.shape) < 0.7
    whole = check_problem(x.quality, x.cost, np.linspace(0.5, 2.0, 52), mask, every_row=False)
    parts = list(Table(whole).blocks())
    assert [(part.start, part.stop) for part, _ in parts][-2:] == [(45, 50), (50, 52)]
    assert (np.concatenate([block.gain for _, block in parts]) == whole.gains()).all()
    assert (np.concatenate([block.cost for _, block in parts]) == whole.costs()).all()


def test_gathered_options_are_those_of_the_block() -> None:
    """Gains and costs of one option a row are read with weights, per row or shared."""
    x = draw("noisy", 12, 4, seed=0)
    rows, choices = np.array([3, 7, 8]), np.array([1, 0, 3], dtype=np.uint8)
    for cost in (x.cost, x.cost[0]):
        whole = Problem(x.quality, cost, np.arange(12.0))
        block = whole.block(rows)
        assert (whole.gains_of(rows, choices) == block.gain_of(choices)).all()
        assert (whole.costs_of(rows, choices) == block.cost_of(choices)).all()


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


def test_hulls_are_built_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hull steps of many blocks are numbered through all rows."""
    monkeypatch.setattr(problem, "BLOCK_ELEMENTS", 30)
    x = draw("noisy", 33, 5, seed=9)
    plan = Hulls.build(x.quality, x.cost).solve(x.budget)
    check_plan(plan, x.quality, x.cost, x.budget)
    assert plan.bound >= best_by_table(x.quality, x.cost, x.budget) - 1e-9
