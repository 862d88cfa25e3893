"""The checks of a shard: its shapes when it is opened, its entries when its rows are first read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation.block import INT64_MAX
from router.exceptions import AllocationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.allocation.problem import Problem
    from router.allocation.sharded.arrays import Rows

__all__ = ["check_entries", "check_shapes"]


def check_shapes(
    place: str, quality: Rows, cost: Rows, weights: Rows | None, allowed: Rows | None
) -> None:
    """Check that the arrays of a shard fit each other.

    Raises
    ------
    AllocationError
        A shape or a type cannot be used; the message names the shard.
    """
    if len(quality.shape) != 2 or quality.dtype.kind not in "fiub":
        raise AllocationError(
            f"{place}: quality has type {quality.dtype} and shape {quality.shape}; "
            "a table of numbers in [0, 1] is needed"
        )
    n_rows, n_options = quality.shape
    if n_options == 0:
        raise AllocationError(f"{place}: quality has no options; at least one is needed")
    if cost.dtype.kind not in "iu":
        raise AllocationError(
            f"{place}: cost has type {cost.dtype}; integer micro-units are needed"
        )
    if cost.shape not in {(n_rows, n_options), (n_options,)}:
        raise AllocationError(
            f"{place}: cost has shape {cost.shape}; ({n_rows}, {n_options}) or ({n_options},) "
            "is needed"
        )
    if weights is not None and (weights.shape != (n_rows,) or weights.dtype.kind not in "fiub"):
        raise AllocationError(
            f"{place}: weights have type {weights.dtype} and shape {weights.shape}; "
            f"numbers and ({n_rows},) are needed"
        )
    if allowed is not None and (allowed.dtype != np.bool_ or allowed.shape != quality.shape):
        raise AllocationError(
            f"{place}: allowed has type {allowed.dtype} and shape {allowed.shape}; "
            f"bool and {quality.shape} are needed"
        )


def check_entries(problem: Problem, place: str, first_row: int, n_rows: int) -> None:
    """Check the entries of some rows of a shard.

    Parameters
    ----------
    problem : Problem
        The rows.
    place : str
        Name of the shard.
    first_row : int
        Number of the first of the rows within the shard.
    n_rows : int
        Rows of all shards together, whose total cost has to fit 64 bits.

    Raises
    ------
    AllocationError
        An entry cannot be used; the message names shard, row and column.
    """
    if not len(problem):
        return
    quality, cost, weights, allowed = (
        problem.quality,
        problem.cost,
        problem.weights,
        problem.allowed,
    )
    # Minimum and maximum carry a NaN along, so two passes without temporaries find every fault.
    if not (quality.min() >= 0 and quality.max() <= 1):
        where, value = _find(~((quality >= 0) & (quality <= 1)), quality, first_row)
        raise AllocationError(f"{place}: quality[{where}] is {value}; it must lie in [0, 1]")
    cost_row = 0 if problem.shared else first_row
    if cost.min() < 0:
        where, value = _find(cost < 0, cost, cost_row)
        raise AllocationError(f"{place}: cost[{where}] is {value}; costs must not be negative")
    if int(cost.max()) > INT64_MAX // n_rows:
        where, value = _find(cost == cost.max(), cost, cost_row)
        raise AllocationError(
            f"{place}: cost[{where}] is {value}; {n_rows} rows of it are above 2**63 - 1"
        )
    if weights is not None and not (weights.min() >= 0.0 and weights.max() < np.inf):
        where, value = _find(~((weights >= 0.0) & (weights < np.inf)), weights, first_row)
        raise AllocationError(
            f"{place}: weights[{where}] is {value}; weights must be finite and not negative"
        )
    if allowed is not None and not allowed.any(axis=1).all():
        row = first_row + int(np.argmin(allowed.any(axis=1)))
        raise AllocationError(
            f"{place}: allowed[{row}] forbids all {problem.n_options} options; each row needs one"
        )


def _find(wrong: NDArray[np.bool_], array: NDArray[Any], first_row: int) -> tuple[str, Any]:
    """Locate the first wrong entry in reading order, the way it would be indexed."""
    row, *column = (int(axis) for axis in np.unravel_index(int(wrong.argmax()), wrong.shape))
    # A shared row of costs has options for its first axis, and then no row is added.
    return ", ".join(str(axis) for axis in (row + first_row, *column)), array[(row, *column)]
