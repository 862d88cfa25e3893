"""Calibration: how far expected qualities proved to be off, out of fold.

A single answer is right or wrong, so an interval that holds nine of ten single outcomes says
nothing. What an interval here promises is the *mean* quality of alike questions: those of one task
under one option whose predictions are near each other. The deviation of such a group's mean outcome
from its mean prediction has two parts, one of the model (`spread`) and one of chance, which fades
with the group's size (`noise`). Deviations over the root of both together are exchangeable between
groups, so their conformal quantile [1]_ [2]_ bounds the next group's with the level stated,
whatever their distribution. Without the part of chance it is the interval of the expected quality.

References
----------
.. [1] H. Papadopoulos, K. Proedrou, V. Vovk and A. Gammerman, "Inductive Confidence Machines for
   Regression", ECML, 2002 (normalised scores of held-out predictions).
.. [2] R. Dunn, L. Wasserman and A. Ramdas, "Distribution-Free Prediction Sets for Two-Layer
   Hierarchical Models", JASA, 2022 (groups as the units that are exchangeable).
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import BundleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

__all__ = ["WIDTH_UNKNOWN", "BatchError", "Calibration"]

# What a bundle states when its log was too small to measure anything.
WIDTH_UNKNOWN = 0.25


@dataclass(frozen=True, slots=True)
class BatchError:
    """How far the mean outcome of a plan is from what was expected of it.

    Parameters
    ----------
    spread : float
        Standard deviation of the model's own error in the mean of a large plan.
    noise : float
        Variance of an outcome over ``p * (1 - p)`` of its expectation p; 1 for single runs.
    quantile : float
        Conformal quantile of the deviations over their standard deviation.
    """

    spread: float
    noise: float
    quantile: float

    def measure_width(self, quality: NDArray[np.float64]) -> float:
        """Return the half-width of the interval of the mean outcome.

        Parameters
        ----------
        quality : ndarray of float64, shape (k,)
            Expected quality of every question under its chosen option, k at least 1.

        Returns
        -------
        float
            Never more than 1.

        Examples
        --------
        >>> round(BatchError(0.03, 1.0, 2.0).measure_width(np.full(25, 0.2)), 3)
        0.171
        """
        chance = self.noise * float((quality * (1.0 - quality)).mean()) / len(quality)
        return min(self.quantile * math.sqrt(self.spread**2 + chance), 1.0)


@dataclass(frozen=True, slots=True)
class Calibration:
    """Half-widths of intervals by predicted quality.

    Parameters
    ----------
    edges : tuple of float, length b - 1
        Where one bin of predicted quality ends and the next begins.
    width : tuple of float, length b
        Half-width of the expected quality of alike questions in each bin.
    expected_calibration_error, brier_score : float
        Measured out of fold.
    quantile : float, default=0.0
        Conformal quantile of the deviations over their standard deviation; 0 in older bundles.
    noise : float, default=1.0
        Variance of an outcome over ``p * (1 - p)`` of its expectation p.
    batch : BatchError, optional
        The same for whole plans.
    """

    edges: tuple[float, ...]
    width: tuple[float, ...]
    expected_calibration_error: float
    brier_score: float
    quantile: float = 0.0
    noise: float = 1.0
    batch: BatchError | None = None

    def measure_width(self, quality: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the half-widths of expected qualities, of any shape."""
        return _hold(self.width).take(_hold(self.edges).searchsorted(quality))

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
        width = self.measure_width(quality)
        return np.maximum(quality - width, 0.0), np.minimum(quality + width, 1.0)

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON."""
        values = asdict(self)
        return values | {"edges": list(self.edges), "width": list(self.width)}

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
            quantile, noise = float(values.get("quantile", 0.0)), float(values.get("noise", 1.0))
            parts = values.get("batch")
            names = ("spread", "noise", "quantile")
            batch = None if parts is None else BatchError(*(float(parts[name]) for name in names))
        except (KeyError, TypeError, ValueError):
            raise BundleError("manifest: the calibration is malformed") from None
        if len(width) != len(edges) + 1:
            raise BundleError("manifest: the calibration's edges and widths do not fit together")
        return cls(edges, width, *errors, quantile, noise, batch)


@lru_cache(maxsize=16)
def _hold(values: tuple[float, ...]) -> NDArray[np.float64]:
    """Hold numbers as an array, which takes longer than looking them up."""
    return np.array(values)
