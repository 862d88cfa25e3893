"""What task and text say of the contrasts between options, and how a mixed model says it.

On a log of a few hundred questions, weights of learners are mostly luck; there a mixed model, of
which only three variances have to be judged, plans better than their stack.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.models.evidence import find_directions
from router.models.inputs import SHAPE_WEIGHT
from router.models.learners import MEMBER_NAMES, Linear
from router.models.mixed_model import fit_mixed_model

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.features.encoder import TextEncoder
    from router.models.borrowed_inputs import BorrowedTables
    from router.models.ensembles import Ensemble
    from router.models.evidence import TaskData
    from router.models.inputs import InputTables

__all__ = ["TextPart", "fit_mixed_text", "suits_mixed_model"]

# On fewer questions not even three variances can be judged.
MIXED_QUESTIONS_MIN = 50
# On more the stack of learners has enough to be weighed by, and is as good. Beside a prior, which
# leaves the mixed model less to find, that is later.
MIXED_QUESTIONS_MAX, MIXED_WITH_PRIOR_MAX = 99, 500


def suits_mixed_model(n_questions: int, *, has_prior: bool) -> bool:
    """Tell whether a log of so many questions is better served by a mixed model.

    Examples
    --------
    >>> [suits_mixed_model(n, has_prior=False) for n in (25, 80, 100, 6000)]
    [False, True, False, False]
    >>> [suits_mixed_model(n, has_prior=True) for n in (25, 80, 100, 6000)]
    [False, True, True, False]
    """
    most = MIXED_WITH_PRIOR_MAX if has_prior else MIXED_QUESTIONS_MAX
    return MIXED_QUESTIONS_MIN <= n_questions <= most


@dataclass(frozen=True)
class TextPart:
    """The part of a gain model that tells questions apart, weights multiplied in.

    n questions, m options, g tasks, r directions, d dense features.

    Parameters
    ----------
    option_table : ndarray of float64, shape (g, m)
        What each task adds to each option.
    base_table : ndarray of float32, shape (g, r)
        What each task says of each direction, for the trees.
    direct : Linear
        Directions from dense features.
    task : ndarray of float64, shape (g, d + 1, r)
        Directions from dense features within a task.
    trees : tuple of (Ensemble, ndarray of float64, shape (r,))
        Ensembles, and what each multiplies its directions by.
    directions : ndarray of float64, shape (m, r)
        Orthonormal contrasts between options.
    encoder : TextEncoder
        Texts to features, what n-grams add to each direction among them.
    held_out : ndarray of float64, shape (n, m)
        Contrasts of every training question, by models that had not seen it.
    weights : ndarray of float64, shape (8,)
        Weights of the learners.
    scale : ndarray of float64, shape (r,)
        Scales of the directions.
    """

    option_table: NDArray[np.float64]
    base_table: NDArray[np.float32]
    direct: Linear
    task: NDArray[np.float64]
    trees: tuple[tuple[Ensemble, NDArray[np.float64]], ...]
    directions: NDArray[np.float64]
    encoder: TextEncoder
    held_out: NDArray[np.float64]
    weights: NDArray[np.float64]
    scale: NDArray[np.float64]


def fit_mixed_text(
    task: TaskData,
    contrasts: NDArray[np.float64],
    kernel: NDArray[np.float64] | None,
    tables: InputTables | BorrowedTables,
) -> TextPart:
    """Fit a mixed model in place of the learners and their weights.

    Parameters
    ----------
    task : TaskData
        n questions.
    contrasts : ndarray of float64, shape (n, m)
        What is to be predicted.
    kernel : ndarray of float64, shape (m, m), or None
        As for :func:`router.models.evidence.find_directions`.
    tables : InputTables or BorrowedTables
        Where the features came from.

    Returns
    -------
    TextPart
        Zero on average over the training questions, so that the options' means stay what they are,
        smoothed or blended with a guess.
    """
    group, n_groups = task.group_index, task.n_groups
    held_out = np.zeros_like(contrasts)
    for fit, rest in task.iterate_folds():
        directions = find_directions(contrasts[fit], kernel)
        target = _centre(contrasts[fit] @ directions)
        part = fit_mixed_model(task.inputs.take(fit), group[fit], n_groups, target)
        held_out[rest] = part.predict(task.inputs.take(rest), group[rest]) @ directions.T
    directions = find_directions(contrasts, kernel)
    target = _centre(contrasts @ directions)
    mixed = fit_mixed_model(task.inputs, group, n_groups, target)
    n_directions, n_dense = directions.shape[1], task.inputs.dense.shape[1]
    coefficient = np.zeros((n_dense, n_directions))
    # The dense features hold the scaled shape times its weight.
    coefficient[tables.n_components :] = mixed.shape / SHAPE_WEIGHT
    direct, encoder = tables.place_ngrams(
        Linear(coefficient, np.zeros(n_directions)),
        mixed.words,
        np.zeros((task.inputs.ngrams.shape[1], n_directions)),
        np.ones(n_directions),
    )
    return TextPart(
        option_table=(mixed.overall + mixed.table) @ directions.T,
        base_table=np.zeros((n_groups, n_directions), np.float32),
        direct=direct,
        task=np.zeros((n_groups, n_dense + 1, n_directions)),
        trees=(),
        directions=directions,
        encoder=encoder,
        held_out=held_out,
        weights=np.zeros(len(MEMBER_NAMES)),
        scale=np.ones(n_directions),
    )


def _centre(target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract each column's mean."""
    centred: NDArray[np.float64] = target - target.mean(axis=0)
    return centred
