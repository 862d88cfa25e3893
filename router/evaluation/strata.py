"""Figures by stratum: by task and by predicted difficulty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.resampling import Estimate, resample_means

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.evaluation.resampling import Figure

__all__ = ["DIFFICULTIES", "Stratum", "split_by_difficulty", "split_by_task", "stratify"]

DIFFICULTIES = ("easy", "medium", "hard")
# A log with a label a question would fill pages with single questions.
TASKS_MAX = 200


@dataclass(frozen=True, slots=True)
class Stratum:
    """What router and blind mix reached on a part of the questions, mean over the budgets.

    Parameters
    ----------
    name : str
        The task, or ``easy``, ``medium`` or ``hard``.
    n_questions : int
        How many questions.
    router, blind : float
        Mean quality.
    gain_over_blind : Estimate
        Their difference with its paired bootstrap 95 % interval.
    """

    name: str
    n_questions: int
    router: float
    blind: float
    gain_over_blind: Estimate


def split_by_task(groups: Sequence[str | None]) -> dict[str, NDArray[np.bool_]]:
    """Split questions by their labels, the largest task first.

    Parameters
    ----------
    groups : sequence of str or None, length n
        Labels.

    Returns
    -------
    dict of str to ndarray of bool, shape (n,)
        At most 200 tasks; questions without a label are in none.

    Examples
    --------
    >>> split_by_task(["b", "a", None, "a"])["b"].tolist()
    [True, False, False, False]
    """
    labels = np.array([group or "" for group in groups])
    names, counts = np.unique(labels[labels != ""], return_counts=True)
    order = np.argsort(-counts, kind="stable")[:TASKS_MAX]
    return {str(names[place]): labels == names[place] for place in order}


def split_by_difficulty(predicted: NDArray[np.float64]) -> dict[str, NDArray[np.bool_]]:
    """Split questions into three of about equal size by predicted difficulty.

    Difficulty is what a plan calls so: one less the predicted quality of the cheapest option.

    Parameters
    ----------
    predicted : ndarray of float64, shape (n,)
        Predicted quality of the cheapest option.

    Returns
    -------
    dict of str to ndarray of bool, shape (n,)
        Equal predictions stay together, in the part of their middle rank, so a part may be
        missing.

    Examples
    --------
    >>> split_by_difficulty(np.array([0.9, 0.5, 0.1]))["hard"].tolist()
    [False, False, True]
    """
    _, inverse, counts = np.unique(1 - predicted, return_inverse=True, return_counts=True)
    middle = (np.cumsum(counts) - counts / 2) / len(predicted)
    place = (middle * len(DIFFICULTIES)).astype(np.int64)[inverse]
    parts = {name: place == number for number, name in enumerate(DIFFICULTIES)}
    return {name: part for name, part in parts.items() if part.any()}


def stratify(
    parts: Mapping[str, NDArray[np.bool_]],
    router: NDArray[np.float64],
    blind: NDArray[np.float64],
    *,
    seed: int = 0,
    n_resamples: int = 2000,
) -> tuple[Stratum, ...]:
    """Compare router and blind mix inside every part.

    Parameters
    ----------
    parts : mapping of str to ndarray of bool, shape (n,)
        Parts of the questions, none empty.
    router, blind : ndarray of float64, shape (n,)
        Quality by question, mean over the budgets.
    seed : int, default=0
        Seed of the bootstrap.
    n_resamples : int, default=2000
        Resamples of the bootstrap.

    Returns
    -------
    tuple of Stratum
        In the order of `parts`. The interval of a part is over its own questions, whose number
        varies with the resample.

    Examples
    --------
    >>> everyone = {"all": np.array([True, True])}
    >>> stratify(everyone, np.array([1.0, 0.5]), np.array([0.5, 0.0]))[0].gain_over_blind
    Estimate(value=0.5, low=0.5, high=0.5)
    """
    if not parts:
        return ()
    inside = np.array(list(parts.values()), dtype=np.float64)
    rows = {"inside": inside, "gain": inside * (router - blind)}
    table = resample_means(rows, seed=seed, n_resamples=n_resamples)
    return tuple(
        Stratum(
            name=name,
            n_questions=int(part.sum()),
            router=float(router[part].mean()),
            blind=float(blind[part].mean()),
            gain_over_blind=table.estimate(_mean_inside(place)),
        )
        for place, (name, part) in enumerate(parts.items())
    )


def _mean_inside(place: int) -> Figure:
    """Give the mean gain inside a part; a resample that misses the part has none."""

    def mean_gain(means: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
        share, gain = means["inside"][..., place], means["gain"][..., place]
        mean: NDArray[np.float64] = gain / np.where(share > 0, share, np.nan)
        return mean

    return mean_gain
