"""Planning open rows again from the sorted steps of their hulls: one cumulative sum, one fill."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.allocation.units import count_units

__all__ = ["Batch", "Rest", "plan_rest"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Batch(NamedTuple):
    """Rows of a batch, and the steps of all their hulls, steepest first.

    Parameters
    ----------
    gain, cost, to_better : ndarray of shape (n, m), float64 and int64
        What options bring, minus infinity where they are forbidden, what they cost in micro-units,
        and what the cheapest better option costs more.
    start : ndarray of shape (n,), int64
        Cheapest option of every row.
    row, option, spend, slope : ndarray of shape (s,), int64 and float64
        Of every step the row, the option to which it leads, and what that costs and brings a unit.
    scale : float
        Units in a gain of one.
    """

    gain: FloatArray
    cost: IntArray
    to_better: IntArray
    start: IntArray
    row: IntArray
    option: IntArray
    spend: IntArray
    slope: FloatArray
    scale: float


class Rest(NamedTuple):
    """A plan of the open rows: totals in units and micro-units, and the bound that steps prove."""

    choices: IntArray
    units: int
    spend: int
    bound: float
    price: float


def plan_rest(batch: Batch, rows: IntArray, alive: IntArray, left: int) -> Rest:
    """Take the steps that fit into what is left, and fill up what they leave.

    Parameters
    ----------
    batch : Batch
        All rows.
    rows : ndarray of shape (r,), int64
        Those that are planned, rising.
    alive : ndarray of int64
        Places of their steps among all, rising.
    left : int
        Micro-units, enough for the cheapest plan of these rows.

    Returns
    -------
    Rest
        One choice for each of the rows, in their order.

    Examples
    --------
    >>> gain, cost = np.array([[0.1, 0.6]]), np.array([[0, 10]])
    >>> better, first = np.array([[10, 99]]), np.array([0])
    >>> steps = (first, np.array([1]), np.array([10]), np.array([0.05]))
    >>> batch = Batch(gain, cost, better, first, *steps, 8.0)
    >>> plan_rest(batch, first, first, 12).choices, plan_rest(batch, first, first, 9).choices
    (array([1]), array([0]))
    """
    room = left - int(batch.cost[rows, batch.start[rows]].sum())
    taken = int(batch.spend[alive].cumsum().searchsorted(room, side="right"))
    picked = batch.start.copy()
    # Later steps of a row overwrite earlier ones, and no row's steps are ever out of order.
    picked[batch.row[alive[:taken]]] = batch.option[alive[:taken]]
    choices = picked[rows]
    units, spend = _sum_up(batch, rows, choices)
    price = float(batch.slope[alive[taken]]) if taken < len(alive) else 0.0
    bound = units / batch.scale + price * (left - spend)
    if price:
        more_units, more_spend = _fill(batch, rows, choices, left - spend)
        units, spend = units + more_units, spend + more_spend
    return Rest(choices, units, spend, bound, price)


def _sum_up(batch: Batch, rows: IntArray, choices: IntArray) -> tuple[int, int]:
    """Total the units of gain and the cost of some choices."""
    places = rows * batch.gain.shape[1] + choices
    units = count_units(batch.gain.ravel().take(places), batch.scale)
    return int(units.sum()), int(batch.cost.ravel().take(places).sum())


def _fill(batch: Batch, rows: IntArray, choices: IntArray, slack: int) -> tuple[int, int]:
    """Take the best upgrade that fits until none is left, in place; return what they add.

    Ties go to the cheaper upgrade, then to the lower row and option.
    """
    units, left = 0, slack
    first = rows * batch.gain.shape[1]
    while True:
        near = (batch.to_better.ravel().take(first + choices) <= left).nonzero()[0]
        gain, cost = batch.gain[rows[near]], batch.cost[rows[near]]
        at = choices[near]
        step = cost - cost[np.arange(len(near)), at][:, None]
        rise = np.where(step <= left, gain - gain[np.arange(len(near)), at][:, None], 0.0)
        best = rise.max(initial=0.0)
        if best <= 0.0:
            return units, slack - left
        ties = (rise.ravel() == best).nonzero()[0]
        row, option = divmod(int(ties[step.ravel()[ties].argmin()]), gain.shape[1])
        moved = count_units(gain[row, [at[row], option]], batch.scale)
        units += int(moved[1] - moved[0])
        left -= int(step[row, option])
        choices[near[row]] = option
