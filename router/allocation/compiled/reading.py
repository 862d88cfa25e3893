"""One pass over rows of a large problem: prices, checks and totals, a row read from memory once.

Comparisons and products are those of :class:`router.allocation.block.Block` and totals are whole
numbers, so choices and totals are those of :mod:`router.allocation.reader`.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.allocation.block import INT64_MAX
from router.allocation.compiled.lanes import LANES, prefetch_row, search_lanes
from router.allocation.grid import ROUNDING, UNITS
from router.allocation.reader import CHEAPEST, RICHEST
from router.compilation import kernel

__all__ = ["Arrays", "Sums", "list_steps", "read_rows", "rows_on_grid"]

IntArray = NDArray[np.int64]
# How many rows ahead scattered rows are asked for.
AHEAD = 8

Written = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]


class Arrays(NamedTuple):
    """A problem's arrays as the kernels read them.

    Parameters
    ----------
    quality : ndarray of shape (n, m), float32 or float64
        Qualities.
    cost : ndarray of shape (n, m) or (1, m), int32 or int64
        Costs in micro-units; one row where all share it.
    weights : ndarray of shape (n,) or (0,), float64
        Importance of every row.
    allowed : ndarray of shape (n, m) or (0, 0), bool
        Options that a row may take.
    penalty : ndarray of shape (2,), float64
        What is taken off the gain of an option that is forbidden, and of one that is allowed.
    """

    quality: NDArray[Any]
    cost: NDArray[Any]
    weights: NDArray[np.float64]
    allowed: NDArray[np.bool_]
    penalty: NDArray[np.float64]


class Sums(NamedTuple):
    """What a pass finds.

    Parameters
    ----------
    units : ndarray of shape (3,), int64
        Gain at the first and at the second price, then of the choices given.
    spends : ndarray of shape (3,), int64
        Spend of the same in micro-units.
    least : int
        Total of every row's least cost.
    faulty : bool
        Whether an entry is beyond its limit.
    """

    units: IntArray
    spends: IntArray
    least: int
    faulty: bool


@kernel
def read_rows(
    arrays: Arrays,
    rows: IntArray,
    terms: tuple[float, float, float],
    written: Written,
    limits: tuple[Any, Any],
) -> Sums:
    """Choose the options of some rows at two prices and total them.

    Parameters
    ----------
    arrays : Arrays
        The problem.
    rows : ndarray of shape (r,), int64
        Rows to read.
    terms : tuple of float
        First price, second price, units in a gain of one.
    written : tuple of ndarray
        Arrays of shape (r,) for the choices at both prices; then choices given, of shape (r,), or
        (0,) where there are none.
    limits : tuple
        Largest quality and largest cost, of type uint64, that are no fault.
    """
    first, second, scale = terms
    at_first, at_second, given = written
    found: tuple[Any, Any, Any, Any]
    quality, cost, weights = arrays.quality, arrays.cost, arrays.weights
    lanes = quality.shape[1] >= LANES and not len(arrays.allowed)
    end_first, end_second = first in (RICHEST, CHEAPEST), second in (RICHEST, CHEAPEST)
    units, spends = np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64)
    total_least, faulty = 0, False
    # What is read one row after the other the processor foresees by itself.
    scattered = len(rows) > 0 and rows[-1] - rows[0] >= len(rows)
    for place in range(len(rows)):
        row = rows[place]
        if scattered:
            _prefetch(arrays, rows[min(place + AHEAD, len(rows) - 1)])
        cost_row = row if len(cost) > 1 else 0
        weight = weights[row] if len(weights) else 1.0
        if lanes:
            found = search_lanes(
                quality, cost, (row, cost_row), (weight, first, second, limits[0], limits[1])
            )
        else:
            found = _search_row(arrays, (row, cost_row), (weight, first, second), limits)
        one, other, least, fault = found
        one = _choose_end(arrays, row, weight, first == CHEAPEST) if end_first else one
        other = _choose_end(arrays, row, weight, second == CHEAPEST) if end_second else other
        at_first[place], at_second[place] = one, other
        total_least += least
        faulty |= fault
        units[0] += _count(quality[row, one], weight, scale)
        units[1] += _count(quality[row, other], weight, scale)
        spends[0] += cost[cost_row, one]
        spends[1] += cost[cost_row, other]
        if len(given):
            units[2] += _count(quality[row, given[place]], weight, scale)
            spends[2] += cost[cost_row, given[place]]
    return Sums(units, spends, total_least, faulty)


@kernel
def _prefetch(arrays: Arrays, row: int) -> None:
    """Ask for a row that will be read soon."""
    prefetch_row(arrays.quality, row)
    if len(arrays.cost) > 1:
        prefetch_row(arrays.cost, row)


@kernel
def _count(quality: float, weight: float, scale: float) -> np.int64:
    """Count a gain in whole units."""
    return np.int64(np.rint(np.float64(quality) * weight * scale))


@kernel
def _search_row(
    arrays: Arrays,
    rows: tuple[int, int],
    terms: tuple[float, float, float],
    limits: tuple[Any, Any],
) -> tuple[Any, Any, Any, Any]:
    """Do what the lanes do for rows with few options or with forbidden ones."""
    quality, cost, allowed = arrays.quality, arrays.cost, arrays.allowed
    (row, cost_row), (weight, first, second) = rows, terms
    best_first, best_second, at_first, at_second = -math.inf, -math.inf, 0, 0
    least: Any = INT64_MAX
    faulty: Any = False
    for option in range(quality.shape[1]):
        worth, amount = np.float64(quality[row, option]), np.int64(cost[cost_row, option])
        gain = worth * weight
        # A NaN fails both comparisons.
        fits = (worth >= 0.0) & (worth <= limits[0]) & (np.uint64(amount) <= limits[1])
        faulty |= not fits
        if len(allowed):
            gain -= arrays.penalty[np.int64(allowed[row, option])]
        least = min(least, amount if gain > -math.inf else INT64_MAX)
        score_first = gain - np.float64(amount) * first
        score_second = gain - np.float64(amount) * second
        # Selections instead of branches, as nobody can guess which option is better.
        better_first, better_second = score_first > best_first, score_second > best_second
        at_first = option if better_first else at_first
        best_first = score_first if better_first else best_first
        at_second = option if better_second else at_second
        best_second = score_second if better_second else best_second
    return at_first, at_second, least, faulty


@kernel
def _choose_end(arrays: Arrays, row: int, weight: float, cheapest: bool) -> int:
    """Choose a row's cheapest option, the best of equal ones, or the other way round."""
    quality, cost, allowed = arrays.quality, arrays.cost, arrays.allowed
    masked, cost_row = len(allowed) > 0, row if len(cost) > 1 else 0
    least: Any = INT64_MAX
    top: Any = -math.inf
    for option in range(quality.shape[1]):
        if not masked or allowed[row, option]:
            least = min(least, np.int64(cost[cost_row, option]))
            top = max(top, np.float64(quality[row, option]) * weight)
    best_gain: Any = -math.inf
    best_spend: Any = INT64_MAX
    at = -1
    for option in range(quality.shape[1]):
        gain = np.float64(quality[row, option]) * weight
        spend = np.int64(cost[cost_row, option])
        fits = spend == least if cheapest else gain == top
        if not fits or (masked and not allowed[row, option]):
            continue
        if at < 0 or (gain > best_gain if cheapest else spend < best_spend):
            best_gain, best_spend, at = gain, spend, option
    return at


