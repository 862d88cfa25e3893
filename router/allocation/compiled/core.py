"""The rows in doubt, picked and packed as :mod:`router.allocation.core` picks and packs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.allocation.compiled.rows import take_places
from router.allocation.compiled.sorting import order_stably
from router.allocation.core import ROUNDING
from router.allocation.grid import GRID_ROUNDING, UNITS
from router.allocation.grid import ROUNDING as UNIT_ROUNDING
from router.compilation import kernel

if TYPE_CHECKING:
    from router.allocation.compiled.rows import Rows

__all__ = ["Core", "open_core"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Core(NamedTuple):
    """The options left open in the rows in doubt, row after row, cheapest first.

    Parameters
    ----------
    rows : ndarray of shape (l,), int64
        Rows in doubt, in the order of the search.
    starts : ndarray of shape (l + 1,), int64
        Where each row's options begin.
    option : ndarray of shape (s,), int64
        Option.
    cost : ndarray of shape (s,), int64
        Its cost in micro-units.
    units : ndarray of shape (s,), int64
        Its gain in units.
    loss : ndarray of shape (s,), float64
        Its loss at the price, in units.
    step : float
        What a better plan is better by at the least, in units.
    noise : int
        Differences up to this many units are rounding.
    """

    rows: IntArray
    starts: IntArray
    option: IntArray
    cost: IntArray
    units: IntArray
    loss: FloatArray
    step: float
    noise: int


@kernel
def open_core(rows: Rows, price: float, bound: float, value: float, choices: IntArray) -> Core:
    """Find the rows in doubt and their open options; the choices become those of the best scores.

    An option that loses at least what bound and value leave is closed, and so is one that a cheaper
    one of its row matches.
    """
    noise = ROUNDING * abs(bound)
    step = max(noise, _find_step(rows.gain) * (1.0 - GRID_ROUNDING))
    limit = bound - value - step
    n_rows = len(rows.gain)
    loss, second = np.empty(rows.gain.shape), np.empty(n_rows)
    doubtful = np.empty(n_rows, dtype=np.int64)
    n_doubtful, n_open = 0, 0
    for row in range(n_rows):
        choices[row] = _measure_losses(rows, row, price, loss[row])
        possible, second[n_doubtful] = _count_possible(loss[row], choices[row], limit)
        if possible > 1:
            doubtful[n_doubtful] = row
            n_doubtful += 1
            n_open += possible
    # Rows with a close second option first: later rows then have the steeper relaxation.
    ordered = take_places(doubtful, order_stably(second[:n_doubtful]))
    core = Core(
        ordered,
        np.zeros(n_doubtful + 1, dtype=np.int64),
        np.empty(n_open, dtype=np.int64),
        np.empty(n_open, dtype=np.int64),
        np.empty(n_open, dtype=np.int64),
        np.empty(n_open),
        step * rows.scale,
        int(noise * rows.scale),
    )
    for layer in range(n_doubtful):
        _pack_row(rows, core, layer, loss[ordered[layer]], limit)
    return core


@kernel
def _measure_losses(rows: Rows, row: int, price: float, loss: FloatArray) -> int:
    """Write how far each option's score lies below the row's best and return the best option."""
    gains = rows.gain[row]
    costs = rows.cost_float[row if len(rows.cost) > 1 else 0]
    top, choice = -np.inf, 0
    for option in range(len(loss)):
        loss[option] = gains[option] - costs[option] * price
    for option in range(len(loss)):
        if loss[option] > top:
            top, choice = loss[option], option
    for option in range(len(loss)):
        loss[option] = top - loss[option]
    return choice


@kernel
def _count_possible(loss: FloatArray, choice: int, limit: float) -> tuple[int, float]:
    """Count the options that lose less than the limit, and find the least loss but one."""
    count, second = 0, np.inf
    for option in range(len(loss)):
        count += loss[option] < limit
        if option != choice:
            second = min(second, loss[option])
    return count, second


@kernel
def _pack_row(rows: Rows, core: Core, layer: int, loss: FloatArray, limit: float) -> None:
    """Sort the possible options of one row by cost, the better first, and drop what is matched."""
    row = core.rows[layer]
    costs = rows.cost[row if len(rows.cost) > 1 else 0]
    start = core.starts[layer]
    end = start
    for option in range(len(loss)):
        if not loss[option] < limit:
            continue
        cost = costs[option]
        units = int(np.rint(rows.gain[row, option] * rows.scale))
        place = end
        while place > start and (
            core.cost[place - 1] > cost
            or (core.cost[place - 1] == cost and core.units[place - 1] < units)
        ):
            _copy_option(core, place - 1, place)
            place -= 1
        core.option[place], core.cost[place] = option, cost
        core.units[place], core.loss[place] = units, loss[option] * rows.scale
        end += 1
    kept = start + 1
    for place in range(start + 1, end):
        if core.units[place] > core.units[kept - 1]:
            _copy_option(core, place, kept)
            kept += 1
    core.starts[layer + 1] = kept


@kernel
def _copy_option(core: Core, source: int, target: int) -> None:
    """Copy an option from one place to another."""
    core.option[target] = core.option[source]
    core.cost[target] = core.cost[source]
    core.units[target] = core.units[source]
    core.loss[target] = core.loss[source]


@kernel
def _find_step(gain: FloatArray) -> float:
    """Find the largest step of which all gains are multiples, as :mod:`router.allocation.grid`."""
    common = 0
    for entry in gain.flat:
        if entry == -np.inf:
            continue
        scaled = entry * UNITS
        whole = np.rint(scaled)
        if not abs(scaled - whole) <= UNIT_ROUNDING:
            return 0.0
        units = int(whole)
        while units:
            common, units = units, common % units
    return common / UNITS
