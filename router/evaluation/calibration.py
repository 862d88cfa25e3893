"""Calibration of cross-fitted surfaces: the router's, the baselines', and option by option.

References
----------
.. [1] A. H. Murphy, "A New Vector Partition of the Probability Score", Journal of Applied
   Meteorology, 1973.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.coverage import Coverage, measure_coverage
from router.evaluation.resampling import Estimate, resample_means
from router.scoring import build_reliability, compute_ece, decompose_brier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.evaluation.protocol import DenseView

__all__ = ["CalibrationReport", "CalibrationRow", "ReliabilityRow", "measure_calibration"]


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
class CalibrationRow:
    """Calibration of one surface, or of its predictions for one option.

    Parameters
    ----------
    name : str
        Whose.
    n_pairs : int
        Observed pairs of question and option.
    predicted, observed : float
        Mean predicted and mean true quality.
    brier : Estimate
        Mean squared error, with its interval over questions.
    ece : Estimate
        Expected calibration error over bins of equal mass, with its interval over questions; chance
        raises it, in resamples once more, so its interval lies high.
    reliability, resolution, uncertainty : float
        Parts of the Brier score of the bins' means [1]_: reliability less resolution plus
        uncertainty.
    coverage : Coverage or None
        Of the surface's intervals; None for a single option.
    """

    name: str
    n_pairs: int
    predicted: float
    observed: float
    brier: Estimate
    ece: Estimate
    reliability: float
    resolution: float
    uncertainty: float
    coverage: Coverage | None = None


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
        Of about equal size, by rising prediction: the reliability curve.
    surfaces : tuple of CalibrationRow
        The router's, then those of the baselines.
    by_option : tuple of CalibrationRow
        The router's predictions option by option.
    """

    n_pairs: int
    brier: Estimate
    brier_of_means: float
    ece: float
    bins: tuple[ReliabilityRow, ...]
    surfaces: tuple[CalibrationRow, ...] = ()
    by_option: tuple[CalibrationRow, ...] = ()


def measure_calibration(
    view: DenseView,
    surface: NDArray[np.float64],
    *,
    baselines: Mapping[str, NDArray[np.float64]] | None = None,
    options: Sequence[str] = (),
    seed: int = 0,
    n_resamples: int = 2000,
) -> CalibrationReport:
    """Measure the calibration of a surface on the pairs that were observed.

    Parameters
    ----------
    view : DenseView
        The questions.
    surface : ndarray of float64, shape (n, m)
        Predicted quality; values outside of 0 to 1 count as the nearer end.
    baselines : mapping of str to ndarray of float64, shape (n, m), optional
        Surfaces to measure beside it.
    options : sequence of str, length m, optional
        Names of the options; without them nothing is measured by option.
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
    spread = (view.mean_by_option(view.quality) - view.quality) ** 2
    surfaces = [
        _measure(view, np.clip(values, 0.0, 1.0), allowed, name, (seed, n_resamples))
        for name, values in {"router": surface, **(baselines or {})}.items()
    ]
    by_option = []
    for column, name in enumerate(options):
        one = allowed & (np.arange(allowed.shape[1]) == column)
        if one.any():
            by_option.append(_measure(view, predicted, one, name, (seed, n_resamples)))
    return CalibrationReport(
        n_pairs=int(allowed.sum()),
        brier=surfaces[0].brier,
        brier_of_means=float(spread[allowed].mean()),
        ece=compute_ece(bins),
        bins=tuple(ReliabilityRow(*entry) for entry in bins),
        surfaces=tuple(surfaces),
        by_option=tuple(by_option),
    )


def _measure(
    view: DenseView,
    predicted: NDArray[np.float64],
    counted: NDArray[np.bool_],
    name: str,
    resampling: tuple[int, int],
) -> CalibrationRow:
    """Measure one surface on the pairs that count."""
    guess, truth = predicted[counted], view.quality[counted]
    bins = build_reliability(guess, truth)
    reliability, resolution, uncertainty = decompose_brier(bins)
    error = np.where(counted, predicted - view.quality, 0.0)
    # A bin's edge lies between predictions, and the same bins serve every resample.
    starts = np.sort(guess)[np.cumsum([0, *(entry.n for entry in bins[:-1])])]
    place = np.searchsorted(starts, predicted, side="right") - 1
    by_bin = np.array([np.where(place == b, error, 0.0).sum(1) for b in range(len(bins))])
    seed, n_resamples = resampling
    table = resample_means(
        {
            "square": (error**2).sum(1)[None],
            "bin": by_bin,
            "pairs": counted.sum(1, dtype=np.float64)[None],
        },
        seed=seed,
        n_resamples=n_resamples,
    )
    is_whole = bool((counted == view.allowed).all())
    return CalibrationRow(
        name=name,
        n_pairs=len(guess),
        predicted=float(guess.mean()),
        observed=float(truth.mean()),
        brier=table.estimate(lambda means: means["square"][..., 0] / means["pairs"][..., 0]),
        ece=table.estimate(lambda means: np.abs(means["bin"]).sum(-1) / means["pairs"][..., 0]),
        reliability=reliability,
        resolution=resolution,
        uncertainty=uncertainty,
        coverage=measure_coverage(view, predicted) if is_whole else None,
    )
