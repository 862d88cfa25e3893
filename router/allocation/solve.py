"""The one door of the allocator: arrays in, one option per row out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from router.allocation.block import INT64_MAX
from router.allocation.checks import check_budget, check_budgets, check_problem, is_many
from router.allocation.conditions import check_conditions
from router.allocation.exact_milp import solve_milp
from router.allocation.many import solve_many
from router.allocation.objective import Objective, label_rows, solve_objective
from router.allocation.single import solve_single
from router.allocation.target import check_target
from router.exceptions import AllocationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from router.allocation.problem import Problem
    from router.allocation.solution import Solution

__all__ = ["solve"]

Method = Literal["auto", "dual", "milp"]
Unfunded = Literal["raise", "mark"]

# States of the exact search, a fraction of a second of work where all are used up.
STATES_MAX = 1_000_000


def solve(
    quality: ArrayLike,
    cost: ArrayLike,
    budget: int | Sequence[int] | None = None,
    *,
    weights: ArrayLike | None = None,
    allowed: ArrayLike | None = None,
    unfunded: Unfunded = "raise",
    method: Method = "auto",
    states_max: int = STATES_MAX,
    target: float | None = None,
    min_quality: ArrayLike | None = None,
    max_cost: ArrayLike | None = None,
    priority: ArrayLike | None = None,
    depends_on: Sequence[Sequence[int]] | None = None,
) -> Solution:
    """Choose one option per row so that the total quality is highest within the budget.

    With a target, so that the total cost is least among plans that reach it.

    Never spends a micro-unit too much: costs and budgets are integers and the spend is totalled in
    64-bit integers from the choices. No clock and no random number takes part.

    Parameters
    ----------
    quality : array_like of shape (n, m), float64 or float32
        Expected quality of every option, in [0, 1].
    cost : array_like of shape (n, m) or (m,), integer
        Cost in micro-units, per row or shared by all rows; with k budgets (n, m, k) or (m, k).
    budget : int or sequence of int, optional
        Ceiling on the total cost in micro-units, or k of them. Needed without a target.
    weights : array_like of shape (n,), optional
        Importance of every row, finite and not negative; all one by default.
    allowed : array_like of shape (n, m), bool, optional
        Options that a row may take; all by default.
    unfunded : {"raise", "mark"}, default="raise"
        What to do when the budget does not reach the cheapest plan. ``"mark"`` funds rows in the
        order of their cheapest option's cost, the earlier of equal ones first, for as long as they
        fit, finds the best plan of the funded rows and marks the others with -1; likewise rows that
        have no option left. A target that cannot be reached is then come as close to as possible.
    method : {"auto", "dual", "milp"}, default="auto"
        ``"dual"`` stops after dual price and fill, ``"auto"`` goes on with the exact search,
        ``"milp"`` hands the rows left in doubt to HiGHS (needs SciPy).
    states_max : int, default=1_000_000
        States that the exact search looks at before it ends with a bound; a tenth of them where
        the plan is within a millionth of its bound. Counted, not timed, so that a slow machine
        finds the same plan. With several budgets a thousandth of them is carried from row to row.
    target : float, optional
        Total (weighted) quality to reach at the least cost, within the budget where there is one; 0
        asks for the cheapest plan that keeps all floors. Of several budgets the first is spent
        least of. Reached within a trillionth, the rounding of a sum.
    min_quality : float or array_like of shape (n,), optional
        Floor under the quality of a row, unweighted: options below are off.
    max_cost : int or array_like of shape (n,), optional
        Ceiling on the cost of a row: options above are off. With k budgets (k,) or (n, k).
    priority : array_like of shape (n,), integer, optional
        Where rows have to be marked, those of a higher rank are funded before all others.
    depends_on : sequence of n sequences of int, optional
        The rows whose success each row needs. Rows that depend on each other, directly or through
        others, form a group: it counts once, with the product of its rows' qualities times the
        largest of their weights, and is funded as a whole.

    Returns
    -------
    Solution
        Choices, exact spend, value, proven bound and shadow price. Among equally good upgrades the
        cheaper one is taken, then the one with the lower row and option. With rows marked, the
        bound is that of the funded rows. Where a target was reached `cost_bound` is set, and of
        plans at the same cost the best one is taken.

    Raises
    ------
    AllocationError
        An array has a wrong shape, type or entry; the message names row and column. A row has no
        option left, rows depend on each other in a circle, or the target is above what can be
        reached; the message says what can.
    BudgetError
        A budget is no whole number, negative, or does not reach the cheapest plan or the target.

    Examples
    --------
    >>> import numpy as np
    >>> quality = np.array([[0.1, 0.6, 0.7], [0.0, 0.2, 0.9]])
    >>> plan = solve(quality, cost=np.array([0, 10, 30]), budget=40)
    >>> plan.choices, plan.spend, plan.value, plan.proven
    (array([1, 2]), 40, 1.5, True)
    >>> solve(quality, cost=np.array([0, 10, 30]), target=1.0).choices
    array([0, 2])
    """
    _check_choice("unfunded", unfunded, ("raise", "mark"))
    _check_choice("method", method, ("auto", "dual", "milp"))
    if budget is None and target is not None:
        budgets: tuple[int, ...] = (INT64_MAX,)
    else:
        budgets = check_budgets(budget) if is_many(budget) else (check_budget(budget),)
    mark = unfunded == "mark"
    plain = not mark and all(
        x is None for x in (target, min_quality, max_cost, priority, depends_on)
    )
    problem = check_problem(
        quality,
        cost,
        weights,
        allowed,
        n_budgets=len(budgets) if is_many(budget) else None,
        every_row=not mark,
        defer=plain and not is_many(budget),
    )
    run = partial(_solve_checked, method=method, states_max=states_max)
    if plain:
        return run(problem, budgets)
    objective = Objective(
        check_conditions(problem, min_quality, max_cost, priority),
        None if depends_on is None else label_rows(depends_on, len(problem)),
        None if target is None else check_target(target),
        mark,
    )
    return solve_objective(problem, budgets, run, objective)


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


def _check_choice(name: str, value: object, known: tuple[str, ...]) -> None:
    """Refuse a word that is not one of the known ones."""
    if value not in known:
        raise AllocationError(f"{name} is {value!r}; known are {', '.join(known)}")
