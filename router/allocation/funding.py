"""What the rows cost at the least, and which of them a budget can fund at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block import INT64_MAX, FloatArray, IntArray
from router.exceptions import BudgetError

if TYPE_CHECKING:
    from router.allocation.problem import Problem

__all__ = ["fundable_rows", "least_choices", "least_totals", "shortfall"]


def shortfall(budget: int, n_rows: int, required: int) -> BudgetError:
    """Make the error that says how much a budget lacks.

    Examples
    --------
    >>> raise shortfall(14, 2, 15)
    Traceback (most recent call last):
    ...
    router.exceptions.BudgetError: a budget of 14 micro-units does not reach the cheapest ...
    """
    return BudgetError(
        f"a budget of {budget} micro-units does not reach the cheapest plan of "
        f"{n_rows} rows, which costs {required}"
    )


def least_totals(problem: Problem) -> tuple[int, ...]:
    """Sum every row's least cost, budget by budget."""
    cost = _wide(problem)
    if problem.allowed is not None:
        cost = np.where(problem.allowed[:, :, None], cost, INT64_MAX)
    least = np.broadcast_to(cost.min(axis=1), (len(problem), cost.shape[2]))
    return tuple(int(total) for total in least.sum(axis=0))


def least_choices(problem: Problem, budgets: tuple[int, ...]) -> IntArray:
    """Choose every row's cheapest option, the lowest of equally cheap ones.

    With several budgets the cheapest option takes the smallest sum of shares of the budgets.
    """
    share = _share(_wide(problem), budgets)
    if problem.allowed is not None:
        share = np.where(problem.allowed, share, np.inf if len(budgets) > 1 else INT64_MAX)
    choices: IntArray = np.broadcast_to(share, problem.quality.shape).argmin(axis=1)
    return choices


def fundable_rows(
    problem: Problem, budgets: tuple[int, ...], priority: IntArray | None = None
) -> IntArray:
    """Fund rows at their least cost, the cheapest row first and the earlier of equal ones.

    The rows funded are the longest run of that order whose least costs all budgets can carry. With
    priorities each rank has its own run, the highest rank first, on what those above it left.
    """
    cost = np.broadcast_to(_wide(problem), (*problem.quality.shape, len(budgets)))
    least = cost[np.arange(len(problem)), least_choices(problem, budgets)]
    share = _share(least, budgets)
    ranks = np.zeros(len(problem), dtype=np.int64) if priority is None else priority
    left = np.array(budgets)
    funded = []
    for rank in np.unique(ranks)[::-1]:
        rows = np.flatnonzero(ranks == rank)
        order = rows[share[rows].argsort(kind="stable")]
        run = least[order].cumsum(axis=0)
        count = int(np.count_nonzero((run <= left).all(axis=1)))
        funded.append(order[:count])
        left = left - (run[count - 1] if count else 0)
    return np.sort(np.concatenate(funded))


def _wide(problem: Problem) -> IntArray:
    """View the costs as (n or 1, m, k)."""
    cost = problem.costs()
    return cost.reshape((1 if problem.shared else len(problem), problem.n_options, -1))


def _share(cost: IntArray, budgets: tuple[int, ...]) -> IntArray | FloatArray:
    """Sum the shares that costs have in the budgets; one budget's costs stay whole, thus exact."""
    if len(budgets) == 1:
        return cost[..., 0]
    shares: FloatArray = (cost / np.maximum(np.array(budgets, dtype=np.float64), 1.0)).sum(axis=-1)
    return shares
