"""Training of the novelty: centres of the training questions, and scores of those held out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import MissingExtraError
from router.features.encoder import TextEncoder
from router.features.shape import SHAPE_NAMES
from router.models.evidence import split_texts
from router.models.inputs import fit_inputs
from router.models.novelty import Novelty, collect_values

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["fit_borrowed_novelty", "fit_novelty"]

# More leading components do not tell strangers apart better, and cost more.
N_COMPONENTS = 48
# A centre needs questions around it, and one centre alone misses what lies between two tasks.
N_CENTRES_MAX, CENTRE_SIZE_MIN = 32, 30
# Of a larger log so many questions are taken, which bounds the time of fitting.
QUESTIONS_MAX = 4000
# Two held-out fifths of so many questions say enough, and save the time of three more fits.
FOLDS, FOLDS_FEW, QUESTIONS_FOR_FEW_FOLDS = 5, 2, 500
# Share of each column's own variance that is added, so that rare directions stay invertible.
RIDGE, VARIANCE_MIN = 0.05, 1e-3


def fit_novelty(
    encoder: TextEncoder,
    texts: Sequence[str],
    features: NDArray[np.float32],
    *,
    n_components: int,
    seed: int = 0,
) -> Novelty:
    """Fit on training questions, and calibrate on fifths of them held out.

    The vocabulary, the components and the centres are fitted anew without each such fifth, because
    questions that an encoder was fitted to look nearer than new ones do.

    Parameters
    ----------
    encoder : TextEncoder
        Fitted to all of them.
    texts : sequence of str, length n
        Training questions; of more than 4,000 different ones an even selection is taken.
    features : ndarray of float32, shape (n, f)
        What the encoder makes of them.
    n_components : int
        How many leading features are components.
    seed : int, default=0
        Seed of the fifths and the centres.

    Returns
    -------
    Novelty

    Raises
    ------
    MissingExtraError
        If the extra ``[train]`` is not installed.
    """
    rows = _choose_rows(texts)
    chosen = [texts[row] for row in rows]
    scores = [
        _score_held_out(encoder, chosen, held_out, n_components, seed)
        for held_out in _iterate_held_out(chosen, seed)
    ]
    fitted = _fit_centres(features[rows], n_components, seed)
    return replace(fitted, reference=np.sort(np.concatenate(scores)))


def fit_borrowed_novelty(
    identities: Sequence[str],
    features: NDArray[np.float32],
    *,
    n_components: int,
    seed: int = 0,
) -> Novelty:
    """Fit on features of an encoder that was fitted elsewhere, and calibrate on fifths held out.

    To such an encoder all questions are new, so that centres alone are fitted anew.

    Parameters
    ----------
    identities : sequence of str, length n
        What tells the training questions apart.
    features : ndarray of float32, shape (n, f)
        Their features.
    n_components : int
        How many leading features are components.
    seed : int, default=0
        Seed of the fifths and the centres.

    Returns
    -------
    Novelty

    Raises
    ------
    MissingExtraError
        If the extra ``[train]`` is not installed.
    """
    rows = _choose_rows(identities)
    scores = [np.zeros(0, np.float32)]
    for held_out in _iterate_held_out([identities[row] for row in rows], seed):
        if held_out.any() and (~held_out).sum() >= CENTRE_SIZE_MIN:
            part = _fit_centres(features[rows[~held_out]], n_components, seed)
            scores.append(part.score(features[rows[held_out]]))
    fitted = _fit_centres(features[rows], n_components, seed)
    return replace(fitted, reference=np.sort(np.concatenate(scores)))


def _choose_rows(identities: Sequence[str]) -> NDArray[np.int64]:
    """Take each question once, and of many an even selection."""
    first = {identity: row for row, identity in reversed(list(enumerate(identities)))}
    rows: NDArray[np.int64] = np.sort(np.array(list(first.values())))
    return rows[:: -(-len(rows) // QUESTIONS_MAX)]


def _iterate_held_out(identities: Sequence[str], seed: int) -> Iterator[NDArray[np.bool_]]:
    """Hold out fifths in turn: all of few questions, some of many."""
    folds = split_texts(identities, seed)
    for fold in range(FOLDS_FEW if len(identities) >= QUESTIONS_FOR_FEW_FOLDS else FOLDS):
        yield folds == fold


def _score_held_out(
    encoder: TextEncoder,
    texts: Sequence[str],
    held_out: NDArray[np.bool_],
    n_components: int,
    seed: int,
) -> NDArray[np.float32]:
    """Score questions by what is fitted to the others."""
    rest = [text for text, out in zip(texts, held_out, strict=True) if not out]
    if len(rest) < CENTRE_SIZE_MIN or not held_out.any():
        return np.zeros(0, np.float32)
    tables, inputs = fit_inputs(
        rest,
        families=tuple(vocabulary.family for vocabulary in encoder.vocabularies),
        n_components=n_components,
        vocabulary_size_max=max(1, *(len(vocabulary) for vocabulary in encoder.vocabularies)),
    )
    part = TextEncoder(tables.vocabularies, tables.projections)
    n_own = part.n_learned
    components = inputs.dense[:, :n_own].astype(np.float32)
    features = np.hstack((components, inputs.tree[:, -len(SHAPE_NAMES) :]))
    fitted = _fit_centres(features, n_own, seed)
    return fitted.score(
        part.encode([text for text, out in zip(texts, held_out, strict=True) if out])
    )


def _fit_centres(features: NDArray[np.float32], n_components: int, seed: int) -> Novelty:
    """Find centres and the covariance around them."""
    try:
        from sklearn.cluster import KMeans
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    n, n_features = features.shape
    shape = np.arange(n_features - len(SHAPE_NAMES), n_features)
    columns = np.concatenate((np.arange(min(N_COMPONENTS, n_components)), shape))
    values = collect_values(features, columns, n_components).astype(np.float64)
    origin = values.mean(axis=0).astype(np.float32)
    values -= origin
    spread = np.sqrt(values.var(axis=0) + VARIANCE_MIN)
    n_centres = max(1, min(N_CENTRES_MAX, n // CENTRE_SIZE_MIN))
    label = KMeans(n_centres, n_init=1, random_state=seed).fit_predict(values / spread)
    present, label = np.unique(label, return_inverse=True)
    centres = np.array([values[label == number].mean(axis=0) for number in range(len(present))])
    around = values - centres[label]
    covariance = around.T @ around / n
    covariance += RIDGE * np.diag(np.diag(covariance) + VARIANCE_MIN)
    eigenvalues, vectors = np.linalg.eigh(covariance)
    turn = vectors / np.sqrt(eigenvalues)
    return Novelty(
        columns,
        origin,
        turn.astype(np.float32),
        (centres @ turn).astype(np.float32),
        np.zeros(0, np.float32),
        features.mean(axis=0),
        n_components,
    )
