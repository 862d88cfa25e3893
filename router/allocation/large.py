"""One budget over a large problem: one pass over all rows, then ever fewer of them.

A sample of rows gives two prices. One pass at both decides most rows and checks all entries; a few
passes over the rest leave those that the price of the budget is about, which are then solved like a
small problem. Nothing of the input is copied but those few rows.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.allocation import problem as limits
from router.allocation.block import INT64_MAX
from router.allocation.checks import check_entries
from router.allocation.core import search_core
from router.allocation.dual import find_bracket
from router.allocation.fill import fill_block, split_ties
from router.allocation.funding import shortfall
from router.allocation.grid import GRID_ROUNDING, find_step, lies_on_grid
from router.allocation.reader import CHEAPEST, RICHEST, Reader, Tally, check_part
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

    lean: tuple[float, Tally]
    rich: tuple[float, Tally]
    required: int


def solve_large(problem: Problem, budget: int, *, states_max: int) -> Solution:
    """Solve a large problem with one budget.

    Raises
    ------
    AllocationError
        An entry that was still to be checked cannot be used.
    BudgetError
        The budget is below the cheapest plan.
    """
    reader = Reader.open(problem)
    opening = _open(reader, budget)
    if opening.rich[1].spend <= budget:
        choices, gain, spend = opening.rich[1]
        value = gain / reader.scale
        return Solution(
            choices.astype(np.int64), value, spend, value, 0.0, "slack", opening.required
        )
    window = Window.open(reader, budget, opening.lean, opening.rich)
    window.narrow(max(1, limits.DENSE_ELEMENTS // problem.n_options))
    plan = _split_view(window) if window.found else _solve_view(window)
    plan, bound = _polish(window, plan, states_max)
    return Solution(
        plan.choices.astype(np.int64),
        plan.gain / reader.scale,
        plan.spend,
        max(bound, plan.gain / reader.scale),
        window.price,
        "core" if states_max else "dual",
        opening.required,
    )


def _open(reader: Reader, budget: int) -> _Opening:
    """Find a plan within the budget and one above it, or the richest plan if it is within."""
    problem = reader.problem
    sample = pick_rows(problem)
    if problem.unchecked:
        _check_found(problem, check_part(problem, sample)[1])
    prices = sample_prices(problem, sample, budget)
    tallies, total = reader.choose(prices)
    if problem.unchecked:
        _check_found(problem, total.dearest)
    if total.least > budget:
        raise shortfall(budget, len(problem), total.least)
    known = list(zip(prices, tallies, strict=True))
    if not any(tally.spend <= budget for _, tally in known):
        # Both are too dear: what is sought lies beyond the high price.
        known += _choose_beyond(reader, prices[1] + WIDENING * (prices[1] - prices[0]), CHEAPEST)
    elif prices[0] != RICHEST and not any(tally.spend > budget for _, tally in known):
        known += _choose_beyond(reader, prices[0] - WIDENING * (prices[1] - prices[0]), RICHEST)
    within = [pair for pair in known if pair[1].spend <= budget]
    above = [pair for pair in known if pair[1].spend > budget]
    lean = max(within, key=lambda pair: pair[1].spend)
    # The richest plan has the lowest price; where none is above the budget it is the best one.
    rich = min(above, key=lambda pair: pair[1].spend) if above else min(within, key=_price)
    return _Opening(lean, rich, total.least)


def _price(pair: tuple[float, Tally]) -> float:
    """Order plans by their prices."""
    return pair[0]


def _choose_beyond(reader: Reader, price: float, end: float) -> list[tuple[float, Tally]]:
    """Choose at a price that the sample did not expect and at the end of the scale behind it."""
    prices = [price, end] if 0.0 < price < math.inf else [end]
    return list(zip(prices, reader.choose(prices)[0], strict=True))


def _check_found(problem: Problem, dearest: int) -> None:
    """Name the wrong entry where there is one, and refuse totals beyond 64 bits."""
    if dearest < 0 or dearest * len(problem) > INT64_MAX:
        check_entries(problem)


def _solve_view(window: Window) -> Tally:
    """Find the minimum of the dual from the few rows in view, and split the rows tied there."""
    reader, rows = window.reader, window.rows
    block = reader.problem.block(slice(None) if rows is None else rows)
    lean, rich = block.plan(window.lean.choices), block.plan(window.rich.choices)
    fixed_spend = window.lean.spend - lean.spend
    fixed_gain = window.lean.gain - reader.count(block.gain_of(lean.choices))
    room = window.budget - fixed_spend
    bracket = find_bracket(block, room, lean, rich)
    window.price = bracket.price
    window.bound = fixed_gain / reader.scale + bracket.bound
    plan = split_ties(block, bracket.lean, bracket.rich, room)
    window.decide(plan.choices)
    gain = fixed_gain + reader.count(block.gain_of(plan.choices))
    return Tally(window.choices, gain, fixed_spend + plan.spend)


def _split_view(window: Window) -> Tally:
    """Move tied rows from the lean to the rich plan, cheapest step first, while they fit."""
    lean, rich = window.lean, window.rich
    places = np.flatnonzero(lean.choices != rich.choices)
    rows = places if window.rows is None else window.rows[places]
    before, after = lean.choices[places], rich.choices[places]
    problem, reader = window.reader.problem, window.reader
    step = problem.costs_of(rows, after) - problem.costs_of(rows, before)
    moved = _fit_smallest(step, window.budget - lean.spend)
    choices = lean.choices.copy()
    choices[places[moved]] = after[moved]
    window.decide(choices)
    gain = lean.gain
    gain += reader.count(problem.gains_of(rows[moved], after[moved]))
    gain -= reader.count(problem.gains_of(rows[moved], before[moved]))
    return Tally(window.choices, gain, lean.spend + int(step[moved].sum()))


def _fit_smallest(step: IntArray, room: int) -> IntArray:
    """Take the smallest steps that fit together, the earlier of equal ones."""
    ordered = np.sort(step)
    count = int(ordered.cumsum().searchsorted(room, side="right"))
    if not count:
        return np.empty(0, dtype=np.int64)
    below = np.flatnonzero(step < ordered[count - 1])
    equal = np.flatnonzero(step == ordered[count - 1])[: count - len(below)]
    return np.concatenate([below, equal])


def _polish(window: Window, plan: Tally, states_max: int) -> tuple[Tally, float]:
    """Use up what is left of the budget on the rows nearest to a switch of option."""
    reader, budget = window.reader, window.budget
    rows = _pick_doubtful(window, plan)
    block = reader.problem.block(rows)
    inner = block.plan(plan.choices[rows])
    room = budget - (plan.spend - inner.spend)
    better = fill_block(block, inner, room)
    bound = window.bound
    if states_max:
        inner_bound = float(block.scores(window.price).max(axis=1).sum()) + window.price * room
        result = search_core(block, room, window.price, inner_bound, better, states_max=states_max)
        better = result.plan
        if len(rows) == len(reader.problem):
            bound = min(bound, result.bound)
    gain = plan.gain - reader.count(block.gain_of(inner.choices))
    gain += reader.count(block.gain_of(better.choices))
    plan.choices[rows] = better.choices
    plan = Tally(plan.choices, gain, budget - room + better.spend)
    return plan, min(bound, _bound_on_grid(reader, block, plan, bound))


def _pick_doubtful(window: Window, plan: Tally) -> IntArray:
    """Pick the rows in view, evenly spaced where they are many, more where they are few."""
    limit = max(1, limits.DENSE_ELEMENTS // window.reader.problem.n_options)
    all_rows = np.arange(len(window.reader.problem))
    rows = all_rows if window.rows is None else window.rows
    if len(rows) > limit:
        # Rows tied at the price that found no room are the likeliest to use up what is left.
        waiting = np.flatnonzero(window.rich.choices != plan.choices[rows])[:WAITING_ROWS]
        return _join(_spread(rows, limit), rows[waiting])
    if len(rows) < min(POLISH_ROWS, limit):
        wider = all_rows if window.wider is None else window.wider
        return _join(_spread(wider, min(POLISH_ROWS, limit)), rows)
    return rows


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


def _bound_on_grid(reader: Reader, block: Block, plan: Tally, bound: float) -> float:
    """Lower the bound to the plan's value where no step of a grid of gains fits in between."""
    value = plan.gain / reader.scale
    step = find_step(block.gain)
    if not step or value + step * (1.0 - GRID_ROUNDING) <= bound:
        return bound
    problem = reader.problem
    parts = reader.map_parts(lambda part: lies_on_grid(problem.gains(part), step), len(problem))
    return value if all(parts) else bound
