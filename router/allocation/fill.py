"""From the two plans at the dual price to one plan that uses the budget up.

Rows on which the plans differ are tied at the price: as many as fit move to their richer choice,
cheapest step first. What is left then goes to the best single upgrades over all options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from router.allocation.block import Block, FloatArray, IntArray, Plan

__all__ = ["fill_block", "split_ties"]


def split_ties(surface: Block, lean: Plan, rich: Plan, budget: int) -> Plan:
    """Move tied rows from the lean to the rich plan, cheapest step first, while they fit."""
    rows = np.flatnonzero(lean.choices != rich.choices)
    if len(rows) <= 1:
        # A single tied row that fitted would make the rich plan lean.
        return lean
    tied = surface.take(rows)
    step = tied.cost_of(rich.choices[rows]) - tied.cost_of(lean.choices[rows])
    order = step.argsort(kind="stable")
    fitting = int(step[order].cumsum().searchsorted(budget - lean.spend, side="right"))
    choices = lean.choices.copy()
    moved = rows[order[:fitting]]
    choices[moved] = rich.choices[moved]
    return surface.plan(choices)


def fill_block(block: Block, plan: Plan, budget: int) -> Plan:
    """Take the best single-row upgrade that fits until none is left.

    Ties go to the cheaper upgrade, then to the lower row and option.
    """
    slack = budget - plan.spend
    choices = plan.choices.copy()
    costs = block.costs()
    step = costs - block.cost_of(choices)[:, None]
    rise = block.gain - block.gain_of(choices)[:, None]
    while True:
        fitting = np.where(step <= slack, rise, 0.0)
        place = _best_upgrade(fitting, step)
        row, option = divmod(place, block.gain.shape[1])
        if fitting[row, option] <= 0.0:
            break
        choices[row] = option
        slack -= int(step[row, option])
        step[row] = costs[row] - costs[row, option]
        rise[row] = block.gain[row] - block.gain[row, option]
    return block.plan(choices)


def _best_upgrade(rise: FloatArray, step: IntArray) -> int:
    """Locate the highest rise, the cheapest of equal ones."""
    place = int(rise.argmax())
    ties = np.flatnonzero(rise.ravel() == rise.ravel()[place])
    if len(ties) > 1:
        place = int(ties[step.ravel()[ties].argmin()])
    return place
