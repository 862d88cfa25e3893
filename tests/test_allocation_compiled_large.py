"""Compiled passes over a large problem: the choices and totals of the passes with NumPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from router.allocation.checks import check_problem
from router.allocation.compiled import large
from router.allocation.compiled.large import CompiledReader
from router.allocation.reader import CHEAPEST, RICHEST, Reader
from tests.contracts.allocators import KINDS, draw


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_options", [3, 8, 13])
@pytest.mark.parametrize("form", ["plain", "shared", "masked", "single", "weighted", "strided"])
def test_passes_are_those_of_numpy(
    monkeypatch: pytest.MonkeyPatch, kind: str, n_options: int, form: str
) -> None:
    """Choices, totals, least costs and totals of choices given are the same, ends included."""
    monkeypatch.setattr(large, "PART_ELEMENTS", 100)
    x = draw(kind, 70, n_options, seed=6)
    mask = np.random.default_rng(6).random(x.quality.shape) < 0.6
    mask[:, 1] = True
    arrays: dict[str, tuple[Any, ...]] = {
        "plain": (x.quality, x.cost, None, None),
        "shared": (x.quality, x.cost[0], None, None),
        "masked": (x.quality, x.cost, np.linspace(0.0, 2.0, 70), mask),
        "single": (x.quality.astype(np.float32), x.cost.astype(np.int32), None, None),
        "weighted": (x.quality, x.cost, np.linspace(0.0, 2.0, 70), None),
        "strided": (np.asfortranarray(x.quality), x.cost.astype(np.uint16), None, mask),
    }
    problem = check_problem(*arrays[form])
    given = np.ones(70, dtype=np.uint8)
    for rows in (None, np.arange(1, 70, 3), np.arange(40, 50)):
        kept = given if rows is None else given[rows]
        for prices in ([2e-4, 1e-3], [RICHEST, CHEAPEST], [5e-4], [1e-3, CHEAPEST, RICHEST]):
            plans, total = Reader.open(problem).choose(prices, rows, kept)
            ours, ours_total = CompiledReader.open(problem).choose(prices, rows, kept)
            for plan, our in zip(plans, ours, strict=True):
                assert our.choices.tolist() == plan.choices.tolist()
                assert our[1:] == plan[1:]
            assert ours_total.units == total.units
            assert ours_total.spends == total.spends
            if rows is None:
                assert ours_total.least == total.least


@pytest.mark.parametrize("form", ["plain", "weighted", "masked", "strided"])
def test_steps_and_grids_are_those_of_numpy(form: str) -> None:
    """What a move costs and gains, and which grids gains lie on, does not depend on the reader."""
    x = draw("ties", 70, 9, seed=1)
    mask = np.random.default_rng(6).random(x.quality.shape) < 0.6
    quality, weights = x.quality.copy(), None if form == "plain" else np.full(70, 2.0)
    mask[:, 1], mask[5, 3] = True, False
    if form in {"masked", "strided"}:
        quality[5, 3] = 0.12345
    quality = np.asfortranarray(quality) if form == "strided" else quality
    allowed = mask if form in {"masked", "strided"} else None
    problem = check_problem(quality, x.cost, weights, allowed)
    readers = Reader.open(problem), CompiledReader.open(problem)
    rows, before = np.arange(0, 70, 2), np.ones(35, dtype=np.uint8)
    steps = [reader.steps(rows, before, before + 2) for reader in readers]
    assert np.array_equal(steps[0], steps[1])
    for step in (0.1, 0.2, 0.3):
        assert len({reader.on_grid(step) for reader in readers}) == 1
    assert readers[1].on_grid(0.1)
    assert not readers[1].on_grid(0.3)


def test_blocks_are_solved_as_with_numpy() -> None:
    """Meeting point of the dual, fill and search of a block do not depend on the reader."""
    for kind in KINDS:
        x = draw(kind, 80, 9, seed=3)
        problem = check_problem(x.quality, x.cost, None, None)
        found = []
        for reader in (Reader.open(problem), CompiledReader.open(problem)):
            block = reader.block(slice(None))
            ends = block.plan(block.cheapest()), block.plan(block.richest())
            bracket = reader.meet(block, x.budget, *ends)
            dual = bracket.price, bracket.bound
            for states_max in (0, 5000):
                result = reader.improve(block, x.budget, dual, bracket.lean, states_max)
                found.append((*dual, result.bound, *result.plan[1:], *result.plan.choices.tolist()))
        assert found[:2] == found[2:]
        assert not math.isnan(found[0][0])
