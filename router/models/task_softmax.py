"""The softmax regression that infers a question's task from its text."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import MissingExtraError
from router.models.learners import Linear

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["fit_task_inferrer"]

# Inverse penalty on the squared slopes, on inputs divided by the scale.
STRENGTH, SCALE = 0.3, 3.0


def fit_task_inferrer(
    dense: NDArray[np.float64], group_index: NDArray[np.int64], n_groups: int
) -> Linear | None:
    """Fit a softmax regression of the task on the text, for questions without a label.

    Parameters
    ----------
    dense : ndarray of float64, shape (n, d)
        Dense features.
    group_index : ndarray of int64, shape (n,)
        Each question's task, from 0 to `n_groups` - 1; every task occurs.
    n_groups : int
        How many tasks there are.

    Returns
    -------
    Linear or None
        Logits of the tasks; None where there is one task only.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.

    Examples
    --------
    >>> line = fit_task_inferrer(np.array([[-9.0], [9.0]]), np.array([0, 1]), 2)
    >>> line.predict(np.array([[-9.0], [9.0]])).argmax(axis=1).tolist()
    [0, 1]
    """
    if n_groups < 2:
        return None
    try:
        from sklearn.linear_model import LogisticRegression
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    model = LogisticRegression(C=STRENGTH, max_iter=200, tol=1e-3)
    model.fit(dense / SCALE, group_index)
    coefficient, intercept = model.coef_, model.intercept_
    if n_groups == 2:
        coefficient = np.vstack((-coefficient, coefficient)) / 2.0
        intercept = np.concatenate((-intercept, intercept)) / 2.0
    return Linear(coefficient.T / SCALE, intercept)
