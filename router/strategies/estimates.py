"""Checks of what the laws are given, and intervals around what is fitted to outcomes.

An interval says how far a fitted figure would move with other questions of the kind: questions are
drawn anew with replacement, everything is fitted again, and the middle 95 % of the figures is kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["Estimate", "bound_by_resampling", "read_amounts", "read_counts", "read_shares"]


class Estimate(NamedTuple):
    """A fitted figure with the interval it lies in.

    Parameters
    ----------
    value : float
        The figure itself.
    low, high : float
        Ends of its 95 % interval.
    """

    value: float
    low: float
    high: float


def read_shares(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """Read numbers from 0 to 1.

    Raises
    ------
    InputError
        If one of them is something else.

    Examples
    --------
    >>> read_shares("p", [0, 0.5]).tolist()
    [0.0, 0.5]
    """
    array = np.asarray(values, dtype=np.float64)
    wrong = ~((array >= 0) & (array <= 1))
    if wrong.any():
        raise InputError(f"{name} has {float(array[wrong].flat[0])}: allowed are 0 to 1")
    return array


def read_amounts(name: str, values: ArrayLike, *, above: float = 0.0) -> NDArray[np.float64]:
    """Read finite numbers above a bound.

    Raises
    ------
    InputError
        If one of them is something else.

    Examples
    --------
    >>> read_amounts("tokens", [1, 2]).tolist()
    [1.0, 2.0]
    """
    array = np.asarray(values, dtype=np.float64)
    wrong = ~((array > above) & np.isfinite(array))
    if wrong.any():
        raise InputError(
            f"{name} has {float(array[wrong].flat[0])}: allowed are finite numbers above {above:g}"
        )
    return array


def read_counts(name: str, values: ArrayLike, *, least: int = 0) -> NDArray[np.int64]:
    """Read whole numbers from a least one up.

    Raises
    ------
    InputError
        If one of them is something else.

    Examples
    --------
    >>> read_counts("n_samples", [1, 4.0], least=1).tolist()
    [1, 4]
    """
    array = np.asarray(values, dtype=np.float64)
    wrong = ~((array >= least) & (array == np.floor(array)) & (array < 2**53))
    if wrong.any():
        raise InputError(
            f"{name} has {float(array[wrong].flat[0])}: allowed are whole numbers from {least} up"
        )
    return array.astype(np.int64)


def bound_by_resampling(
    fit: Callable[[NDArray[np.int64]], Mapping[str, float]],
    n_questions: int,
    *,
    seed: int = 0,
    n_resamples: int = 200,
) -> dict[str, Estimate]:
    """Fit once to all questions and often to questions drawn with replacement.

    Parameters
    ----------
    fit : callable
        Given the positions of questions, gives figures by name.
    n_questions : int
        How many there are.
    seed : int, default=0
        Seed of the draws.
    n_resamples : int, default=200
        How often they are drawn.

    Returns
    -------
    dict of str to Estimate

    Raises
    ------
    InputError
        If there is no question or no draw.

    Examples
    --------
    >>> values = np.array([0.0, 1.0] * 50)
    >>> found = bound_by_resampling(lambda rows: {"mean": values[rows].mean()}, 100)
    >>> found["mean"].value, 0.35 < found["mean"].low < 0.45 < 0.55 < found["mean"].high < 0.65
    (0.5, True)
    """
    for name, number in (("n_questions", n_questions), ("n_resamples", n_resamples)):
        if number < 1:
            raise InputError(f"{name} is {number}: at least 1 is needed")
    generator = np.random.default_rng(seed)
    whole = {name: float(value) for name, value in fit(np.arange(n_questions)).items()}
    draws: dict[str, list[float]] = {name: [] for name in whole}
    for _ in range(n_resamples):
        drawn = fit(generator.integers(n_questions, size=n_questions))
        for name, value in drawn.items():
            draws[name].append(float(value))
    ends = {name: np.quantile(values, [0.025, 0.975]) for name, values in draws.items()}
    return {name: Estimate(whole[name], *map(float, ends[name])) for name in whole}
