"""From NumPy arrays to the kernels and back to a solution."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from router.allocation.compiled.again import plan_rest
from router.allocation.compiled.block import FAULTY, POOR, SLACK, plan_block
from router.allocation.funding import shortfall
from router.allocation.rest import Batch
from router.allocation.solution import Solution

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.allocation.compiled.block import Found

__all__ = ["solve_arrays", "solve_dense", "warm_kernels"]

KIND: tuple[Literal["C"], Literal["W"]] = ("C", "W")
FLOAT64, INT64 = np.dtype(np.float64), np.dtype(np.int64)


def solve_arrays(
    quality: object, cost: object, budget: int, *, elements_max: int, states_max: int
) -> Solution | None:
    """Check and solve arrays of the common kind in one call.

    Returns
    -------
    Solution or None
        None where arrays are of another kind, larger, or cannot be used; the way through all checks
        then converts them, or names what is wrong.

    Raises
    ------
    BudgetError
        The budget is below the cheapest plan.
    """
    if not (isinstance(quality, np.ndarray) and isinstance(cost, np.ndarray)):
        return None
    if not (quality.ndim == 2 and 0 < quality.size <= elements_max):
        return None
    if cost.shape != quality.shape and cost.shape != quality.shape[1:]:
        return None
    if not (_is_plain(quality, FLOAT64) and _is_plain(cost, INT64)):
        return None
    wide = cost if cost.ndim == 2 else cost.reshape((1, -1))
    found = plan_block(quality, wide, budget, states_max, True)
    return None if found.ending == FAULTY else _wrap(found, budget, states_max)


def solve_dense(
    gain: NDArray[np.float64], cost: NDArray[np.int64], budget: int, *, states_max: int
) -> Solution:
    """Solve checked rows.

    Parameters
    ----------
    gain : ndarray of shape (n, m), float64
        Minus infinity where an option is forbidden.
    cost : ndarray of shape (n, m) or (m,), int64
        In micro-units.
    budget : int
        In micro-units.
    states_max : int
        States of the exact search; none without it.

    Raises
    ------
    BudgetError
        The budget is below the cheapest plan.
    """
    # To Numba an array that must not be written to is another type, for which it would compile.
    gain, cost = np.require(gain, requirements=KIND), np.require(cost, requirements=KIND)
    wide = cost if cost.ndim == 2 else cost.reshape((1, -1))
    found = plan_block(gain, wide, budget, states_max, False)
    return _wrap(found, budget, states_max)


def warm_kernels() -> None:
    """Load all kernels, or compile them where that was never done."""
    gain, cost = np.array([[0.0, 1.0]]), np.array([[0, 1]])
    solve_dense(gain, cost, 0, states_max=1)
    row, option, spend = np.array([0]), np.array([1]), np.array([1])
    batch = Batch(gain, cost, cost, row, row, option, spend, np.array([1.0]), 1.0)
    plan_rest(batch, row, np.array([True]), 0)


def _is_plain(array: NDArray[Any], dtype: np.dtype[Any]) -> bool:
    """Say whether an array is of the type, and lies in memory, as kernels expect it."""
    flags = array.flags
    return array.dtype == dtype and flags.c_contiguous and flags.writeable


def _wrap(found: Found, budget: int, states_max: int) -> Solution:
    """Put what was found into a solution."""
    if found.ending == POOR:
        raise shortfall(budget, len(found.choices), found.required)
    method = "slack" if found.ending == SLACK else "core" if states_max else "dual"
    return Solution(
        found.choices,
        found.value,
        found.spend,
        found.bound,
        found.price,
        method,
        found.required,
    )
