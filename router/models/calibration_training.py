"""Measuring a calibration: conformal quantiles of how far groups of predictions were off."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.models.calibration import WIDTH_UNKNOWN, BatchError, Calibration

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["COVERAGE", "Deviations", "fit_calibration", "gather_batches", "gather_cells"]

N_BINS = 10
# Below so many outcomes a group's mean says little, and is far from normal.
GROUP_SIZE_MIN = 15
# Nine of ten groups of alike predictions stay within the stated width.
COVERAGE = 0.9
# Prices of compute, as a share of the dearest option's cost, at which plans are tried.
PRICES = (0.0, 0.03, 0.1, 0.3, 1.0)
# Tasks are parted at random until there are about so many batches.
N_BATCHES = 40


@dataclass(frozen=True, slots=True)
class Deviations:
    """How far the mean outcomes of groups were from their mean predictions.

    Parameters
    ----------
    deviation : ndarray of float64, shape (k,)
        Mean outcome minus mean prediction.
    variance : ndarray of float64, shape (k,)
        Mean of ``p * (1 - p)`` over the predictions p.
    size : ndarray of int64, shape (k,)
        How many outcomes.
    bins : ndarray of int64, shape (k,)
        In which bin of predicted quality a group is.
    unit : ndarray of int64, shape (k,)
        Groups of one unit are made of the same questions.
    residual : float
        Sum of squared deviations within the groups.
    """

    deviation: NDArray[np.float64]
    variance: NDArray[np.float64]
    size: NDArray[np.int64]
    bins: NDArray[np.int64]
    unit: NDArray[np.int64]
    residual: float

    def estimate_noise(self) -> float:
        """Estimate the variance of outcomes over that of single runs."""
        expected = float((self.variance * (self.size - 1)).sum())
        return self.residual / expected if expected > 0 else 0.0

    def is_inside(
        self, width: NDArray[np.float64], quantile: float, noise: float
    ) -> NDArray[np.bool_]:
        """Tell which groups are within intervals that allow for their own chance as well.

        Parameters
        ----------
        width : ndarray of float64, shape (k,)
            Half-width for a large group.
        quantile, noise : float
            Of the calibration that is judged.

        Returns
        -------
        ndarray of bool, shape (k,)
        """
        chance = quantile**2 * noise * self.variance / self.size
        inside: NDArray[np.bool_] = np.abs(self.deviation) <= np.sqrt(width**2 + chance) + 1e-12
        return inside


def gather_cells(
    predicted: NDArray[np.float64],
    quality: NDArray[np.float64],
    group_index: NDArray[np.int64],
    edges: NDArray[np.float64],
) -> Deviations:
    """Gather cells: one task and one option's predictions in one bin, of 15 outcomes or more.

    Parameters
    ----------
    predicted : ndarray of float64, shape (n, m)
        Predictions by models that had not seen the questions.
    quality : ndarray of float64, shape (n, m)
        Outcomes, NaN where not tried.
    group_index : ndarray of int64, shape (n,)
        Each question's task.
    edges : ndarray of float64, shape (b - 1,)
        Where one bin ends and the next begins.

    Returns
    -------
    Deviations
    """
    rows, columns = np.nonzero(~np.isnan(quality))
    guess, truth = predicted[rows, columns], quality[rows, columns]
    bins = np.searchsorted(edges, guess)
    cell = (group_index[rows] * quality.shape[1] + columns) * (len(edges) + 1) + bins
    return _gather(guess, truth, np.stack((cell, bins, cell)), GROUP_SIZE_MIN)


def gather_batches(
    predicted: NDArray[np.float64],
    quality: NDArray[np.float64],
    group_index: NDArray[np.int64],
    option_cost: NDArray[np.float64],
) -> Deviations:
    """Gather plans: the options that a task's questions, or a part of them, get at some prices.

    Parameters
    ----------
    predicted, quality : ndarray of float64, shape (n, m)
        As for :func:`gather_cells`; a question chooses among the options it was tried with.
    group_index : ndarray of int64, shape (n,)
        Each question's task.
    option_cost : ndarray of float64, shape (m,)
        Mean cost of every option; where one is not known, compute is taken for free.

    Returns
    -------
    Deviations
    """
    n = len(quality)
    top = float(np.max(option_cost))
    share = option_cost / top if np.isfinite(top) and top > 0 else np.zeros_like(option_cost)
    n_parts = -(-N_BATCHES // len(np.unique(group_index)))
    # Parts are dealt in turn within a task, so that all of its batches are of one size.
    order = np.argsort(group_index, kind="stable")
    place = np.empty(n, dtype=np.int64)
    place[order] = np.arange(n) - np.searchsorted(group_index[order], group_index[order])
    sizes = np.bincount(group_index)[group_index]
    n_own_parts = np.clip(sizes // GROUP_SIZE_MIN, 1, n_parts)
    unit = group_index * n_parts + place % n_own_parts
    rows = np.arange(n)
    parts = []
    for position, price in enumerate(PRICES if share.any() else PRICES[:1]):
        worth = np.where(np.isnan(quality), -np.inf, predicted - price * share)
        choice = worth.argmax(axis=1)
        batch = unit * len(PRICES) + position
        parts.append((predicted[rows, choice], quality[rows, choice], batch))
    guess, truth, batch = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    tried = ~np.isnan(truth)
    batch = batch[tried]
    labels = np.stack((batch, np.zeros_like(batch), batch // len(PRICES)))
    return _gather(guess[tried], truth[tried], labels, GROUP_SIZE_MIN)


def _gather(
    guess: NDArray[np.float64],
    truth: NDArray[np.float64],
    labels: NDArray[np.int64],
    size_min: int,
) -> Deviations:
    """Average outcomes by their labels (group, bin and unit), small groups left out."""
    group, bins, unit = labels
    _, first, inverse = np.unique(group, return_index=True, return_inverse=True)
    size = np.bincount(inverse)
    error = truth - guess
    deviation = np.bincount(inverse, weights=error) / size
    variance = np.bincount(inverse, weights=guess * (1.0 - guess)) / size
    squares = np.bincount(inverse, weights=(error - deviation[inverse]) ** 2)
    usable = size >= size_min
    return Deviations(
        deviation[usable],
        variance[usable],
        size[usable],
        bins[first][usable],
        unit[first][usable],
        float(squares[usable].sum()),
    )


def fit_calibration(
    predicted: NDArray[np.float64],
    quality: NDArray[np.float64],
    group_index: NDArray[np.int64],
    *,
    option_cost: NDArray[np.float64] | None = None,
) -> Calibration:
    """Measure how far held-out predictions were off, in cells of alike predictions and in plans.

    Parameters
    ----------
    predicted : ndarray of float64, shape (n, m)
        Held-out predictions.
    quality : ndarray of float64, shape (n, m)
        Outcomes, NaN where not tried.
    group_index : ndarray of int64, shape (n,)
        Each question's task.
    option_cost : ndarray of float64, shape (m,), optional
        Mean cost of every option; without it plans are not measured.

    Returns
    -------
    Calibration
        Where fewer than nine groups of 15 outcomes were there, the width is that of the unknown.
    """
    tried = ~np.isnan(quality)
    guess, truth = predicted[tried], quality[tried]
    edges = np.unique(np.quantile(guess, np.linspace(0, 1, N_BINS + 1)[1:-1]))
    n_bins = len(edges) + 1
    bins = np.searchsorted(edges, guess)
    off = np.bincount(bins, weights=truth - guess, minlength=n_bins)
    cells = gather_cells(predicted, quality, group_index, edges)
    spread = _estimate_spreads(cells, n_bins)
    quantile = _find_quantile(cells, spread[cells.bins])
    batch = None
    if option_cost is not None:
        plans = gather_batches(predicted, quality, group_index, option_cost)
        plan_spread = _estimate_spreads(plans, 1)
        plan_quantile = _find_quantile(plans, plan_spread[plans.bins])
        if np.isfinite(plan_quantile):
            batch = BatchError(float(plan_spread[0]), plans.estimate_noise(), plan_quantile)
    known = np.isfinite(quantile)
    width = quantile * spread if known else np.full(n_bins, WIDTH_UNKNOWN)
    return Calibration(
        edges=tuple(float(edge) for edge in edges),
        width=tuple(float(value) for value in width),
        expected_calibration_error=float(np.abs(off).sum() / len(guess)),
        brier_score=float(((truth - guess) ** 2).mean()),
        quantile=quantile if known else 0.0,
        noise=cells.estimate_noise() if known else 1.0,
        batch=batch,
    )


def _estimate_spreads(groups: Deviations, n_bins: int) -> NDArray[np.float64]:
    """Estimate the standard deviation of the model's own error, in every bin."""
    if not len(groups.size):
        return np.zeros(n_bins)
    chance = groups.estimate_noise() * groups.variance / groups.size
    overall = _estimate_spread(groups.deviation, chance, groups.size)
    spread = np.full(n_bins, overall)
    for position in range(n_bins):
        inside = groups.bins == position
        # Few groups cannot show a spread; such a bin gets that of all bins together.
        if inside.sum() >= N_BINS:
            parts = (groups.deviation, chance, groups.size)
            spread[position] = _estimate_spread(*(values[inside] for values in parts))
    return spread


