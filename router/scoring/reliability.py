"""Calibration of predicted qualities: whether 0.7 means 0.7.

References
----------
.. [1] G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather
   Review, 1950.
.. [2] M. P. Naeini, G. F. Cooper and M. Hauskrecht, "Obtaining Well Calibrated Probabilities Using
   Bayesian Binning", AAAI, 2015 (expected calibration error).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["ReliabilityBin", "build_reliability", "compute_brier", "compute_ece", "decompose_brier"]

N_BINS = 10


class ReliabilityBin(NamedTuple):
    """One bin of a reliability table.

    Parameters
    ----------
    n : int
        Predictions inside.
    predicted, observed : float
        Mean prediction and mean outcome.
    """

    n: int
    predicted: float
    observed: float


def compute_brier(predicted: ArrayLike, observed: ArrayLike) -> float:
    r"""Compute the Brier score, :math:`\frac{1}{n} \sum_i (p_i - y_i)^2`.

    Parameters
    ----------
    predicted, observed : array_like of float, shape (n,)
        Predictions and outcomes from 0 to 1; an outcome may be a mean of runs.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If the shapes differ or there is nothing.

    References
    ----------
    .. [1] G. W. Brier, Monthly Weather Review, 1950.

    Examples
    --------
    >>> compute_brier([0.5, 1.0], [1.0, 1.0])
    0.125
    """
    guess, truth = _check(predicted, observed)
    return float(((guess - truth) ** 2).mean())


def build_reliability(
    predicted: ArrayLike, observed: ArrayLike, *, n_bins: int = N_BINS
) -> tuple[ReliabilityBin, ...]:
    """Build a reliability table of bins that hold about equally many predictions.

    Equal predictions share a bin, so there may be fewer bins than asked for.

    Parameters
    ----------
    predicted, observed : array_like of float, shape (n,)
        Predictions and outcomes from 0 to 1.
    n_bins : int, default=10
        At most so many bins.

    Returns
    -------
    tuple of ReliabilityBin
        By rising prediction.

    Raises
    ------
    InputError
        If the shapes differ, there is nothing, or `n_bins` is below 1.

    Examples
    --------
    >>> build_reliability([0.25, 0.25, 0.75, 0.75], [0.0, 1.0, 1.0, 1.0], n_bins=2)
    (ReliabilityBin(n=2, predicted=0.25, observed=0.5), ReliabilityBin(n=2, ..., observed=1.0))
    """
    guess, truth = _check(predicted, observed)
    if n_bins < 1:
        msg = f"n_bins is {n_bins}: at least 1 is needed"
        raise InputError(msg)
    order = np.argsort(guess, kind="stable")
    guess, truth = guess[order], truth[order]
    edges = np.round(np.arange(1, n_bins) * len(guess) / n_bins).astype(np.int64)
    # An edge inside a run of equal predictions moves to the run's beginning.
    starts = np.unique([0, *np.searchsorted(guess, guess[np.minimum(edges, len(guess) - 1)])])
    counts = np.diff([*starts, len(guess)])
    means = [np.add.reduceat(values, starts) / counts for values in (guess, truth)]
    return tuple(
        ReliabilityBin(int(n), float(mean), float(outcome))
        for n, mean, outcome in zip(counts, *means, strict=True)
    )


def compute_ece(bins: tuple[ReliabilityBin, ...]) -> float:
    r"""Compute the expected calibration error over the bins of a reliability table.

    .. math:: \mathrm{ECE} = \sum_b \frac{n_b}{n} \left| \bar p_b - \bar y_b \right|

    Parameters
    ----------
    bins : tuple of ReliabilityBin
        At least one.

    Returns
    -------
    float

    References
    ----------
    .. [1] M. P. Naeini et al., AAAI, 2015; here with bins of equal mass.

    Examples
    --------
    >>> compute_ece((ReliabilityBin(3, 0.25, 0.5), ReliabilityBin(1, 0.75, 0.75)))
    0.1875
    """
    total = sum(entry.n for entry in bins)
    return sum(entry.n * abs(entry.predicted - entry.observed) for entry in bins) / total


def decompose_brier(bins: tuple[ReliabilityBin, ...]) -> tuple[float, float, float]:
    r"""Decompose the Brier score of the bins' mean predictions.

    .. math:: \sum_b \frac{n_b}{n} (\bar p_b - \bar y_b)^2
       - \sum_b \frac{n_b}{n} (\bar y_b - \bar y)^2 + \bar y (1 - \bar y)

    Parameters
    ----------
    bins : tuple of ReliabilityBin
        At least one.

    Returns
    -------
    reliability : float
        What is lost to miscalibration.
    resolution : float
        What is gained by telling bins apart.
    uncertainty : float
        What outcomes of 0 and 1 would cost without any prediction but their mean.

    References
    ----------
    .. [1] A. H. Murphy, "A New Vector Partition of the Probability Score", Journal of Applied
       Meteorology, 1973.

    Examples
    --------
    >>> decompose_brier((ReliabilityBin(2, 0.25, 0.0), ReliabilityBin(2, 0.75, 1.0)))
    (0.0625, 0.25, 0.25)
    """
    share = np.array([entry.n for entry in bins]) / sum(entry.n for entry in bins)
    predicted = np.array([entry.predicted for entry in bins])
    observed = np.array([entry.observed for entry in bins])
    mean = float(share @ observed)
    reliability = float(share @ (predicted - observed) ** 2)
    return reliability, float(share @ (observed - mean) ** 2), mean * (1.0 - mean)


def _check(
    predicted: ArrayLike, observed: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Check that there are equally many predictions and outcomes, all finite."""
    guess = np.asarray(predicted, dtype=np.float64)
    truth = np.asarray(observed, dtype=np.float64)
    if guess.ndim != 1 or guess.shape != truth.shape or not guess.size:
        msg = f"predictions and outcomes have shapes {guess.shape} and {truth.shape}: (n,) twice "
        raise InputError(msg + "is needed")
    if not (np.isfinite(guess).all() and np.isfinite(truth).all()):
        msg = "predictions and outcomes must be finite"
        raise InputError(msg)
    return guess, truth
