"""Inputs of the learners: the features of the training questions, and the tables they came from."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import MissingExtraError
from router.features.encoder import TextEncoder
from router.features.shape import measure_shape
from router.features.vocabulary import Vocabulary, fit_vocabulary
from router.features.weights import weigh_texts
from router.models.gain import TextStandard

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.models.gain import GainHead
    from router.models.learners import Linear

__all__ = ["InputTables", "Inputs", "fit_inputs", "measure_spread", "round_half", "scale_shape"]

N_COMPONENTS = 128
# The trees see the leading components only: later ones are noise to a learner that may pick any.
N_TREE_COMPONENTS = 48
# Shape features weigh a little less than components of unit variance.
SHAPE_WEIGHT = 0.7
SHAPE_CLIP = 5.0
# Less than this is rounding, not variation.
SPREAD_MIN = 1e-6
DOCUMENT_FREQUENCY_MIN = {"word": 2, "character": 5}


@dataclass(frozen=True, slots=True)
class InputTables:
    """What turns a text into learned features.

    Parameters
    ----------
    vocabularies : tuple of Vocabulary
        One a family of n-grams.
    projections : tuple of ndarray of float32, shape (v, c)
        Component loadings of each vocabulary's n-grams, already rounded as they will be stored.
    shape_mean, shape_spread : ndarray of float32, shape (s,)
        Mean and standard deviation of the shape features.
    n_embedded : int, default=0
        How many leading components are those of embeddings.
    """

    vocabularies: tuple[Vocabulary, ...]
    projections: tuple[NDArray[np.float32], ...]
    shape_mean: NDArray[np.float32]
    shape_spread: NDArray[np.float32]
    n_embedded: int = 0

    @property
    def n_components(self) -> int:
        """Number of components: those of embeddings, then those of n-grams."""
        return self.n_embedded + int(self.projections[0].shape[1])

    @property
    def n_tree_components(self) -> int:
        """How many leading components the trees see."""
        return min(self.n_embedded + N_TREE_COMPONENTS, self.n_components)

    def describe(self, n_directions: int) -> TextStandard:
        """Say how the feature matrix is to be read, with so many linear directions in it."""
        return TextStandard(
            n_components=self.n_components,
            n_tree_components=self.n_tree_components,
            n_directions=n_directions,
            shape_mean=self.shape_mean,
            shape_spread=self.shape_spread,
            shape_clip=SHAPE_CLIP,
            shape_weight=SHAPE_WEIGHT,
        )

    def scale_shape(self, shape: NDArray[np.float32]) -> NDArray[np.float64]:
        """Standardise shape features, outliers clipped."""
        return scale_shape(shape, self.shape_mean, self.shape_spread)

    def stack_dense(
        self, components: NDArray[np.float32], shape: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Put components and scaled shape side by side."""
        return np.hstack((components.astype(np.float64), SHAPE_WEIGHT * self.scale_shape(shape)))

    def place_ngrams(
        self,
        direct: Linear,
        words: NDArray[np.float64],
        ngrams: NDArray[np.float64],
        scale: NDArray[np.float64],
    ) -> tuple[Linear, TextEncoder]:
        """Put what n-grams add to the directions into the encoder's tables.

        Parameters
        ----------
        direct : Linear
            Directions from dense features.
        words : ndarray of float64, shape (v', r)
            What words and word pairs add to r directions.
        ngrams : ndarray of float64, shape (v, r)
            What these and all others add, in a ridge of its own.
        scale : ndarray of float64, shape (r,)
            Of the directions.

        Returns
        -------
        direct : Linear
            As it was.
        encoder : TextEncoder
            Components and directions side by side, a column each.
        """
        total = ngrams.copy()
        total[: len(words)] += words
        folded = round_half(total * scale)
        edges = np.cumsum([0, *(len(vocabulary) for vocabulary in self.vocabularies)])
        tables = tuple(
            np.hstack((projection, folded[first:last]))
            for projection, (first, last) in zip(self.projections, pairwise(edges), strict=True)
        )
        return direct, TextEncoder(self.vocabularies, tables)

    def unscale(self, head: GainHead) -> GainHead:
        """Return the head: what the learners saw is what the encoder makes."""
        return head


@dataclass(frozen=True, slots=True)
class Inputs:
    """Features of n questions in the forms the learners take.

    Parameters
    ----------
    words, ngrams : scipy.sparse.csr_matrix, shape (n, v)
        TF-IDF weights of words and word pairs; of these and character n-grams.
    dense : ndarray of float64, shape (n, c + s)
        Components and scaled shape.
    shape : ndarray of float64, shape (n, s)
        Scaled shape alone.
    tree : ndarray of float32, shape (n, t + s)
        Leading components and raw shape.
    """

    words: Any
    ngrams: Any
    dense: NDArray[np.float64]
    shape: NDArray[np.float64]
    tree: NDArray[np.float32]

    def take(self, rows: NDArray[np.int64]) -> Inputs:
        """Keep some questions."""
        return Inputs(
            self.words[rows], self.ngrams[rows], self.dense[rows], self.shape[rows], self.tree[rows]
        )

    @property
    def n_tree_components(self) -> int:
        """How many of the trees' columns are components; the shape stands behind them."""
        return int(self.tree.shape[1] - self.shape.shape[1])

    def stack_tree_inputs(self, base: NDArray[np.float64]) -> NDArray[np.float32]:
        """Put what the task says behind the trees' other features."""
        return np.hstack((self.tree, base.astype(np.float32)))


