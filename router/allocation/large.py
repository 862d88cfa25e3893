"""One budget over a large problem: one pass over all rows, then ever fewer of them.

A sample of rows gives two prices. One pass at both decides most rows and checks all entries; a few
passes over the rest leave those that the price of the budget is about, which are then solved like a
small problem. Nothing of the input is copied but those few rows.
"""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.allocation import problem as limits
from router.allocation.block import Plan
from router.allocation.checks import check_entries
from router.allocation.fill import split_ties
from router.allocation.funding import shortfall
from router.allocation.grid import GRID_ROUNDING, find_step
from router.allocation.reader import CHEAPEST, RICHEST, Reader, check_part
from router.allocation.sample import pick_rows, sample_prices
from router.allocation.solution import Solution
from router.allocation.window import Window

if TYPE_CHECKING:
    from router.allocation.block import Block, IntArray
    from router.allocation.problem import Problem

__all__ = ["solve_large"]

# Where fewer rows are left in doubt, others take part in using up what rounding leaves.
POLISH_ROWS = 1024
# Of many rows tied at the price that found no room, so many take part as well.
WAITING_ROWS = 64
# How far beyond the sample's bracket the price is looked for next, in widths of the bracket.
WIDENING = 4.0


class _Opening(NamedTuple):
    """Two plans of all rows, each with its price, and what the cheapest plan costs."""

    lean: tuple[float, Plan]
    rich: tuple[float, Plan]
    required: int


