"""Out-of-fold evidence: what models that have not seen a question say of it.

What is fitted to outcomes, task tables and learners, is fitted anew inside every inner fold, and on
a dense log so are the directions. On a sparse log the options' means and their kernel are those of
the whole log: a fold's share of a hundred outcomes an option would make them mostly noise.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import LogError
from router.models.learners import Linear, fit_members, fit_ridge
from router.models.shrinkage import shrink_group_means

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from router.models.inputs import Inputs

__all__ = [
    "FoldEvidence",
    "TaskData",
    "collect_evidence",
    "find_directions",
    "fit_level",
    "list_text_counts",
    "split_texts",
]

INNER_FOLDS = 5
# A task's mean is kept in the leading directions. Where there would be more, most of what the
# outcomes of forty options vary in is noise, so that the text is fitted in few of them at first.
DIRECTIONS_MAX = 8
TEXT_DIRECTIONS_FEW = 3
ALPHA_LEVEL = 300.0


@dataclass(frozen=True)
class TaskData:
    """What every step of training needs.

    Parameters
    ----------
    inputs : Inputs
        Features of n questions.
    texts : sequence of str, length n
        The questions.
    group_index : ndarray of int64, shape (n,)
        Each question's task.
    n_groups : int
        How many tasks there are.
    seed : int
        Seed of folds and sampling.
    """

    inputs: Inputs
    texts: Sequence[str]
    group_index: NDArray[np.int64]
    n_groups: int
    seed: int

    def iterate_folds(self, repeat: int = 0) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
        """Return rows to fit on and rows to predict, a fold each; `repeat` deals anew."""
        folds = split_texts(self.texts, self.seed + repeat)
        pairs = [
            (np.flatnonzero(folds != fold), np.flatnonzero(folds == fold))
            for fold in range(INNER_FOLDS)
        ]
        pairs = [(fit, rest) for fit, rest in pairs if len(fit) and len(rest)]
        if not pairs:
            raise LogError("all questions have one text: nothing can be held out")
        return pairs


@dataclass(frozen=True)
class FoldEvidence:
    """What was predicted for the rows of one inner fold, in that fold's own directions.

    Parameters
    ----------
    rows : ndarray of int64, shape (k,)
        The rows that were held out.
    directions : ndarray of float64, shape (m, b)
        Contrasts chosen without them.
    base : ndarray of float64, shape (k, b)
        What their tasks say.
    predicted : ndarray of float64, shape (k, r, 8)
        What each learner adds in the leading r directions.
    target : ndarray of float64, shape (k, r)
        What the learners should have added.
    """

    rows: NDArray[np.int64]
    directions: NDArray[np.float64]
    base: NDArray[np.float64]
    predicted: NDArray[np.float64]
    target: NDArray[np.float64]


def split_texts(texts: Sequence[str], seed: int) -> NDArray[np.int64]:
    """Deal questions into inner folds by a hash of their text, so that twins stay together.

    Parameters
    ----------
    texts : sequence of str, length n
        The questions.
    seed : int
        Another seed deals otherwise.

    Returns
    -------
    ndarray of int64, shape (n,)
        From 0 to 4.

    Examples
    --------
    >>> folds = split_texts(["Why?", " why? ", "How?"], seed=0)
    >>> bool(folds[0] == folds[1])
    True
    """
    digests = (
        hashlib.sha256(f"inner-{seed}:{text.strip().lower()}".encode("utf-8", "replace")).digest()
        for text in texts
    )
    values = (int.from_bytes(digest[:4], "big") for digest in digests)
    return np.fromiter(values, np.int64, len(texts)) % INNER_FOLDS


def find_directions(
    contrasts: NDArray[np.float64], kernel: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Find the contrasts between options that are worth fitting.

    Parameters
    ----------
    contrasts : ndarray of float64, shape (n, m)
        Rows sum to zero.
    kernel : ndarray of float64, shape (m, m), or None
        Covariance of the options' means on a sparse log, whose own principal components would be
        noise; None on a dense log.

    Returns
    -------
    ndarray of float64, shape (m, b)
        Orthonormal columns, leading first; 8 at most on a dense log, 3 of more on a sparse one.

    Examples
    --------
    >>> find_directions(np.array([[-1.0, 1.0], [2.0, -2.0]]), None).round(3).shape
    (2, 1)
    """
    m = contrasts.shape[1]
    n_kept = min(m - 1, DIRECTIONS_MAX)
    if kernel is None:
        covariance = contrasts.T @ contrasts
    else:
        n_kept = min(list_text_counts(m, is_dense=False))
        centre = np.eye(m) - 1.0 / m
        covariance = centre @ kernel @ centre
    vectors: NDArray[np.float64] = np.linalg.eigh(covariance)[1][:, ::-1][:, :n_kept]
    # The sign of an eigenvector is the library's choice; the largest entry is made positive.
    largest = np.abs(vectors).argmax(axis=0)
    signs: NDArray[np.float64] = np.sign(vectors[largest, np.arange(n_kept)])
    return np.asarray(vectors * signs)


