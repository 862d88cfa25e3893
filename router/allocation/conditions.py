"""Side conditions of single rows: floors of quality, ceilings of cost, who is funded first."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import AllocationError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from router.allocation.block import FloatArray, IntArray
    from router.allocation.problem import Problem

__all__ = ["Conditions", "check_conditions"]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What rows ask for beyond the mask of their options.

    Parameters
    ----------
    min_quality : ndarray of shape (n,), float64, or None
        Options below are off; unweighted.
    max_cost : ndarray of shape (n, k), int64, or None
        Options above in one of the budgets' units are off, in micro-units.
    priority : ndarray of shape (n,), int64, or None
        Where not all rows can be funded, higher ones come first.
    """

    min_quality: FloatArray | None = None
    max_cost: IntArray | None = None
    priority: IntArray | None = None

    def narrow(self, problem: Problem) -> Problem:
        """Close the options that break a condition; rows may be left without any."""
        allowed = problem.allowed
        for kept in (self._within_cost(problem), self._above_floor(problem)):
            if kept is not None:
                allowed = kept if allowed is None else allowed & kept
        return dataclasses.replace(problem, allowed=allowed)

    def describe_empty_row(self, problem: Problem, row: int) -> str:
        """Say why a row has no option left, with what it could have at best."""
        one = problem.take(np.array([row]))
        left = np.ones(problem.n_options, dtype=np.bool_) if one.allowed is None else one.allowed[0]
        if not left.any():
            return f"allowed[{row}] forbids all {problem.n_options} options; each row needs one"
        words = [f"row {row} has no option left:"]
        cost = np.broadcast_to(
            one.costs().reshape((-1, problem.n_options, one.n_budgets or 1)),
            (1, problem.n_options, one.n_budgets or 1),
        )[0]
        if self.max_cost is not None:
            within: NDArray[np.bool_] = np.logical_and(
                left, (cost <= self.max_cost[row]).all(axis=1)
            )
            if not within.any():
                least, most = cost[left].min(axis=0).tolist(), self.max_cost[row].tolist()
                return " ".join([*words, f"max_cost is {most}, the least costs are {least}"])
            left = within
        best = int(np.where(left, one.quality[0], -np.inf).argmax())
        floor = 0.0 if self.min_quality is None else float(self.min_quality[row])
        words.append(f"min_quality is {floor:g}, the best reachable is {one.quality[0, best]:g}")
        return " ".join([*words, f"(option {best})"])

    def _within_cost(self, problem: Problem) -> NDArray[np.bool_] | None:
        """Mark the options that keep their row's ceilings."""
        if self.max_cost is None:
            return None
        n_budgets = self.max_cost.shape[1]
        cost = problem.costs().reshape((-1, problem.n_options, n_budgets))
        kept: NDArray[np.bool_] = np.asarray((cost <= self.max_cost[:, None, :]).all(axis=2))
        return kept

    def _above_floor(self, problem: Problem) -> NDArray[np.bool_] | None:
        """Mark the options that reach their row's floor."""
        if self.min_quality is None:
            return None
        # In the surface's own type, so that .7 of single precision reaches a floor of .7.
        floor = self.min_quality.astype(problem.quality.dtype)
        kept: NDArray[np.bool_] = problem.quality >= floor[:, None]
        return kept


def check_conditions(
    problem: Problem,
    min_quality: ArrayLike | None,
    max_cost: ArrayLike | None,
    priority: ArrayLike | None,
) -> Conditions:
    """Check the conditions of a problem's rows.

    Raises
    ------
    AllocationError
        A shape, a type or an entry cannot be used; the message names the row.
    """
    n_rows = len(problem)
    return Conditions(
        None if min_quality is None else _check_floors(min_quality, n_rows),
        None if max_cost is None else _check_ceilings(max_cost, n_rows, problem.n_budgets),
        None if priority is None else _check_integers("priority", priority, (n_rows,)),
    )


def _check_floors(min_quality: ArrayLike, n_rows: int) -> FloatArray:
    """Check that floors are qualities, one for all rows or one a row."""
    try:
        array = np.asarray(min_quality, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AllocationError(f"min_quality cannot be read as numbers: {error}") from error
    if array.shape not in {(), (n_rows,)}:
        raise AllocationError(f"min_quality has shape {array.shape}; () or ({n_rows},) is needed")
    wrong = ~((array >= 0.0) & (array <= 1.0))
    if wrong.any():
        place = f"[{int(wrong.argmax())}]" if array.ndim else ""
        raise AllocationError(
            f"min_quality{place} is {array[wrong].flat[0]}; it must lie in [0, 1]"
        )
    return np.broadcast_to(array, n_rows)


def _check_ceilings(max_cost: ArrayLike, n_rows: int, n_budgets: int | None) -> IntArray:
    """Check that ceilings are integers, for all rows or one a row, and widen them to (n, k)."""
    tail = () if n_budgets is None else (n_budgets,)
    array = np.asarray(max_cost)
    shape = tail if array.ndim == len(tail) else (n_rows, *tail)
    array = _check_integers("max_cost", array, shape)
    if array.min() < 0:
        place = np.unravel_index(int((array < 0).argmax()), array.shape)
        written = f"[{', '.join(str(int(axis)) for axis in place)}]" if array.ndim else ""
        raise AllocationError(f"max_cost{written} is {array[place]}; ceilings must not be negative")
    wide = array.reshape((*shape[: len(shape) - len(tail)], n_budgets or 1))
    return np.broadcast_to(wide, (n_rows, n_budgets or 1))


def _check_integers(name: str, values: ArrayLike, shape: tuple[int, ...]) -> IntArray:
    """Check that values are integers of a shape and fit 64 bits."""
    array = np.asarray(values)
    if array.dtype.kind not in "iu":
        raise AllocationError(f"{name} has type {array.dtype}; integers are needed")
    if array.shape != shape:
        raise AllocationError(f"{name} has shape {array.shape}; {shape} is needed")
    # What exceeds 64 bits is above every cost, as the largest integer is.
    whole: IntArray = np.minimum(array, np.iinfo(np.int64).max).astype(np.int64)
    return whole
