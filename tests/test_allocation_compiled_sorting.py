"""Stable sorting by merging."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.allocation.compiled.sorting import order_stably

if TYPE_CHECKING:
    import numpy as np


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 64, 100, 1000])
def test_order_is_that_of_numpy(rng: np.random.Generator, count: int) -> None:
    """Keys rise, and equal keys stay as they stand."""
    for keys in (
        rng.integers(0, 10, count),
        rng.integers(-(2**40), 2**40, count),
        rng.random(count),
    ):
        assert order_stably(keys).tolist() == keys.argsort(kind="stable").tolist()
