"""Gains counted in whole units: totals that no order of adding can change."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.allocation import solve
from router.allocation.block import Block
from router.allocation.units import count_units, find_scale
from tests.contracts.allocators import KINDS, draw

if TYPE_CHECKING:
    from numpy.typing import NDArray


@given(
    st.lists(st.floats(0.0, 1e300), min_size=1, max_size=50),
    st.integers(0, 3),
)
def test_totals_never_leave_sixty_two_bits(gains: list[float], more: int) -> None:
    """However large or small the gains are, their units add up within 62 bits."""
    gain = np.array(gains)
    scale = find_scale(len(gain) + more, float(gain.max()))
    assert math.frexp(scale)[0] == 0.5
    assert sum(count_units(gain, scale).tolist()) <= 2**62


def test_rounding_is_finer_than_that_of_a_float_sum() -> None:
    """A total in units misses the true one by less than adding floats one by one may."""
    gain = np.random.default_rng(0).random(1000)
    total = int(count_units(gain, find_scale(1000, 1.0)).sum()) / find_scale(1000, 1.0)
    assert abs(total - math.fsum(gain)) <= 2.0**-43


def shuffled(array: NDArray[np.float64]) -> NDArray[np.float64]:
    """Turn an array upside down."""
    return array[::-1].copy()


@pytest.mark.parametrize("kind", KINDS)
def test_order_of_rows_changes_no_digit(kind: str) -> None:
    """Rows in another order have the same value, bound and price to the last digit."""
    for n_rows in (7, 300):
        x = draw(kind, n_rows, 6, seed=n_rows)
        plan = solve(x.quality, x.cost, x.budget, method="dual")
        turned = solve(shuffled(x.quality), x.cost[::-1].copy(), x.budget, method="dual")
        assert (turned.bound, turned.shadow_price) == (plan.bound, plan.shadow_price)
        assert turned.value == pytest.approx(plan.value, rel=1e-3)


def test_parts_of_a_block_count_in_its_units() -> None:
    """Rows taken out of a block keep its scale, so that parts add up to the whole."""
    block = Block(np.array([[0.3, 0.7], [0.1, 0.9], [0.2, 0.4]]), np.array([0, 1]))
    choices = np.array([1, 0, 1])
    parts = [block.take(np.array(rows)).plan(choices[rows]) for rows in ([0, 2], [1])]
    assert sum(part.units for part in parts) == block.plan(choices).units
