"""Traffic over a day."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.evaluation.simulation.traffic import DAY_S, Traffic
from router.exceptions import InputError


def test_arrivals_follow_the_hours() -> None:
    """Each hour has as many arrivals as its rate says."""
    traffic = Traffic(400_000, daily_swing=0.9)
    times = traffic.draw(np.random.default_rng(2))
    counts, edges = np.histogram(times, bins=24, range=(0.0, DAY_S))
    inner = np.linspace(edges[:-1], edges[1:], 41, axis=1)
    expected = np.trapezoid(traffic.rate(inner), inner, axis=1)
    assert (np.abs(counts - expected) < 4.5 * np.sqrt(expected)).all()
    assert (np.diff(times) >= 0.0).all()
    assert times[0] >= 0.0
    assert times[-1] < DAY_S


def test_gaps_of_a_steady_stream_are_exponential() -> None:
    """Mean and deviation of gaps are equal, as a Poisson process has them."""
    gaps = np.diff(Traffic(100_000).draw(np.random.default_rng(3)))
    assert gaps.std() / gaps.mean() == pytest.approx(1.0, abs=0.02)


def test_bursts_bring_more_and_cluster() -> None:
    """Bursts raise the number by their share of the day and the scatter of counts."""
    traffic = Traffic(20_000, bursts_per_day=24.0, burst_s=900.0, burst_factor=6.0)
    chance = np.random.default_rng(5)
    counts = np.array([len(traffic.draw(chance)) for _ in range(40)])
    on = 1.0 - np.exp(-24.0 * 900.0 / DAY_S)
    assert counts.mean() == pytest.approx(20_000 * (1.0 + 5.0 * on), rel=0.05)
    assert counts.var() > 5.0 * counts.mean()


def test_quieter_bursts_are_gaps() -> None:
    """A factor below one thins what arrives."""
    chance = np.random.default_rng(6)
    quiet = Traffic(50_000, bursts_per_day=48.0, burst_s=1200.0, burst_factor=0.0).draw(chance)
    assert len(quiet) < 35_000


def test_drift_grows_with_the_day() -> None:
    """Half a day brings half of the drift."""
    assert Traffic(1.0, drift_per_day=-0.4).drift([0.0, DAY_S / 2]).tolist() == [0.0, -0.2]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"questions_per_day": -1.0}, "questions_per_day is -1"),
        ({"questions_per_day": 1.0, "daily_swing": 1.5}, "at most 1"),
        ({"questions_per_day": 1.0, "burst_s": 0.0}, "burst_s is 0"),
        ({"questions_per_day": 1.0, "drift_per_day": np.inf}, "drift_per_day is inf"),
    ],
)
def test_impossible_traffic_is_refused(wanted: Any, message: str) -> None:
    """Numbers out of range are named."""
    with pytest.raises(InputError, match=message):
        Traffic(**wanted)


def test_bursts_are_on_at_midnight_as_at_any_time(rng: np.random.Generator) -> None:
    """Bursts that began the day before count: the first hours get as many as the last."""
    traffic = Traffic(10_000, bursts_per_day=24.0, burst_s=7200.0)
    times = np.concatenate([traffic.draw(rng, duration_s=14_400.0) for _ in range(200)])
    first, last = (times < 3600).sum(), (times >= 10_800).sum()
    assert 0.9 < first / last < 1.1
    with pytest.raises(InputError, match="duration_s is -1"):
        traffic.draw(rng, duration_s=-1.0)
