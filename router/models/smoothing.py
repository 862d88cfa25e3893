"""Smoothing of options' means over their descriptors, for logs where each option was tried seldom.

With a hundred outcomes an option, means are noisier than the differences they are to show. Options
of one model, of one way of reasoning, or near to each other in samples, searches and cost lend each
other strength; how much is learned from the means themselves, and how far that is to be believed
from questions that were held out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import MissingExtraError
from router.models.contrasts import estimate_option_means

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.options import Option

__all__ = ["fit_option_means", "smooth_means"]

OPTIONS_MIN = 6
# A weak prior on the log variances keeps the likelihood from running off where it is flat.
PRIOR_WEIGHT = 0.005
LEVEL_VARIANCE = 10.0


def fit_option_means(
    quality: NDArray[np.float64],
    level: NDArray[np.float64],
    options: Sequence[Option],
    cost: NDArray[np.float64],
    folds: Sequence[tuple[NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Estimate options' means, smoothed as far as held-out questions are closer to it.

    Where a family of options follows no curve, smoothing harms: the step from the plain means to
    the smoothed ones is cut to the share that held-out means ask for, none at the least.

    Parameters
    ----------
    quality : ndarray of float64, shape (n, m)
        NaN where a pair was not tried; every column has at least one value.
    level : ndarray of float64, shape (n,)
        What the text says of a question's difficulty, as an offset common to all options.
    options : sequence of Option, length m
        Their descriptors.
    cost : ndarray of float64, shape (m,)
        What each option costs on average, in any one unit; NaN where unknown.
    folds : sequence of (ndarray of int64, ndarray of int64)
        Rows to fit on and rows to judge by.

    Returns
    -------
    means : ndarray of float64, shape (m,)
    kernel : ndarray of float64, shape (m, m), or None
        As for :func:`smooth_means`.
    """
    means, covariance = estimate_option_means(quality, level)
    smoothed, kernel = smooth_means(means, covariance, options, cost)
    if kernel is None:
        return means, None
    asked, power = 0.0, 0.0
    seen = ~np.isnan(quality)
    for fit, rest in folds:
        both = seen[fit].any(axis=0) & seen[rest].any(axis=0)
        if both.sum() < OPTIONS_MIN:
            continue
        plain, doubt = estimate_option_means(quality[fit][:, both], level[fit])
        kept = [options[index] for index in np.flatnonzero(both).tolist()]
        step = smooth_means(plain, doubt, kept, cost[both])[0] - plain
        held_out = estimate_option_means(quality[rest][:, both], level[rest])[0]
        # A plan needs differences only: what moves all options alike is left out.
        step -= step.mean()
        asked += float(step @ (held_out - plain))
        power += float(step @ step)
    share = float(np.clip(asked / max(power, 1e-12), 0.0, 1.0))
    return means + share * (smoothed - means), kernel


def smooth_means(
    means: NDArray[np.float64],
    covariance: NDArray[np.float64],
    options: Sequence[Option],
    cost: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.float64] | None]:
    """Smooth options' means by a Gaussian process over their descriptors.

    The kernel adds a term each for the same model, the same way (strategy and effort), both,
    nearness in log samples and log searches, that within the same model and way, nearness in log
    cost, that within the same model and way, and free noise; the eight variances maximise the
    marginal likelihood. Quality is a smooth curve of cost, so its kernel is the Gaussian one; steps
    of samples and searches may be abrupt.

    Parameters
    ----------
    means : ndarray of float64, shape (m,)
        Estimates.
    covariance : ndarray of float64, shape (m, m)
        Of the estimates.
    options : sequence of Option, length m
        Their descriptors.
    cost : ndarray of float64, shape (m,)
        What each option costs on average, in any one unit; NaN where unknown.

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
    kernels = _build_kernels(options, cost)
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


def _build_kernels(options: Sequence[Option], cost: NDArray[np.float64]) -> NDArray[np.float64]:
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
    log_cost = np.log1p(cost / cost[cost > 0.0].min(initial=np.inf))
    free = np.eye(len(options))
    # An option of unknown cost is near to itself alone.
    near_cost = np.exp(-0.5 * (log_cost[:, None] - log_cost) ** 2)
    alike = np.where(np.isnan(near_cost), free, near_cost)
    return np.stack((same_model, same_way, both, near, both * near, alike, both * alike, free))
