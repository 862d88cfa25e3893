"""What some attempts at a question say, with a verifier that never errs.

References
----------
.. [1] Chen, M. et al., "Evaluating large language models trained on code", arXiv:2107.03374,
   equation 1: the estimate of pass@k that is right on average.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import read_counts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["count_failures_needed", "estimate_coverage"]


def estimate_coverage(
    n_right: ArrayLike, n_trials: ArrayLike, n_samples: ArrayLike
) -> NDArray[np.float64]:
    """Estimate from m trials the probability that one of k samples is right, without bias.

    Parameters
    ----------
    n_right, n_trials : array_like of int
        Right trials and all trials of a question.
    n_samples : array_like of int
        Samples k, at most the trials.

    Returns
    -------
    ndarray of float64
        ``1 - C(m - c, k) / C(m, k)`` of each question.

    Raises
    ------
    InputError
        If more are right than there are, or more samples asked for than there are trials.

    Examples
    --------
    >>> estimate_coverage([0, 1, 2], 4, 2).round(3).tolist()
    [0.0, 0.5, 0.833]
    """
    right, trials, k = np.broadcast_arrays(
        read_counts("n_right", n_right),
        read_counts("n_trials", n_trials, least=1),
        read_counts("n_samples", n_samples),
    )
    if (right > trials).any() or (k > trials).any():
        raise InputError("n_right and n_samples may not be above n_trials")
    missed = np.ones(right.shape)
    for step in range(int(k.max(initial=0))):
        share = np.maximum(trials - right - step, 0) / np.maximum(trials - step, 1)
        missed = np.where(step < k, missed * share, missed)
    return 1.0 - missed


def count_failures_needed(p: float, confidence: float = 0.95) -> int:
    """Count the failures in a row after which a success probability of `p` or more is refuted.

    Parameters
    ----------
    p : float
        A success probability that would still be worth it, above 0 and below 1.
    confidence : float, default=0.95
        A question of probability `p` fails as often in a row with at most the rest of it.

    Returns
    -------
    int

    Raises
    ------
    InputError
        If a number is not between 0 and 1.

    Examples
    --------
    Eight failures say next to nothing about a probability of .02: 85 % of such questions show them.

    >>> count_failures_needed(0.02), round(0.98**8, 2)
    (149, 0.85)
    """
    if not (0 < p < 1 and 0 < confidence < 1):
        raise InputError(f"p is {p} and confidence {confidence}: both are between 0 and 1")
    return int(np.ceil(np.log(1 - confidence) / np.log1p(-p)))
