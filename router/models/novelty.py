"""Novelty: how unlike the training questions a question is, as a conformal p-value.

The score is the squared Mahalanobis distance [1]_ to the nearest of some centres of the training
questions, with one covariance for all centres [2]_. It looks at the leading components, at the
shape of the text, and at how much of it the components explain at all: words of another language
leave little. Scores of questions that were held out while the same was fitted without them turn it
into a p-value [3]_: the *familiarity*, the share of them at least as far away. Of questions drawn
like those of training a share of at most about t has a familiarity of t or less.

References
----------
.. [1] P. C. Mahalanobis, "On the generalised distance in statistics", Proceedings of the National
   Institute of Sciences of India 2, 1936.
.. [2] K. Lee, K. Lee, H. Lee and J. Shin, "A Simple Unified Framework for Detecting
   Out-of-Distribution Samples and Adversarial Attacks", NeurIPS, 2018; with clusters for classes.
.. [3] V. Vovk, A. Gammerman and G. Shafer, "Algorithmic Learning in a Random World", 2005.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["Novelty", "collect_values"]

ARRAYS = ("columns", "origin", "turn", "centres", "reference", "mean_features")


@dataclass(frozen=True)
class Novelty:
    """Measures how far questions are from those of training.

    Parameters
    ----------
    columns : ndarray of int64, shape (d - 1,)
        Which features are looked at; the length of all components stands behind them.
    origin : ndarray of float32, shape (d,)
        Mean of what is looked at over the training questions.
    turn : ndarray of float32, shape (d, d)
        Turns them so that the training questions vary alike in all directions.
    centres : ndarray of float32, shape (c, d)
        Centres of the training questions, turned.
    reference : ndarray of float32, shape (r,)
        Scores of held-out questions, rising.
    mean_features : ndarray of float32, shape (f,)
        Features of the average training question.
    n_components : int
        How many leading features are components.

    Examples
    --------
    >>> novelty = Novelty(
    ...     np.array([0]), np.zeros(2, np.float32), np.eye(2, dtype=np.float32),
    ...     np.zeros((1, 2), np.float32), np.array([1.0, 4.0, 9.0], np.float32),
    ...     np.zeros(1, np.float32), n_components=0,
    ... )
    >>> novelty.rank(np.array([[0.5], [2.5], [9.0]], np.float32)).tolist()
    [1.0, 0.5, 0.25]
    """

    columns: NDArray[np.int64]
    origin: NDArray[np.float32]
    turn: NDArray[np.float32]
    centres: NDArray[np.float32]
    reference: NDArray[np.float32]
    mean_features: NDArray[np.float32]
    n_components: int

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Measure squared distances to the nearest centre.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            From the encoder.

        Returns
        -------
        ndarray of float32, shape (n,)
        """
        values = collect_values(features, self.columns, self.n_components)
        values -= self.origin
        turned = values @ self.turn
        cross = turned @ self._doubled_centres
        nearest: NDArray[np.float32] = (self._lengths - cross).min(axis=1)
        nearest += np.einsum("nd,nd->n", turned, turned)
        return nearest

    @cached_property
    def _lengths(self) -> NDArray[np.float32]:
        """Squared length of every centre, shape (c,)."""
        lengths: NDArray[np.float32] = np.einsum("cd,cd->c", self.centres, self.centres)
        return lengths

    @cached_property
    def _doubled_centres(self) -> NDArray[np.float32]:
        """Twice every centre, in columns, shape (d, c); doubling is exact."""
        return np.ascontiguousarray(np.float32(2.0) * self.centres.T)

    def rank(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        r"""Turn distances into familiarity, :math:`\frac{1 + \#\{r : s_r \ge s\}}{1 + \#r}`.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            From the encoder.

        Returns
        -------
        ndarray of float64, shape (n,)
            Above 0, at most 1; low says unlike the training questions.
        """
        return self._ranks.take(self.reference.searchsorted(self.score(features), side="left"))

    @cached_property
    def _ranks(self) -> NDArray[np.float64]:
        """Familiarity by how many scores of reference are below, shape (r + 1,)."""
        n_reference = len(self.reference)
        ranks: NDArray[np.float64] = np.arange(1 + n_reference, 0, -1) / (1 + n_reference)
        return ranks

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything that has to be stored, by name."""
        arrays = {name: getattr(self, name) for name in ARRAYS}
        return arrays | {"n_components": np.array(self.n_components)}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]], n_features: int) -> Novelty:
        """Build from what :meth:`to_arrays` returned.

        Parameters
        ----------
        arrays : mapping of str to ndarray
            By name.
        n_features : int
            How many features the encoder makes.

        Returns
        -------
        Novelty

        Raises
        ------
        BundleError
            If an array is missing or has another shape or type than it should.
        """
        try:
            columns, *rest = (np.asarray(arrays[name]) for name in ARRAYS)
            n_components = np.asarray(arrays["n_components"])
        except KeyError as missing:
            raise BundleError(f"novelty: {missing.args[0]!r} is missing") from None
        origin, turn, centres, reference, mean_features = rest
        d = len(columns) + 1 if columns.ndim == 1 else -1
        shapes_fit = (
            n_components.shape == ()
            and origin.shape == (d,)
            and turn.shape == (d, d)
            and centres.ndim == 2
            and len(centres) > 0
            and centres.shape[1] == d
            and reference.ndim == 1
            and mean_features.shape == (n_features,)
        )
        kinds_fit = columns.dtype.kind == n_components.dtype.kind == "i" and all(
            array.dtype == np.float32 for array in rest
        )
        if not (shapes_fit and kinds_fit):
            raise BundleError("novelty: the arrays do not fit together")
        within = np.all((columns >= 0) & (columns < n_features))
        if not within or not all(np.isfinite(array).all() for array in rest):
            raise BundleError("novelty: a column does not exist or a number is not finite")
        return cls(
            columns.astype(np.int64),
            origin,
            turn,
            centres,
            np.sort(reference),
            mean_features,
            int(n_components),
        )


def collect_values(
    features: NDArray[np.float32], columns: NDArray[np.int64], n_components: int
) -> NDArray[np.float32]:
    """Collect what is looked at: some features, and the length of all components.

    Parameters
    ----------
    features : ndarray of float32, shape (n, f)
        From the encoder.
    columns : ndarray of int64, shape (d - 1,)
        Which of them.
    n_components : int
        How many leading features are components.

    Returns
    -------
    ndarray of float32, shape (n, d)

    Examples
    --------
    >>> features = np.array([[3.0, 4.0, 7.0]], np.float32)
    >>> collect_values(features, np.array([0, 2]), 2).round(3).tolist()
    [[3.0, 7.0, 3.257999897003174]]
    """
    values = np.empty((len(features), len(columns) + 1), dtype=np.float32)
    values[:, :-1] = features.take(columns, axis=1)
    components = features[:, :n_components]
    values[:, -1] = np.log1p(np.einsum("nc,nc->n", components, components))
    return values
