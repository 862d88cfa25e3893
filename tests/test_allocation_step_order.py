"""Merging sorted steps equals sorting them all."""

from __future__ import annotations

import numpy as np
import pytest

from router.allocation.block import Block
from router.allocation.hull import climb_hull
from router.allocation.step_order import merge_steps, sort_steps
from tests.contracts.allocators import KINDS, draw


@pytest.mark.parametrize("kind", KINDS)
def test_merged_steps_equal_sorted_ones(kind: str) -> None:
    """Steps of some rows put among those of the others stand where sorting would put them."""
    x = draw(kind, 30, 8, seed=2)
    block = Block(x.quality, x.cost)
    whole = sort_steps(climb_hull(block.gain, block.cost, block.cheapest()))
    for rows in ([], [0], [29], [3, 4, 17], list(range(30))):
        some = np.isin(whole.row, rows)
        merged = merge_steps(whole.select(~some), whole.select(some))
        for name in ("row", "option", "spend", "gain", "slope"):
            assert (getattr(merged, name) == getattr(whole, name)).all()
    assert (np.diff(whole.slope) <= 0.0).all()
