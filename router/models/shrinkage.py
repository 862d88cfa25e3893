"""Shrinkage of task means: each task's own figure is kept only as far as the data supports it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["shrink_group_means"]

CONFIDENCE = 0.95


def shrink_group_means(
    values: NDArray[np.float64], group_index: NDArray[np.int64], n_groups: int
) -> NDArray[np.float64]:
    """Shrink every group's mean towards the overall mean, column by column.

    The share kept of a group of n questions is ``between / (between + within / n)``; the variance
    between groups is estimated by the method of moments of the unbalanced one-way layout, with the
    mean square that chance gives in one case of twenty in place of its expectation, and set to zero
    where the groups differ no more than that. So many columns are shrunk at once that expectation
    alone would let half of those without any difference keep some.

    Parameters
    ----------
    values : ndarray of float64, shape (n, r)
        One column a quantity.
    group_index : ndarray of int64, shape (n,)
        Each row's group, from 0 to `n_groups` - 1.
    n_groups : int
        How many groups there are; some may be empty.

    Returns
    -------
    ndarray of float64, shape (n_groups, r)
        An empty group has the overall mean.

    References
    ----------
    S. R. Searle, G. Casella, C. E. McCulloch: Variance Components. Wiley, 1992, section 3.6.
    B. Efron, C. Morris: Stein's estimation rule and its competitors, an empirical Bayes approach.
    Journal of the American Statistical Association 68, 1973, pp. 117-130.

    Examples
    --------
    >>> values = np.array([[0.0], [0.0], [1.0], [1.0]])
    >>> shrink_group_means(values, np.array([0, 0, 1, 1]), 2).round(2).tolist()
    [[0.0], [1.0]]
    >>> shrink_group_means(values, np.array([0, 1, 0, 1]), 2).tolist()
    [[0.5], [0.5]]
    """
    try:
        from scipy.stats import f
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    count = np.bincount(group_index, minlength=n_groups).astype(np.float64)
    overall = values.mean(axis=0)
    mean = np.zeros((n_groups, values.shape[1]))
    np.add.at(mean, group_index, values - overall)
    mean /= np.maximum(count, 1.0)[:, None]
    n_seen = int((count > 0).sum())
    if n_seen < 2 or n_seen == len(values):
        return np.tile(overall, (n_groups, 1))
    residual = values - overall - mean[group_index]
    within = (residual**2).sum(axis=0) / (len(values) - n_seen)
    between_square = (count[:, None] * mean**2).sum(axis=0) / (n_seen - 1)
    effective_size = (len(values) - (count**2).sum() / len(values)) / (n_seen - 1)
    chance = f.ppf(CONFIDENCE, n_seen - 1, len(values) - n_seen)
    between = np.maximum((between_square - chance * within) / effective_size, 0.0)
    spread = count[:, None] * between
    kept = np.divide(spread, spread + within, out=np.zeros_like(mean), where=spread + within > 0)
    shrunk: NDArray[np.float64] = mean * kept + overall
    return shrunk
