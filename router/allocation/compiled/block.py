"""One budget over one dense block, from arrays to choices, in one call.

The same steps as :mod:`router.allocation.single` takes with NumPy, and the same plans.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.allocation.compiled.core import open_core
from router.allocation.compiled.dual import find_meeting
from router.allocation.compiled.fill import fill_up, move_ties
from router.allocation.compiled.rows import (
    Rows,
    Total,
    choose_cheapest,
    choose_richest,
    find_scale,
    inspect_entries,
    level_costs,
    take_places,
    total_choices,
)
from router.allocation.compiled.search import search_states
from router.allocation.core import WORTH
from router.compilation import kernel

__all__ = ["FAULTY", "FOUND", "POOR", "SLACK", "Found", "plan_block", "search_block"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

# How planning a block ended: a plan that the budget binds, one that it does not, a budget below the
# cheapest plan, an entry that cannot be used.
FOUND, SLACK, POOR, FAULTY = 0, 1, 2, 3


class Found(NamedTuple):
    """What planning a block found.

    Parameters
    ----------
    ending : int
        How it ended.
    choices : ndarray of shape (n,), int64
        Option of every row.
    value : float
        Total gain.
    spend : int
        Total cost in micro-units.
    bound : float
        Proven upper bound on the value.
    price : float
        Value of one more micro-unit.
    required : int
        Cost of the cheapest plan in micro-units.
    """

    ending: int
    choices: IntArray
    value: float
    spend: int
    bound: float
    price: float
    required: int


@kernel
def plan_block(
    gain: FloatArray, cost: IntArray, budget: int, states_max: int, inspect: bool
) -> Found:
    """Find the best plan of a block within a budget.

    Parameters
    ----------
    gain : ndarray of shape (n, m), float64
        Minus infinity where an option is forbidden.
    cost : ndarray of shape (n, m) or (1, m), int64
        In micro-units.
    budget : int
        In micro-units.
    states_max : int
        States of the exact search; none without it.
    inspect : bool
        Whether the entries are still to be checked: gains in [0, 1], costs not negative.
    """
    faulty, highest = inspect_entries(gain, cost)
    if inspect and faulty:
        return Found(FAULTY, np.empty(0, dtype=np.int64), 0.0, 0, 0.0, 0.0, 0)
    rows = Rows(gain, cost, level_costs(gain, cost), find_scale(len(gain), highest))
    everywhere = np.arange(len(gain))
    lean, rich = choose_cheapest(gain, cost), choose_richest(gain, cost)
    required = total_choices(rows, everywhere, lean).spend
    richest = total_choices(rows, everywhere, rich)
    if required > budget:
        return Found(POOR, lean, 0.0, 0, 0.0, 0.0, required)
    if richest.spend <= budget:
        value = richest.units / rows.scale
        return Found(SLACK, rich, value, richest.spend, value, 0.0, required)
    meeting = find_meeting(rows, budget, lean, rich)
    choices = move_ties(rows, lean, rich, budget - meeting.lean.spend)
    plan = fill_up(rows, choices, budget)
    price, bound = meeting.price, meeting.bound
    if states_max:
        choices, plan, proven = search_block(
            rows, (price, bound), (choices, plan), budget, states_max
        )
        bound = min(bound, proven)
    value = plan.units / rows.scale
    return Found(FOUND, choices, value, plan.spend, max(bound, value), price, required)


@kernel
def search_block(
    rows: Rows,
    dual: tuple[float, float],
    known: tuple[IntArray, Total],
    budget: int,
    states_max: int,
) -> tuple[IntArray, Total, float]:
    """Improve a plan to the best one, or to a proven bound where the states run out.

    Given the price and the bound of the dual and the best known plan, returns choices, totals and
    bound.
    """
    price, bound = dual
    choices, plan = known
    value = plan.units / rows.scale
    if bound - value <= WORTH * abs(bound):
        states_max //= 10
    best_choices = np.empty_like(choices)
    core = open_core(rows, price, bound, value, best_choices)
    if not len(core.rows):
        return choices, plan, value
    fixed = _total_settled(rows, core.rows, best_choices)
    limit = bound * rows.scale - fixed.units
    best, dropped, picked = search_states(
        core, limit, budget - fixed.spend, plan.units - fixed.units, states_max
    )
    left = (dropped + fixed.units) / rows.scale
    if best.layer < 0:
        return choices, plan, max(value, left)
    for layer in range(len(core.rows)):
        best_choices[core.rows[layer]] = core.option[picked[layer]]
    better = total_choices(rows, np.arange(len(choices)), best_choices)
    return best_choices, better, max(better.units / rows.scale, left)


@kernel
def _total_settled(rows: Rows, doubtful: IntArray, choices: IntArray) -> Total:
    """Total up the best options of the rows that are not in doubt."""
    everything = total_choices(rows, np.arange(len(choices)), choices)
    in_doubt = total_choices(rows, doubtful, take_places(choices, doubtful))
    return Total(everything.units - in_doubt.units, everything.spend - in_doubt.spend)
