"""Rows of several problems put one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation.problem import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["join_problems"]


def join_problems(parts: Sequence[Problem], n_options: int) -> Problem:
    """Join the rows of problems with the same options, in their order.

    Examples
    --------
    >>> part = Problem(np.array([[0.0, 1.0]]), np.array([0, 5]))
    >>> len(join_problems([part, part], 2))
    2
    """
    parts = [part for part in parts if len(part)]
    if not parts:
        return Problem(np.empty((0, n_options)), np.zeros(n_options, dtype=np.int64))
    if len(parts) == 1:
        return parts[0]
    first = parts[0].cost
    same = all(part.shared and np.array_equal(part.cost, first) for part in parts)
    quality = np.concatenate([part.quality for part in parts])
    cost = first if same else np.concatenate([_wide_cost(part) for part in parts])
    weights = allowed = None
    if any(part.weights is not None for part in parts):
        weights = np.concatenate([_weights(part) for part in parts])
    if any(part.allowed is not None for part in parts):
        allowed = np.concatenate([_allowed(part) for part in parts])
    return Problem(quality, cost, weights, allowed)


def _wide_cost(part: Problem) -> NDArray[Any]:
    """Repeat a shared cost row by row, as the other part may have costs of its own."""
    return np.broadcast_to(part.cost, part.quality.shape).astype(np.int64)


def _weights(part: Problem) -> NDArray[np.float64]:
    """Give the weights, ones where there are none."""
    return np.ones(len(part)) if part.weights is None else part.weights


def _allowed(part: Problem) -> NDArray[np.bool_]:
    """Give the mask, open where there is none."""
    return np.ones(part.quality.shape, dtype=np.bool_) if part.allowed is None else part.allowed
