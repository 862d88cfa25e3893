"""The latency of one call, against draws of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.call_latency import CallLatency


def test_fit_finds_the_law_that_was_drawn() -> None:
    """Median and spread of drawn latencies lie in the intervals."""
    seconds = CallLatency(3.0, 0.7).draw(np.random.default_rng(5), (3000,))
    fitted = CallLatency.fit(seconds)
    assert fitted.estimates["median_seconds"].low < 3.0 < fitted.estimates["median_seconds"].high
    assert fitted.estimates["spread"].low < 0.7 < fitted.estimates["spread"].high
    assert fitted.median_seconds == pytest.approx(3.0, rel=0.05)


@pytest.mark.parametrize(
    "latency", [CallLatency(2.0, 0.8), CallLatency.from_measured([1.0, 2.0, 9.0])]
)
def test_mean_and_shares_are_those_of_draws(latency: CallLatency) -> None:
    """Draws have the mean, the shares by a time and the reach that are given."""
    drawn = latency.draw(np.random.default_rng(1), (50_000,))
    assert drawn.mean() == pytest.approx(latency.mean_seconds, abs=5 * drawn.std() / 50_000**0.5)
    times = np.array([0.5, 1.5, 3.0, 9.5])
    shares = (drawn[:, None] <= times).mean(axis=0)
    np.testing.assert_allclose(latency.cover(times), shares, atol=0.012)
    assert (drawn > latency.reach(0.01)).mean() <= 0.01


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: CallLatency(0.0, 0.5), "median_seconds has 0"),
        (lambda: CallLatency(1.0, 2.5), "spread is 2.5: allowed is 0 to 2"),
        (lambda: CallLatency.from_measured([]), "seconds is empty"),
    ],
)
def test_what_is_no_latency_is_refused(call: Any, message: str) -> None:
    """The message names the value and what is needed."""
    with pytest.raises(InputError, match=message):
        call()
