"""What the arrays handed to the scoring room have to be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["check_surface"]


def check_surface(
    quality: ArrayLike, cost: ArrayLike, allowed: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Check a surface with its costs and bring all to one shape.

    Parameters
    ----------
    quality : array_like of float, shape (n, m)
        Finite.
    cost : array_like of float, shape (m,) or (n, m)
        Finite and not negative.
    allowed : array_like of bool, shape (n, m), or None
        Options that a question may take; all where None.

    Returns
    -------
    quality : ndarray of float64, shape (n, m)
    cost : ndarray of float64, shape (n, m)
    allowed : ndarray of bool, shape (n, m)

    Raises
    ------
    InputError
        If shapes disagree, a number is not finite, or a question is allowed nothing.

    Examples
    --------
    >>> check_surface([[0.1, 0.9]], [1.0, 3.0], None)[2].tolist()
    [[True, True]]
    """
    predicted = np.asarray(quality, dtype=np.float64)
    costs = np.asarray(cost, dtype=np.float64)
    if predicted.ndim != 2 or not predicted.size:
        msg = f"quality has shape {predicted.shape}: (n, m), neither zero, is needed"
        raise InputError(msg)
    if costs.shape not in {predicted.shape, predicted.shape[1:]}:
        msg = f"cost has shape {costs.shape}: {predicted.shape} or {predicted.shape[1:]} is needed"
        raise InputError(msg)
    if not (np.isfinite(predicted).all() and np.isfinite(costs).all() and costs.min() >= 0):
        msg = "quality and cost must be finite, and no cost negative"
        raise InputError(msg)
    mask = np.ones(predicted.shape, dtype=bool) if allowed is None else np.asarray(allowed, bool)
    if mask.shape != predicted.shape or not mask.any(1).all():
        msg = f"allowed has shape {mask.shape}: {predicted.shape} with an option in every row"
        raise InputError(msg + " is needed")
    return predicted, np.broadcast_to(costs, predicted.shape), mask
