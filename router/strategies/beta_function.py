"""The beta function and its distribution, with NumPy alone.

References
----------
.. [1] NIST Digital Library of Mathematical Functions, section 8.17: the incomplete beta function,
   its symmetry (8.17.4) and its continued fraction (8.17.22).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["compute_beta_cdf", "compute_log_beta"]

N_TERMS = 400
TINY = 1e-300


def _log_gamma(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Take the logarithm of the gamma function, element by element."""
    flat = np.fromiter((math.lgamma(value) for value in values.ravel().tolist()), np.float64)
    return flat.reshape(values.shape)


def compute_log_beta(a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Compute the logarithm of the beta function.

    Examples
    --------
    >>> float(np.exp(compute_log_beta(2.0, 3.0)).round(6))
    0.083333
    """
    first, second = np.broadcast_arrays(np.asarray(a, float), np.asarray(b, float))
    return _log_gamma(first) + _log_gamma(second) - _log_gamma(first + second)


def _continue(
    x: NDArray[np.float64], a: NDArray[np.float64], b: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Sum the continued fraction by the method of Lentz."""
    front = np.ones_like(x)
    inverse = 1.0 / (1.0 - (a + b) * x / (a + 1.0))
    total = inverse.copy()
    for term in range(1, N_TERMS):
        even = term * (b - term) * x / ((a + 2 * term - 1) * (a + 2 * term))
        odd = -(a + term) * (a + b + term) * x / ((a + 2 * term) * (a + 2 * term + 1))
        for factor in (even, odd):
            inverse = 1.0 / _lift(1.0 + factor * inverse)
            front = _lift(1.0 + factor / front)
            total *= front * inverse
        if np.abs(front * inverse - 1.0).max(initial=0.0) < 1e-14:
            break
    return total


def _lift(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Keep divisors away from zero."""
    return np.where(np.abs(values) < TINY, TINY, values)


def compute_beta_cdf(x: ArrayLike, a: ArrayLike, b: ArrayLike) -> NDArray[np.float64]:
    """Compute the probability that a beta variable lies below `x`.

    Examples
    --------
    >>> round(float(compute_beta_cdf(0.5, 2.0, 1.0)), 9)
    0.25
    """
    point, first, second = np.broadcast_arrays(*(np.asarray(v, float) for v in (x, a, b)))
    inside = np.clip(point, 1e-300, 1 - 1e-16)
    turned = inside > (first + 1.0) / (first + second + 2.0)
    near = np.where(turned, 1.0 - inside, inside)
    one, other = np.where(turned, second, first), np.where(turned, first, second)
    scale = one * np.log(near) + other * np.log1p(-near) - compute_log_beta(one, other)
    part = np.exp(scale) * _continue(near, one, other) / one
    answer = np.clip(np.where(turned, 1.0 - part, part), 0.0, 1.0)
    answer = np.where(point <= 0, 0.0, np.where(point >= 1, 1.0, answer))
    return np.asarray(answer, dtype=np.float64)
