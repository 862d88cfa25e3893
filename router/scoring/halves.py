"""Halves of repeated runs: choose on one half, score on the other.

An oracle that chooses and is scored on the same runs picks lucky ones. Where only the number of
successes in t runs is known, which of them fell in the first half is a draw without replacement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["can_be_halved", "draw_halves"]

# Successes are quality times runs; a quality stored in float32 misses the integer by this much.
INTEGER_TOLERANCE = 1e-4


def can_be_halved(quality: ArrayLike, trials: ArrayLike) -> NDArray[np.bool_]:
    """Tell which rows are means of at least two 0/1 runs.

    Parameters
    ----------
    quality : array_like of float, shape (...)
        Mean quality.
    trials : array_like of int, shape (...)
        Runs behind it.

    Returns
    -------
    ndarray of bool, shape (...)
        True where there are two runs or more and quality times runs is a whole number.

    Examples
    --------
    >>> can_be_halved([0.5, 0.25, 1.0], [4, 2, 1]).tolist()
    [True, False, False]
    """
    runs = np.asarray(trials)
    successes = np.asarray(quality, dtype=np.float64) * runs
    whole: NDArray[np.bool_] = np.abs(successes - np.round(successes)) < INTEGER_TOLERANCE
    return whole & (runs >= 2)


def draw_halves(
    quality: ArrayLike, trials: ArrayLike, *, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    r"""Split every row's runs at random into two halves.

    With k successes in t runs, those in a half of :math:`h = \lfloor t/2 \rfloor` runs follow the
    hypergeometric distribution.

    Parameters
    ----------
    quality : array_like of float, shape (...)
        Mean quality of 0/1 runs.
    trials : array_like of int, shape (...)
        Runs behind it, at least 2.
    seed : int, default=0
        Seed of the draw.

    Returns
    -------
    tuple of ndarray of float64, shape (...)
        Mean quality of the first half and of the second.

    Raises
    ------
    InputError
        If a row cannot be halved.

    Examples
    --------
    >>> first, second = draw_halves([[0.5, 1.0]], [[2, 4]], seed=1)
    >>> (first + second).tolist()
    [[1.0, 2.0]]
    """
    mean, runs = np.asarray(quality, dtype=np.float64), np.asarray(trials, dtype=np.int64)
    if not can_be_halved(mean, runs).all():
        msg = "every row must be a mean of at least two 0/1 runs to be split in halves"
        raise InputError(msg)
    successes = np.round(mean * runs).astype(np.int64)
    half = runs // 2
    generator = np.random.default_rng(seed)
    inside = generator.hypergeometric(successes, runs - successes, half)
    return inside / half, (successes - inside) / (runs - half)
