"""Rankings cut at a few knots: who is served first when only a share can be served.

Ties are never cut: all questions of one score enter together, and the straight line between two
knots is what a random order inside the tie would give on average.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["KNOTS_MAX", "choose_levels", "rank_questions"]

# Steps of one per cent: finer ones move an area under a smooth curve by less than 1e-4.
KNOTS_MAX = 100


def choose_levels(
    score: ArrayLike, weight: ArrayLike | None = None, *, n_knots: int = KNOTS_MAX
) -> NDArray[np.float64]:
    """Choose levels of a score that cut its ranking into parts of about equal weight.

    Parameters
    ----------
    score : array_like of float, shape (s,)
        The highest comes first.
    weight : array_like of float, shape (s,), optional
        Not negative; all equal by default.
    n_knots : int, default=100
        At most so many levels.

    Returns
    -------
    ndarray of float64, shape (k,)
        Strictly falling; every distinct score where these are at most `n_knots`, and always the
        lowest.

    Raises
    ------
    InputError
        If there is no score, one is not finite, or `n_knots` is below 1.

    Examples
    --------
    >>> choose_levels([0.5, 0.1, 0.5, 0.3]).tolist()
    [0.5, 0.3, 0.1]
    >>> choose_levels(np.arange(1000.0), n_knots=4).tolist()
    [750.0, 500.0, 250.0, 0.0]
    """
    scores = np.asarray(score, dtype=np.float64)
    if scores.ndim != 1 or not scores.size or not np.isfinite(scores).all():
        msg = f"scores have shape {scores.shape}: a row of finite numbers is needed"
        raise InputError(msg)
    if n_knots < 1:
        msg = f"n_knots is {n_knots}: at least 1 is needed"
        raise InputError(msg)
    levels = np.unique(scores)[::-1]
    if len(levels) <= n_knots:
        return levels
    order = np.argsort(-scores, kind="stable")
    weights = np.ones(len(scores)) if weight is None else np.asarray(weight, dtype=np.float64)
    reached = np.cumsum(weights[order])
    goals = reached[-1] * np.arange(1, n_knots) / n_knots
    # The tolerance keeps a goal that a sum meets exactly from moving on for its last digit.
    positions = np.searchsorted(reached, goals * (1 - 1e-12))
    return np.unique([*scores[order][np.minimum(positions, len(order) - 1)], levels[-1]])[::-1]


def rank_questions(score: ArrayLike, *, n_knots: int = KNOTS_MAX) -> NDArray[np.float64]:
    """Mark who is served at every knot, from nobody to everybody.

    Parameters
    ----------
    score : array_like of float, shape (n,)
        The highest is served first.
    n_knots : int, default=100
        At most so many knots behind the first, at which nobody is served.

    Returns
    -------
    ndarray of float64, shape (k + 1, n)
        1 where a question is served.

    Raises
    ------
    InputError
        If there is no score or one is not finite.

    Examples
    --------
    >>> rank_questions([0.1, 0.9, 0.1]).tolist()
    [[0.0, 0.0, 0.0], [0.0, 1.0, 0.0], [1.0, 1.0, 1.0]]
    """
    scores = np.asarray(score, dtype=np.float64)
    levels = choose_levels(scores, n_knots=n_knots)
    return np.vstack([np.zeros(len(scores)), scores >= levels[:, None]]).astype(np.float64)
