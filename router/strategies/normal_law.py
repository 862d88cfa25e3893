"""The normal law without SciPy, which the base installation does not have."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["compute_joint", "compute_share_below", "find_quantile"]

NODES, WEIGHTS = np.polynomial.legendre.leggauss(24)
# Coefficients of Abramowitz and Stegun's formula 7.1.26.
SLOPE = 0.3275911 / math.sqrt(2.0)
COEFFICIENTS = (0.254829592, -0.284496736, 1.421413741, -1.453152027, 1.061405429)
QUANTILE = np.frompyfunc(NormalDist().inv_cdf, 1, 1)


def compute_share_below(values: ArrayLike) -> NDArray[np.float64]:
    """Compute how much of a standard normal variable lies below some values.

    Parameters
    ----------
    values : array_like of float
        Any finite numbers.

    Returns
    -------
    ndarray of float64
        To 1e-7, by formula 7.1.26 of Abramowitz and Stegun (1964).

    Examples
    --------
    >>> compute_share_below([0.0, 1.96]).round(3).tolist()
    [0.5, 0.975]
    """
    array = np.asarray(values, dtype=np.float64)
    size = np.abs(array)
    t = 1.0 / (1.0 + SLOPE * size)
    series = np.zeros_like(t)
    for coefficient in reversed(COEFFICIENTS):
        series = (series + coefficient) * t
    beyond = 0.5 * series * np.exp(-0.5 * size * size)
    return np.asarray(np.where(array > 0.0, 1.0 - beyond, beyond))


def find_quantile(shares: ArrayLike) -> NDArray[np.float64]:
    """Find the values below which some shares of a standard normal variable lie.

    Parameters
    ----------
    shares : array_like of float
        Above 0 and below 1.

    Returns
    -------
    ndarray of float64

    Examples
    --------
    >>> find_quantile([0.5, 0.975]).round(2).tolist()
    [0.0, 1.96]
    """
    return np.asarray(QUANTILE(np.asarray(shares, dtype=np.float64)), dtype=np.float64)


def compute_joint(
    first: ArrayLike, second: ArrayLike, correlation: ArrayLike
) -> NDArray[np.float64]:
    """Compute how often two standard normal variables both lie below their values.

    Parameters
    ----------
    first, second, correlation : array_like, broadcastable to one shape
        Values, and correlations strictly between -1 and 1.

    Returns
    -------
    ndarray of float64
        Probabilities, to about 1e-6 where the correlation is at most .99.

    Notes
    -----
    Plackett (1954): the derivative by the correlation is the bivariate density, integrated here
    over the arcsine of the correlation, in which it is smooth.

    Examples
    --------
    >>> compute_joint([0.0, 0.0], [0.0, 0.0], [0.0, 0.5]).round(6)
    array([0.25    , 0.333333])
    """
    a, b, r = (np.asarray(values, dtype=np.float64) for values in (first, second, correlation))
    span = np.arcsin(r)
    total = compute_share_below(a) * compute_share_below(b)
    squares, product = a * a + b * b, 2.0 * a * b
    for node, weight in zip(NODES.tolist(), WEIGHTS.tolist(), strict=True):
        sine = np.sin(span * (node + 1.0) / 2.0)
        exponent = (squares - product * sine) / (2.0 * sine * sine - 2.0)
        total = total + weight * span / (4.0 * np.pi) * np.exp(exponent)
    return np.asarray(total)
