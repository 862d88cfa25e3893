"""Value against spend: hulls built once, priced for any budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.allocation.checks import check_budget, check_problem
from router.allocation.groups import fold_groups
from router.allocation.hull import Steps, climb_hull, join_steps
from router.allocation.objective import label_rows
from router.allocation.problem import Problem, Table
from router.allocation.solution import Solution
from router.exceptions import BudgetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.allocation.block import FloatArray, IntArray

__all__ = ["Hulls", "trace_frontier"]


class Hulls:
    """The hulls of all rows, kept so that budgets can be tried and rows can be left out cheaply.

    Parameters
    ----------
    start : ndarray of shape (n,), int64
        Cheapest option of every row.
    start_gain : ndarray of shape (n,), float64
        Gain of that option.
    start_cost : ndarray of shape (n,), int64
        Cost of that option in micro-units.
    steps : Steps
        Hull steps of all rows, steepest first.

    Examples
    --------
    >>> import numpy as np
    >>> hulls = Hulls.build(np.array([[0.1, 0.6, 0.7]]), np.array([0, 10, 30]))
    >>> hulls.solve(12).choices, hulls.solve(30).choices
    (array([1]), array([2]))
    """

    __slots__ = ("start", "start_cost", "start_gain", "steps")

    def __init__(
        self, start: IntArray, start_gain: FloatArray, start_cost: IntArray, steps: Steps
    ) -> None:
        self.start = start
        self.start_gain = start_gain
        self.start_cost = start_cost
        self.steps = steps

    @classmethod
    def build(
        cls,
        quality: ArrayLike,
        cost: ArrayLike,
        *,
        weights: ArrayLike | None = None,
        allowed: ArrayLike | None = None,
    ) -> Hulls:
        """Build the hulls of arrays shaped as for :func:`router.allocation.solve`."""
        return cls.read(check_problem(quality, cost, weights, allowed))

    @classmethod
    def read(cls, problem: Problem) -> Hulls:
        """Build the hulls of a checked problem, block by block."""
        n_rows = len(problem)
        start = np.empty(n_rows, dtype=np.int64)
        gain, cost = np.empty(n_rows), np.empty(n_rows, dtype=np.int64)
        parts: list[Steps] = []
        for part, block in Table(problem).blocks():
            start[part] = block.cheapest()
            gain[part] = block.gain_of(start[part])
            cost[part] = block.cost_of(start[part])
            parts.append(climb_hull(block.gain, block.costs(), start[part], part.start))
        return cls(start, gain, cost, join_steps(parts))

    def keep(self, rows: NDArray[np.bool_]) -> Hulls:
        """Leave out rows that are done; the others are numbered anew in their old order."""
        number = rows.cumsum() - 1
        steps = self.steps.select(rows[self.steps.row])
        renumbered = Steps(number[steps.row], steps.option, steps.spend, steps.gain, steps.slope)
        return Hulls(self.start[rows], self.start_gain[rows], self.start_cost[rows], renumbered)

    def trace(self) -> tuple[IntArray, FloatArray]:
        """List spend and value after every step, from the cheapest plan to the richest hull plan.

        Returns
        -------
        spend : ndarray of shape (s,), int64
            Total spend in micro-units, strictly rising.
        value : ndarray of shape (s,), float64
            Total value; the line through the points is concave and bounds every plan.
        """
        spend = np.append(int(self.start_cost.sum()), self.steps.spend).cumsum()
        value = np.append(float(self.start_gain.sum()), self.steps.gain).cumsum()
        return spend, value

    def solve(self, budget: int) -> Solution:
        """Take the hull steps that fit, in their order, up to the first that does not.

        Raises
        ------
        BudgetError
            The budget is below the cheapest plan.
        """
        ceiling = check_budget(budget)
        spend, value = self.trace()
        if spend[0] > ceiling:
            raise BudgetError(
                f"a budget of {ceiling} micro-units does not reach the cheapest plan of "
                f"{len(self.start)} rows, which costs {spend[0]}"
            )
        taken = int(spend.searchsorted(ceiling, side="right")) - 1
        slope = float(self.steps.slope[taken]) if taken < len(self.steps.slope) else 0.0
        choices = self.start.copy()
        # Later steps of a row overwrite earlier ones, and no row's steps are ever out of order.
        choices[self.steps.row[:taken]] = self.steps.option[:taken]
        total, used = float(value[taken]), int(spend[taken])
        bound = total + slope * (ceiling - used)
        return Solution(choices, total, used, bound, slope, "hull", int(spend[0]))


def trace_frontier(
    quality: ArrayLike,
    cost: ArrayLike,
    *,
    weights: ArrayLike | None = None,
    allowed: ArrayLike | None = None,
    depends_on: Sequence[Sequence[int]] | None = None,
) -> tuple[IntArray, FloatArray]:
    """Trace the best total value against total spend over all budgets.

    Parameters
    ----------
    quality : array_like of shape (n, m)
        Expected quality in [0, 1].
    cost : array_like of shape (n, m) or (m,), integer
        Cost in micro-units.
    weights, allowed, depends_on : array_like, optional
        As for :func:`router.allocation.solve`.

    Returns
    -------
    spend : ndarray of shape (s,), int64
        Total spend in micro-units, strictly rising from the cheapest plan.
    value : ndarray of shape (s,), float64
        Total value. Every point is a plan, and the line through them bounds all others.

    Examples
    --------
    >>> import numpy as np
    >>> spend, value = trace_frontier(np.array([[0.0, 0.5, 0.6]]), np.array([0, 10, 20]))
    >>> spend.tolist(), value.tolist()
    ([0, 10, 20], [0.0, 0.5, 0.6])
    """
    problem = check_problem(quality, cost, weights, allowed)
    if depends_on is not None:
        problem = fold_groups(problem, label_rows(depends_on, len(problem))).problem
    return Hulls.read(problem).trace()