def _estimate_spread(
    deviation: NDArray[np.float64], chance: NDArray[np.float64], size: NDArray[np.int64]
) -> float:
    """Take the part of chance from squared deviations, but no more than evidence excludes."""
    share = size / size.sum()
    moment = max(float(share @ (deviation**2 - chance)), 0.0)
    # What is below one standard error of the estimate cannot be told from nothing.
    error = float(np.sqrt(2.0 * (share**2 @ (moment + chance) ** 2)))
    return float(np.sqrt(max(moment, error)))


def _find_quantile(groups: Deviations, spread: NDArray[np.float64]) -> float:
    """Find the conformal quantile of the units' largest normalised deviations.

    Plans of the same questions at several prices are off together, so only their questions count:
    the interval then holds at whatever price. Too few units make it infinite.
    """
    _, unit = np.unique(groups.unit, return_inverse=True)
    n_units = int(unit.max(initial=-1)) + 1
    place = int(np.ceil(COVERAGE * (n_units + 1)))
    if place > n_units:
        return float("inf")
    chance = groups.estimate_noise() * groups.variance / groups.size
    scale = np.sqrt(spread**2 + chance)
    largest = np.zeros(n_units)
    np.maximum.at(largest, unit, np.abs(groups.deviation) / np.maximum(scale, 1e-12))
    return float(np.sort(largest)[place - 1])
