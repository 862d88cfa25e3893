"""A batch under way: rows get done, money is really spent, and the rest is planned anew at once.

The hulls of all rows are built once. A row that is done only leaves; a row that is in progress or
whose surface changed gets a new hull; everything else stays sorted as it is, so that a new plan is
one cumulative sum over the steps and one fill, by NumPy or by a kernel.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from router.allocation.block import INT64_MAX, Block
from router.allocation.checks import check_budget, check_problem
from router.allocation.engines import check_engine, uses_kernels
from router.allocation.frontier import Hulls
from router.allocation.hull_few import climb_few
from router.allocation.pool import check_whole
from router.allocation.rest import Batch, plan_rest
from router.allocation.solution import Solution
from router.allocation.step_order import merge_steps, sort_steps
from router.allocation.units import find_scale
from router.allocation.upgrades import measure_upgrades
from router.exceptions import AllocationError, BudgetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.allocation.block import IntArray
    from router.allocation.engines import Engine

__all__ = ["Reallocation"]


class Reallocation:
    """Plan what is left of a batch, again and again, without touching what was already spent.

    Parameters
    ----------
    quality : array_like of shape (n, m)
        Expected quality in [0, 1].
    cost : array_like of shape (n, m) or (m,), integer
        Cost in micro-units.
    budget : int
        Ceiling on the total cost of the batch in micro-units.
    weights : array_like of shape (n,), optional
        Importance of every row; all one by default.
    allowed : array_like of shape (n, m), bool, optional
        Options that a row may take; all by default.
    engine : {"auto", "numpy", "numba"}, default="auto"
        What plans; plans are the same. ``"auto"`` takes the compiled allocator once it is loaded.

    Raises
    ------
    AllocationError
        An array has a wrong shape, type or entry; the message names row and column.
    BudgetError
        The budget is no whole number or negative.
    MissingExtraError
        The engine is ``"numba"`` and the extra ``[fast]`` is not installed.

    See Also
    --------
    router.allocation.solve : proves a plan by an exact search, and takes longer.

    Notes
    -----
    The plan is that of the hulls with a fill over all options, and its bound is the one that a
    fresh ``solve(..., method="dual")`` of the open rows proves. Among steps of one slope those of
    the lower row come first, whatever was changed before.

    Examples
    --------
    >>> quality, cost = np.array([[0.1, 0.6, 0.7], [0.0, 0.2, 0.9]]), np.array([0, 10, 30])
    >>> batch = Reallocation(quality, cost, 40)
    >>> batch.solve().choices
    array([1, 2])
    >>> batch.close(0, real_cost=25)
    >>> batch.open_rows, batch.remaining, batch.solve().choices
    (array([1]), 15, array([1]))
    """

    __slots__ = (
        "_alive",
        "_allowed",
        "_changed",
        "_cost",
        "_engine",
        "_gain",
        "_open",
        "_rows",
        "_scale",
        "_spent",
        "_start",
        "_start_cost",
        "_steps",
        "_to_better",
        "_total",
        "_weights",
        "budget",
    )

    def __init__(
        self,
        quality: ArrayLike,
        cost: ArrayLike,
        budget: int,
        *,
        weights: ArrayLike | None = None,
        allowed: ArrayLike | None = None,
        engine: Engine = "auto",
    ) -> None:
        self._engine: Engine = check_engine(engine)
        self.budget = check_budget(budget)
        problem = check_problem(quality, cost, weights, allowed)
        shape = problem.quality.shape
        self._weights = np.ones(shape[0]) if problem.weights is None else problem.weights
        self._gain = problem.quality.astype(np.float64) * self._weights[:, None]
        # The whole cost of every option, and what of it is still to be paid.
        self._total: IntArray = np.broadcast_to(problem.costs(), shape).copy()
        self._cost = self._total.copy()
        self._allowed = (
            np.ones(shape, dtype=np.bool_) if problem.allowed is None else problem.allowed.copy()
        )
        self._gain[~self._allowed] = -np.inf
        self._open = np.ones(shape[0], dtype=np.bool_)
        self._spent = [0] * shape[0]
        self._scale = find_scale(shape[0], float(self._weights.max()))
        hulls = Hulls.read(problem)
        self._start, self._start_cost = hulls.start, hulls.start_cost
        self._steps = sort_steps(hulls.steps)
        self._to_better = measure_upgrades(self._gain, self._cost)
        # The open rows, and, once NumPy has asked for them, the places of their steps.
        self._rows: IntArray = np.arange(shape[0])
        self._alive: IntArray | None = None
        self._changed: set[int] = set()

    @property
    def open_rows(self) -> IntArray:
        """Numbers of the rows that are not done, rising; a plan has its choices in this order."""
        return np.flatnonzero(self._open)

    @property
    def spent(self) -> int:
        """Micro-units really spent so far, by rows that are done and by rows in progress."""
        return sum(self._spent)

    @property
    def remaining(self) -> int:
        """Micro-units left for the open rows, never negative."""
        return max(0, self.budget - self.spent)

    def close(self, row: int, real_cost: int) -> None:
        """Take a row that is done out of the batch, at what it really cost.

        Parameters
        ----------
        row : int
            Number of an open row.
        real_cost : int
            Micro-units that it took in all, above its plan or not.

        Raises
        ------
        AllocationError
            The row is no open one, or the cost is below what was already reported as spent.
        BudgetError
            The cost is no whole number of micro-units or negative.
        """
        place = self._check_row(row)
        self._spent[place] = self._check_spent(place, "real_cost", real_cost)
        self._open[place] = False
        self._changed.discard(place)

    def advance(self, row: int, spent: int, reachable: ArrayLike | None = None) -> None:
        """Record what an open row has spent so far, and which options it can still end at.

        An option then costs what it had been planned at less what is spent, and nothing where more
        is spent already. Where that is too hopeful, `update` takes new costs.

        Parameters
        ----------
        row : int
            Number of an open row.
        spent : int
            Micro-units spent on it so far, in all.
        reachable : array_like of shape (m,), bool, optional
            Options that it can still end at; others are off for good. All that were by default.

        Raises
        ------
        AllocationError
            The row is no open one, less is spent than before, or no option is left.
        BudgetError
            What was spent is no whole number of micro-units or negative.
        """
        place = self._check_row(row)
        paid = self._check_spent(place, "spent", spent)
        left = self._allowed[place]
        if reachable is not None:
            mask = np.asarray(reachable)
            if mask.dtype != np.bool_ or mask.shape != left.shape:
                raise AllocationError(
                    f"reachable has type {mask.dtype} and shape {mask.shape}; "
                    f"bool and {left.shape} are needed"
                )
            left = left & mask
        if not left.any():
            raise AllocationError(f"row {place} can reach no option any more; close it instead")
        self._allowed[place] = left
        self._spent[place] = paid
        self._gain[place, ~left] = -np.inf
        self._changed.add(place)

    def update(
        self, rows: Sequence[int], quality: ArrayLike, cost: ArrayLike | None = None
    ) -> None:
        """Replace what is expected of some open rows.

        Parameters
        ----------
        rows : sequence of int
            Numbers of r open rows, each once.
        quality : array_like of shape (r, m)
            Their expected quality in [0, 1].
        cost : array_like of shape (r, m) or (m,), integer, optional
            Their whole cost in micro-units, what was spent on them already included; as before by
            default.

        Raises
        ------
        AllocationError
            A row is no open one or stands twice, or an array has a wrong shape, type or entry; its
            row is counted within these arrays then.
        """
        places = np.array([self._check_row(row) for row in rows], dtype=np.int64)
        if len(np.unique(places)) < len(places):
            raise AllocationError(f"rows are {list(rows)}; each may stand there once")
        if not len(places):
            return
        new_cost = self._total[places] if cost is None else cost
        problem = check_problem(quality, new_cost, None, None)
        if problem.quality.shape != (len(places), self._gain.shape[1]):
            raise AllocationError(
                f"quality has shape {problem.quality.shape}; "
                f"({len(places)}, {self._gain.shape[1]}) is needed"
            )
        gain = problem.quality * self._weights[places, None]
        costs = np.broadcast_to(problem.costs(), gain.shape)
        self._check_total(places, costs)
        self._gain[places] = np.where(self._allowed[places], gain, -np.inf)
        self._total[places] = costs
        self._changed.update(places.tolist())

    def solve(self, *, unfunded: Literal["raise", "mark"] = "mark") -> Solution:
        """Plan the open rows within what is left of the budget.

        Parameters
        ----------
        unfunded : {"mark", "raise"}, default="mark"
            What to do when what is left does not reach the cheapest plan of the open rows.
            ``"mark"`` funds rows in the order of what their cheapest option still costs, the
            earlier of equal ones first, for as long as they fit, and marks the others with -1: they
            end with what was spent on them.

        Returns
        -------
        Solution
            One choice per open row, in the order of `open_rows`. Spend, value, bound and minimum
            are those of the open rows, and the spend is what is still to be paid.

        Raises
        ------
        BudgetError
            What is left does not reach the cheapest plan, and rows are not to be marked.
        AllocationError
            The word for unfunded rows is not known.
        """
        if unfunded not in {"raise", "mark"}:
            raise AllocationError(f"unfunded is {unfunded!r}; known are raise, mark")
        self._renew()
        left = self.remaining
        least = self._start_cost[self._rows]
        required = int(least.sum())
        if required <= left:
            return self._plan(self._rows, self._open, left, required)
        if unfunded == "raise":
            raise BudgetError(
                f"the {left} micro-units left do not reach the cheapest plan of the "
                f"{len(self._rows)} open rows, which costs {required}"
            )
        order = least.argsort(kind="stable")
        n_funded = int(least[order].cumsum().searchsorted(left, side="right"))
        kept = np.sort(order[:n_funded])
        funded = np.zeros(len(self._open), dtype=np.bool_)
        funded[self._rows[kept]] = True
        plan = self._plan(self._rows[kept], funded, left, required)
        choices = np.full(len(self._rows), -1)
        choices[kept] = plan.choices
        return replace(plan, choices=choices)

    def _plan(self, rows: IntArray, among: NDArray[np.bool_], left: int, required: int) -> Solution:
        """Take those of the steps of some rows that fit, and fill up what they leave."""
        steps = self._steps
        batch = Batch(
            *(self._gain, self._cost, self._to_better, self._start),
            *(steps.row, steps.option, steps.spend, steps.slope),
            self._scale,
        )
        if uses_kernels(self._engine, len(rows) * self._gain.shape[1]):
            from router.allocation import compiled

            # More than all options cost together is as good as unlimited.
            found = compiled.plan_rest(batch, rows, among, min(left, INT64_MAX))
        else:
            found = plan_rest(batch, rows, self._list_alive(among), left)
        value = found.units / self._scale
        bound = max(found.bound, value)
        return Solution(found.choices, value, found.spend, bound, found.price, "hull", required)

    def _list_alive(self, among: NDArray[np.bool_]) -> IntArray:
        """List the places of the steps of some rows; those of all open ones are kept."""
        if among is not self._open:
            return np.flatnonzero(among[self._steps.row])
        if self._alive is None:
            self._alive = np.flatnonzero(among[self._steps.row])
        return self._alive

    def _renew(self) -> None:
        """Drop what belongs to rows that are done, and build changed rows' hulls anew."""
        if not self._open[self._rows].all():
            self._rows = self.open_rows
            self._alive = None
        if not self._changed:
            return
        rows = np.array(sorted(self._changed))
        paid = np.array([self._spent[row] for row in rows])
        self._cost[rows] = np.maximum(self._total[rows] - paid[:, None], 0)
        block = Block(self._gain[rows], self._cost[rows], masked=True, scale=self._scale)
        start = block.cheapest()
        self._start[rows], self._start_cost[rows] = start, block.cost_of(start)
        self._to_better[rows] = measure_upgrades(block.gain, block.cost)
        new = climb_few(block.gain, block.cost, start)
        keep = self._open.copy()
        keep[rows] = False
        kept = self._steps.select(keep[self._steps.row])
        self._steps = merge_steps(kept, sort_steps(replace(new, row=rows[new.row])))
        self._alive = None
        self._changed.clear()

    def _check_total(self, places: IntArray, costs: IntArray) -> None:
        """Refuse new costs with which the total of some plan would not fit a 64-bit integer."""
        largest = self._total.max(axis=1)
        largest[places] = costs.max(axis=1)
        if int(largest.max()) * len(largest) > INT64_MAX and sum(largest.tolist()) > INT64_MAX:
            raise AllocationError(
                f"with these costs the dearest plan costs {sum(largest.tolist())} micro-units, "
                "above 2**63 - 1"
            )

    def _check_row(self, row: int) -> int:
        """Check that a row is one of the open ones."""
        place = check_whole("row", row)
        if not 0 <= place < len(self._open):
            raise AllocationError(f"row is {place}; rows are 0 to {len(self._open) - 1}")
        if not self._open[place]:
            raise AllocationError(f"row {place} is done; only open rows can change")
        return place

    def _check_spent(self, place: int, name: str, spent: int) -> int:
        """Check an amount that can only have grown."""
        amount = check_budget(spent, name)
        if amount < self._spent[place]:
            raise AllocationError(
                f"{name} of row {place} is {amount}, below the {self._spent[place]} micro-units "
                "already spent on it"
            )
        return amount