@kernel
def list_steps(
    arrays: Arrays, rows: IntArray, before: NDArray[Any], after: NDArray[Any], scale: float
) -> tuple[IntArray, IntArray]:
    """List what moving each row to another option costs and gains, gains in whole units."""
    spends, units = np.empty(len(rows), dtype=np.int64), np.empty(len(rows), dtype=np.int64)
    quality, cost = arrays.quality, arrays.cost
    for place in range(len(rows)):
        row, old, new = rows[place], before[place], after[place]
        cost_row = row if len(cost) > 1 else 0
        weight = arrays.weights[row] if len(arrays.weights) else 1.0
        spends[place] = np.int64(cost[cost_row, new]) - np.int64(cost[cost_row, old])
        units[place] = _count(quality[row, new], weight, scale)
        units[place] -= _count(quality[row, old], weight, scale)
    return spends, units


@kernel
def rows_on_grid(arrays: Arrays, rows: IntArray, units: float) -> bool:
    """Tell whether all gains of some rows are multiples of so many units of the grid."""
    quality, allowed = arrays.quality, arrays.allowed
    for row in rows:
        weight = arrays.weights[row] if len(arrays.weights) else 1.0
        beside = False
        for option in range(quality.shape[1]):
            scaled = np.float64(quality[row, option]) * weight * UNITS
            off = abs(scaled - np.rint(scaled / units) * units) > ROUNDING
            beside |= off and (len(allowed) == 0 or allowed[row, option])
        if beside:
            return False
    return True
