"""Stable sorting by merging, as `numpy.argsort(kind="stable")` orders."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.compilation import kernel

__all__ = ["merge_runs", "order_stably"]

IntArray = NDArray[np.int64]


@kernel
def merge_runs(
    keys: NDArray[Any], source: IntArray, target: IntArray, bounds: tuple[int, int, int]
) -> None:
    """Merge two neighbouring runs of positions by their keys, the left one first on ties."""
    left, middle, end = bounds
    right = middle
    for place in range(bounds[0], end):
        if right >= end or (left < middle and keys[source[left]] <= keys[source[right]]):
            target[place] = source[left]
            left += 1
        else:
            target[place] = source[right]
            right += 1


@kernel
def order_stably(keys: NDArray[Any]) -> IntArray:
    """Find the order of rising keys, equal ones as they stand."""
    count = len(keys)
    order = np.arange(count)
    spare = np.empty_like(order)
    width = 1
    while width < count:
        for start in range(0, count, 2 * width):
            middle, end = min(start + width, count), min(start + 2 * width, count)
            merge_runs(keys, order, spare, (start, middle, end))
        order, spare = spare, order
        width *= 2
    return order
