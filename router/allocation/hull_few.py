"""The upper hulls of a few rows, found from all lines between their options at once.

Gift wrapping takes a dozen array operations per vertex, however few rows there are. For a handful
it is sooner to compute the steepest line from every option together and then to follow them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.allocation.hull import Steps, climb_hull

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray

__all__ = ["climb_few"]

# Above this many lines their memory is no longer in the cache, and gift wrapping is sooner.
LINES_MAX = 1 << 14


def climb_few(gain: FloatArray, cost: IntArray, start: IntArray) -> Steps:
    """Collect the hull steps of all rows, the same to the last digit as :func:`climb_hull`.

    Parameters
    ----------
    gain : ndarray of shape (n, m), float64
        Gains of the options in any order, below zero where an option is not to be taken.
    cost : ndarray of shape (n, m), int64
        Their costs in micro-units.
    start : ndarray of shape (n,), int64
        Cheapest option of every row, the best of equally cheap ones.

    Returns
    -------
    Steps
        Row by row, in order within each; not sorted by slope.
    """
    n_rows, n_options = gain.shape
    if n_rows * n_options**2 > LINES_MAX:
        return climb_hull(gain, cost, start)
    # Between two forbidden options there is no line; one below all others leads nowhere either.
    height = np.where(gain < 0.0, -1.0, gain)
    step = cost[:, None, :] - cost[:, :, None]
    rise = height[:, None, :] - height[:, :, None]
    slope = np.divide(rise, step, out=np.zeros(rise.shape), where=(step > 0) & (rise > 0))
    following = slope.argmax(axis=2)
    steepest = np.take_along_axis(slope, following[:, :, None], axis=2)[:, :, 0]
    rows, vertices, options, slopes = _follow(following.tolist(), steepest.tolist(), start.tolist())
    row, at, option = (np.array(x, dtype=np.int64) for x in (rows, vertices, options))
    return Steps(
        row, option, step[row, at, option], rise[row, at, option], np.array(slopes, dtype=float)
    )


def _follow(
    following: list[list[int]], steepest: list[list[float]], start: list[int]
) -> tuple[list[int], list[int], list[int], list[float]]:
    """Walk from every start along the steepest lines; list row, from, to and slope of each."""
    rows: list[int] = []
    vertices: list[int] = []
    options: list[int] = []
    slopes: list[float] = []
    for row, vertex in enumerate(start):
        at, last = vertex, np.inf
        while steepest[row][at] > 0.0:
            # As in gift wrapping, rounding on straight stretches must not turn the order around.
            last = min(steepest[row][at], last)
            rows.append(row)
            vertices.append(at)
            at = following[row][at]
            options.append(at)
            slopes.append(last)
    return rows, vertices, options, slopes
