"""One question as it arrives: its row of qualities and costs, checked."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.allocation.block import INT64_MAX
from router.exceptions import AllocationError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike, NDArray

    from router.allocation.block import FloatArray, IntArray

__all__ = ["Question", "check_question"]


class Question(NamedTuple):
    """The options of one question.

    Parameters
    ----------
    quality : ndarray of shape (m,), float64
        Quality in [0, 1].
    cost : ndarray of shape (m, k), int64
        Cost in micro-units, one column per budget.
    allowed : ndarray of shape (m,), bool, or None
        Options that may be taken; all where it is None.
    """

    quality: FloatArray
    cost: IntArray
    allowed: NDArray[np.bool_] | None


def check_question(
    quality_row: ArrayLike, cost_row: ArrayLike, allowed: ArrayLike | None, n_budgets: int | None
) -> Question:
    """Check the row of one question; None budgets stand for one given as a plain number.

    Raises
    ------
    AllocationError
        A shape, a type or an entry cannot be used; the message names the option.

    Examples
    --------
    >>> check_question([0.2, 0.6], [0, 10], None, None).cost.tolist()
    [[0], [10]]
    """
    quality = np.asarray(quality_row)
    if quality.dtype.kind not in "fiub":
        raise AllocationError(f"quality_row has type {quality.dtype}; numbers in [0, 1] are needed")
    if quality.ndim != 1 or quality.size == 0:
        raise AllocationError(
            f"quality_row has shape {quality.shape}; one row of at least one option is needed"
        )
    # A NaN fails both comparisons.
    if not (quality.min() >= 0 and quality.max() <= 1):
        option = int((~((quality >= 0) & (quality <= 1))).argmax())
        raise AllocationError(f"quality_row[{option}] is {quality[option]}; it must lie in [0, 1]")
    cost = _check_cost(np.asarray(cost_row), len(quality), n_budgets)
    mask = None if allowed is None else _check_allowed(np.asarray(allowed), len(quality))
    return Question(quality.astype(np.float64, copy=False), cost, mask)


def _check_cost(cost: NDArray[Any], n_options: int, n_budgets: int | None) -> IntArray:
    """Check that the costs are integers, not negative, and as many as options and budgets."""
    if cost.dtype.kind not in "iu":
        raise AllocationError(f"cost_row has type {cost.dtype}; integer micro-units are needed")
    shape = (n_options,) if n_budgets is None else (n_options, n_budgets)
    if cost.shape != shape:
        raise AllocationError(f"cost_row has shape {cost.shape}; {shape} is needed")
    table = cost.reshape(n_options, -1)
    lowest = cost.min()
    if lowest < 0 or (cost.dtype == np.uint64 and cost.max() > INT64_MAX):
        option = int((table if lowest < 0 else -table.astype(np.float64)).min(axis=1).argmin())
        raise AllocationError(
            f"cost_row[{option}] is {cost[option]}; costs must lie in [0, 2**63 - 1]"
        )
    return table.astype(np.int64, copy=False)


def _check_allowed(allowed: NDArray[Any], n_options: int) -> NDArray[np.bool_]:
    """Check that the mask is boolean and has one entry per option."""
    if allowed.dtype != np.bool_ or allowed.shape != (n_options,):
        raise AllocationError(
            f"allowed has type {allowed.dtype} and shape {allowed.shape}; "
            f"bool and ({n_options},) are needed"
        )
    return allowed
