"""Weighing of the learners by what they say of questions that they have not seen.

That also decides in how many directions they are used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.models.evidence import FoldEvidence, TaskData, collect_evidence, list_text_counts
from router.models.stacking import KEPT_MIN, stack_members

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

__all__ = [
    "QUESTIONS_FOR_TEXT_MIN",
    "Weighing",
    "count_repeats",
    "is_clearly_less",
    "weigh_members",
]

# Below this many questions the learners' weights would be luck: tasks and means only.
QUESTIONS_FOR_TEXT_MIN = 100
# Small logs deal their inner folds up to three times, so that weights do not hang on one split.
REPEATS_QUESTIONS, REPEATS_MAX = 4000, 3
# A richer model is taken where its error is less by so many standard errors.
ERRORS_APART = 2.0


@dataclass(frozen=True)
class Weighing:
    """Weights of learners and scales of directions, with the evidence they were judged by.

    Parameters
    ----------
    weights : ndarray of float64, shape (8,)
        Weights of the learners.
    scale : ndarray of float64, shape (r,)
        Scales of the directions.
    held_out : ndarray of float64, shape (n, m)
        Contrasts as models of the first deal's folds say that had not seen the question.
    error : ndarray of float64, shape (n,)
        Squared distance of such contrasts to the true ones, on average over the deals.
    """

    weights: NDArray[np.float64]
    scale: NDArray[np.float64]
    held_out: NDArray[np.float64]
    error: NDArray[np.float64]


def count_repeats(n_questions: int) -> int:
    """Say how often the inner folds are dealt.

    Examples
    --------
    >>> count_repeats(6000), count_repeats(1000)
    (1, 3)
    """
    return int(np.clip(round(REPEATS_QUESTIONS / n_questions), 1, REPEATS_MAX))


def weigh_members(
    task: TaskData,
    contrasts: NDArray[np.float64],
    kernel: NDArray[np.float64] | None,
    tell: Callable[[str], None] | None = None,
) -> Weighing:
    """Weigh learners and directions by out-of-fold evidence.

    On a dense log of many options the text is fitted in the few leading directions, and in more
    only where that brings out-of-fold contrasts clearly closer to the true ones.

    Parameters
    ----------
    task : TaskData
        n questions.
    contrasts : ndarray of float64, shape (n, m)
        What is to be predicted.
    kernel : ndarray of float64, shape (m, m), or None
        As for :func:`router.models.evidence.find_directions`.
    tell : callable, optional
        Told in words what is being done.

    Returns
    -------
    Weighing
    """
    counts = list_text_counts(contrasts.shape[1], is_dense=kernel is None)
    chosen = _weigh_directions(task, contrasts, kernel, counts[0], tell)
    for count in counts[1:]:
        richer = _weigh_directions(task, contrasts, kernel, count, None)
        if is_clearly_less(richer.error, chosen.error):
            chosen = richer
    return chosen


def is_clearly_less(error: NDArray[np.float64], reference: NDArray[np.float64]) -> bool:
    """Tell whether errors are less than others of the same questions, by two standard errors.

    Parameters
    ----------
    error, reference : ndarray of float64, shape (n,)
        One figure a question.

    References
    ----------
    L. Breiman, J. Friedman, R. Olshen, C. Stone: Classification and Regression Trees. Wadsworth,
    1984, section 3.4.3 (the simpler model unless another is better by more than its doubt).

    Examples
    --------
    >>> reference = np.array([1.0, 2.0, 1.0, 2.0])
    >>> is_clearly_less(reference - [0.1, 0.2, 0.1, 0.2], reference)
    True
    >>> is_clearly_less(reference - [0.4, -0.2, 0.3, 0.0], reference)
    False
    """
    fall = reference - error
    return bool(fall.mean() > ERRORS_APART * fall.std(ddof=1) / np.sqrt(len(fall)))


def _weigh_directions(
    task: TaskData,
    contrasts: NDArray[np.float64],
    kernel: NDArray[np.float64] | None,
    n_text: int,
    tell: Callable[[str], None] | None,
) -> Weighing:
    """Weigh learners that predict in so many directions."""
    deals = [
        collect_evidence(task, contrasts, kernel, n_text=n_text, repeat=repeat, tell=tell)
        for repeat in range(count_repeats(len(contrasts)))
    ]
    every = [fold for deal in deals for fold in deal]
    weights, scale = stack_members(
        np.concatenate([fold.predicted for fold in every]),
        np.concatenate([fold.target for fold in every]),
        np.concatenate([fold.rows for fold in every]),
    )
    if len(contrasts) < QUESTIONS_FOR_TEXT_MIN:
        scale = np.minimum(scale, KEPT_MIN)
    told = [_put_together(contrasts.shape, deal, weights, scale) for deal in deals]
    error = np.mean([((contrasts - said) ** 2).sum(axis=1) for said in told], axis=0)
    return Weighing(weights, scale, told[0], error)


def _put_together(
    shape: tuple[int, ...],
    evidence: list[FoldEvidence],
    weights: NDArray[np.float64],
    scale: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Put together what was predicted for every question by models that had not seen it."""
    contrasts = np.zeros(shape)
    for fold in evidence:
        z = fold.base.copy()
        z[:, : len(scale)] += (fold.predicted @ weights) * scale
        contrasts[fold.rows] += z @ fold.directions.T
    return contrasts
