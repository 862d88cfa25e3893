"""The cheapest plan that reaches a total quality: the mirror image of the best within a budget.

Counting what each option saves against its row's dearest one, and what it loses against the row's
best one, turns "least cost, quality at least the target" into "highest savings, losses at most what
the target leaves": a multiple-choice knapsack again. Qualities are read as integers of a power of
two so fine that all of them together take sixty bits, so the same exact machinery applies.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block import INT64_MAX, Block
from router.allocation.funding import least_totals
from router.allocation.problem import Problem
from router.allocation.solution import ROUNDING, Solution
from router.allocation.units import find_scale
from router.exceptions import AllocationError, BudgetError

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray

__all__ = ["Run", "check_target", "find_cheapest", "reach_most"]

# The plain solver: the best plan of a problem within its budgets.
Run = Callable[[Problem, tuple[int, ...]], Solution]

QUALITY_BITS = 60
SAVINGS_BITS = 52
# Up to here all that is added up and compared is exact, rounding of the search included.
EXACT_TOTAL = 1 << 42


def check_target(target: object) -> float:
    """Check that a target is a finite number that is not negative.

    Raises
    ------
    AllocationError
        The target is something else.

    Examples
    --------
    >>> check_target(3)
    3.0
    """
    if isinstance(target, int | float | np.integer | np.floating) and not isinstance(target, bool):
        try:
            number = float(target)
        except OverflowError:
            number = math.inf
        if 0.0 <= number < math.inf:
            return number
    raise AllocationError(f"target is {target!r}; a finite total quality from 0 up is needed")


def reach_most(problem: Problem) -> float:
    """Total the best option of every row, whatever it costs."""
    surface = problem.surface()
    if isinstance(surface, Block):
        return float(surface.gain.max(axis=1).sum())
    return sum(float(block.gain.max(axis=1).sum()) for _, block in surface.blocks())


def find_cheapest(
    problem: Problem, budgets: tuple[int, ...], target: float, run: Run, *, loss: float = 0.0
) -> Solution | None:
    """Find the plan that reaches a total quality at the least cost.

    Of several budgets the first is spent least of; the others are kept. Among plans that cost as
    little the best one is taken.

    Parameters
    ----------
    problem : Problem
        Rows, each with at least one option.
    budgets : tuple of int
        Ceilings in micro-units.
    target : float
        Total weighted quality; reached to a trillionth of it, the rounding of its sum.
    run : callable
        Finds the best plan within budgets.
    loss : float, default=0
        By how much plans not among the rows' options may exceed them; the bound on the cost covers
        those plans too.

    Returns
    -------
    Solution or None
        With `cost_bound`; None where no plan that reaches the target was found.
    """
    needed = target * (1.0 - ROUNDING)
    if reach_most(problem) < needed:
        return None
    found = _solve_mirrored(problem, budgets, target, run)
    if found is None:
        return None
    choices, cost_bound = found
    if loss > 0.0:
        relaxed = _solve_mirrored(problem, budgets, max(0.0, target - loss), run)
        cost_bound = cost_bound if relaxed is None else min(cost_bound, relaxed[1])
    known = _describe(problem, choices)
    fits = known.spends[0] <= budgets[0]
    # The best plan that costs no more: it also has the shadow price and the bound on its value.
    plan = _try(run, problem, (min(known.spends[0], budgets[0]), *budgets[1:]))
    if not fits and (plan is None or plan.value < needed):
        return None
    if plan is None:
        plan = known
    elif plan.value < known.value and fits:
        plan = dataclasses.replace(
            plan,
            choices=choices,
            value=known.value,
            spend=known.spend,
            bound=max(plan.bound, known.value),
        )
    return dataclasses.replace(plan, cost_bound=min(cost_bound, plan.spends[0]))


def _solve_mirrored(
    problem: Problem, budgets: tuple[int, ...], target: float, run: Run
) -> tuple[IntArray, int] | None:
    """Find the cheapest choices that reach a target, and bound their cost from below."""
    mirrored, room, dearest, unit = _mirror(problem, target)
    solution = _try(run, mirrored, (room, *budgets[1:]))
    if solution is None:
        return None
    spend = _spend(problem, solution.choices)[0]
    if dearest >= EXACT_TOTAL or find_scale(len(problem), float(dearest)) < 1.0:
        # Savings of this size are rounded; without the options no better plan can afford they are
        # smaller.
        narrowed = _close_above(problem, spend)
        if narrowed is not None:
            return _solve_mirrored(narrowed, budgets, target, run)
    elif solution.bound <= solution.value:
        return solution.choices, spend
    # Savings are totalled in floats, and the bound must not profit from their rounding.
    least = math.ceil(dearest - solution.bound / unit - 2.0 * ROUNDING * dearest)
    return solution.choices, min(max(least_totals(problem)[0], least), spend)


def _close_above(problem: Problem, spend: int) -> Problem | None:
    """Close the options that cost more than a whole plan; None where there are none."""
    cost = problem.costs()
    first = cost if problem.n_budgets is None else cost[..., 0]
    within = np.broadcast_to(first <= spend, problem.quality.shape)
    allowed = within if problem.allowed is None else within & problem.allowed
    before = within.size if problem.allowed is None else int(problem.allowed.sum())
    if int(allowed.sum()) == before:
        return None
    return dataclasses.replace(problem, allowed=allowed)


def _mirror(problem: Problem, target: float) -> tuple[Problem, int, int, float]:
    """Turn qualities into losses and costs into savings.

    Returns the mirrored problem, the losses in its own unit that the target leaves room for, the
    total cost of every row's dearest option, and the unit of savings: one micro-unit, or less than
    that where they would leave the range in which floats hold whole numbers.
    """
    gain = problem.gains()
    still_open = gain > -np.inf
    cost = problem.costs()
    spent = cost if problem.n_budgets is None else cost[..., 0]
    dearest = np.where(still_open, spent, 0).max(axis=1)
    total = int(dearest.sum())
    unit = math.ldexp(1.0, min(0, SAVINGS_BITS - total.bit_length()))
    saved: FloatArray = np.where(still_open, dearest[:, None] - spent, 0) * unit
    top = gain.max(axis=1)
    scale = _find_fineness(float(top.sum()))
    best = np.rint(top * scale)
    lost = np.where(still_open, best[:, None] - np.rint(gain * scale), 0.0).astype(np.int64)
    # Every rounded quality is off by half a unit at most, and no plan may be missed for that.
    needed = math.floor(target * scale * (1.0 - ROUNDING)) - len(problem)
    room = min(max(0, int(best.astype(np.int64).sum()) - needed), INT64_MAX)
    if problem.n_budgets is not None:
        others = np.broadcast_to(cost[..., 1:], (*lost.shape, problem.n_budgets - 1))
        lost = np.concatenate([lost[..., None], others], axis=2)
    mirrored = Problem(saved, lost, None, still_open, problem.n_budgets)
    return mirrored, room, total, unit


def _find_fineness(total: float) -> float:
    """Find the power of two that lifts a total to sixty bits."""
    if total <= 0.0:
        return 1.0
    _, exponent = math.frexp(total)
    return math.ldexp(1.0, min(QUALITY_BITS - exponent, 1000))


def _describe(problem: Problem, choices: IntArray) -> Solution:
    """Total up known choices; nothing but the best option of every row bounds their value."""
    rows, spend = np.arange(len(problem)), _spend(problem, choices)
    quality = problem.quality[rows, choices].astype(np.float64)
    value = float((quality if problem.weights is None else quality * problem.weights).sum())
    bound, required = max(reach_most(problem), value), least_totals(problem)
    if problem.n_budgets is None:
        return Solution(choices, value, spend[0], bound, 0.0, "core", required[0])
    return Solution(choices, value, spend, bound, (0.0,) * len(spend), "core", required)


def _spend(problem: Problem, choices: IntArray) -> tuple[int, ...]:
    """Total up what choices cost, budget by budget."""
    cost = problem.costs()
    chosen = cost[choices] if problem.shared else cost[np.arange(len(choices)), choices]
    return tuple(int(total) for total in chosen.reshape((len(choices), -1)).sum(axis=0))


def _try(run: Run, problem: Problem, budgets: tuple[int, ...]) -> Solution | None:
    """Run the solver; None where the budgets reach no plan."""
    try:
        return run(problem, budgets)
    except BudgetError:
        return None
