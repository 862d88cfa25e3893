"""The gain model in native form: what training makes and what the ONNX graph has to reproduce."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import EncoderError
from router.features.context import ContextTable
from router.models.embedding import Embedding
from router.models.surface import shift_into_range

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.features.encoder import TextEncoder
    from router.models.ensembles import Ensemble
    from router.models.learners import Linear

__all__ = ["GainHead", "GainModel", "TextStandard"]


@dataclass(frozen=True, slots=True)
class TextStandard:
    """How the columns of the feature matrix are told apart and scaled.

    The matrix holds c components, then the r directions that are linear in the n-grams, then the
    s shape features. There are no such directions where the encoder was fitted elsewhere.

    Parameters
    ----------
    n_components, n_tree_components, n_directions : int
        c, how many of them the trees see, and r.
    shape_mean, shape_spread : ndarray of float32, shape (s,)
        To standardise the shape features.
    shape_clip, shape_weight : float
        Bound and weight of the standardised shape.
    """

    n_components: int
    n_tree_components: int
    n_directions: int
    shape_mean: NDArray[np.float32]
    shape_spread: NDArray[np.float32]
    shape_clip: float
    shape_weight: float

    def split(
        self, features: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float32]]:
        """Return dense features, the linear directions, and the trees' features."""
        components = features[:, : self.n_components]
        linear = features[:, self.n_components : self.n_components + self.n_directions]
        shape = features[:, self.n_components + self.n_directions :]
        scaled = np.clip(
            (shape - self.shape_mean) / self.shape_spread, -self.shape_clip, self.shape_clip
        )
        dense = np.hstack((components, np.float32(self.shape_weight) * scaled)).astype(np.float64)
        tree = np.hstack((components[:, : self.n_tree_components], shape))
        return dense, linear.astype(np.float64), tree


@dataclass(frozen=True, slots=True)
class GainHead:
    """Everything behind the features, weights and scales already multiplied in.

    m options, g tasks, r directions, d dense features.

    Parameters
    ----------
    option_means : ndarray of float64, shape (m,)
        Quality of each option over all questions.
    option_table : ndarray of float64, shape (g, m)
        What each task adds to each option.
    level_table : ndarray of float64, shape (g, 1)
        What each task adds to all options.
    level : Linear
        What the text adds to all options, from dense features.
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
    inferrer : Linear or None
        Logits of the tasks from dense features; None where there is one task only.
    """

    option_means: NDArray[np.float64]
    option_table: NDArray[np.float64]
    level_table: NDArray[np.float64]
    level: Linear
    base_table: NDArray[np.float32]
    direct: Linear
    task: NDArray[np.float64]
    trees: tuple[tuple[Ensemble, NDArray[np.float64]], ...]
    directions: NDArray[np.float64]
    inferrer: Linear | None


@dataclass(frozen=True)
class GainModel:
    """A trained gain model for the options of one log.

    Parameters
    ----------
    encoder : TextEncoder
        Texts to features.
    standard : TextStandard
        How to read the features.
    head : GainHead
        Features to quality.
    groups : tuple of str
        Names of the tasks; a single empty name where the log has none.
    context : ContextTable
        Which numbers known beforehand stand behind the text's features.
    embedding : Embedding
        What stands before them, where there is a sentence encoder.
    """

    encoder: TextEncoder
    standard: TextStandard
    head: GainHead
    groups: tuple[str, ...]
    context: ContextTable = field(default_factory=ContextTable)
    embedding: Embedding = field(default_factory=Embedding)

    @property
    def n_features(self) -> int:
        """Number of features: embeddings, text, numbers known beforehand."""
        return self.embedding.n_columns + self.encoder.n_features + self.context.n_columns

    @property
    def context_names(self) -> tuple[str, ...]:
        """Names of the numbers known beforehand that the model reads."""
        return self.context.names

    def encode(
        self, texts: Sequence[str], contexts: Sequence[Mapping[str, float]] | None = None
    ) -> NDArray[np.float32]:
        """Turn questions into features: embeddings, text, numbers known beforehand.

        Parameters
        ----------
        texts : sequence of str, length n
            Questions.
        contexts : sequence of mapping of str to float, length n, optional
            Numbers known beforehand.

        Returns
        -------
        ndarray of float32, shape (n, f)

        Raises
        ------
        EncoderError
            If there is a sentence encoder and it fails.
        """
        known = [{}] * len(texts) if contexts is None else contexts
        features = self.context.append(self.encoder.encode(texts), known)
        features, failure = self.embedding.prepend(features, texts)
        if failure is not None:
            raise EncoderError(failure)
        return features

    def assign(self, groups: Sequence[str | None]) -> NDArray[np.float32]:
        """Turn labels into membership: one 1 a row, or all 0 where the label is not known.

        Parameters
        ----------
        groups : sequence of str or None, length n
            Labels.

        Returns
        -------
        ndarray of float32, shape (n, g)
        """
        position = {name: index for index, name in enumerate(self.groups)}
        membership = np.zeros((len(groups), len(self.groups)), dtype=np.float32)
        for row, name in enumerate(groups):
            if name in position:
                membership[row, position[name]] = 1.0
        return membership

    def predict(
        self,
        texts: Sequence[str],
        groups: Sequence[str | None] | None = None,
        contexts: Sequence[Mapping[str, float]] | None = None,
    ) -> NDArray[np.float64]:
        """Predict the quality of every question under every option of the log.

        Parameters
        ----------
        texts : sequence of str, length n
            Questions.
        groups : sequence of str or None, length n, optional
            Task labels; an unknown or missing one is inferred from the text.
        contexts : sequence of mapping of str to float, length n, optional
            Numbers known beforehand.

        Returns
        -------
        ndarray of float64, shape (n, m)
            From 0 to 1.
        """
        labels = [None] * len(texts) if groups is None else groups
        return self.predict_features(self.encode(texts, contexts), self.assign(labels))

    def predict_features(
        self, features: NDArray[np.float32], membership: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Predict from features, as the exported graph does.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            From :meth:`encode`.
        membership : ndarray of float32, shape (n, g)
            From :meth:`assign`.

        Returns
        -------
        ndarray of float64, shape (n, m)
        """
        head = self.head
        dense, linear, tree = self.standard.split(features)
        who = self._infer(dense, membership)
        # The trees get the likeliest task, not a mixture: a mixture would put rounding errors
        # next to split thresholds.
        tree_inputs = np.hstack((tree, head.base_table[who.argmax(axis=1)]))
        z = head.direct.predict(dense)
        if self.standard.n_directions:
            z += linear
        augmented = np.column_stack((dense, np.ones(len(dense))))
        z += np.einsum("ng,nd,gdr->nr", who, augmented, head.task, optimize=True)
        for ensemble, factor in head.trees:
            if np.any(factor):
                z += ensemble.predict(tree_inputs) * factor
        level = who @ head.level_table + head.level.predict(dense)
        surface = head.option_means + level + who @ head.option_table + z @ head.directions.T
        return shift_into_range(surface)

    def _infer(
        self, dense: NDArray[np.float64], membership: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Fill missing labels with probabilities from the text."""
        who = membership.astype(np.float64)
        if self.head.inferrer is None:
            return np.ones_like(who)
        logits = self.head.inferrer.predict(dense)
        odds = np.exp(logits - logits.max(axis=1, keepdims=True))
        probability = odds / odds.sum(axis=1, keepdims=True)
        filled: NDArray[np.float64] = who + (1.0 - who.sum(axis=1, keepdims=True)) * probability
        return filled
