"""The search near plans whose large choices are made, under several budgets.

At the prices as many rows are torn between two options as there are budgets. Where these are far
apart, no small change makes up for taking the wrong one. So each way to settle the torn rows is
taken in turn, every row keeps only the options near its own, and prices are found anew: the bound
of what is left says which way deserves the search.
"""

from __future__ import annotations

from itertools import islice, product
from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block_many import ManyBlock
from router.allocation.dual_many import find_prices
from router.allocation.grid import GRID_ROUNDING
from router.allocation.middle_many import meet_many

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray
    from router.allocation.block_many import ManyPlan
    from router.allocation.dual_many import ManyDual

__all__ = ["search_near"]

# Options kept per row, and never more than half of them.
OPTIONS_NEAR = 8
# Ways to settle the torn rows that are listed, that get a bound, and that are searched.
WAYS_LISTED = 64
WAYS_BOUNDED = 6
WAYS_SEARCHED = 2
# Rows that may take an option far from their own.
FAR_ROWS = 24
# What is left unspent is worth this share of its price, as small changes use up the rest.
UNSPENT_SHARE = 0.1


def search_near(
    block: ManyBlock,
    budgets: IntArray,
    dual: ManyDual,
    plan: ManyPlan,
    *,
    states_max: int,
    grid: float = 0.0,
) -> ManyPlan:
    """Improve a plan near the ways to settle large choices, then near itself.

    Parameters
    ----------
    block : ManyBlock
        All rows.
    budgets : ndarray of shape (k,), int64
        Budgets in micro-units.
    dual : ManyDual
        The optimal prices and the plans that are tied there.
    plan : ManyPlan
        Best known plan within the budgets.
    states_max : int
        About how many changes to list for each half of the rows.
    grid : float, default=0.0
        Step of which all gains are whole multiples; zero where there is none.

    Returns
    -------
    ManyPlan
        The best plan found, or the known one.
    """
    better = grid * (1.0 - GRID_ROUNDING)
    ways = [
        _Near(block, budgets, choices, dual.prices) for choices in _settle(block, budgets, dual)
    ]
    # Python's sorting is stable: of equal bounds the way listed first is searched first.
    for near in sorted(ways, key=lambda way: -way.bound)[:WAYS_SEARCHED]:
        if near.bound > plan.gain + better:
            plan = near.search(plan, states_max, grid)
    near = _Near(block, budgets, plan.choices, dual.prices)
    return near.search(plan, states_max, grid) if near.bound > plan.gain + better else plan


def _settle(block: ManyBlock, budgets: IntArray, dual: ManyDual) -> list[IntArray]:
    """List ways to settle large choices, those that lose least and leave least unspent first.

    Every way to settle the torn rows is combined with up to two rows that take the best option far
    from their own.
    """
    settled = _settle_torn(dual)
    spend = np.stack([block.cost_of(choices).sum(axis=0) for choices in settled])
    row, option, loss = _far_options(block, dual)
    step = block.costs()[row, option] - block.cost_of(settled[0])[row]
    # The first is no change at all, and each pair of changes stands in one order.
    row, option = np.append(-1, row), np.append(0, option)
    loss, step = np.append(0.0, loss), np.insert(step, 0, 0, axis=0)
    one, other = np.triu_indices(len(row))
    apart = (one == 0) | (one < other)
    one, other = one[apart], other[apart]
    room = budgets - spend[:, None, :] - (step[one] + step[other])
    worth = loss[one] + loss[other] + UNSPENT_SHARE * (np.abs(room) @ dual.prices)
    ways = []
    for place in worth.ravel().argsort(kind="stable")[:WAYS_BOUNDED]:
        way, pair = divmod(int(place), len(one))
        choices = settled[way].copy()
        for change in (one[pair], other[pair]):
            if change:
                choices[row[change]] = option[change]
        ways.append(choices)
    return ways


def _settle_torn(dual: ManyDual) -> list[IntArray]:
    """List the ways to settle the rows in which the plans tied at the prices differ."""
    starts = np.stack([start.choices for start in dual.starts])
    torn = np.flatnonzero((starts != starts[0]).any(axis=0))
    ways = []
    every = product(*(np.unique(starts[:, row]) for row in torn))
    for settled in islice(every, WAYS_LISTED):
        choices = starts[0].copy()
        choices[torn] = settled
        ways.append(choices)
    return ways


def _far_options(block: ManyBlock, dual: ManyDual) -> tuple[IntArray, IntArray, FloatArray]:
    """List the rows that lose least by an option far from their own: row, option and loss."""
    starts = np.stack([start.choices for start in dual.starts])
    scores = block.scores(dual.prices)
    loss = scores.max(axis=1, keepdims=True) - scores
    near = _near_options(block, starts[0], dual.prices)
    np.put_along_axis(loss, near, np.inf, axis=1)
    loss[(starts != starts[0]).any(axis=0)] = np.inf
    option = loss.argmin(axis=1)
    least = loss[np.arange(len(block)), option]
    row = least.argsort(kind="stable")[:FAR_ROWS]
    row = row[least[row] < np.inf]
    return row, option[row], least[row]


def _near_options(block: ManyBlock, choices: IntArray, prices: FloatArray) -> IntArray:
    """List each row's choice and the options that lie next to it, in their own order."""
    apart = np.abs(block.costs() - block.cost_of(choices)[:, None, :]) @ prices
    apart[np.arange(len(block)), choices] = -1.0
    n_near = min(OPTIONS_NEAR, (block.gain.shape[1] + 1) // 2)
    near: IntArray = apart.argsort(axis=1, kind="stable")[:, :n_near]
    return np.sort(near, axis=1)


class _Near:
    """The options of every row that lie next to one choice, with prices of their own."""

    __slots__ = ("block", "bound", "budgets", "options", "outer", "prices")

    def __init__(
        self, block: ManyBlock, budgets: IntArray, choices: IntArray, prices: FloatArray
    ) -> None:
        self.outer, self.budgets = block, budgets
        self.options = _near_options(block, choices, prices)
        self.block = ManyBlock(
            np.take_along_axis(block.gain, self.options, axis=1),
            block.costs()[np.arange(len(block))[:, None], self.options],
        )
        dual = find_prices(self.block, budgets)
        self.prices = dual.prices
        self.bound = -np.inf if dual.infeasible else dual.bound

    def search(self, plan: ManyPlan, states_max: int, grid: float) -> ManyPlan:
        """Look for a better plan among these options."""
        # The known plan may choose other options: only what it gains is of use here.
        known = plan._replace(choices=np.zeros(len(self.block), dtype=np.int64))
        found, _ = meet_many(
            self.block, self.budgets, self.prices, known, states_max=states_max, grid=grid
        )
        if found.gain <= plan.gain:
            return plan
        choices = np.take_along_axis(self.options, found.choices[:, None], axis=1)[:, 0]
        return self.outer.plan(choices)
