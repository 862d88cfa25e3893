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
    "pool_scores",
    "widen_for_certainty",
]

N_RESAMPLES = 1000


def pool_scores(scores: NDArray[np.float64], question: NDArray[np.int64]) -> NDArray[np.float64]:
    r"""Give every question one score in place of its decisions', which are not independent.

    .. math:: z_g = \bar s + \frac{G}{n} \sum_{i \in g} (s_i - \bar s)

    for G questions and n decisions: their mean is that of the scores, and their spread is what the
    mean would move by with other questions (the linearised ratio of sums).

    Parameters
    ----------
    scores : ndarray of float64, shape (n,)
        Of decisions.
    question : ndarray of int64, shape (n,)
        Which question each was about.

    Returns
    -------
    ndarray of float64, shape (g,)
        The scores themselves where no question comes again.

    Examples
    --------
    >>> pool_scores(np.array([0.0, 0.0, 1.0, 1.0]), np.array([0, 0, 1, 1])).tolist()
    [0.0, 1.0]
    """
    number = np.unique(question, return_inverse=True)[1]
    n_questions = int(number.max()) + 1
    if n_questions == len(scores):
        return scores
    mean = float(scores.mean())
    total = np.bincount(number, weights=scores - mean, minlength=n_questions)
    return np.asarray(mean + total * (n_questions / len(scores)), dtype=np.float64)


def widen_for_certainty(
    interval: tuple[float, float],
    mean: float,
    seen: NDArray[np.float64],
    effective_size: float,
    *,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Widen an interval where everything that was seen came out alike, all 0 or all 1.

    Scores then have no spread, although what is rare may just not have come up: of as many
    independent trials as the evidence is worth, a chance of failing of 1 - p is missed with
    probability p to their number (the exact interval of Clopper and Pearson).

    Parameters
    ----------
    interval : tuple of float
        Its ends.
    mean : float
        What they lie around.
    seen : ndarray of float64
        Outcomes that the estimate rests on.
    effective_size : float
        How many independent trials they are worth.
    confidence : float, default=0.95
        Between 0 and 1.

    Returns
    -------
    low : float
    high : float

    Examples
    --------
    >>> low, high = widen_for_certainty((1.0, 1.0), 1.0, np.ones(100), 100.0)
    >>> round(low, 3), high
    (0.964, 1.0)
    """
    low, high = interval
    missed = 1.0 - float(((1 - confidence) / 2) ** (1 / max(effective_size, 1.0)))
    if (seen == 1).all():
        return min(low, mean - missed), high
    if (seen == 0).all():
        return low, max(high, mean + missed)
    return low, high


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
