"""From two plans at the dual price to one plan, as :mod:`router.allocation.fill` fills it up.

Every row keeps its best upgrade that fits; a move changes that of its own row and of the rows whose
upgrade no longer fits.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.allocation.compiled.rows import Rows, Total, total_choices
from router.allocation.compiled.sorting import order_stably
from router.compilation import kernel

__all__ = ["fill_up", "move_ties"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class _Upgrades(NamedTuple):
    """The best upgrade of every row that fits: its rise, zero for none, its step and its option."""

    rise: FloatArray
    step: IntArray
    option: IntArray


@kernel
def move_ties(rows: Rows, lean: IntArray, rich: IntArray, room: int) -> IntArray:
    """Move tied rows from the lean to the rich plan, cheapest step first, while they fit."""
    choices = lean.copy()
    tied, step = np.empty(len(lean), dtype=np.int64), np.empty(len(lean), dtype=np.int64)
    count = 0
    for row in range(len(lean)):
        if lean[row] != rich[row]:
            costs = rows.cost[row if len(rows.cost) > 1 else 0]
            tied[count], step[count] = row, costs[rich[row]] - costs[lean[row]]
            count += 1
    if count <= 1:
        # A single tied row that fitted would make the rich plan lean.
        return choices
    for place in order_stably(step[:count]):
        room -= step[place]
        if room < 0:
            break
        choices[tied[place]] = rich[tied[place]]
    return choices


@kernel
def fill_up(rows: Rows, choices: IntArray, budget: int) -> Total:
    """Take the best single-row upgrade that fits until none is left; the choices are overwritten.

    Ties go to the cheaper upgrade, then to the lower row and option.
    """
    n_rows = len(choices)
    slack = budget - total_choices(rows, np.arange(n_rows), choices).spend
    best = _Upgrades(
        np.zeros(n_rows), np.zeros(n_rows, dtype=np.int64), np.zeros(n_rows, dtype=np.int64)
    )
    for row in range(n_rows):
        _find_upgrade(rows, row, choices[row], slack, best)
    while True:
        top = 0
        for row in range(1, n_rows):
            if best.rise[row] > best.rise[top] or (
                best.rise[row] == best.rise[top] and best.step[row] < best.step[top]
            ):
                top = row
        if best.rise[top] <= 0.0:
            break
        choices[top] = best.option[top]
        step = best.step[top]
        slack -= step
        for row in range(n_rows):
            if row == top or step < 0 or best.step[row] > slack:
                _find_upgrade(rows, row, choices[row], slack, best)
    return total_choices(rows, np.arange(n_rows), choices)


@kernel
def _find_upgrade(rows: Rows, row: int, choice: int, slack: int, best: _Upgrades) -> None:
    """Find the best upgrade of a row that fits, the cheapest of equal ones."""
    gains = rows.gain[row]
    costs = rows.cost[row if len(rows.cost) > 1 else 0]
    best.rise[row], best.step[row] = 0.0, 0
    for option in range(rows.gain.shape[1]):
        step = costs[option] - costs[choice]
        rise = gains[option] - gains[choice]
        if step > slack or rise <= 0.0:
            continue
        if rise > best.rise[row] or (rise == best.rise[row] and step < best.step[row]):
            best.rise[row], best.step[row], best.option[row] = rise, step, option
