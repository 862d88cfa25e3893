"""Calibration: intervals hold what they promise, widths follow what was measured."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.exceptions import BundleError
from router.models.calibration import (
    CELL_SIZE_MIN,
    COVERAGE,
    N_BINS,
    WIDTH_UNKNOWN,
    Calibration,
    fit_calibration,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def simulate(
    seed: int, *, n: int = 12_000, bias: float = 0.06, n_groups: int = 20
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Draw predictions that are off by something of each task's and option's own."""
    fixed, rng = np.random.default_rng(99), np.random.default_rng(seed)
    off = bias * fixed.normal(size=(n_groups, 4))
    group = rng.integers(0, n_groups, n)
    predicted = rng.uniform(0.15, 0.85, (n, 4))
    truth = np.clip(predicted + off[group], 0.0, 1.0)
    return predicted, (rng.random((n, 4)) < truth).astype(float), group


def test_nine_of_ten_groups_stay_inside() -> None:
    """On fresh outcomes, cells of alike predictions keep to the stated width as often as said."""
    calibration = fit_calibration(*simulate(1))
    predicted, quality, group = simulate(2)
    low, high = calibration.bound(predicted)
    bins = np.searchsorted(np.asarray(calibration.edges), predicted)
    inside = []
    for task in range(20):
        for option in range(4):
            for position in range(N_BINS):
                rows = (group == task) & (bins[:, option] == position)
                mean = quality[rows, option].mean()
                inside.append(low[rows, option].mean() <= mean <= high[rows, option].mean())
    assert COVERAGE - 0.06 < np.mean(inside) < COVERAGE + 0.06


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
    n = CELL_SIZE_MIN - 1
    guess = np.linspace(0.1, 0.9, n)[:, None]
    calibration = fit_calibration(guess, guess, np.zeros(n, np.int64))
    assert set(calibration.width) == {WIDTH_UNKNOWN}


def test_constant_predictions_make_one_bin() -> None:
    """A model that always says the same has one edge at most and a width on either side."""
    predicted = np.full((200, 2), 0.5)
    quality = np.tile([[0.4, 0.7]], (200, 1))
    calibration = fit_calibration(predicted, quality, np.zeros(200, np.int64))
    assert calibration.edges == (0.5,)
    low, high = calibration.bound(np.array([0.5]))
    assert high[0] - low[0] == pytest.approx(2 * np.quantile([0.1, 0.2], COVERAGE))


def test_bounds_bracket_and_stay_in_range(rng: np.random.Generator) -> None:
    """Every quality lies in its interval, every interval in [0, 1]."""
    calibration = fit_calibration(*simulate(7))
    quality = rng.random((50, 3))
    quality[0] = (0.0, 1.0, 0.5)
    low, high = calibration.bound(quality)
    assert np.all((low >= 0) & (low <= quality) & (quality <= high) & (high <= 1))


def test_dictionary_brings_it_back() -> None:
    """Written to JSON and read, a calibration is the same."""
    calibration = fit_calibration(*simulate(8, n=300))
    assert Calibration.from_mapping(calibration.to_dict()) == calibration


@pytest.mark.parametrize(
    "change",
    [
        {"edges": [0.1, 0.2]},
        {"width": []},
        {"width": ["wide", "narrow"]},
        {"width": None},
        {"brier_score": "low"},
        {"expected_calibration_error": None},
    ],
)
def test_malformed_calibrations_are_refused(change: dict[str, Any]) -> None:
    """Lengths that do not fit and values that are no numbers are the manifest's fault."""
    values = Calibration((0.5,), (0.1, 0.2), 0.0, 0.0).to_dict()
    with pytest.raises(BundleError, match="manifest: the calibration"):
        Calibration.from_mapping(values | change)
    for name in values:
        with pytest.raises(BundleError, match="malformed"):
            Calibration.from_mapping({k: v for k, v in values.items() if k != name})
