"""The one door of the allocator: arrays in, one option per row out."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Literal

from router.allocation import problem as limits
from router.allocation.block import INT64_MAX
from router.allocation.checks import check_budget, check_budgets, check_problem, is_many
from router.allocation.conditions import check_conditions
from router.allocation.engines import check_engine, uses_kernels
from router.allocation.exact_milp import solve_milp
from router.allocation.many import solve_many
from router.allocation.objective import Objective, label_rows, solve_objective
from router.allocation.single import solve_single
from router.allocation.target import check_target
from router.exceptions import AllocationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from router.allocation.engines import Engine
    from router.allocation.problem import Problem
    from router.allocation.solution import Solution

__all__ = ["solve"]

Method = Literal["auto", "dual", "milp"]
Unfunded = Literal["raise", "mark"]

# The words that each of these arguments may be.
WORDS = {
    "unfunded": ("raise", "mark"),
    "method": ("auto", "dual", "milp"),
}
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
    engine: Engine = "auto",
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
        finds the same plan. With several budgets a hundredth of them is about the number of changes
        that are listed for each half of the rows.
    engine : {"auto", "numpy", "numba"}, default="auto"
        What does the arithmetic under one budget; plans are the same to the last digit. ``"numba"``
        is compiled (extra ``[fast]``). ``"auto"`` is too, once
        :func:`router.allocation.warm_up` was called or the process has solved so much that loading
        the compiled code, about a second, would have paid; a process that solves one batch of some
        thousand questions never gets there.
    target : float, optional
        Total (weighted) quality to reach at the least cost, within the budget where there is one; 0
        asks for the cheapest plan that keeps all floors. Of several budgets the first is spent
        least of. Reached to a trillionth of it, the rounding of a sum.
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
    MissingExtraError
        The engine is ``"numba"`` without the extra ``[fast]``.

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
    _check_words(unfunded=unfunded, method=method)
    check_engine(engine)
    budgets = _read_budgets(budget, needed=target is None)
    mark = unfunded == "mark"
    plain = not mark and all(
        x is None for x in (target, min_quality, max_cost, priority, depends_on)
    )
    compiled = uses_kernels(engine, getattr(quality, "size", 0))
    states = 0 if method == "dual" else states_max
    bare = plain and weights is None and allowed is None and not is_many(budget)
    if compiled and bare and method != "milp":
        solution = _solve_unchecked(quality, cost, budgets[0], states)
        if solution is not None:
            return solution
    problem = check_problem(
        quality,
        cost,
        weights,
        allowed,
        n_budgets=len(budgets) if is_many(budget) else None,
        every_row=not mark,
        defer=plain and not is_many(budget),
    )
    run = partial(_solve_checked, milp=method == "milp", states_max=states, compiled=compiled)
    if plain:
        return run(problem, budgets)
    objective = Objective(
        check_conditions(problem, min_quality, max_cost, priority),
        None if depends_on is None else label_rows(depends_on, len(problem)),
        None if target is None else check_target(target),
        mark,
    )
    return solve_objective(problem, budgets, run, objective)


def _solve_unchecked(
    quality: ArrayLike, cost: ArrayLike, budget: int, states_max: int
) -> Solution | None:
    """Check and solve arrays of the common kind in one compiled call; None for any others."""
    from router.allocation.compiled import solve_arrays

    limit = limits.DENSE_ELEMENTS
    return solve_arrays(quality, cost, budget, elements_max=limit, states_max=states_max)


def _solve_checked(
    problem: Problem, budgets: tuple[int, ...], *, milp: bool, states_max: int, compiled: bool
) -> Solution:
    """Send a checked problem to the algorithm for its number of budgets."""
    if problem.n_budgets is None:
        solution = solve_single(problem, budgets[0], states_max=states_max, compiled=compiled)
    else:
        solution = solve_many(problem, budgets, states_max=states_max)
    return solve_milp(problem, budgets, solution) if milp else solution


def _check_words(**words: str) -> None:
    """Refuse a word that is not one of the known ones."""
    for name, word in words.items():
        if word not in WORDS[name]:
            raise AllocationError(f"{name} is {word!r}; known are {', '.join(WORDS[name])}")


def _read_budgets(budget: int | Sequence[int] | None, *, needed: bool) -> tuple[int, ...]:
    """Read one budget or several; where none is needed its absence leaves all there is."""
    if budget is None and not needed:
        return (INT64_MAX,)
    return check_budgets(budget) if is_many(budget) else (check_budget(budget),)
