"""The one door of the allocator: arrays in, one option per row out."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal

import numpy as np

from router.allocation.checks import check_budget, check_budgets, check_problem, is_many
from router.allocation.exact_milp import solve_milp
from router.allocation.funding import fundable_rows, least_totals
from router.allocation.many import solve_many
from router.allocation.single import solve_single
from router.allocation.solution import Solution
from router.exceptions import AllocationError, BudgetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from router.allocation.problem import Problem

__all__ = ["solve"]

Method = Literal["auto", "dual", "milp"]
Unfunded = Literal["raise", "mark"]

# States of the exact search, a fraction of a second of work where all are used up.
STATES_MAX = 1_000_000


def solve(
    quality: ArrayLike,
    cost: ArrayLike,
    budget: int | Sequence[int],
    *,
    weights: ArrayLike | None = None,
    allowed: ArrayLike | None = None,
    unfunded: Unfunded = "raise",
    method: Method = "auto",
    states_max: int = STATES_MAX,
) -> Solution:
    """Choose one option per row so that the total quality is highest within the budget.

    Never spends a micro-unit too much: costs and budgets are integers and the spend is totalled in
    64-bit integers from the choices. No clock and no random number takes part.

    Parameters
    ----------
    quality : array_like of shape (n, m), float64 or float32
        Expected quality of every option, in [0, 1].
    cost : array_like of shape (n, m) or (m,), integer
        Cost in micro-units, per row or shared by all rows; with k budgets (n, m, k) or (m, k).
    budget : int or sequence of int
        Ceiling on the total cost in micro-units, or k of them.
    weights : array_like of shape (n,), optional
        Importance of every row, finite and not negative; all one by default.
    allowed : array_like of shape (n, m), bool, optional
        Options that a row may take; all by default.
    unfunded : {"raise", "mark"}, default="raise"
        What to do when the budget does not reach the cheapest plan. ``"mark"`` funds rows in the
        order of their cheapest option's cost, the earlier of equal ones first, for as long as they
        fit, finds the best plan of the funded rows and marks the others with -1.
    method : {"auto", "dual", "milp"}, default="auto"
        ``"dual"`` stops after dual price and fill, ``"auto"`` goes on with the exact search,
        ``"milp"`` hands the rows left in doubt to HiGHS (needs SciPy).
    states_max : int, default=1_000_000
        States that the exact search looks at before it ends with a bound; a tenth of them where
        the plan is within a millionth of its bound. Counted, not timed, so that a slow machine
        finds the same plan. With several budgets a thousandth of them is carried from row to row.

    Returns
    -------
    Solution
        Choices, exact spend, value, proven bound and shadow price. Among equally good upgrades the
        cheaper one is taken, then the one with the lower row and option. With rows marked, the
        bound is that of the funded rows.

    Raises
    ------
    AllocationError
        An array has a wrong shape, type or entry; the message names row and column.
    BudgetError
        A budget is no whole number, negative, or does not reach the cheapest plan.

    Examples
    --------
    >>> import numpy as np
    >>> quality = np.array([[0.1, 0.6, 0.7], [0.0, 0.2, 0.9]])
    >>> plan = solve(quality, cost=np.array([0, 10, 30]), budget=40)
    >>> plan.choices, plan.spend, plan.value, plan.proven
    (array([1, 2]), 40, 1.5, True)
    """
    budgets = check_budgets(budget) if is_many(budget) else (check_budget(budget),)
    problem = check_problem(
        quality, cost, weights, allowed, n_budgets=len(budgets) if is_many(budget) else None
    )
    _check_choice("unfunded", unfunded, ("raise", "mark"))
    _check_choice("method", method, ("auto", "dual", "milp"))
    if unfunded == "mark":
        return _solve_funded(problem, budgets, method, states_max)
    return _solve_checked(problem, budgets, method, states_max)


def _solve_checked(
    problem: Problem, budgets: tuple[int, ...], method: str, states_max: int
) -> Solution:
    """Send a checked problem to the algorithm for its number of budgets."""
    states = 0 if method == "dual" else states_max
    if problem.n_budgets is None:
        solution = solve_single(problem, budgets[0], states_max=states)
    else:
        solution = solve_many(problem, budgets, states_max=states)
    return solve_milp(problem, budgets, solution) if method == "milp" else solution


def _solve_funded(
    problem: Problem, budgets: tuple[int, ...], method: str, states_max: int
) -> Solution:
    """Fund what the budgets can carry and mark the other rows."""
    try:
        return _solve_checked(problem, budgets, method, states_max)
    except BudgetError:
        rows = fundable_rows(problem, budgets)
    choices = np.full(len(problem), -1, dtype=np.int64)
    required = least_totals(problem)
    if problem.n_budgets is None:
        empty = Solution(choices, 0.0, 0, 0.0, 0.0, "slack", required[0])
    else:
        nothing = (0,) * len(budgets)
        empty = Solution(choices, 0.0, nothing, 0.0, (0.0,) * len(budgets), "slack", required)
    if not len(rows):
        return empty
    part = _solve_checked(problem.take(rows), budgets, method, states_max)
    choices[rows] = part.choices
    return dataclasses.replace(part, choices=choices, minimum_required=empty.minimum_required)


def _check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    """Refuse a word that is not one of the known ones."""
    if value not in known:
        raise AllocationError(f"{name} is {value!r}; known are {', '.join(known)}")
