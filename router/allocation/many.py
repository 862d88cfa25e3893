"""Several budgets at once: prices by cutting planes, then repair and fill."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block import INT64_MAX, FloatArray, IntArray
from router.allocation.block_many import ManyBlock, ManyPlan
from router.allocation.core_many import search_many
from router.allocation.dual_many import ManyDual, find_prices
from router.allocation.funding import least_choices, least_totals
from router.allocation.repair_many import fill_many, repair_many
from router.allocation.solution import Solution
from router.allocation.spare_many import spare_many
from router.allocation.swap_many import swap_many
from router.exceptions import BudgetError

if TYPE_CHECKING:
    from router.allocation.problem import Problem

__all__ = ["solve_many"]

# Above this many elements the dual and the fill leave next to nothing to search for.
EXACT_ELEMENTS = 1 << 16


def solve_many(problem: Problem, budgets: tuple[int, ...], *, states_max: int) -> Solution:
    """Solve a checked problem with k budgets.

    Raises
    ------
    BudgetError
        A budget is below its least total, or no plan keeps all budgets at once.
    """
    required = least_totals(problem)
    for place, (budget, least) in enumerate(zip(budgets, required, strict=True)):
        if least > budget:
            raise BudgetError(
                f"budget[{place}] of {budget} micro-units does not reach the least total of "
                f"{len(problem)} rows, which is {least}"
            )
    block = ManyBlock.read(problem)
    ceilings = np.array(budgets, dtype=np.int64)
    _close_unaffordable(block, ceilings)
    richest = spare_many(block, block.plan(block.gain.argmax(axis=1)), ceilings)
    if (richest.spend <= ceilings).all():
        return _wrap(richest, richest.gain, np.zeros(len(budgets)), "slack", required)
    dual = find_prices(block, ceilings)
    plan = _best_plan(block, ceilings, dual, block.plan(least_choices(problem, budgets)))
    bound = -np.inf if dual.infeasible else dual.bound
    if not dual.infeasible and states_max and block.gain.size <= EXACT_ELEMENTS:
        plan, bound = search_many(block, ceilings, dual, plan, states_max=states_max)
    if plan is None:
        proof = "there is no plan" if bound == -np.inf else "no plan was found"
        raise BudgetError(
            f"{proof} within all of the budgets {budgets}; the least totals are {required}"
        )
    plan = spare_many(block, plan, ceilings)
    return _wrap(plan, bound, dual.prices, "core" if states_max else "dual", required)


def _close_unaffordable(block: ManyBlock, budgets: IntArray) -> None:
    """Close options that no plan can afford even with all other rows at their least cost."""
    cost = np.where((block.gain > -np.inf)[:, :, None], block.costs(), INT64_MAX)
    least = cost.min(axis=1)
    over = (cost - least[:, None, :]) > budgets - least.sum(axis=0)
    block.gain = np.where(over.any(axis=2), -np.inf, block.gain)
    closed = (block.gain == -np.inf).all(axis=1)
    if closed.any():
        raise BudgetError(
            f"row {int(closed.argmax())} has no option that keeps all of the budgets "
            f"{tuple(budgets.tolist())} with every other row at its least cost"
        )


def _best_plan(
    block: ManyBlock, budgets: IntArray, dual: ManyDual, least: ManyPlan
) -> ManyPlan | None:
    """Repair and fill every plan tied at the prices, and keep the best one."""
    best: ManyPlan | None = None
    if not dual.infeasible:
        for start in dual.starts:
            plan = repair_many(block, start, budgets, dual.prices)
            if plan is not None:
                plan = fill_many(block, plan, budgets)
                plan = swap_many(block, plan, budgets, dual.prices)
                best = plan if best is None or plan.gain > best.gain else best
    if best is None and (least.spend <= budgets).all():
        best = fill_many(block, least, budgets)
    return best


def _wrap(
    plan: ManyPlan, bound: float, prices: FloatArray, method: str, required: tuple[int, ...]
) -> Solution:
    """Put a plan and its proof into a solution."""
    return Solution(
        plan.choices.astype(np.int64, copy=False),
        plan.gain,
        tuple(plan.spend.tolist()),
        max(bound, plan.gain),
        tuple(prices.tolist()),
        method,
        required,
    )