def solve_large(
    problem: Problem, budget: int, *, states_max: int, compiled: bool = False
) -> Solution:
    """Solve a large problem with one budget, where told so with compiled kernels.

    Raises
    ------
    AllocationError
        An entry that was still to be checked cannot be used.
    BudgetError
        The budget is below the cheapest plan.
    """
    reader = _open_reader(problem, compiled=compiled)
    opening = _open(reader, budget)
    if opening is None:
        check_entries(problem)
        problem = dataclasses.replace(problem, unchecked=False)
        return solve_large(problem, budget, states_max=states_max, compiled=compiled)
    if opening.rich[1].spend <= budget:
        choices, units, spend = opening.rich[1]
        value = units / reader.scale
        return Solution(
            choices.astype(np.int64), value, spend, value, 0.0, "slack", opening.required
        )
    window = Window.open(reader, budget, opening.lean, opening.rich)
    window.narrow(max(1, limits.DENSE_ELEMENTS // problem.n_options))
    plan = _split_view(window) if window.found else _solve_view(window)
    plan, bound = _polish(window, plan, states_max)
    return Solution(
        plan.choices.astype(np.int64),
        plan.units / reader.scale,
        plan.spend,
        max(bound, plan.units / reader.scale),
        window.price,
        "core" if states_max else "dual",
        opening.required,
    )


def _open_reader(problem: Problem, *, compiled: bool) -> Reader:
    """Prepare to read a problem with NumPy or with the kernels."""
    if not compiled:
        return Reader.open(problem)
    from router.allocation.compiled.large import CompiledReader

    return CompiledReader.open(problem)


def _open(reader: Reader, budget: int) -> _Opening | None:
    """Find a plan within the budget and one above it, or the richest plan if it is within.

    None where an entry is out of range or so large that totals might overflow.
    """
    problem = reader.problem
    sample = pick_rows(problem)
    if check_part(problem, sample)[1]:
        return None
    prices = sample_prices(reader, sample, budget)
    plans, total = reader.choose(prices)
    if total.faulty:
        return None
    if total.least > budget:
        raise shortfall(budget, len(problem), total.least)
    known = list(zip(prices, plans, strict=True))
    if not any(plan.spend <= budget for _, plan in known):
        # Both are too dear: what is sought lies beyond the high price.
        known += _choose_beyond(reader, prices[1] + WIDENING * (prices[1] - prices[0]), CHEAPEST)
    elif prices[0] != RICHEST and not any(plan.spend > budget for _, plan in known):
        known += _choose_beyond(reader, prices[0] - WIDENING * (prices[1] - prices[0]), RICHEST)
    within = [pair for pair in known if pair[1].spend <= budget]
    above = [pair for pair in known if pair[1].spend > budget]
    lean = max(within, key=lambda pair: pair[1].spend)
    # The richest plan has the lowest price; where none is above the budget it is the best one.
    rich = min(above, key=lambda pair: pair[1].spend) if above else min(within, key=_price)
    return _Opening(lean, rich, total.least)


def _price(pair: tuple[float, Plan]) -> float:
    """Order plans by their prices."""
    return pair[0]


def _choose_beyond(reader: Reader, price: float, end: float) -> list[tuple[float, Plan]]:
    """Choose at a price that the sample did not expect and at the end of the scale behind it."""
    prices = [price, end] if 0.0 < price < math.inf else [end]
    return list(zip(prices, reader.choose(prices)[0], strict=True))


def _solve_view(window: Window) -> Plan:
    """Find the minimum of the dual from the few rows in view, and split the rows tied there."""
    reader, rows = window.reader, window.rows
    block = reader.block(slice(None) if rows is None else rows)
    lean, rich = block.plan(window.lean.choices), block.plan(window.rich.choices)
    fixed_spend = window.lean.spend - lean.spend
    fixed_units = window.lean.units - lean.units
    room = window.budget - fixed_spend
    bracket = reader.meet(block, room, lean, rich)
    window.price = bracket.price
    window.bound = fixed_units / reader.scale + bracket.bound
    plan = split_ties(block, bracket.lean, bracket.rich, room)
    window.decide(plan.choices)
    return Plan(window.choices, fixed_units + plan.units, fixed_spend + plan.spend)


def _split_view(window: Window) -> Plan:
    """Move tied rows from the lean to the rich plan, cheapest step first, while they fit."""
    lean, rich = window.lean, window.rich
    places = np.flatnonzero(lean.choices != rich.choices)
    rows = places if window.rows is None else window.rows[places]
    before, after = lean.choices[places], rich.choices[places]
    step, rise = window.reader.steps(rows, before, after)
    moved = _fit_smallest(step, window.budget - lean.spend)
    choices = lean.choices.copy()
    choices[places[moved]] = after[moved]
    window.decide(choices)
    units, spend = int(rise[moved].sum()), int(step[moved].sum())
    return Plan(window.choices, lean.units + units, lean.spend + spend)


def _fit_smallest(step: IntArray, room: int) -> IntArray:
    """Take the smallest steps that fit together, the earlier of equal ones."""
    ordered = np.sort(step)
    count = int(ordered.cumsum().searchsorted(room, side="right"))
    if not count:
        return np.empty(0, dtype=np.int64)
    below = np.flatnonzero(step < ordered[count - 1])
    equal = np.flatnonzero(step == ordered[count - 1])[: count - len(below)]
    return np.concatenate([below, equal])


def _polish(window: Window, plan: Plan, states_max: int) -> tuple[Plan, float]:
    """Use up what is left of the budget on the rows nearest to a switch of option."""
    reader, budget = window.reader, window.budget
    rows = _pick_doubtful(window, plan)
    block = reader.block(rows)
    inner = block.plan(plan.choices[rows])
    room = budget - (plan.spend - inner.spend)
    top = float(block.scores(window.price).max(axis=1).sum()) + window.price * room
    result = reader.improve(block, room, (window.price, top), inner, states_max)
    better = result.plan
    # What is proven of these rows is proven of the plan where they are all there are.
    bound = min(window.bound, result.bound) if len(rows) == len(reader.problem) else window.bound
    plan.choices[rows] = better.choices
    plan = Plan(plan.choices, plan.units - inner.units + better.units, budget - room + better.spend)
    return plan, min(bound, _bound_on_grid(reader, block, plan, bound))


def _pick_doubtful(window: Window, plan: Plan) -> IntArray:
    """Pick the rows in view, evenly spaced where they are many, more where they are few."""
    limit = max(1, limits.DENSE_ELEMENTS // window.reader.problem.n_options)
    rows = _number_all(window) if window.rows is None else window.rows
    if len(rows) > limit:
        # Rows tied at the price that found no room are the likeliest to use up what is left.
        waiting = np.flatnonzero(window.rich.choices != plan.choices[rows])[:WAITING_ROWS]
        return _join(_spread(rows, limit), rows[waiting])
    if len(rows) < min(POLISH_ROWS, limit):
        wider = _number_all(window) if window.wider is None else window.wider
        return _join(_spread(wider, min(POLISH_ROWS, limit)), rows)
    return rows


def _number_all(window: Window) -> IntArray:
    """Make the numbers of all rows."""
    numbers: IntArray = np.arange(len(window.reader.problem))
    return numbers


def _spread(rows: IntArray, count: int) -> IntArray:
    """Pick evenly spaced rows."""
    if len(rows) <= count:
        return rows
    return rows[np.linspace(0, len(rows) - 1, count).astype(np.int64)]


def _join(first: IntArray, second: IntArray) -> IntArray:
    """Join two sets of rows in order."""
    joined = np.sort(np.concatenate([first, second]))
    kept: IntArray = joined[np.append(True, joined[1:] > joined[:-1])]
    return kept


def _bound_on_grid(reader: Reader, block: Block, plan: Plan, bound: float) -> float:
    """Lower the bound to the plan's value where no step of a grid of gains fits in between."""
    value = plan.units / reader.scale
    step = find_step(block.gain)
    if not step or value + step * (1.0 - GRID_ROUNDING) <= bound:
        return bound
    return value if reader.on_grid(step) else bound
