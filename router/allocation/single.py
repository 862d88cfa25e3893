"""One budget: dual price, fill, and the exact search over the rows left in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block import Block, IntArray, Plan
from router.allocation.core import search_core
from router.allocation.dual import Bracket, find_bracket
from router.allocation.fill import fill_block, split_ties
from router.allocation.grid import GRID_ROUNDING, find_common_step
from router.allocation.sample import open_bracket
from router.allocation.solution import Solution
from router.exceptions import BudgetError

if TYPE_CHECKING:
    from router.allocation.problem import Problem, Table

__all__ = ["solve_single"]

# Elements of the rows nearest to a switch that a large problem polishes as one block.
POLISH_ELEMENTS = 1 << 16
WAITING_ROWS = 64


def solve_single(problem: Problem, budget: int, *, states_max: int) -> Solution:
    """Solve a checked problem with one budget.

    Raises
    ------
    BudgetError
        The budget is below the cheapest plan.
    """
    surface = problem.surface()
    if isinstance(surface, Block):
        cheapest, richest = surface.plan(surface.cheapest()), surface.plan(surface.richest())
        lean, rich = cheapest, richest
    else:
        cheapest, richest, lean, rich = open_bracket(surface, budget)
    required = cheapest.spend
    if required > budget:
        raise BudgetError(
            f"a budget of {budget} micro-units does not reach the cheapest plan of "
            f"{len(problem)} rows, which costs {required}"
        )
    if richest.spend <= budget:
        return _wrap(richest, richest.gain, 0.0, "slack", required)
    bracket = find_bracket(surface, budget, lean, rich)
    plan = split_ties(surface, bracket.lean, bracket.rich, budget)
    if isinstance(surface, Block):
        plan, bound = _polish_block(
            surface, budget, bracket.price, bracket.bound, plan, states_max=states_max
        )
    else:
        plan, bound = _polish_table(surface, budget, bracket, plan, states_max)
    return _wrap(plan, bound, bracket.price, "core" if states_max else "dual", required)


def _polish_block(
    block: Block, budget: int, price: float, bound: float, plan: Plan, *, states_max: int
) -> tuple[Plan, float]:
    """Fill a plan up and, where states are granted, search for the best one."""
    plan = fill_block(block, plan, budget)
    if not states_max:
        return plan, bound
    result = search_core(block, budget, price, bound, plan, states_max=states_max)
    return result.plan, min(bound, result.bound)


def _polish_table(
    table: Table, budget: int, bracket: Bracket, plan: Plan, states_max: int
) -> tuple[Plan, float]:
    """Polish the rows of a large problem that are nearest to a switch of option."""
    rows, beyond = _nearest_rows(table, bracket.price)
    # Rows tied at the price that found no room are the likeliest to use up what is left.
    waiting = np.flatnonzero(plan.choices != bracket.rich.choices)[:WAITING_ROWS]
    rows = np.union1d(rows, waiting)
    block = table.problem.block(rows)
    inner = block.plan(plan.choices[rows])
    room = budget - (plan.spend - inner.spend)
    scores = block.scores(bracket.price).max(axis=1)
    inner_bound = float(scores.sum()) + bracket.price * room
    better, inner_bound = _polish_block(
        block, room, bracket.price, inner_bound, inner, states_max=states_max
    )
    choices = plan.choices.copy()
    choices[rows] = better.choices
    plan = table.plan(choices)
    step = find_common_step(block.gain for _, block in table.blocks())
    if plan.gain + step * (1.0 - GRID_ROUNDING) > bracket.bound:
        return plan, plan.gain
    # A better plan either keeps the rows outside at their best score or pays the least loss there.
    bound = max(plan.gain + inner_bound - better.gain, bracket.bound - beyond)
    return plan, min(bracket.bound, bound)


def _nearest_rows(table: Table, price: float) -> tuple[IntArray, float]:
    """Find the rows whose second-best score is closest, and the least loss beyond them."""
    loss = np.full(len(table), np.inf)
    for part, block in table.blocks():
        scores = block.scores(price)
        if scores.shape[1] > 1:
            scores.partition(scores.shape[1] - 2, axis=1)
            loss[part] = scores[:, -1] - scores[:, -2]
    count = max(1, POLISH_ELEMENTS // table.problem.n_options)
    if count >= len(table):
        return np.arange(len(table)), np.inf
    edge = float(np.partition(loss, count)[count])
    inside = np.flatnonzero(loss < edge)
    tied = np.flatnonzero(loss == edge)[: count - len(inside)]
    return np.sort(np.concatenate([inside, tied])), edge


def _wrap(plan: Plan, bound: float, price: float, method: str, required: int) -> Solution:
    """Put a plan and its proof into a solution."""
    choices = plan.choices.astype(np.int64, copy=False)
    return Solution(choices, plan.gain, plan.spend, max(bound, plan.gain), price, method, required)