def list_text_counts(n_options: int, *, is_dense: bool) -> tuple[int, ...]:
    """List in how many leading directions the text may be fitted, fewest first.

    Where there are few options, in all of them. On a dense log of more, evidence has to choose; a
    sparse log cannot show that the lesser directions are more than noise.

    Examples
    --------
    >>> list_text_counts(9, is_dense=True), list_text_counts(40, is_dense=True)
    ((8,), (3, 8))
    """
    if n_options - 1 <= DIRECTIONS_MAX:
        return (n_options - 1,)
    return (TEXT_DIRECTIONS_FEW, DIRECTIONS_MAX) if is_dense else (TEXT_DIRECTIONS_FEW,)


def fit_level(
    task: TaskData, quality: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], Linear]:
    """Fit a question's difficulty common to all options; also predict it out of fold.

    Parameters
    ----------
    task : TaskData
        n questions, g tasks.
    quality : ndarray of float64, shape (n, m)
        NaN where not tried.

    Returns
    -------
    held_out : ndarray of float64, shape (n,)
    table : ndarray of float64, shape (g, 1)
    line : Linear
        From dense features.
    """
    seen = np.nanmean(quality - np.nanmean(quality, axis=0), axis=1, keepdims=True)
    held_out = np.zeros_like(seen)
    dense, group = task.inputs.dense, task.group_index
    for fit, rest in task.iterate_folds():
        table = shrink_group_means(seen[fit], group[fit], task.n_groups)
        line = fit_ridge(dense[fit], seen[fit] - table[group[fit]], ALPHA_LEVEL)
        held_out[rest] = table[group[rest]] + line.predict(dense[rest])
    table = shrink_group_means(seen, group, task.n_groups)
    return held_out[:, 0], table, fit_ridge(dense, seen - table[group], ALPHA_LEVEL)


def collect_evidence(
    task: TaskData,
    contrasts: NDArray[np.float64],
    kernel: NDArray[np.float64] | None,
    *,
    n_text: int,
    repeat: int = 0,
    tell: Callable[[str], None] | None = None,
) -> list[FoldEvidence]:
    """Predict every question by learners that have not seen it.

    Parameters
    ----------
    task : TaskData
        n questions.
    contrasts : ndarray of float64, shape (n, m)
        What is to be predicted.
    kernel : ndarray of float64, shape (m, m), or None
        As for :func:`find_directions`.
    n_text : int
        In how many leading directions r the learners predict.
    repeat : int, default=0
        Deals the folds anew.
    tell : callable, optional
        Told in words what is being done.

    Returns
    -------
    list of FoldEvidence
    """
    evidence = []
    group = task.group_index
    for number, (fit, rest) in enumerate(task.iterate_folds(repeat), start=1):
        if tell is not None:
            tell(f"inner fold {number} of {INNER_FOLDS}, deal {repeat + 1}")
        directions = find_directions(contrasts[fit], kernel)
        target = contrasts @ directions
        table = shrink_group_means(target[fit], group[fit], task.n_groups)
        text = slice(n_text)
        inputs = task.inputs.take(fit)
        members = fit_members(inputs, target[fit, text], group[fit], table[:, text], seed=task.seed)
        base = table[group[rest]]
        membership = np.eye(task.n_groups)[group[rest]]
        predicted = members.predict(task.inputs.take(rest), membership, base[:, text])
        missed = target[rest, text] - base[:, text]
        evidence.append(FoldEvidence(rest, directions, base, predicted, missed))
    return evidence
