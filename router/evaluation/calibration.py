"""Calibration of a cross-fitted surface."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.resampling import Estimate, resample_means
from router.scoring import build_reliability, compute_ece

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.evaluation.protocol import DenseView

__all__ = ["CalibrationReport", "ReliabilityRow", "measure_calibration"]


@dataclass(frozen=True, slots=True)
class ReliabilityRow:
    """One bin of the reliability table.

    Parameters
    ----------
    n : int
        Pairs of question and option inside.
    predicted, observed : float
        Mean predicted and mean true quality.
    """

    n: int
    predicted: float
    observed: float


@dataclass(frozen=True, slots=True)
class CalibrationReport:
    """How far predicted qualities can be taken at their word.

    Parameters
    ----------
    n_pairs : int
        Observed pairs of question and option.
    brier : Estimate
        Mean squared error of the prediction, weighted by question, with its interval.
    brier_of_means : float
        The same for a prediction of every option's mean, to compare with.
    ece : float
        Expected calibration error over the bins.
    bins : tuple of ReliabilityRow
        Of about equal size, by rising prediction.
    """

    n_pairs: int
    brier: Estimate
    brier_of_means: float
    ece: float
    bins: tuple[ReliabilityRow, ...]


def measure_calibration(
    view: DenseView, surface: NDArray[np.float64], *, seed: int = 0, n_resamples: int = 2000
) -> CalibrationReport:
    """Measure the calibration of a surface on the pairs that were observed.

    Parameters
    ----------
    view : DenseView
        The questions.
    surface : ndarray of float64, shape (n, m)
        Predicted quality; values outside of 0 to 1 count as the nearer end.
    seed : int, default=0
        Seed of the bootstrap.
    n_resamples : int, default=2000
        Resamples of the bootstrap.

    Returns
    -------
    CalibrationReport
    """
    predicted, allowed = np.clip(surface, 0.0, 1.0), view.allowed
    bins = build_reliability(predicted[allowed], view.quality[allowed])
    error = np.where(allowed, (predicted - view.quality) ** 2, 0.0).sum(1)
    table = resample_means(
        {"error": error[None], "pairs": allowed.sum(1, dtype=np.float64)[None]},
        seed=seed,
        n_resamples=n_resamples,
    )
    spread = (view.mean_by_option(view.quality) - view.quality) ** 2
    return CalibrationReport(
        n_pairs=int(allowed.sum()),
        brier=table.estimate(lambda means: means["error"][..., 0] / means["pairs"][..., 0]),
        brier_of_means=float(spread[allowed].mean()),
        ece=compute_ece(bins),
        bins=tuple(ReliabilityRow(*entry) for entry in bins),
    )
