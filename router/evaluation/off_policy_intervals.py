"""Intervals for a mean of scores whose spread is uneven, as importance weights make it.

References
----------
.. [1] P. Hall, "The Bootstrap and Edgeworth Expansion", Springer, 1992, section 3.3 (the
   studentised bootstrap, second-order correct where scores are skewed).
.. [2] P. Hall, "On the removal of skewness by transformation", Journal of the Royal Statistical
   Society B 54(1), 1992, equation 2.2 (the same correction in closed form).
.. [3] A. Maurer and M. Pontil, "Empirical Bernstein bounds and sample variance penalization",
   COLT 2009, theorem 4 (holds for every sample size, at the price of width).
"""

from __future__ import annotations

from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

from router.scoring import bootstrap_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "find_bernstein_interval",
    "find_normal_interval",
    "find_skewness_interval",
    "find_studentised_interval",
]

N_RESAMPLES = 1000


def find_normal_interval(
    scores: NDArray[np.float64], *, confidence: float = 0.95
) -> tuple[float, float]:
    """Put the normal quantile times the standard error on both sides of the mean.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Independent, of equal distribution.
    confidence : float, default=0.95
        Between 0 and 1.

    Returns
    -------
    low : float
    high : float

    Examples
    --------
    >>> low, high = find_normal_interval(np.array([0.0, 1.0] * 50))
    >>> round(low, 3), round(high, 3)
    (0.402, 0.598)
    """
    error = float(scores.std(ddof=1)) / len(scores) ** 0.5
    reach = NormalDist().inv_cdf(0.5 + confidence / 2) * error
    mean = float(scores.mean())
    return mean - reach, mean + reach


def find_skewness_interval(
    scores: NDArray[np.float64], *, confidence: float = 0.95
) -> tuple[float, float]:
    r"""Correct the normal interval for skewed scores.

    With skewness :math:`g` of the scores, :math:`r = g / \sqrt n` and a normal quantile z, the
    mean is :math:`t(z)` standard errors off, where

    .. math:: t(z) = \left(\left(1 + r (z - r / 6)\right)^{1/3} - 1\right) \cdot 3 / r .

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Independent, of equal distribution.
    confidence : float, default=0.95
        Between 0 and 1.

    Returns
    -------
    low : float
    high : float

    Examples
    --------
    >>> low, high = find_skewness_interval(np.array([0.0] * 90 + [1.0] * 10))
    >>> round(low, 3), round(high, 3)
    (0.05, 0.176)
    """
    mean, n = float(scores.mean()), len(scores)
    error = float(scores.std(ddof=1)) / n**0.5
    if error == 0:
        return mean, mean
    skewness = float((((scores - mean) / scores.std()) ** 3).mean())
    part = skewness / n**0.5
    upper = NormalDist().inv_cdf(0.5 + confidence / 2)
    ends = []
    for quantile in (upper, -upper):
        if abs(part) < 1e-9:
            off = quantile
        else:
            off = 3 / part * float(np.cbrt(1 + part * (quantile - part / 6)) - 1)
        ends.append(mean - off * error)
    return ends[0], ends[1]


def find_studentised_interval(
    scores: NDArray[np.float64], *, confidence: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Resample how many of its own standard errors the mean is off, and use those quantiles.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Independent, of equal distribution.
    confidence : float, default=0.95
        Between 0 and 1.
    seed : int, default=0
        Of the 1,000 resamples.

    Returns
    -------
    low : float
    high : float

    Examples
    --------
    >>> low, high = find_studentised_interval(np.array([0.0, 1.0] * 50))
    >>> 0.38 < low < 0.42, 0.58 < high < 0.62
    (True, True)
    """
    mean, n = float(scores.mean()), len(scores)
    error = float(scores.std(ddof=1)) / n**0.5
    centred = scores - mean
    draws = bootstrap_means(np.stack([centred, centred**2]), seed=seed, n_resamples=N_RESAMPLES)
    variance = np.maximum(draws[:, 1] - draws[:, 0] ** 2, 0.0) * n / (n - 1)
    known = variance > 0
    if not known.any():
        return mean, mean
    statistic = draws[known, 0] / np.sqrt(variance[known] / n)
    tail = (1 - confidence) / 2
    low, high = np.quantile(statistic, [tail, 1 - tail])
    return mean - float(high) * error, mean - float(low) * error


def find_bernstein_interval(
    scores: NDArray[np.float64], reach: float, *, confidence: float = 0.95
) -> tuple[float, float]:
    r"""Bound the mean for every sample size.

    .. math:: |\bar s - \mu| \le \sqrt{2 V \ln(4/\delta) / n} + 7 R \ln(4/\delta) / (3 (n - 1))

    with sample variance V and range R, each side at half of :math:`\delta`.

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Independent, of equal distribution.
    reach : float
        R, from the least to the largest score that there can be.
    confidence : float, default=0.95
        1 - delta, between 0 and 1.

    Returns
    -------
    low : float
    high : float

    Examples
    --------
    >>> low, high = find_bernstein_interval(np.array([0.0, 1.0] * 50), 1.0)
    >>> round(low, 3), round(high, 3)
    (0.248, 0.752)
    """
    n, logarithm = len(scores), float(np.log(4 / (1 - confidence)))
    width = (2 * float(scores.var(ddof=1)) * logarithm / n) ** 0.5
    width += 7 * reach * logarithm / (3 * (n - 1))
    mean = float(scores.mean())
    return mean - width, mean + width
