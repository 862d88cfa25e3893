"""Calibration of a surface: on outcomes drawn from it, and beside the options' means."""

from __future__ import annotations

import numpy as np
import pytest

from router.evaluation.calibration import measure_calibration
from router.evaluation.protocol import build_view
from tests.contracts.surfaces import make_log

COSTS = (1.0, 2.0)


def test_true_chances_are_calibrated_and_shifted_ones_not(rng: np.random.Generator) -> None:
    """Outcomes drawn from a surface fit it; the same surface plus 0.2 is off by that."""
    chance = rng.uniform(0.1, 0.7, (3000, 2))
    view = build_view(make_log((rng.random((3000, 2)) < chance).astype(float), COSTS))
    true = measure_calibration(view, chance, n_resamples=100)
    shifted = measure_calibration(view, chance + 0.2, n_resamples=100)
    assert true.n_pairs == sum(row.n for row in true.bins) == 6000
    assert true.ece < 0.04
    assert shifted.ece == pytest.approx(0.2, abs=0.03)
    assert true.brier.value is not None
    assert shifted.brier.low is not None
    assert true.brier.value < true.brier_of_means
    assert true.brier.value < shifted.brier.low


def test_pairs_that_were_not_tried_do_not_count() -> None:
    """Wild predictions of unobserved pairs change nothing; outside of 0 to 1 the end counts."""
    quality = np.tile([0.0, 1.0, 0.5], (60, 1))
    quality[np.arange(60), np.arange(60) % 3] = np.nan
    view = build_view(make_log(quality, (1.0, 2.0, 3.0)))
    surface = np.where(np.isnan(quality), 7.0, quality)
    surface[:, 1] += 3.0
    report = measure_calibration(view, surface, n_resamples=20)
    assert report.n_pairs == 120
    assert report.brier.value == pytest.approx(0.0)
    assert report.ece == pytest.approx(0.0)


def test_surfaces_and_options_stand_side_by_side(rng: np.random.Generator) -> None:
    """The router comes first, its row equals the report; options' rows add up to it."""
    chance = rng.uniform(0.1, 0.7, (1500, 2))
    view = build_view(make_log((rng.random((1500, 2)) < chance).astype(float), COSTS))
    means = np.tile(view.mean_by_option(view.quality), (1500, 1))
    report = measure_calibration(
        view, chance, baselines={"means": means}, options=("a", "b"), n_resamples=100
    )
    router, baseline = report.surfaces
    assert (router.name, baseline.name) == ("router", "means")
    assert router.brier == report.brier
    assert router.ece.value == pytest.approx(report.ece)
    assert router.brier.value == pytest.approx(
        router.reliability - router.resolution + router.uncertainty, abs=0.01
    )
    assert baseline.brier.value == pytest.approx(report.brier_of_means)
    assert baseline.resolution < router.resolution / 5
    assert router.coverage is not None
    assert [row.name for row in report.by_option] == ["a", "b"]
    assert sum(row.n_pairs for row in report.by_option) == router.n_pairs
    total = sum(row.n_pairs * (row.brier.value or 0.0) for row in report.by_option)
    assert total / router.n_pairs == pytest.approx(router.brier.value)
    for row in (*report.surfaces, *report.by_option):
        assert row.ece.low is not None
        assert row.ece.high is not None
        assert row.ece.low <= row.ece.high