def scale_shape(
    shape: NDArray[np.float32], mean: NDArray[np.float32], spread: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Standardise shape features, outliers clipped."""
    clipped: NDArray[np.float32] = np.clip((shape - mean) / spread, -SHAPE_CLIP, SHAPE_CLIP)
    return clipped.astype(np.float64)


def measure_spread(shape: NDArray[np.float32]) -> NDArray[np.float32]:
    """Measure the columns' standard deviations, one where a column does not vary."""
    spread = shape.std(axis=0)
    return np.where(spread < SPREAD_MIN, np.float32(1.0), spread).astype(np.float32)


def round_half(table: NDArray[np.floating[Any]]) -> NDArray[np.float32]:
    """Round to half precision, in which tables are stored, so that nothing changes on storing."""
    return table.astype(np.float16).astype(np.float32)


def fit_inputs(
    texts: Sequence[str],
    *,
    extra: NDArray[np.float32] | None = None,
    embedded: NDArray[np.float32] | None = None,
    families: tuple[str, ...] = ("word", "character"),
    n_components: int = N_COMPONENTS,
    vocabulary_size_max: int = 60_000,
) -> tuple[InputTables, Inputs]:
    """Learn vocabularies and components from texts, without any outcome.

    Parameters
    ----------
    texts : sequence of str, length n
        Training questions.
    extra : ndarray of float32, shape (n, e), optional
        Further columns, which learners see behind the shape of the text and like it.
    embedded : ndarray of float32, shape (n, e), optional
        Components of embeddings, which learners see before those of n-grams and like them.
    families : tuple of str, default=("word", "character")
        Families of n-grams; the first must be ``word``.
    n_components : int, default=128
        Components of the truncated singular value decomposition; fewer on a small log.
    vocabulary_size_max : int, default=60000
        N-grams kept a family.

    Returns
    -------
    tables : InputTables
    inputs : Inputs
        Of the same texts.

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.

    References
    ----------
    S. Deerwester and others: Indexing by latent semantic analysis. Journal of the American Society
    for Information Science 41(6), 1990, pp. 391-407.
    """
    try:
        import scipy.sparse
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    vocabularies, matrices = [], []
    for family in families:
        vocabulary = fit_vocabulary(
            texts,
            family,
            document_frequency_min=DOCUMENT_FREQUENCY_MIN[family],
            size_max=vocabulary_size_max,
        )
        weights = weigh_texts(texts, vocabulary)
        entries = (weights.value, (weights.row, weights.column))
        vocabularies.append(vocabulary)
        matrices.append(scipy.sparse.csr_matrix(entries, shape=weights.shape, dtype=np.float32))
    stacked = scipy.sparse.hstack(matrices, format="csr")
    table = _decompose(stacked, n_components)
    edges = np.cumsum([0, *(len(vocabulary) for vocabulary in vocabularies)])
    projections = tuple(table[a:b] for a, b in pairwise(edges))
    shape = measure_shape(texts)
    shape = shape if extra is None else np.hstack((shape, extra))
    tables = InputTables(
        tuple(vocabularies),
        projections,
        shape.mean(axis=0),
        measure_spread(shape),
        0 if embedded is None else embedded.shape[1],
    )
    components = np.asarray(stacked @ table, dtype=np.float32)
    components = components if embedded is None else np.hstack((embedded, components))
    return tables, Inputs(
        words=matrices[0],
        ngrams=stacked,
        dense=tables.stack_dense(components, shape),
        shape=tables.scale_shape(shape),
        tree=np.hstack((components[:, : tables.n_tree_components], shape)),
    )


def _decompose(stacked: Any, n_components: int) -> NDArray[np.float32]:
    """Find the leading components of a TF-IDF matrix, rounded as they will be stored."""
    try:
        from sklearn.utils.extmath import randomized_svd
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    n_kept = max(1, min(n_components, stacked.shape[0] - 2, stacked.shape[1] - 1))
    if stacked.shape[1] > 1 and stacked.nnz:
        _, _, loadings = randomized_svd(stacked, n_kept, n_iter=3, random_state=0)
    else:
        loadings = np.zeros((n_kept, stacked.shape[1]))
    # Rows get a mean squared length equal to the number of components, whatever the log's size, so
    # that one penalty fits all.
    length = float(((stacked @ loadings.T) ** 2).sum(axis=1).mean())
    return round_half(loadings.T / np.sqrt(max(length, 1e-12) / n_components))
