"""Embeddings as features: standardised, projected on their leading components, text's put behind.

A bundle stores the projection and how its encoder is recognised, not the encoder: opening what a
file names would send questions, and a key, to wherever the file says. Without the encoder, and
while it fails, every question counts as the average one of training.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import BundleError, EncoderError, MissingExtraError
from router.features.encoders.sentences import PROBE_TEXTS, check_embeddings, compare_probes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.features.encoders.sentences import SentenceEncoder

__all__ = ["Embedding", "fit_embedding"]

N_COLUMNS_MAX = 64
# Standardised values beyond this are an encoder's fault and would outweigh everything else.
BOUND = 10.0
# Less than this is rounding, not variation.
VARIATION_MIN = 1e-9


@dataclass(frozen=True)
class Embedding:
    """Turns texts into the leading components of their embeddings.

    d dimensions, e components, p probe texts; d and e are 0 where no encoder is used.

    Parameters
    ----------
    name : str
        Name of the encoder.
    fingerprint : str
        Fingerprint of the encoder in training.
    mean : ndarray of float32, shape (d,)
        Over the training questions.
    spread : ndarray of float32, shape (d,)
        Standard deviation over them.
    projection : ndarray of float32, shape (d, e)
        From standardised dimensions to components.
    probes : ndarray of float32, shape (p, d)
        Embeddings of the probe texts.
    encoder : SentenceEncoder, optional
        The encoder, where there is one.
    """

    name: str = ""
    fingerprint: str = ""
    mean: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    spread: NDArray[np.float32] = field(default_factory=lambda: np.zeros(0, np.float32))
    projection: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    probes: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    encoder: SentenceEncoder | None = None

    @property
    def n_columns(self) -> int:
        """Number of components e."""
        return int(self.projection.shape[1])

    def project(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Project embeddings (n, d) to components (n, e)."""
        scaled = np.clip((vectors - self.mean) / self.spread, -BOUND, BOUND)
        return np.asarray(scaled @ self.projection, dtype=np.float32)

    def prepend(
        self, features: NDArray[np.float32], texts: Sequence[str]
    ) -> tuple[NDArray[np.float32], str | None]:
        """Put the components before the text's own features.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            What else is known of the questions.
        texts : sequence of str, length n
            The questions.

        Returns
        -------
        features : ndarray of float32, shape (n, e + f)
        failure : str or None
            Why all questions got the average of training, which is 0; None where they did not, or
            no encoder is used.
        """
        if not self.n_columns:
            return features, None
        columns, failure = np.zeros((len(texts), self.n_columns), np.float32), None
        if self.encoder is None:
            failure = f"the encoder {self.name!r} of training was not given"
        else:
            try:
                columns = self.project(self.encoder.embed(texts))
            except EncoderError as error:
                failure = str(error)
        return np.hstack((columns, features)), failure

    def attach(self, encoder: SentenceEncoder) -> Embedding:
        """Give the encoder, which has to be that of training.

        Raises
        ------
        EncoderError
            If its vectors of the probe texts are others, it fails, or there was none in training.
        """
        if not self.n_columns:
            raise EncoderError(
                f"encoder {encoder.name!r} is of no use: the bundle was trained without one"
            )
        compare_probes(encoder, self.probes)
        return replace(self, encoder=encoder)

    def to_dict(self) -> dict[str, Any]:
        """Describe the encoder for the manifest."""
        return {
            "name": self.name,
            "fingerprint": self.fingerprint,
            "dimension": len(self.mean),
            "n_columns": self.n_columns,
        }

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return the arrays that have to be stored, by name."""
        return {name: getattr(self, name) for name in ("mean", "spread", "projection", "probes")}

    @classmethod
    def from_arrays(
        cls, arrays: Mapping[str, NDArray[np.generic]], described: Mapping[str, Any]
    ) -> Embedding:
        """Build from what :meth:`to_arrays` and :meth:`to_dict` returned.

        Raises
        ------
        BundleError
            If an array is missing or does not fit.
        """
        try:
            mean, spread, projection, probes = (
                np.asarray(arrays[name]).astype(np.float32)
                for name in ("mean", "spread", "projection", "probes")
            )
            sizes = int(described["dimension"]), int(described["n_columns"])
            name, fingerprint = str(described["name"]), str(described["fingerprint"])
        except (KeyError, TypeError, ValueError):
            raise BundleError("embedding.npz: an array or its description is missing") from None
        found = (mean.shape, spread.shape, projection.shape, probes.shape)
        due = (sizes[:1], sizes[:1], sizes, (len(PROBE_TEXTS), sizes[0]))
        if found != due:
            raise BundleError(f"embedding.npz: arrays of shapes {found} are stored, {due} are due")
        if (
            not all(np.isfinite(a).all() for a in (mean, spread, projection, probes))
            or not (spread > 0.0).all()
        ):
            raise BundleError("embedding.npz: a value is not finite, or a spread not positive")
        return cls(name, fingerprint, mean, spread, projection, probes)


def fit_embedding(
    encoder: SentenceEncoder, texts: Sequence[str]
) -> tuple[Embedding, NDArray[np.float32]]:
    """Learn from training questions, without any outcome, how embeddings are projected.

    Parameters
    ----------
    encoder : SentenceEncoder
        Embeds the questions and the probe texts.
    texts : sequence of str, length n
        Training questions.

    Returns
    -------
    embedding : Embedding
        With the encoder.
    columns : ndarray of float32, shape (n, e)
        The questions' components, 64 at most, with a mean square of 1.

    Raises
    ------
    EncoderError
        If the encoder fails.
    MissingExtraError
        If scikit-learn is not installed.

    References
    ----------
    H. Hotelling: Analysis of a complex of statistical variables into principal components. Journal
    of Educational Psychology 24(6), 1933, pp. 417-441.
    """
    try:
        from sklearn.utils.extmath import randomized_svd
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    probes = encoder.embed(PROBE_TEXTS)
    vectors = check_embeddings(encoder.embed(texts), len(texts), probes.shape[1], encoder.name)
    exact = vectors.astype(np.float64)
    mean, deviation = exact.mean(axis=0).astype(np.float32), exact.std(axis=0)
    # A dimension that hardly varies would be noise blown up.
    varies = deviation > max(1e-3 * float(deviation.max()), VARIATION_MIN)
    spread = np.where(varies, deviation, 1.0).astype(np.float32)
    scaled = np.clip((vectors - mean) / spread, -BOUND, BOUND)
    n_kept = max(1, min(N_COLUMNS_MAX, *scaled.shape))
    _, _, loadings = randomized_svd(scaled, n_kept, n_iter=3, random_state=0)
    # Leading components keep their greater length, as those of the text do.
    length = float(((scaled @ loadings.T) ** 2).sum(axis=1).mean())
    stretch = np.sqrt(n_kept / length) if length > VARIATION_MIN else 0.0
    projection = loadings.T * stretch
    known = (encoder.name, encoder.fingerprint)
    embedding = Embedding(*known, mean, spread, projection.astype(np.float32), probes, encoder)
    return embedding, embedding.project(vectors)
