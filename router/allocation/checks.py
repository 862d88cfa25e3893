"""The checks at the door: shapes, signs, finite numbers, totals that fit 64 bits."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, SupportsIndex, TypeGuard

import numpy as np

from router.allocation import problem as limits
from router.allocation.block import INT64_MAX
from router.allocation.problem import Problem
from router.exceptions import AllocationError, BudgetError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "check_budget",
    "check_budgets",
    "check_entries",
    "check_problem",
    "is_many",
    "read_whole",
]


def is_many(budget: int | Sequence[int] | None) -> TypeGuard[Sequence[int]]:
    """Tell a sequence of budgets from a single one."""
    return isinstance(budget, Sequence | np.ndarray) and np.ndim(budget) > 0


def check_problem(
    quality: ArrayLike,
    cost: ArrayLike,
    weights: ArrayLike | None,
    allowed: ArrayLike | None,
    *,
    n_budgets: int | None = None,
    every_row: bool = True,
    defer: bool = False,
) -> Problem:
    """Check all arrays and return the problem they make.

    With `every_row` the mask has to leave every row an option. With `defer` the entries of quality
    and cost are left to the first pass over a problem that is not held densely.

    Raises
    ------
    AllocationError
        A shape, a type or an entry cannot be used; the message names row and column.
    """
    quality_array = _check_quality(quality)
    n_rows, n_options = quality_array.shape
    cost_array = _check_cost(cost, n_rows, n_options, n_budgets)
    # Integers above 63 bits have to be found before they are read as signed ones.
    defer = defer and quality_array.size > limits.DENSE_ELEMENTS and cost_array.dtype != np.uint64
    if not defer:
        _check_quality_entries(quality_array)
        _check_cost_entries(cost_array, n_rows, n_options, n_budgets)
    return Problem(
        quality_array,
        cost_array.astype(np.int64) if cost_array.dtype == np.uint64 else cost_array,
        None if weights is None else _check_weights(weights, n_rows),
        None
        if allowed is None
        else _check_allowed(allowed, n_rows, n_options, every_row=every_row),
        n_budgets,
        defer,
    )


def check_entries(problem: Problem) -> None:
    """Check the entries of quality and cost of a problem that were left to be checked later.

    Raises
    ------
    AllocationError
        An entry cannot be used; the message names row and column.
    """
    _check_quality_entries(problem.quality)
    _check_cost_entries(problem.cost, len(problem), problem.n_options, problem.n_budgets)


def _check_quality(quality: ArrayLike) -> NDArray[Any]:
    """Check that quality is a non-empty table of numbers."""
    array = np.asarray(quality)
    if array.dtype not in (np.float64, np.float32):
        if array.dtype.kind not in "fiub":
            raise AllocationError(f"quality has type {array.dtype}; numbers in [0, 1] are needed")
        array = array.astype(np.float64)
    if array.ndim != 2 or array.size == 0:
        raise AllocationError(
            f"quality has shape {array.shape}; a table of at least one row and one option is needed"
        )
    return array


def _check_quality_entries(array: NDArray[Any]) -> None:
    """Check that all qualities lie in [0, 1]."""
    # Minimum and maximum carry a NaN along, so two passes without temporaries find every fault.
    if not (array.min() >= 0 and array.max() <= 1):
        row, column = _first_place(~((array >= 0) & (array <= 1)))
        raise AllocationError(
            f"quality[{row}, {column}] is {array[row, column]}; it must lie in [0, 1]"
        )


def _check_cost(
    cost: ArrayLike, n_rows: int, n_options: int, n_budgets: int | None
) -> NDArray[Any]:
    """Check that costs are integers of a fitting shape."""
    array = np.asarray(cost)
    if array.dtype.kind not in "iu":
        raise AllocationError(f"cost has type {array.dtype}; integer micro-units are needed")
    tail = () if n_budgets is None else (n_budgets,)
    if array.shape not in {(n_rows, n_options, *tail), (n_options, *tail)}:
        raise AllocationError(
            f"cost has shape {array.shape}; ({n_rows}, {n_options}{_tail(tail)}) or "
            f"({n_options},{_tail(tail)[1:]}) is needed"
        )
    return array


def _check_cost_entries(
    array: NDArray[Any], n_rows: int, n_options: int, n_budgets: int | None
) -> None:
    """Check that no cost is negative and that totals fit 64 bits."""
    if array.min() < 0:
        place = _first_place(array < 0)
        raise AllocationError(
            f"cost[{_comma(place)}] is {array[place]}; costs must not be negative"
        )
    if int(array.max()) * n_rows > INT64_MAX:
        _check_total(array, n_rows, n_options, n_budgets)


def _check_total(array: NDArray[Any], n_rows: int, n_options: int, n_budgets: int | None) -> None:
    """Refuse costs of which some plan's total would not fit a 64-bit integer."""
    wide = np.broadcast_to(
        array.reshape((-1, n_options, n_budgets or 1)), (n_rows, n_options, n_budgets or 1)
    )
    largest = wide.max(axis=1)
    totals = [sum(int(entry) for entry in column) for column in largest.T]
    if max(totals) > INT64_MAX:
        place = _first_place(array == array.max())
        raise AllocationError(
            f"the dearest plan costs {max(totals)} micro-units, above 2**63 - 1; "
            f"the largest entry is cost[{_comma(place)}] = {array[place]}"
        )


