"""Paired bootstrap over questions: how far a mean would move with other questions of the kind.

References
----------
.. [1] B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", Chapman & Hall, 1993,
   chapter 13 (percentile intervals).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Interval", "bootstrap_interval", "bootstrap_means", "percentile_interval"]

# Entries of one chunk of resample counts: 32 MiB of float64.
CHUNK_ELEMENTS = 1 << 22


class Interval(NamedTuple):
    """A mean with the interval it lies in.

    Parameters
    ----------
    mean : float
        The figure itself.
    low, high : float
        Ends of the interval.
    """

    mean: float
    low: float
    high: float


def bootstrap_means(
    values: ArrayLike, *, seed: int = 0, n_resamples: int = 2000
) -> NDArray[np.float64]:
    r"""Resample questions with replacement and average each row of values over every resample.

    With :math:`w_{ri}` counting how often resample `r` drew question `i`,
    :math:`\bar v_{rk} = \frac{1}{n} \sum_i w_{ri} v_{ki}`. All rows share the resamples, so
    differences and ratios of rows stay paired.

    Parameters
    ----------
    values : array_like of float, shape (k, n)
        One row a figure, one column a question.
    seed : int, default=0
        Seed of the resamples; the same seed and n give the same resamples.
    n_resamples : int, default=2000
        Number of resamples r.

    Returns
    -------
    ndarray of float64, shape (r, k)

    Raises
    ------
    InputError
        If `values` is no table of finite numbers or `n_resamples` is below 1.

    Examples
    --------
    >>> draws = bootstrap_means([[0.0, 1.0, 1.0, 0.0]], seed=1, n_resamples=500)
    >>> draws.shape, bool(abs(draws.mean() - 0.5) < 0.05)
    ((500, 1), True)
    """
    table = np.asarray(values, dtype=np.float64)
    if table.ndim != 2 or not table.size or not np.isfinite(table).all():
        msg = f"values have shape {table.shape}: (k, n) of finite numbers is needed"
        raise InputError(msg)
    if n_resamples < 1:
        msg = f"n_resamples is {n_resamples}: at least 1 is needed"
        raise InputError(msg)
    n_questions = table.shape[1]
    generator = np.random.default_rng(seed)
    means = np.empty((n_resamples, len(table)))
    step = max(1, CHUNK_ELEMENTS // n_questions)
    for start in range(0, n_resamples, step):
        n_rows = min(step, n_resamples - start)
        drawn = generator.integers(n_questions, size=(n_rows, n_questions))
        drawn += np.arange(n_rows)[:, None] * n_questions
        counts = np.bincount(drawn.ravel(), minlength=n_rows * n_questions)
        weights = counts.reshape(n_rows, n_questions).astype(np.float64)
        means[start : start + n_rows] = weights @ table.T / n_questions
    return means


def percentile_interval(draws: ArrayLike, mean: float, *, confidence: float = 0.95) -> Interval:
    """Take the middle part of bootstrap draws as an interval.

    Parameters
    ----------
    draws : array_like of float, shape (r,)
        Draws of the figure.
    mean : float
        The figure itself.
    confidence : float, default=0.95
        Share of the draws inside the interval, between 0 and 1.

    Returns
    -------
    Interval

    Raises
    ------
    InputError
        If `confidence` is not between 0 and 1.

    Examples
    --------
    >>> percentile_interval(np.arange(101.0), 50.0, confidence=0.5)
    Interval(mean=50.0, low=25.0, high=75.0)
    """
    if not 0 < confidence < 1:
        msg = f"confidence is {confidence}: a number between 0 and 1 is needed"
        raise InputError(msg)
    tail = (1 - confidence) / 2
    low, high = np.quantile(np.asarray(draws, dtype=np.float64), [tail, 1 - tail])
    # Draws carry the rounding of a matrix product: -0.0 and 1e-17 would be printed as such.
    return Interval(float(mean), float(np.round(low, 15)) + 0.0, float(np.round(high, 15)) + 0.0)


def bootstrap_interval(
    first: ArrayLike,
    second: ArrayLike,
    *,
    seed: int = 0,
    n_resamples: int = 2000,
    confidence: float = 0.95,
) -> Interval:
    """Find the mean difference of two scores of the same questions, and its interval.

    Parameters
    ----------
    first, second : array_like of float, shape (n,)
        Scores of the same questions in the same order.
    seed : int, default=0
        Seed of the resamples.
    n_resamples : int, default=2000
        Number of resamples.
    confidence : float, default=0.95
        Share of the resamples inside the interval.

    Returns
    -------
    Interval
        Mean of ``first - second`` with the ends of its percentile interval [1]_.

    Raises
    ------
    InputError
        If the shapes differ, there is no question, or a number is not finite.

    References
    ----------
    .. [1] B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Examples
    --------
    >>> bootstrap_interval([0.5, 1.0, 0.75], [0.25, 0.75, 0.5])
    Interval(mean=0.25, low=0.25, high=0.25)
    """
    one, other = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.ndim != 1 or one.shape != other.shape or not one.size:
        msg = f"scores have shapes {one.shape} and {other.shape}: (n,) twice is needed"
        raise InputError(msg)
    difference = one - other
    draws = bootstrap_means(difference[None, :], seed=seed, n_resamples=n_resamples)
    return percentile_interval(draws[:, 0], float(difference.mean()), confidence=confidence)
