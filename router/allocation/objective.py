"""What to plan for, around the plain solver: targets, floors, dependent rows, rows left out.

Conditions close options first; rows left without any are refused or set aside. Dependent rows are
joined next, so that whatever optimises sees independent rows only. At the end choices are unfolded
and put back where they came from.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.allocation.funding import fundable_rows, least_totals
from router.allocation.groups import Folded, fold_groups
from router.allocation.solution import Solution
from router.allocation.target import find_cheapest, reach_most
from router.dependencies import label_groups
from router.exceptions import AllocationError, BudgetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.allocation.block import IntArray
    from router.allocation.conditions import Conditions
    from router.allocation.problem import Problem
    from router.allocation.target import Run

__all__ = ["Objective", "label_rows", "solve_objective"]


@dataclass(frozen=True, slots=True)
class Objective:
    """What to plan for.

    Parameters
    ----------
    conditions : Conditions
        Of single rows.
    labels : ndarray of shape (n,), int64, or None
        Rows of one label succeed together only.
    target : float or None
        Total quality to reach at the least cost; None for the most quality within the budgets.
    mark : bool
        Whether rows that cannot be funded are marked and targets missed, instead of refused.
    """

    conditions: Conditions
    labels: IntArray | None
    target: float | None
    mark: bool


def label_rows(depends_on: Sequence[Sequence[int]], n_rows: int) -> IntArray:
    """Label dependent rows by the first of their group.

    Raises
    ------
    AllocationError
        There is not one entry a row, or a row depends on itself, on none of the batch, or in a
        circle.
    """
    if len(depends_on) != n_rows:
        raise AllocationError(f"depends_on has length {len(depends_on)}; {n_rows} is needed")
    needed = []
    for row, entry in enumerate(depends_on):
        rows = np.asarray(entry)
        if rows.ndim != 1 or (rows.size and rows.dtype.kind not in "iu"):
            raise AllocationError(f"depends_on[{row}] is {entry!r}; a list of rows is needed")
        needed.append(rows.tolist())
    return label_groups(range(n_rows), needed, error=AllocationError, noun="row")


def solve_objective(
    problem: Problem, budgets: tuple[int, ...], run: Run, objective: Objective
) -> Solution:
    """Plan for an objective with the plain solver.

    Parameters
    ----------
    problem : Problem
        Checked; rows may lack options only where they are to be marked.
    budgets : tuple of int
        Ceilings in micro-units.
    run : callable
        Finds the best plan of independent rows within budgets.
    objective : Objective
        What to plan for.

    Raises
    ------
    AllocationError
        A row has no option left, or the target is above what can be reached.
    BudgetError
        The budgets do not reach the cheapest plan, or not the target.
    """
    narrowed = objective.conditions.narrow(problem)
    has_option = _find_open(narrowed, objective)
    if not has_option.all() and not objective.mark:
        row = int(np.argmin(has_option))
        raise AllocationError(objective.conditions.describe_empty_row(problem, row))
    rows = np.flatnonzero(has_option)
    choices = np.full(len(problem), -1, dtype=np.int64)
    if not len(rows):
        return _plan_nothing(problem, choices, (0,) * len(budgets))
    part = narrowed if len(rows) == len(problem) else narrowed.take(rows)
    labels, priority = objective.labels, objective.conditions.priority
    folded = Folded(part)
    if labels is not None:
        # What a target may need is not known before, so nothing is too dear for it; nor where rows
        # may be marked because no plan keeps several budgets together, and then leave theirs.
        known = objective.target is None and not (objective.mark and len(budgets) > 1)
        ceilings = budgets if known else None
        folded = fold_groups(part, labels[rows], budgets=ceilings)
    if priority is not None:
        priority = folded.raise_to_highest(priority[rows])
    if objective.target is None:
        solution = _fund(folded.problem, budgets, run, objective, priority)
    else:
        solution = _reach(folded, budgets, run, objective, priority)
    choices[rows] = folded.unfold(solution.choices)
    return dataclasses.replace(solution, choices=choices, bound=solution.bound + folded.loss)


def _find_open(narrowed: Problem, objective: Objective) -> NDArray[np.bool_]:
    """Find the rows that have an option, as have all rows of their group."""
    if narrowed.allowed is None:
        return np.ones(len(narrowed), dtype=np.bool_)
    has_option: NDArray[np.bool_] = np.asarray(narrowed.allowed.any(axis=1))
    if objective.mark and objective.labels is not None:
        has_option = ~np.isin(objective.labels, objective.labels[~has_option])
    return has_option


def _reach(
    folded: Folded,
    budgets: tuple[int, ...],
    run: Run,
    objective: Objective,
    priority: IntArray | None,
) -> Solution:
    """Reach the target at the least cost, or come as close as is possible."""
    target = 0.0 if objective.target is None else objective.target
    found = find_cheapest(folded.problem, budgets, target, run, loss=folded.loss)
    if found is not None:
        return found
    most = reach_most(folded.problem)
    closest = _fund(folded.problem, budgets, run, objective, priority)
    if objective.mark:
        return closest
    if most < target and closest.value >= most * (1.0 - 1e-9):
        raise AllocationError(
            f"target is {target:.12g}; the best plan reaches {most:.12g} "
            f"for {_write_amounts(closest.spends)} micro-units"
        )
    raise BudgetError(
        f"no plan within {_write_amounts(budgets)} micro-units reaches the target of "
        f"{target:.12g}; the best one found reaches {closest.value:.12g}"
    )


def _fund(
    problem: Problem,
    budgets: tuple[int, ...],
    run: Run,
    objective: Objective,
    priority: IntArray | None,
) -> Solution:
    """Plan within the budgets; where asked, fund what they can carry and mark the other rows."""
    try:
        return run(problem, budgets)
    except BudgetError:
        if not objective.mark:
            raise
    rows = fundable_rows(problem, budgets, priority)
    choices = np.full(len(problem), -1, dtype=np.int64)
    empty = _plan_nothing(problem, choices, least_totals(problem))
    if not len(rows):
        return empty
    part = run(problem.take(rows), budgets)
    choices[rows] = part.choices
    return dataclasses.replace(part, choices=choices, minimum_required=empty.minimum_required)


def _plan_nothing(problem: Problem, choices: IntArray, required: tuple[int, ...]) -> Solution:
    """Make the plan that funds no row."""
    if problem.n_budgets is None:
        return Solution(choices, 0.0, 0, 0.0, 0.0, "slack", required[0])
    n_budgets = problem.n_budgets
    return Solution(choices, 0.0, (0,) * n_budgets, 0.0, (0.0,) * n_budgets, "slack", required)


def _write_amounts(amounts: tuple[int, ...]) -> str:
    """Write one amount bare and several in brackets."""
    return str(amounts[0]) if len(amounts) == 1 else str(amounts)
