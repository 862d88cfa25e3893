"""Figures of choices: how spread they are, and how often a router clings to the dearest option."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["compute_entropy", "find_collapse"]


def compute_entropy(choices: ArrayLike) -> float:
    r"""Compute the entropy of choices in bits.

    .. math:: E = -\sum_j p_j \log_2 p_j

    with the share :math:`p_j` of questions that took option j.

    Parameters
    ----------
    choices : array_like of int, shape (n,)
        Option of every question.

    Returns
    -------
    float
        0 where all took one option, at most the logarithm of the number of options.

    Raises
    ------
    InputError
        If there is no choice.

    References
    ----------
    .. [1] "RouterEval: A Comprehensive Benchmark for Routing LLMs", 2025 (entropy E_p).

    Examples
    --------
    >>> compute_entropy([0, 1, 1, 0]), compute_entropy([2, 2])
    (1.0, 0.0)
    """
    picked = np.asarray(choices)
    if picked.ndim != 1 or not picked.size:
        msg = f"choices have shape {picked.shape}: a row of at least one is needed"
        raise InputError(msg)
    share = np.unique(picked, return_counts=True)[1] / len(picked)
    return max(0.0, float(-(share * np.log2(share)).sum()))


def find_collapse(choices: ArrayLike, quality: ArrayLike, dearest: int) -> NDArray[np.float64]:
    """Find the questions that count against a router in the routing-collapse index.

    A question counts 0 where the choice is among the best and is not the dearest option, or is
    the dearest one and that alone is best; otherwise 1. The index is the mean.

    Parameters
    ----------
    choices : array_like of int, shape (n,)
        Option of every question.
    quality : array_like of float, shape (n, m)
        True quality.
    dearest : int
        Position of the option of highest mean cost.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 or 1 by question.

    Raises
    ------
    InputError
        If the shapes do not agree.

    References
    ----------
    .. [1] "ORBIT: A Benchmark of LLM Routers", 2026 (RCI, as in its published code).

    Examples
    --------
    >>> find_collapse([0, 1, 1, 0], [[1, 1], [1, 1], [0, 1], [0, 1]], 1).tolist()
    [0.0, 1.0, 0.0, 1.0]
    """
    picked, table = np.asarray(choices), np.asarray(quality, dtype=np.float64)
    if table.ndim != 2 or picked.shape != table.shape[:1]:
        msg = f"choices have shape {picked.shape} and quality {table.shape}: (n,) and (n, m) are "
        raise InputError(msg + "needed")
    best = table == table.max(1, keepdims=True)
    is_best = best[np.arange(len(table)), picked]
    alone = best.sum(1) == 1
    fine = is_best & ((picked != dearest) | alone)
    counted: NDArray[np.float64] = 1.0 - fine
    return counted
