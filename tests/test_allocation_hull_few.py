"""Hulls of a few rows are those of gift wrapping."""

from __future__ import annotations

import numpy as np
import pytest

from router.allocation.block import Block
from router.allocation.hull import climb_hull
from router.allocation.hull_few import LINES_MAX, climb_few
from tests.contracts.allocators import KINDS, draw


@pytest.mark.parametrize("n_rows", [1, 7, LINES_MAX // 16**2 + 1])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_equal_those_of_gift_wrapping(kind: str, n_rows: int) -> None:
    """Row by row all steps and slopes are the same to the last digit, forbidden options or not."""
    x = draw(kind, n_rows, 16, seed=5)
    for share in (1.0, 0.6):
        gain = np.where(
            np.random.default_rng(1).random(x.quality.shape) < share, x.quality, -np.inf
        )
        gain[:, 3] = x.quality[:, 3]
        block = Block(gain, x.cost, masked=True)
        start = block.cheapest()
        few, wrapped = climb_few(gain, x.cost, start), climb_hull(gain, x.cost, start)
        for row in range(n_rows):
            mine, other = few.row == row, wrapped.row == row
            for name in ("option", "spend", "gain", "slope"):
                assert (getattr(few, name)[mine] == getattr(wrapped, name)[other]).all()
            assert mine.sum() == other.sum()


def test_a_row_without_upgrades_has_no_steps() -> None:
    """One option, or none that is better, is no step."""
    steps = climb_few(
        np.array([[0.5, 0.5], [0.9, 0.2]]), np.array([[1, 2], [0, 5]]), np.zeros(2, int)
    )
    assert (len(steps.row), steps.slope.dtype) == (0, np.dtype(float))
