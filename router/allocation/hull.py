"""The upper hull of every row: the steps by which a rational buyer climbs from cheap to good.

All rows advance together by gift wrapping: from the current vertex the steepest line to a dearer
and better option leads to the next one. Dominated options are never reached.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.allocation.block import FloatArray, IntArray

__all__ = ["Steps", "climb_hull", "join_steps"]


@dataclass(frozen=True, slots=True)
class Steps:
    """Hull steps of many rows, steepest first and in order within each row.

    Parameters
    ----------
    row : ndarray of shape (s,), int64
        Row that takes the step.
    option : ndarray of shape (s,), int64
        Option the step leads to.
    spend : ndarray of shape (s,), int64
        Additional cost in micro-units, positive.
    gain : ndarray of shape (s,), float64 or int64
        Additional gain, positive, in the type of the gains climbed.
    slope : ndarray of shape (s,), float64
        Gain per micro-unit, never rising along the array nor within a row.
    """

    row: IntArray
    option: IntArray
    spend: IntArray
    gain: FloatArray | IntArray
    slope: FloatArray

    def select(self, chosen: NDArray[np.bool_] | IntArray) -> Steps:
        """Keep some steps, or put them in another order."""
        return Steps(
            self.row[chosen],
            self.option[chosen],
            self.spend[chosen],
            self.gain[chosen],
            self.slope[chosen],
        )


def climb_hull(
    gain: FloatArray | IntArray, cost: IntArray, start: IntArray, first_row: int = 0
) -> Steps:
    """Collect the hull steps of all rows from their cheapest option upward.

    Parameters
    ----------
    gain : ndarray of shape (n, m), float64 or int64
        Gains of the options in any order, below zero where an option is not to be taken.
    cost : ndarray of shape (n, m), int64
        Their costs in micro-units.
    start : ndarray of shape (n,), int64
        Cheapest option of every row, the best of equally cheap ones.
    first_row : int, default=0
        Number of the first row.
    """
    parts: list[Steps] = []
    rows = np.arange(len(gain))
    at_gain, at_cost = gain[rows, start], cost[rows, start]
    last = np.full(len(rows), np.inf)
    while len(rows):
        step = cost - at_cost[:, None]
        rise = gain - at_gain[:, None]
        slope = np.divide(rise, step, out=np.zeros(rise.shape), where=(step > 0) & (rise > 0))
        option = slope.argmax(axis=1)
        steepest = slope[np.arange(len(rows)), option]
        open_rows = np.flatnonzero(steepest > 0.0)
        rows, option = rows[open_rows], option[open_rows]
        gain, cost = gain[open_rows], cost[open_rows]
        # On a straight stretch rounding can make a later slope the steeper one by a unit in the
        # last place; holding it to the one before keeps each row's steps in order.
        last = np.minimum(steepest[open_rows], last[open_rows])
        step, rise = step[open_rows, option], rise[open_rows, option]
        at_cost, at_gain = at_cost[open_rows] + step, gain[np.arange(len(rows)), option]
        parts.append(Steps(rows + first_row, option, step, rise, last))
    return join_steps(parts)


def join_steps(parts: list[Steps]) -> Steps:
    """Join lists of steps, each row in order, and sort them stably by slope, steepest first."""
    names = ("row", "option", "spend", "gain", "slope")
    joined = Steps(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
    return joined.select((-joined.slope).argsort(kind="stable"))
