"""Smoothing of options' means over their descriptors, for logs where each option was tried seldom.

With a hundred outcomes an option, means are noisier than the differences they are to show. Options
of one model, of one way of reasoning, or near to each other in samples and searches lend each other
strength; how much is learned from the means themselves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.options import Option

__all__ = ["smooth_means"]

OPTIONS_MIN = 6
# A weak prior on the log variances keeps the likelihood from running off where it is flat.
PRIOR_WEIGHT = 0.005
LEVEL_VARIANCE = 10.0


def smooth_means(
    means: NDArray[np.float64], covariance: NDArray[np.float64], options: Sequence[Option]
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Smooth options' means by a Gaussian process over their descriptors.

    The kernel adds a term each for the same model, the same way (strategy and effort), both,
    nearness in log samples and log searches, that within the same model and way, and free noise;
    the six variances maximise the marginal likelihood.

    Parameters
    ----------
    means : ndarray of float64, shape (m,)
        Estimates.
    covariance : ndarray of float64, shape (m, m)
        Of the estimates.
    options : sequence of Option, length m
        Their descriptors.

    Returns
    -------
    smoothed : ndarray of float64, shape (m,)
        The estimates themselves where there are fewer than 6 options.
    kernel : ndarray of float64, shape (m, m), or None
        Prior covariance of the true means; None with fewer than 6 options.

    References
    ----------
    C. E. Rasmussen, C. K. I. Williams: Gaussian Processes for Machine Learning. MIT Press, 2006,
    chapters 2 and 5.
    """
    if len(means) < OPTIONS_MIN:
        return means, None
    try:
        from scipy.optimize import minimize
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    kernels = _build_kernels(options)
    spread = max(float(means.var()), 1e-6)
    jitter = 1e-9 * spread * np.eye(len(means))
    centred = means - means.mean()
    start = np.full(len(kernels), np.log(spread / 4.0))

    def add_up(log_variance: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add the kernels up, each with its variance."""
        weighted = np.tensordot(np.exp(log_variance), kernels, axes=1)
        return np.asarray(weighted + LEVEL_VARIANCE * spread)

    def score(log_variance: NDArray[np.float64]) -> float:
        """Score variances by the negative log marginal likelihood and their prior."""
        factor = np.linalg.cholesky(add_up(log_variance) + covariance + jitter)
        whitened = np.linalg.solve(factor, centred)
        prior = PRIOR_WEIGHT * float(((log_variance - start) ** 2).sum())
        return float(np.log(np.diag(factor)).sum() + 0.5 * whitened @ whitened) + prior

    bounds = [(np.log(spread) - 9.0, np.log(spread) + 3.0)] * len(kernels)
    best = minimize(score, start, method="L-BFGS-B", bounds=bounds).x
    kernel = add_up(best)
    smoothed = kernel @ np.linalg.solve(kernel + covariance + jitter, centred)
    return means.mean() + smoothed, kernel


def _build_kernels(options: Sequence[Option]) -> NDArray[np.float64]:
    """Tabulate in how far any two options are alike, one matrix a kind of likeness."""
    models = np.array([option.model or "" for option in options])
    ways = np.array([f"{option.strategy}|{option.reasoning_effort}" for option in options])
    dials = np.array(
        [[np.log(option.samples), np.log1p(option.search_steps or 0.0)] for option in options]
    )
    same_model = (models[:, None] == models).astype(np.float64)
    same_way = (ways[:, None] == ways).astype(np.float64)
    near = np.exp(-np.abs(dials[:, None] - dials).sum(axis=2))
    both = same_model * same_way
    return np.stack((same_model, same_way, both, near, both * near, np.eye(len(options))))
