"""What every option would have brought, predicted from the other folds' logged decisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.evaluation.off_policy import Decisions

__all__ = ["predict_outcomes"]

N_FOLDS = 5
# Decisions that a mean is shrunk by towards the coarser one.
SHRINK_DECISIONS = 10.0


def predict_outcomes(
    decisions: Decisions, *, surface: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    r"""Predict every decision's outcome under every option, without looking at its own fold.

    Means of option and task over the other four folds [1]_, shrunk by ten decisions towards the
    option's mean, and that towards the mean of all. With a `surface` they are means of what it
    leaves over.

    Parameters
    ----------
    decisions : Decisions
        The logged decisions; a question that occurs twice stays in one fold.
    surface : ndarray of float64, shape (n, m), optional
        Predictions of a model that did not see these outcomes.

    Returns
    -------
    ndarray of float64, shape (n, m)

    References
    ----------
    .. [1] V. Chernozhukov et al., "Double/debiased machine learning for treatment and structural
       parameters", Econometrics Journal 21, 2018, definition 3.1 (cross-fitting).

    Examples
    --------
    >>> from router.evaluation.off_policy import Decisions
    >>> log = Decisions(action=[0, 1] * 50, propensity=[0.5] * 100, outcome=[0.0, 1.0] * 50,
    ...     n_options=2)
    >>> predict_outcomes(log)[0].round(1).tolist()
    [0.0, 1.0]
    """
    residual = decisions.outcome
    if surface is not None:
        residual = residual - surface[np.arange(len(residual)), decisions.action]
    folds, (tasks, n_tasks) = decisions.question % N_FOLDS, _number_tasks(decisions)
    shape = (N_FOLDS, n_tasks, decisions.n_options)
    cells = np.ravel_multi_index((folds, tasks, decisions.action), shape)
    size = int(np.prod(shape))
    count = np.bincount(cells, minlength=size).astype(np.float64).reshape(shape)
    total = np.bincount(cells, weights=residual, minlength=size).reshape(shape)
    # What the other folds know is what all know without one's own.
    count, total = count.sum(0) - count, total.sum(0) - total
    overall = total.sum((1, 2)) / np.maximum(count.sum((1, 2)), 1.0)
    by_option = _shrink(total.sum(1), count.sum(1), overall[:, None])
    by_task = _shrink(total, count, by_option[:, None, :])
    predicted: NDArray[np.float64] = by_task[folds, tasks]
    if surface is not None:
        predicted += surface
    return predicted


def _number_tasks(decisions: Decisions) -> tuple[NDArray[np.int64], int]:
    """Give tasks numbers from 0; without labels all questions are one task."""
    if decisions.task is None:
        return np.zeros(len(decisions.action), dtype=np.int64), 1
    names, numbers = np.unique(decisions.task, return_inverse=True)
    return numbers.astype(np.int64), len(names)


def _shrink(
    total: NDArray[np.float64], count: NDArray[np.float64], towards: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Take means of cells, each with ten decisions at the coarser mean added."""
    shrunk: NDArray[np.float64] = (total + SHRINK_DECISIONS * towards) / (count + SHRINK_DECISIONS)
    return shrunk
