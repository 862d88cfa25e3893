"""Probabilities that two normal variables both lie below a threshold, and the correlation behind.

Two questions' outcomes that are right together more often than by chance share something hidden;
the correlation of two hidden normal variables that explains how often is Pearson's tetrachoric one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import MissingExtraError
from router.strategies.normal_law import compute_joint

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike, NDArray

__all__ = ["find_correlation", "load_normal"]

CORRELATION_MAX = 0.995
# Halvings of an interval of two: the correlation is then known to a billionth.
HALVINGS = 31


def load_normal() -> tuple[Callable[..., NDArray[np.float64]], Callable[..., NDArray[np.float64]]]:
    """Load the standard normal distribution and its inverse.

    Returns
    -------
    tuple of callable
        Both of arrays, element by element; float32 stays float32.

    Raises
    ------
    MissingExtraError
        SciPy, which the extra ``train`` brings, is not installed.
    """
    try:
        from scipy.special import ndtr, ndtri
    except ImportError:
        raise MissingExtraError.for_extra("train", "simulating") from None
    return ndtr, ndtri


def find_correlation(first: ArrayLike, second: ArrayLike, joint: ArrayLike) -> NDArray[np.float64]:
    """Find the correlation at which both variables lie below their thresholds so often.

    Parameters
    ----------
    first, second : array_like, broadcastable to one shape
        Thresholds.
    joint : array_like of the same shape
        How often both are below.

    Returns
    -------
    ndarray of float64
        Within plus and minus .995; the end of it where no correlation reaches `joint`.

    Examples
    --------
    >>> find_correlation([0.0], [0.0], [1.0 / 3.0]).round(6)
    array([0.5])
    """
    a, b, wanted = np.broadcast_arrays(
        *(np.asarray(values, dtype=np.float64) for values in (first, second, joint))
    )
    low = np.full(wanted.shape, -CORRELATION_MAX)
    high = np.full(wanted.shape, CORRELATION_MAX)
    for _ in range(HALVINGS):
        middle = (low + high) / 2.0
        below = compute_joint(a, b, middle) < wanted
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2.0)
