"""Stacking: how much each learner and each direction is worth, judged out of fold.

A learner that harms or hardly counts gets weight zero, and a stack shrinks by as much as its
out-of-fold slope is uncertain. That is the fallback to the best fixed mix: where text and task say
nothing, the plan mixes the options as their means do. A trace of the text is kept even then: some
question has to be first among equals, and a guess is no worse than their order in the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["KEPT_MIN", "stack_members"]

# Penalty on the weights, in units of the target's sum of squares.
WEIGHT_PENALTY = 5e-4
# A direction's own scale is averaged with 1, of which it deviates by about this much.
SCALE_DEVIATION = 0.6
SCALE_MAX = 1.5
# A learner of less weight than this is left out: it costs time at serving and brings nothing.
WEIGHT_MIN = 0.05
# Squared t-value that the stack has to pay for being fitted to what judges it (Akaike's penalty).
PENALTY_SQUARED = 2.0
# The share of a stack without evidence that still orders questions the means call equal.
KEPT_MIN = 0.05


def stack_members(
    predicted: NDArray[np.float64],
    target: NDArray[np.float64],
    question: NDArray[np.int64] | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weigh learners by non-negative least squares, then scale directions by their evidence.

    Weights are shared by all directions. Each direction's least-squares scale is averaged with 1 by
    precision; then all of them are multiplied by ``1 - 2 variance / slope**2`` of the pooled slope,
    or by .05 where that is less.

    Parameters
    ----------
    predicted : ndarray of float64, shape (n, r, k)
        Out-of-fold predictions of k learners for r directions.
    target : ndarray of float64, shape (n, r)
        What they should have predicted.
    question : ndarray of int64, shape (n,), optional
        Which question a row is about, where folds were dealt more than once: rows of one question
        are no independent evidence. Each row is one by default.

    Returns
    -------
    weights : ndarray of float64, shape (k,)
        From 0 up.
    scale : ndarray of float64, shape (r,)
        From 0 to 1.5.

    References
    ----------
    L. Breiman: Stacked regressions. Machine Learning 24, 1996, pp. 49-64.
    W. James, C. Stein: Estimation with quadratic loss. Proceedings of the Fourth Berkeley Symposium
    1, 1961, pp. 361-379.

    Examples
    --------
    >>> signal = np.sin(np.arange(200.0))[:, None]
    >>> noise = np.cos(np.arange(200.0) * 7.3)[:, None]
    >>> weights, scale = stack_members(np.stack((signal, noise), axis=2), signal)
    >>> bool(weights[0] > 0.95), bool(weights[1] < 0.05), bool(scale[0] > 0.95)
    (True, True, True)
    """
    weights = _weigh(predicted.reshape(-1, predicted.shape[2]), target.ravel())
    combined = predicted @ weights
    products, squares = combined * target, combined**2
    if question is not None:
        products, squares = _add_up(products, question), _add_up(squares, question)
    slope, variance = _regress(products, squares)
    prior = 1.0 / SCALE_DEVIATION**2
    precision = 1.0 / np.maximum(variance, 1e-12)
    scale = (slope * precision + prior) / (precision + prior)
    whole, whole_variance = _regress(
        products.sum(axis=1, keepdims=True), squares.sum(axis=1, keepdims=True)
    )
    kept = KEPT_MIN
    if whole[0] > 0.0:
        doubt = PENALTY_SQUARED * float(whole_variance[0]) / max(float(whole[0]) ** 2, 1e-12)
        kept = max(kept, 1.0 - doubt)
    return weights, np.clip(scale, 0.0, SCALE_MAX) * kept


def _weigh(predicted: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weigh learners by penalised non-negative least squares, without those that hardly count."""
    try:
        from scipy.optimize import nnls
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    penalty = np.sqrt(WEIGHT_PENALTY * float((target**2).sum()))
    kept = np.arange(predicted.shape[1])
    weights = np.zeros(predicted.shape[1])
    for _ in range(2):
        system = np.vstack((predicted[:, kept], penalty * np.eye(len(kept))))
        found, _ = nnls(system, np.concatenate((target, np.zeros(len(kept)))))
        weights[:] = 0.0
        weights[kept] = found
        if not (found >= WEIGHT_MIN).any():
            break
        kept = kept[found >= WEIGHT_MIN]
    return weights


def _add_up(values: NDArray[np.float64], question: NDArray[np.int64]) -> NDArray[np.float64]:
    """Add up the rows of every question."""
    total = np.zeros((int(question.max()) + 1, values.shape[1]))
    np.add.at(total, question, values)
    return total


def _regress(
    products: NDArray[np.float64], squares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Compute least-squares slopes a column, with the sandwich estimate of their variance.

    It holds whatever the noise's variance does from question to question.
    """
    power = np.maximum(squares.sum(axis=0), 1e-12)
    slope = products.sum(axis=0) / power
    variance = ((products - slope * squares) ** 2).sum(axis=0) / power**2
    return slope, variance
