"""Measuring a calibration: coverage as promised on fresh outcomes, widths that follow the error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.models.calibration import WIDTH_UNKNOWN, Calibration
from router.models.calibration_training import (
    COVERAGE,
    GROUP_SIZE_MIN,
    N_BINS,
    fit_calibration,
    gather_batches,
    gather_cells,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

COST = np.array([1.0, 2.0, 4.0, 8.0])


def simulate(
    seed: int, *, n: int = 40_000, bias: float = 0.06, n_groups: int = 120
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Draw predictions that are off by something of each task's and option's own."""
    rng = np.random.default_rng(seed)
    off = bias * rng.normal(size=(n_groups, 4))
    group = rng.integers(0, n_groups, n)
    predicted = rng.uniform(0.2, 0.8, (n, 4))
    truth = np.clip(predicted + off[group], 0.0, 1.0)
    return predicted, (rng.random((n, 4)) < truth).astype(float), group


def cover(calibration: Calibration, seed: int, bias: float = 0.06) -> float:
    """Measure the share of fresh cells, of tasks not seen before, that are inside."""
    cells = gather_cells(*simulate(seed, bias=bias), np.asarray(calibration.edges))
    width = np.asarray(calibration.width)[cells.bins]
    return float(cells.is_inside(width, calibration.quantile, calibration.noise).mean())


@pytest.mark.parametrize("bias", [0.0, 0.06, 0.12])
def test_nine_of_ten_cells_of_new_tasks_stay_inside(bias: float) -> None:
    """On fresh tasks, whatever the model's own error, cells keep to what is stated."""
    calibration = fit_calibration(*simulate(1, bias=bias))
    assert COVERAGE - 0.04 < cover(calibration, 2, bias) < COVERAGE + 0.04
    # An interval for a smaller error than there is fails the same test.
    if bias:
        assert cover(fit_calibration(*simulate(1, bias=bias / 3)), 2, bias) < COVERAGE - 0.05


def test_nine_of_ten_expected_qualities_stay_inside() -> None:
    """The width itself, chance apart, holds the true means that outcomes are drawn from."""
    bias, rng = 0.06, np.random.default_rng(5)
    calibration = fit_calibration(*simulate(1, bias=bias))
    off = bias * rng.normal(size=4000)
    predicted = rng.uniform(0.25, 0.75, 4000)
    low, high = calibration.bound(predicted)
    inside = (predicted + off >= low) & (predicted + off <= high)
    assert COVERAGE - 0.06 < inside.mean() < COVERAGE + 0.06


def test_nine_of_ten_plans_stay_inside() -> None:
    """On fresh tasks the mean outcome lies in the plan's own interval, at all prices at once."""
    batch = fit_calibration(*simulate(3), option_cost=COST).batch
    assert batch is not None
    assert batch.noise == pytest.approx(1.0, abs=0.05)
    plans = gather_batches(*simulate(4), COST)
    width = np.full(len(plans.size), batch.quantile * batch.spread)
    inside = plans.is_inside(width, batch.quantile, batch.noise)
    at_once = np.bincount(plans.unit, weights=~inside) == 0
    assert len(at_once) == 120
    assert COVERAGE - 0.1 < at_once.mean() < COVERAGE + 0.08
    assert inside.mean() >= at_once.mean()
    assert plans.size.min() >= GROUP_SIZE_MIN


def test_batches_choose_by_price() -> None:
    """Of two options that are alike but for their cost, no plan with a price takes the dear one."""
    n = GROUP_SIZE_MIN * 40
    predicted = np.tile([0.5, 0.6, 0.6], (n, 1))
    quality = np.tile([0.5, 0.6, 0.0], (n, 1))
    quality[0, 1] = np.nan
    plans = gather_batches(predicted, quality, np.zeros(n, np.int64), np.array([0.0, 1.0, 9.0]))
    assert len(plans.size) == 40 * 5
    # Question 0 was not tried with the second option and has to take the third where it pays.
    assert np.abs(plans.deviation).max() == pytest.approx(0.6 / GROUP_SIZE_MIN)
    free = gather_batches(predicted, quality, np.zeros(n, np.int64), np.array([0.0, np.nan, 9.0]))
    assert len(free.size) == 40


def test_widths_follow_the_deviations() -> None:
    """Predictions that are further off get wider intervals; exact ones next to none."""
    widths = [max(fit_calibration(*simulate(3, bias=bias)).width) for bias in (0.0, 0.06, 0.12)]
    assert widths[0] < widths[1] < widths[2] < 0.5
    predicted, _, group = simulate(4)
    exact = fit_calibration(predicted, predicted.copy(), group)
    assert max(exact.width) < 1e-12
    assert exact.brier_score == pytest.approx(0.0)
    assert len(exact.width) == len(exact.edges) + 1 == N_BINS


def test_figures_are_their_formulas(rng: np.random.Generator) -> None:
    """Brier score and calibration error are the means that they are called after."""
    predicted, quality, group = simulate(5, n=500)
    quality[rng.random(quality.shape) < 0.5] = np.nan
    calibration = fit_calibration(predicted, quality, group)
    seen = ~np.isnan(quality)
    guess, truth = predicted[seen], quality[seen]
    assert calibration.brier_score == pytest.approx(((guess - truth) ** 2).mean())
    bins = np.searchsorted(np.asarray(calibration.edges), guess)
    error = sum(abs((truth - guess)[bins == b].sum()) for b in range(N_BINS)) / len(guess)
    assert calibration.expected_calibration_error == pytest.approx(error)


def test_untried_pairs_do_not_count() -> None:
    """What was predicted for a pair that was not tried changes nothing."""
    predicted, quality, group = simulate(6, n=400)
    quality[:, 2] = np.nan
    other = predicted.copy()
    other[:, 2] = 0.999
    assert fit_calibration(predicted, quality, group) == fit_calibration(other, quality, group)


def test_small_logs_do_not_pretend() -> None:
    """Where no cell is large enough to measure anything, the width says that it is not known."""
    n = GROUP_SIZE_MIN - 1
    guess = np.linspace(0.1, 0.9, n)[:, None]
    calibration = fit_calibration(guess, guess, np.zeros(n, np.int64))
    assert set(calibration.width) == {WIDTH_UNKNOWN}


def test_constant_predictions_make_one_bin() -> None:
    """A model that always says the same has one edge; two cells cannot show a width."""
    predicted = np.full((200, 2), 0.5)
    quality = np.tile([[0.4, 0.7]], (200, 1))
    calibration = fit_calibration(predicted, quality, np.zeros(200, np.int64))
    assert calibration.edges == (0.5,)
    low, high = calibration.bound(np.array([0.5]))
    assert (low[0], high[0]) == (0.5 - WIDTH_UNKNOWN, 0.5 + WIDTH_UNKNOWN)
