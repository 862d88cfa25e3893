"""Calibration: bounds bracket and stay in range, and a dictionary brings all of it back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from router.exceptions import BundleError
from router.models.calibration import BatchError, Calibration

OPTIONAL = {"quantile", "noise", "batch"}
MEASURED = Calibration(
    (0.3, 0.6), (0.05, 0.2, 0.1), 0.01, 0.2, 1.7, 0.9, BatchError(0.02, 0.9, 1.6)
)


def test_bounds_bracket_and_stay_in_range(rng: np.random.Generator) -> None:
    """Every quality lies in its interval, every interval in [0, 1]."""
    quality = rng.random((50, 3))
    quality[0] = (0.0, 1.0, 0.5)
    low, high = MEASURED.bound(quality)
    assert np.all((low >= 0) & (low <= quality) & (quality <= high) & (high <= 1))


def test_dictionary_brings_it_back() -> None:
    """Written to JSON and read, a calibration is the same."""
    for calibration in (MEASURED, replace(MEASURED, batch=None)):
        assert Calibration.from_mapping(calibration.to_dict()) == calibration


def test_older_manifests_still_read() -> None:
    """Without the fields of plans and chance a calibration bounds as before."""
    older = {k: v for k, v in MEASURED.to_dict().items() if k not in OPTIONAL}
    read = Calibration.from_mapping(older)
    assert read.batch is None
    np.testing.assert_array_equal(read.bound(np.array([0.5])), MEASURED.bound(np.array([0.5])))


def test_plans_are_the_surer_the_longer() -> None:
    """Chance fades with the number of questions; the model's own error stays."""
    assert MEASURED.batch is not None
    widths = [MEASURED.batch.measure_width(np.full(n, 0.4)) for n in (1, 10, 1000, 10**6)]
    assert widths == sorted(widths, reverse=True)
    assert widths[0] == pytest.approx(1.6 * np.sqrt(0.02**2 + 0.9 * 0.24))
    assert widths[-1] == pytest.approx(1.6 * 0.02, rel=0.01)
    assert MEASURED.batch.measure_width(np.ones(1)) == pytest.approx(1.6 * 0.02)


@pytest.mark.parametrize(
    "change",
    [
        {"edges": [0.1]},
        {"width": []},
        {"width": ["wide", "narrow"]},
        {"width": None},
        {"brier_score": "low"},
        {"expected_calibration_error": None},
        {"quantile": "much"},
        {"batch": {"spread": 0.1, "noise": 1.0}},
        {"batch": [1.0, 2.0, 3.0]},
    ],
)
def test_malformed_calibrations_are_refused(change: dict[str, Any]) -> None:
    """Lengths that do not fit and values that are no numbers are the manifest's fault."""
    values = MEASURED.to_dict()
    with pytest.raises(BundleError, match="manifest: the calibration"):
        Calibration.from_mapping(values | change)
    for name in values.keys() - OPTIONAL:
        with pytest.raises(BundleError, match="malformed"):
            Calibration.from_mapping({k: v for k, v in values.items() if k != name})
