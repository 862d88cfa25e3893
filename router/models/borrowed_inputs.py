"""Inputs from the features of an encoder that was fitted elsewhere, for logs without texts.

What a sidecar keeps of a question is the row of features that its bundle's encoder made. Such rows
cannot teach new vocabularies or components, so the encoder is taken as it is and every learned
column counts as a component. Encoder and fingerprint stay the same, so that a log that is gathered
under one bundle fits all bundles that descend from it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import MissingExtraError
from router.models.gain import TextStandard
from router.models.inputs import (
    N_COMPONENTS,
    N_TREE_COMPONENTS,
    SHAPE_CLIP,
    SHAPE_WEIGHT,
    SPREAD_MIN,
    Inputs,
    measure_spread,
    scale_shape,
)
from router.models.learners import Linear
from router.models.log_encoding import encode_log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.features.encoder import TextEncoder
    from router.models.gain import GainHead
    from router.outcomes import OutcomeLog

__all__ = ["BorrowedTables", "read_borrowed"]

# Mean length of a row of components around their mean, as where an encoder is fitted to the log.
LENGTH = np.sqrt(N_COMPONENTS)


@dataclass(frozen=True, slots=True)
class BorrowedTables:
    """An encoder that is taken as it is, and how its columns are scaled for the learners.

    Parameters
    ----------
    encoder : TextEncoder
        With c learned columns.
    scale : float
        What learners see is the learned columns times this, so that one penalty fits all encoders.
    centre : ndarray of float64, shape (c,)
        Mean of the columns so scaled.
    shape_mean, shape_spread : ndarray of float32, shape (s,)
        Mean and standard deviation of the shape features and of further columns behind them.
    """

    encoder: TextEncoder
    scale: float
    centre: NDArray[np.float64]
    shape_mean: NDArray[np.float32]
    shape_spread: NDArray[np.float32]

    @property
    def n_components(self) -> int:
        """Number of learned columns."""
        return self.encoder.n_learned

    @property
    def n_tree_components(self) -> int:
        """How many leading learned columns the trees see."""
        return min(N_TREE_COMPONENTS, self.n_components)

    def describe(self, n_directions: int) -> TextStandard:
        """Say how the feature matrix is to be read: it holds none of the directions."""
        del n_directions
        return TextStandard(
            n_components=self.n_components,
            n_tree_components=self.n_tree_components,
            n_directions=0,
            shape_mean=self.shape_mean,
            shape_spread=self.shape_spread,
            shape_clip=SHAPE_CLIP,
            shape_weight=SHAPE_WEIGHT,
        )

    def place_ngrams(
        self,
        direct: Linear,
        words: NDArray[np.float64],
        ngrams: NDArray[np.float64],
        scale: NDArray[np.float64],
    ) -> tuple[Linear, TextEncoder]:
        """Add what stands in for words to the dense map; the encoder stays as it is.

        Parameters
        ----------
        direct : Linear
            Directions from dense features.
        words : ndarray of float64, shape (c, r)
            What the centred and shortened components add to r directions.
        ngrams : ndarray of float64, shape (0, r)
            Nothing.
        scale : ndarray of float64, shape (r,)
            Of the directions.

        Returns
        -------
        direct : Linear
        encoder : TextEncoder
        """
        del ngrams
        slopes = words * scale / LENGTH
        coefficient = direct.coefficient.copy()
        coefficient[: self.n_components] += slopes
        return Linear(coefficient, direct.intercept - self.centre @ slopes), self.encoder

    def unscale(self, head: GainHead) -> GainHead:
        """Turn maps from scaled columns into maps from the columns as the encoder makes them."""
        factor = np.ones(self.n_components + len(self.shape_mean))
        factor[: self.n_components] = self.scale

        def turn(line: Linear) -> Linear:
            """Turn one map."""
            return Linear(line.coefficient * factor[:, None], line.intercept)

        task = head.task.copy()
        task[:, :-1] *= factor[:, None]
        return replace(
            head,
            level=turn(head.level),
            direct=turn(head.direct),
            task=task,
            inferrer=None if head.inferrer is None else turn(head.inferrer),
        )


def read_borrowed(
    log: OutcomeLog, encoder: TextEncoder, *, extra: NDArray[np.float32] | None = None
) -> tuple[BorrowedTables, Inputs]:
    """Read a log's questions with an encoder that is taken as it is.

    Parameters
    ----------
    log : OutcomeLog
        n questions.
    encoder : TextEncoder
        With c learned columns.
    extra : ndarray of float32, shape (n, e), optional
        Further columns, which learners see behind the shape of the text and like it.

    Returns
    -------
    tables : BorrowedTables
    inputs : Inputs
        Components, centred and of a mean length of 1, stand in for words; there are no n-grams.

    Raises
    ------
    LogError
        If the log holds features of another encoder.
    MissingExtraError
        If SciPy is not installed.
    """
    try:
        import scipy.sparse
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    features = encode_log(log, encoder)
    components = features[:, : encoder.n_learned]
    shape = features[:, encoder.n_learned :]
    shape = shape if extra is None else np.hstack((shape, extra))
    spread = float(np.sqrt(components.var(axis=0, dtype=np.float64).sum()))
    scale = LENGTH / spread if spread > SPREAD_MIN else 0.0
    scaled = components.astype(np.float64) * scale
    centre = scaled.mean(axis=0)
    tables = BorrowedTables(encoder, scale, centre, shape.mean(axis=0), measure_spread(shape))
    own = scale_shape(shape, tables.shape_mean, tables.shape_spread)
    return tables, Inputs(
        words=scipy.sparse.csr_matrix((scaled - centre) / LENGTH),
        ngrams=scipy.sparse.csr_matrix((len(components), 0)),
        dense=np.hstack((scaled, SHAPE_WEIGHT * own)),
        shape=own,
        tree=np.hstack((components[:, : tables.n_tree_components], shape)),
    )
