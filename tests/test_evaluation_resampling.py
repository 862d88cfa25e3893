"""Figures of means: intervals, undefined figures and infinite ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.evaluation.resampling import Estimate, ResampledMeans, resample_means

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def take(means: Mapping[str, NDArray[np.float64]]) -> NDArray[np.float64]:
    """Give the one mean there is."""
    return means["score"][..., 0]


def make_table(value: float, draws: list[float]) -> ResampledMeans:
    """Make a table of one mean with chosen draws."""
    return ResampledMeans({"score": np.array([value])}, {"score": np.array(draws)[:, None]})


def test_rows_stay_paired(rng: np.random.Generator) -> None:
    """All rows share the resamples: a row less itself varies by nothing."""
    score = rng.random((1, 50))
    table = resample_means({"a": score, "b": score + 1}, n_resamples=100)
    estimate = table.estimate(lambda means: (means["b"] - means["a"])[..., 0])
    assert (estimate.value, estimate.low, estimate.high) == pytest.approx((1.0, 1.0, 1.0))
    assert table.draws["a"].std() > 0


def test_interval_is_the_middle_of_the_draws() -> None:
    """Of 0 to 1000 the middle 95 per cent are 25 to 975; undefined draws do not count."""
    draws = [float(number) for number in range(1001)]
    assert make_table(500.0, draws).estimate(take) == Estimate(500.0, 25.0, 975.0)
    assert make_table(500.0, [*draws, np.nan]).estimate(take) == Estimate(500.0, 25.0, 975.0)


def test_infinite_ends_and_figures_are_none() -> None:
    """What is never reached has no number, and no end of an interval where one is infinite."""
    table = make_table(2.0, [1.0] * 50 + [3.0] * 40 + [np.inf] * 10)
    assert table.estimate(take) == Estimate(2.0, 1.0, None)
    assert make_table(np.inf, [1.0, np.inf]).estimate(take) == Estimate(None, 1.0, None)
    assert make_table(np.nan, [1.0]).estimate(take) == Estimate(None, None, None)
    assert make_table(1.0, [np.nan]).estimate(take) == Estimate(1.0, None, None)
