"""One budget: dual price, fill, and the exact search over the rows left in doubt."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block import Block
from router.allocation.core import search_core
from router.allocation.dual import find_bracket
from router.allocation.fill import fill_block, split_ties
from router.allocation.funding import shortfall
from router.allocation.large import solve_large
from router.allocation.solution import Solution

if TYPE_CHECKING:
    from router.allocation.block import Plan
    from router.allocation.problem import Problem

__all__ = ["solve_single"]


def solve_single(
    problem: Problem, budget: int, *, states_max: int, compiled: bool = False
) -> Solution:
    """Solve a checked problem with one budget, where told so with compiled kernels.

    Raises
    ------
    BudgetError
        The budget is below the cheapest plan.
    """
    if not problem.dense:
        return solve_large(problem, budget, states_max=states_max, compiled=compiled)
    if compiled:
        from router.allocation.compiled import solve_dense

        return solve_dense(problem.gains(), problem.costs(), budget, states_max=states_max)
    masked = problem.allowed is not None
    block = Block(problem.gains(), problem.costs(), masked=masked, leveled=True)
    cheapest, richest = block.plan(block.cheapest()), block.plan(block.richest())
    required = cheapest.spend
    if required > budget:
        raise shortfall(budget, len(problem), required)
    if richest.spend <= budget:
        return _wrap(block, richest, 0.0, (0.0, "slack", required))
    bracket = find_bracket(block, budget, cheapest, richest)
    plan = split_ties(block, bracket.lean, bracket.rich, budget)
    plan, bound = _polish_block(
        block, budget, bracket.price, bracket.bound, plan, states_max=states_max
    )
    method = "core" if states_max else "dual"
    return _wrap(block, plan, bound, (bracket.price, method, required))


def _polish_block(
    block: Block, budget: int, price: float, bound: float, plan: Plan, *, states_max: int
) -> tuple[Plan, float]:
    """Fill a plan up and, where states are granted, search for the best one."""
    plan = fill_block(block, plan, budget)
    if not states_max:
        return plan, bound
    result = search_core(block, budget, price, bound, plan, states_max=states_max)
    return result.plan, min(bound, result.bound)


def _wrap(block: Block, plan: Plan, bound: float, rest: tuple[float, str, int]) -> Solution:
    """Put a plan and its proof into a solution; the rest is price, method and least total."""
    choices = plan.choices.astype(np.int64, copy=False)
    value = plan.units / block.scale
    return Solution(choices, value, plan.spend, max(bound, value), *rest)
