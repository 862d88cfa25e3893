"""From plans at the prices of several budgets to one plan that keeps them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray
    from router.allocation.block_many import ManyBlock, ManyPlan

__all__ = ["fill_many", "repair_many"]


def repair_many(
    block: ManyBlock, plan: ManyPlan, budgets: IntArray, prices: FloatArray
) -> ManyPlan | None:
    """Change single rows at the least loss per relief until no budget is exceeded.

    Returns
    -------
    ManyPlan or None
        A plan within all budgets; None where no single change relieves any further.
    """
    scale = np.maximum(budgets, 1)
    choices = plan.choices.copy()
    over = plan.spend - budgets
    scores, costs = block.scores(prices), block.costs()
    rows = np.arange(len(block))
    while (over > 0).any():
        step = costs - block.cost_of(choices)[:, None, :]
        excess = np.maximum(over + step, 0) / scale
        relief = (np.maximum(over, 0) / scale).sum() - excess.sum(axis=2)
        loss = np.maximum(scores[rows, choices][:, None] - scores, 0.0)
        rate = np.full(loss.shape, np.inf)
        np.divide(loss, relief, out=rate, where=(relief > 0.0) & (block.gain > -np.inf))
        row, option = divmod(int(rate.argmin()), block.gain.shape[1])
        if rate[row, option] == np.inf:
            return None
        over = over + step[row, option]
        choices[row] = option
    return block.plan(choices)


def fill_many(block: ManyBlock, plan: ManyPlan, budgets: IntArray) -> ManyPlan:
    """Take the best single-row upgrade that fits all budgets until none is left."""
    choices = plan.choices.copy()
    slack = budgets - plan.spend
    rise = block.gain - block.gain_of(choices)[:, None]
    row, option = np.nonzero(rise > 0.0)
    rise = rise[row, option]
    step = block.costs()[row, option] - block.cost_of(choices)[row]
    while True:
        # An upgrade that does not fit now never will: slack only falls, and a step from the row's
        # next choice needs what the step from this one needs in all.
        fits = (rise > 0.0) & (step <= slack).all(axis=1)
        row, option, rise, step = row[fits], option[fits], rise[fits], step[fits]
        if not len(row):
            return block.plan(choices)
        best = int(rise.argmax())
        choices[row[best]] = option[best]
        slack = slack - step[best]
        own = row == row[best]
        rise[own] -= rise[best]
        step[own] -= step[best].copy()
