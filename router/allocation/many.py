"""Several budgets at once: prices by cutting planes, repair and fill, then the search."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block import INT64_MAX, FloatArray, IntArray
from router.allocation.block_many import ManyBlock, ManyPlan
from router.allocation.core_many import search_many
from router.allocation.dual_many import ManyDual, find_prices
from router.allocation.funding import least_choices, least_totals
from router.allocation.grid import GRID_ROUNDING, find_step
from router.allocation.middle_many import meet_many
from router.allocation.near_many import search_near
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
# Plans that lack no more than this share of their bound are the best.
ROUNDING = 1e-12
# Where the least costs leave less than this share of a budget, only what exceeds them is counted.
LEAST_ROOM = 1e-3


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
    block, counted = _read_block(problem, budgets, required)
    # More than every row's dearest option is never spent.
    dearest = np.broadcast_to(block.costs().max(axis=1), (len(block), len(budgets))).sum(axis=0)
    ceilings = np.minimum(np.array(budgets, dtype=np.int64) - counted, dearest)
    _close_unaffordable(block, ceilings, budgets)
    richest = spare_many(block, block.plan(block.gain.argmax(axis=1)), ceilings)
    if (richest.spend <= ceilings).all():
        richest = richest._replace(spend=richest.spend + counted)
        return _wrap(richest, richest.gain, np.zeros(len(budgets)), "slack", required)
    dual = find_prices(block, ceilings)
    searched = bool(states_max) and block.gain.size <= EXACT_ELEMENTS
    cheapest = block.plan(least_choices(problem, budgets))
    plan = _best_plan(block, ceilings, dual, cheapest, swap=not searched)
    bound = -np.inf if dual.infeasible else dual.bound
    if searched and not dual.infeasible:
        plan, bound = _search(block, ceilings, dual, plan, states_max)
    if plan is None:
        proof = "there is no plan" if bound == -np.inf else "no plan was found"
        raise BudgetError(
            f"{proof} within all of the budgets {budgets}; the least totals are {required}"
        )
    plan = spare_many(block, plan, ceilings)
    plan = plan._replace(spend=plan.spend + counted)
    return _wrap(plan, bound, dual.prices, "core" if states_max else "dual", required)


def _read_block(
    problem: Problem, budgets: tuple[int, ...], required: tuple[int, ...]
) -> tuple[ManyBlock, IntArray]:
    """Read all rows, and what every plan spends that their costs no longer count.

    Large costs that lie close together are the same as floats; counted from each row's least ones
    they are not, and choose the same plans within what the least costs leave of the budgets.
    """
    counted = np.zeros(len(budgets), dtype=np.int64)
    block = ManyBlock.read(problem)
    pairs = zip(budgets, required, strict=True)
    if all(budget - least >= LEAST_ROOM * budget for budget, least in pairs):
        return block, counted
    still_open = (block.gain > -np.inf)[:, :, None]
    least = np.where(still_open, block.costs(), INT64_MAX).min(axis=1, keepdims=True)
    counted += np.array(required, dtype=np.int64)
    return ManyBlock(block.gain, np.where(still_open, block.costs() - least, 0)), counted


def _close_unaffordable(block: ManyBlock, room: IntArray, budgets: tuple[int, ...]) -> None:
    """Close options that no plan can afford even with all other rows at their least cost."""
    cost = np.where((block.gain > -np.inf)[:, :, None], block.costs(), INT64_MAX)
    least = cost.min(axis=1)
    over = (cost - least[:, None, :]) > room - least.sum(axis=0)
    block.gain = np.where(over.any(axis=2), -np.inf, block.gain)
    closed = (block.gain == -np.inf).all(axis=1)
    if closed.any():
        raise BudgetError(
            f"row {int(closed.argmax())} has no option that keeps all of the budgets "
            f"{budgets} with every other row at its least cost"
        )


def _best_plan(
    block: ManyBlock, budgets: IntArray, dual: ManyDual, least: ManyPlan, *, swap: bool
) -> ManyPlan | None:
    """Repair and fill every plan tied at the prices, and keep the best one.

    The search makes pairs of changes and many more, so that nothing is swapped before it.
    """
    best: ManyPlan | None = None
    if not dual.infeasible:
        for start in dual.starts:
            plan = repair_many(block, start, budgets, dual.prices)
            if plan is not None:
                plan = fill_many(block, plan, budgets)
                plan = swap_many(block, plan, budgets, dual.prices) if swap else plan
                best = plan if best is None or plan.gain > best.gain else best
    if best is None and (least.spend <= budgets).all():
        best = fill_many(block, least, budgets)
    return best


def _search(
    block: ManyBlock, budgets: IntArray, dual: ManyDual, plan: ManyPlan | None, states_max: int
) -> tuple[ManyPlan | None, float]:
    """Search for the best plan, and bound it."""
    bound = dual.bound
    if plan is None:
        plan, bound = search_many(block, budgets, dual, plan, states_max=states_max)
        if plan is None:
            return plan, bound
    grid = find_step(block.gain)
    states = max(1, states_max // 100)
    plan, proven = meet_many(block, budgets, dual.prices, plan, states_max=states, grid=grid)
    bound = min(bound, proven)
    if _round_bound(bound, grid) > plan.gain * (1.0 + ROUNDING):
        plan = search_near(block, budgets, dual, plan, states_max=states, grid=grid)
    return plan, _round_bound(bound, grid)


def _round_bound(bound: float, grid: float) -> float:
    """Bring a bound down to the next total that gains on a grid can have."""
    return bound if grid == 0.0 else grid * float(np.floor(bound / grid + GRID_ROUNDING))


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
