"""Calibration: how far expected qualities proved to be off, out of fold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["WIDTH_UNKNOWN", "Calibration", "fit_calibration"]

N_BINS = 10
CELL_SIZE_MIN = 30
# Nine of ten groups of alike predictions stay within the stated width.
COVERAGE = 0.9
# What a bundle states when its log was too small to measure anything.
WIDTH_UNKNOWN = 0.25


@dataclass(frozen=True, slots=True)
class Calibration:
    """Half-widths of intervals by predicted quality.

    Parameters
    ----------
    edges : tuple of float, length b - 1
        Where one bin of predicted quality ends and the next begins.
    width : tuple of float, length b
        Half-width in each bin.
    expected_calibration_error, brier_score : float
        Measured out of fold.
    """

    edges: tuple[float, ...]
    width: tuple[float, ...]
    expected_calibration_error: float
    brier_score: float

    def bound(
        self, quality: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return lower and upper bounds, within [0, 1].

        Parameters
        ----------
        quality : ndarray of float64
            Expected qualities.

        Returns
        -------
        low : ndarray of float64, same shape
        high : ndarray of float64, same shape

        Examples
        --------
        >>> low, high = Calibration((0.5,), (0.1, 0.2), 0.0, 0.0).bound(np.array([0.4, 0.9]))
        >>> low.round(2).tolist(), high.round(2).tolist()
        ([0.3, 0.7], [0.5, 1.0])
        """
        width = np.asarray(self.width)[np.searchsorted(np.asarray(self.edges), quality)]
        return np.maximum(quality - width, 0.0), np.minimum(quality + width, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        return {
            "edges": list(self.edges),
            "width": list(self.width),
            "expected_calibration_error": self.expected_calibration_error,
            "brier_score": self.brier_score,
        }

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Calibration:
        """Build a calibration from what :meth:`to_dict` returned.

        Raises
        ------
        BundleError
            If a field is missing or the lengths do not fit.
        """
        try:
            edges, width = (tuple(map(float, values[name])) for name in ("edges", "width"))
            errors = float(values["expected_calibration_error"]), float(values["brier_score"])
        except (KeyError, TypeError, ValueError):
            raise BundleError("manifest: the calibration is malformed") from None
        if len(width) != len(edges) + 1:
            raise BundleError("manifest: the calibration's edges and widths do not fit together")
        return cls(edges, width, *errors)


def fit_calibration(
    predicted: NDArray[np.float64],
    quality: NDArray[np.float64],
    group_index: NDArray[np.int64],
) -> Calibration:
    """Measure how far held-out predictions were off, in cells of alike predictions.

    A cell is one task and one option's predictions in one decile; its deviation is the mean
    outcome minus the mean prediction, sampling noise included, so the widths err on the wide side.

    Parameters
    ----------
    predicted : ndarray of float64, shape (n, m)
        Held-out predictions.
    quality : ndarray of float64, shape (n, m)
        Outcomes, NaN where not tried.
    group_index : ndarray of int64, shape (n,)
        Each question's task.

    Returns
    -------
    Calibration
    """
    rows, columns = np.nonzero(~np.isnan(quality))
    guess, truth = predicted[rows, columns], quality[rows, columns]
    edges = np.unique(np.quantile(guess, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    bins = np.searchsorted(edges, guess)
    n_bins = len(edges) + 1
    count = np.bincount(bins, minlength=n_bins)
    off = np.bincount(bins, weights=truth - guess, minlength=n_bins) / np.maximum(count, 1)
    cell = (group_index[rows] * quality.shape[1] + columns) * n_bins + bins
    _, inverse = np.unique(cell, return_inverse=True)
    size = np.bincount(inverse)
    deviation = np.abs(np.bincount(inverse, weights=truth - guess) / size)
    cell_bin = np.zeros(len(size), dtype=np.int64)
    cell_bin[inverse] = bins
    usable = size >= CELL_SIZE_MIN
    overall = float(np.quantile(deviation[usable], COVERAGE)) if usable.any() else WIDTH_UNKNOWN
    width = []
    for position in range(n_bins):
        inside = deviation[usable & (cell_bin == position)]
        # Few cells cannot show a quantile; such a bin gets the width of all bins together.
        few = len(inside) < N_BINS
        width.append(overall if few else float(np.quantile(inside, COVERAGE)))
    return Calibration(
        edges=tuple(float(edge) for edge in edges),
        width=tuple(width),
        expected_calibration_error=float((np.abs(off) * count).sum() / count.sum()),
        brier_score=float(((truth - guess) ** 2).mean()),
    )