def _check_weights(weights: ArrayLike, n_rows: int) -> NDArray[np.float64]:
    """Check that weights are finite, not negative and one per row."""
    try:
        array = np.asarray(weights, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise AllocationError(f"weights cannot be read as numbers: {error}") from error
    if array.shape != (n_rows,):
        raise AllocationError(f"weights have shape {array.shape}; ({n_rows},) is needed")
    wrong = ~((array >= 0.0) & (array < np.inf))
    if wrong.any():
        (row,) = _first_place(wrong)
        raise AllocationError(
            f"weights[{row}] is {array[row]}; weights must be finite and not negative"
        )
    if float(array.max()) > float(np.finfo(float).max) / n_rows:
        row = int(array.argmax())
        raise AllocationError(
            f"weights[{row}] is {array[row]}; the total of {n_rows} such weights is no float"
        )
    return array


def _check_allowed(
    allowed: ArrayLike, n_rows: int, n_options: int, *, every_row: bool
) -> NDArray[np.bool_]:
    """Check that the mask is boolean and, where asked, leaves every row an option."""
    array = np.asarray(allowed)
    if array.dtype != np.bool_ or array.shape != (n_rows, n_options):
        raise AllocationError(
            f"allowed has type {array.dtype} and shape {array.shape}; "
            f"bool and ({n_rows}, {n_options}) are needed"
        )
    open_rows = np.asarray(array.any(axis=1))
    if every_row and not open_rows.all():
        (row,) = _first_place(~open_rows)
        raise AllocationError(f"allowed[{row}] forbids all {n_options} options; each row needs one")
    return array


def read_whole(value: object) -> int | None:
    """Read a whole number of any integer type; None for anything else, booleans included.

    Examples
    --------
    >>> read_whole(np.int32(3)), read_whole(3.0), read_whole(True)
    (3, None, None)
    """
    if isinstance(value, bool | np.bool_) or not isinstance(value, SupportsIndex):
        return None
    try:
        return operator.index(value)
    except TypeError:
        # Arrays have the method, but only those of one entry an answer.
        return None


def check_budget(budget: object, place: str = "budget") -> int:
    """Check that a budget is a whole, non-negative number of micro-units.

    Raises
    ------
    BudgetError
        The budget is a fraction, a boolean, negative or no number at all.

    Examples
    --------
    >>> check_budget(1_500_000)
    1500000
    """
    whole = read_whole(budget)
    if whole is None:
        raise BudgetError(f"{place} is {budget!r}; an integer of micro-units is needed")
    if whole < 0:
        raise BudgetError(f"{place} is {whole}; budgets must not be negative")
    # No total of costs exceeds 64 bits, so a larger budget is the same as the largest.
    return min(whole, INT64_MAX)


def check_budgets(budgets: Sequence[int], name: str = "budget") -> tuple[int, ...]:
    """Check a sequence of budgets, naming the place of a wrong one."""
    shape = np.shape(budgets)
    if len(shape) != 1 or shape[0] == 0:
        raise BudgetError(f"{name} has shape {shape}; one number or one row of numbers is needed")
    return tuple(check_budget(entry, f"{name}[{place}]") for place, entry in enumerate(budgets))


def _first_place(wrong: NDArray[np.bool_]) -> tuple[int, ...]:
    """Locate the first true entry in reading order."""
    return tuple(int(axis) for axis in np.unravel_index(int(wrong.argmax()), wrong.shape))


def _comma(place: tuple[int, ...]) -> str:
    """Write a place the way it would be indexed."""
    return ", ".join(str(axis) for axis in place)


def _tail(tail: tuple[int, ...]) -> str:
    """Write the trailing axes of a shape."""
    return "".join(f", {axis}" for axis in tail)
