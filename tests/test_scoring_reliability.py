"""Calibration figures: worked by hand and on predictions whose calibration is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import InputError
from router.scoring.reliability import (
    build_reliability,
    compute_brier,
    compute_ece,
    decompose_brier,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

PAIRS = st.lists(st.tuples(st.integers(0, 10), st.integers(0, 1)), min_size=1, max_size=200).map(
    lambda pairs: np.array(pairs, dtype=np.float64).T / [[10], [1]]
)


@given(pairs=PAIRS, n_bins=st.integers(1, 12))
def test_bins_hold_every_prediction_once(pairs: NDArray[np.float64], n_bins: int) -> None:
    """Bins rise, add up to all predictions, and keep the overall means."""
    predicted, observed = pairs
    bins = build_reliability(predicted, observed, n_bins=n_bins)
    assert 1 <= len(bins) <= n_bins
    assert sum(entry.n for entry in bins) == len(predicted)
    assert all(entry.n > 0 for entry in bins)
    levels = [entry.predicted for entry in bins]
    assert levels == sorted(levels)
    for name, values in (("predicted", predicted), ("observed", observed)):
        total = sum(entry.n * getattr(entry, name) for entry in bins)
        assert total == pytest.approx(values.sum())
    assert 0 <= compute_ece(bins) <= 1
    assert compute_ece(bins) >= abs(predicted.mean() - observed.mean()) - 1e-9
    reliability, resolution, uncertainty = decompose_brier(bins)
    # Of outcomes 0 and 1 the parts add up to the score of the bins' own means.
    mean = observed.mean()
    assert uncertainty == pytest.approx(mean * (1 - mean))
    score = sum(
        entry.n * (entry.predicted**2 - 2 * entry.predicted * entry.observed + entry.observed)
        for entry in bins
    )
    parts = reliability - resolution + uncertainty
    assert parts == pytest.approx(score / len(predicted), abs=1e-9)
    assert min(reliability, resolution) >= 0


def test_planted_miscalibration_is_found(rng: np.random.Generator) -> None:
    """True probabilities have next to no error; shifted by 0.1 they have about that."""
    predicted = rng.uniform(0.2, 0.8, 40_000)
    observed = (rng.random(40_000) < predicted).astype(float)
    assert compute_ece(build_reliability(predicted, observed)) < 0.02
    assert compute_ece(build_reliability(predicted + 0.1, observed)) == pytest.approx(0.1, abs=0.02)
    # The uniform distribution from .2 to .8 has a mean p (1 - p) of .22.
    assert compute_brier(predicted, observed) == pytest.approx(0.22, abs=0.01)


def test_equal_predictions_share_a_bin() -> None:
    """Ten equal predictions make one bin, however many are asked for."""
    assert len(build_reliability(np.full(10, 0.5), np.zeros(10), n_bins=5)) == 1


def test_unusable_pairs_are_refused() -> None:
    """Unequal lengths, NaN, and no bins are errors."""
    with pytest.raises(InputError, match="twice"):
        compute_brier([0.5], [0.5, 1.0])
    with pytest.raises(InputError, match="finite"):
        compute_brier([np.nan], [0.5])
    with pytest.raises(InputError, match="n_bins is 0"):
        build_reliability([0.5], [0.5], n_bins=0)
