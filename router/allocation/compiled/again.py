"""Planning open rows again from the sorted steps of their hulls, in one pass and one fill.

Everything here decides as :mod:`router.allocation.rest` does.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from router.allocation.rest import Batch, Rest
from router.compilation import kernel

__all__ = ["plan_rest"]

IntArray = NDArray[np.int64]


@kernel
def plan_rest(batch: Batch, rows: IntArray, is_open: NDArray[np.bool_], left: int) -> Rest:
    """Take the steps of open rows that fit into what is left, and fill up what they leave.

    What is left has to reach the cheapest plan of these rows.
    """
    picked = batch.start.copy()
    room = left
    for row in rows:
        room -= batch.cost[row, picked[row]]
    price = 0.0
    for place in range(len(batch.row)):
        row = batch.row[place]
        if is_open[row]:
            room -= batch.spend[place]
            if room < 0:
                price = batch.slope[place]
                break
            picked[row] = batch.option[place]
    units, spend = _sum_up(batch, rows, picked)
    bound = units / batch.scale + price * (left - spend)
    if price != 0.0:
        _fill(batch, rows, picked, left - spend)
        units, spend = _sum_up(batch, rows, picked)
    choices = np.empty(len(rows), dtype=np.int64)
    for place in range(len(rows)):
        choices[place] = picked[rows[place]]
    return Rest(choices, units, spend, bound, price)


@kernel
def _sum_up(batch: Batch, rows: IntArray, picked: IntArray) -> tuple[int, int]:
    """Total the units of gain and the cost of what rows have picked."""
    units, spend = 0, 0
    for row in rows:
        units += int(np.rint(batch.gain[row, picked[row]] * batch.scale))
        spend += batch.cost[row, picked[row]]
    return units, spend


@kernel
def _fill(batch: Batch, rows: IntArray, picked: IntArray, slack: int) -> None:
    """Take the best upgrade that fits until none is left, in place.

    Ties go to the cheaper upgrade, then to the lower row and option. Every row keeps its best one;
    a move changes that of its own row and of the rows whose upgrade no longer fits.
    """
    n_rows = len(rows)
    rise = np.zeros(n_rows)
    step = np.zeros(n_rows, dtype=np.int64)
    option = np.zeros(n_rows, dtype=np.int64)
    for place in range(n_rows):
        row = rows[place]
        rise[place], step[place], option[place] = _find_upgrade(batch, row, picked[row], slack)
    while True:
        top = -1
        best, least = 0.0, 0
        for place in range(n_rows):
            if rise[place] > best or (rise[place] == best and best > 0.0 and step[place] < least):
                top, best, least = place, rise[place], step[place]
        if top < 0:
            return
        picked[rows[top]] = option[top]
        slack -= least
        for place in range(n_rows):
            # Where an upgrade costs less than nothing, more fits everywhere.
            if place == top or least < 0 or step[place] > slack:
                row = rows[place]
                found = _find_upgrade(batch, row, picked[row], slack)
                rise[place], step[place], option[place] = found


@kernel
def _find_upgrade(batch: Batch, row: int, choice: int, slack: int) -> tuple[float, int, int]:
    """Find the best upgrade of a row that fits, the cheapest of equal ones: rise, step, option."""
    best, least, chosen = 0.0, 0, 0
    if batch.to_better[row, choice] > slack:
        return best, least, chosen
    gains, costs = batch.gain[row], batch.cost[row]
    for option in range(len(gains)):
        step = costs[option] - costs[choice]
        rise = gains[option] - gains[choice]
        if step > slack or rise <= 0.0:
            continue
        if rise > best or (rise == best and step < least):
            best, least, chosen = rise, step, option
    return best, least, chosen
