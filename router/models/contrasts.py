"""Contrasts between options: what is fitted, because difficulty common to all options cancels.

A plan moves compute between questions, so only differences between the options of one question
matter. Where a question saw few of the options, its own level is guessed from the options it did
see, and what an option was off that guess is weighted up by how seldom it was tried (Horvitz and
Thompson). The guess stays in, or a question's options would be pushed apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["estimate_contrasts", "estimate_option_means", "split_variance"]

GLS_ROUNDS = 5
BETWEEN_SHARE_MAX = 0.95
# An option tried on fewer questions than this share would get weights that drown all others.
OBSERVED_SHARE_MIN = 0.02


def estimate_option_means(
    quality: NDArray[np.float64], level: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate the options' mean quality over all questions, and how sure that is.

    On a dense log these are the column means. On a sparse one they are generalised least squares
    with a random effect a question, so that an option tried on hard questions is not blamed for
    their difficulty.

    Parameters
    ----------
    quality : ndarray of float64, shape (n, m)
        NaN where a pair was not tried; every column has at least one value.
    level : ndarray of float64, shape (n,)
        What the text says of a question's difficulty, as an offset common to all options.

    Returns
    -------
    means : ndarray of float64, shape (m,)
    covariance : ndarray of float64, shape (m, m)
        Of the means, as estimates.

    Examples
    --------
    >>> means, _ = estimate_option_means(np.array([[0.0, 1.0], [1.0, 1.0]]), np.zeros(2))
    >>> means.tolist()
    [0.5, 1.0]
    """
    observed = ~np.isnan(quality)
    if observed.all():
        return quality.mean(axis=0), _estimate_covariance(quality) / len(quality)
    seen = observed.astype(np.float64)
    offset = np.where(observed, quality - level[:, None], 0.0)
    count = seen.sum(axis=1)
    means: NDArray[np.float64] = offset.sum(axis=0) / np.maximum(seen.sum(axis=0), 1.0)
    for _ in range(GLS_ROUNDS):
        residual = seen * (offset - means)
        noise, between = split_variance(residual, seen)
        share = between / (noise + count * between)
        system = np.diag(seen.sum(axis=0)) - seen.T @ (seen * share[:, None])
        target = offset.sum(axis=0) - seen.T @ (share * offset.sum(axis=1))
        means = np.linalg.solve(system + 1e-9 * np.eye(len(means)), target)
    return means, noise * np.linalg.inv(system + 1e-6 * np.eye(len(means)))


def _estimate_covariance(quality: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate the covariance of options, shrunk to one correlation where questions are few.

    With no more questions than options the plain estimate is singular and would call differences
    certain that are not.

    References
    ----------
    O. Ledoit, M. Wolf: Honey, I shrunk the sample covariance matrix. Journal of Portfolio
    Management 30(4), 2004, pp. 110-119 (the target; the share is options over questions here).
    """
    covariance = np.atleast_2d(np.cov(quality.T, ddof=min(1, len(quality) - 1)))
    n, m = quality.shape
    variance = np.diag(covariance)
    spread = np.sqrt(variance)
    off = ~np.eye(m, dtype=bool)
    scale = np.outer(spread, spread)
    correlation = covariance[off].sum() / max(float(scale[off].sum()), 1e-12)
    target = correlation * scale
    np.fill_diagonal(target, variance)
    share = min(1.0, m / n)
    mixed: NDArray[np.float64] = (1.0 - share) * covariance + share * target
    return mixed


def split_variance(residual: NDArray[np.float64], seen: NDArray[np.float64]) -> tuple[float, float]:
    """Split residual variance into noise and an effect common to a question's rows.

    Parameters
    ----------
    residual : ndarray of float64, shape (n, m)
        0 where a pair was not tried.
    seen : ndarray of float64, shape (n, m)
        1 where it was.

    Returns
    -------
    noise : float
        What is left of the total.
    between : float
        0 where no question has two rows.
    """
    total = float((residual**2).sum() / max(seen.sum(), 1.0))
    count = seen.sum(axis=1)
    pairs = float((count * (count - 1.0)).sum())
    if pairs <= 0.0 or total <= 0.0:
        return max(total, 1e-12), 0.0
    products = float((residual.sum(axis=1) ** 2 - (residual**2).sum(axis=1)).sum())
    between = float(np.clip(products / pairs, 0.0, BETWEEN_SHARE_MAX * total))
    return total - between, between


def estimate_contrasts(
    quality: NDArray[np.float64], means: NDArray[np.float64], level: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Estimate how each question's options differ from the log's, without bias.

    Parameters
    ----------
    quality : ndarray of float64, shape (n, m)
        NaN where a pair was not tried.
    means : ndarray of float64, shape (m,)
        The options' means.
    level : ndarray of float64, shape (n,)
        What the text says of a question's difficulty.

    Returns
    -------
    ndarray of float64, shape (n, m)
        Rows sum to zero.

    References
    ----------
    D. G. Horvitz, D. J. Thompson: A generalization of sampling without replacement from a finite
    universe. Journal of the American Statistical Association 47, 1952, pp. 663-685.
    J. M. Robins, A. Rotnitzky, L. P. Zhao: Estimation of regression coefficients when some
    regressors are not always observed. Ibid. 89, 1994, pp. 846-866 (the augmented form).

    Examples
    --------
    >>> quality = np.array([[0.0, 1.0], [1.0, 1.0]])
    >>> estimate_contrasts(quality, quality.mean(axis=0), np.zeros(2)).tolist()
    [[-0.25, 0.25], [0.25, -0.25]]
    """
    observed = ~np.isnan(quality)
    if observed.all():
        contrast = quality - means
    else:
        seen = observed.astype(np.float64)
        residual = np.where(observed, quality - means - level[:, None], 0.0)
        noise, between = split_variance(residual, seen)
        correlation = between / (noise + between)
        # A row's own level is judged from the question's other rows, lest it explain itself away.
        others = seen.sum(axis=1, keepdims=True) - seen
        rest = residual.sum(axis=1, keepdims=True) - residual
        own = rest * correlation / (1.0 + np.maximum(others - 1.0, 0.0) * correlation)
        own = np.where(others > 0, own, 0.0)
        share = np.maximum(seen.mean(axis=0), OBSERVED_SHARE_MIN)
        contrast = own + seen * (residual - own) / share
    centred: NDArray[np.float64] = contrast - contrast.mean(axis=1, keepdims=True)
    return centred
