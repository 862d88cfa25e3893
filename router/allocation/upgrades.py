"""What an upgrade costs at the least, so that a fill looks only at rows that one still fits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block import INT64_MAX

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray

__all__ = ["measure_upgrades"]


def measure_upgrades(gain: FloatArray, cost: IntArray) -> IntArray:
    """Find, for every option, how much more the cheapest better option of its row costs.

    Equal gains may count as better: then an upgrade is looked for and not found. The best option
    has none, which counts as the largest integer.

    Examples
    --------
    >>> measure_upgrades(np.array([[0.1, 0.5, 0.3]]), np.array([[0, 30, 10]]))[0, [0, 2]]
    array([10, 20])
    """
    order = (-gain).argsort(axis=1, kind="stable")
    costs = np.take_along_axis(cost, order, axis=1)
    least = np.full(cost.shape, INT64_MAX)
    least[:, 1:] = np.minimum.accumulate(costs, axis=1)[:, :-1]
    steps = np.empty_like(least)
    # The best option of a row has none that is better, and its cost is not taken off the mark.
    np.put_along_axis(steps, order, np.where(least < INT64_MAX, least - costs, least), axis=1)
    return steps
