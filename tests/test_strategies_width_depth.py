"""Width against depth, against exact order statistics and runs of its own process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.call_latency import CallLatency
from router.strategies.width_depth import WidthDepth

N_RUNS = 20_000
# Of exponential latencies so many that their grain is not seen.
EXPONENTIAL = -np.log1p(-(np.arange(20_000) + 0.5) / 20_000)


@pytest.mark.parametrize("width", [1, 2, 8, 40])
def test_slowest_of_exponential_calls_takes_the_harmonic_sum(width: int) -> None:
    """The mean of the largest of n exponential latencies is 1 + 1/2 + ... + 1/n."""
    runs = WidthDepth(CallLatency.from_measured(EXPONENTIAL))
    harmonic = sum(1.0 / k for k in range(1, width + 1))
    assert runs.predict(width, 1) == pytest.approx(harmonic, rel=0.002)


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.2, 2.0])
def test_chain_takes_the_sum_of_its_calls(spread: float) -> None:
    """A single chain takes as many mean latencies as it has calls."""
    latency = CallLatency(2.0, spread)
    depths = np.array([1, 3, 10])
    expected = depths * latency.mean_seconds
    np.testing.assert_allclose(WidthDepth(latency).predict(1, depths), expected, rtol=0.003)


@pytest.mark.parametrize("latency", [CallLatency(2.0, 0.8), CallLatency.from_measured([1, 2, 9])])
@pytest.mark.parametrize(
    "limits",
    [
        {},
        {"waits_each_step": True},
        {"slots": 3},
        {"slots": 3, "waits_each_step": True},
        {"starts_per_second": 0.7},
        {"slots": 4, "starts_per_second": 2.0, "waits_each_step": True},
    ],
)
def test_latency_is_that_of_runs(latency: CallLatency, limits: dict[str, Any]) -> None:
    """Mean and chance of a deadline are those of runs of the process, within five errors."""
    runs = WidthDepth(latency, **limits)
    for width, depth in ((1, 4), (8, 1), (5, 3)):
        seconds = runs.simulate(np.random.default_rng(3), width, depth, N_RUNS)
        predicted = float(runs.predict(width, depth))
        error = 5 * seconds.std() / N_RUNS**0.5 + 0.002 * predicted
        assert predicted == pytest.approx(seconds.mean(), abs=error), (width, depth)
        # Between the values that sums of whole seconds can take.
        deadline = np.floor(np.quantile(seconds, 0.8)) + 0.51
        share = (seconds <= deadline).mean()
        assert runs.keep_deadline(width, depth, deadline) == pytest.approx(share, abs=0.02)


def test_limits_of_throughput_follow_littles_law() -> None:
    """Slots divided by the work of a question are questions per second."""
    runs = WidthDepth(CallLatency(2.0, 0.0))
    assert runs.serve_per_second(4, 5, fleet_slots=100) == pytest.approx(2.5)


def test_cheapest_plan_is_good_enough_and_on_time() -> None:
    """The plan found has the fewest calls of all that reach target and deadline."""
    runs = WidthDepth(CallLatency(1.0, 0.3), waits_each_step=True)
    width, depth = np.arange(1, 6)[:, None], np.arange(1, 7)
    quality = 1.0 - 0.7**depth * width**-0.4
    plan = runs.find_cheapest(quality, target=0.75, deadline_seconds=5.1)
    assert plan is not None
    allowed = [
        w * d
        for w in range(1, 6)
        for d in range(1, 7)
        if quality[w - 1, d - 1] >= 0.75 and runs.keep_deadline(w, d, 5.1) >= 0.95
    ]
    assert plan.calls == plan.width * plan.depth == min(allowed)
    assert plan.on_time >= 0.95
    chain = runs.find_cheapest(quality, target=0.75, deadline_seconds=60.0)
    assert chain is not None
    assert chain.width == 1
    assert runs.find_cheapest(quality, target=0.99, deadline_seconds=60.0) is None
    assert runs.find_cheapest(quality, target=0.75, deadline_seconds=0.5) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: WidthDepth(CallLatency(1.0, 0.5), slots=0), "slots has 0"),
        (lambda: WidthDepth(CallLatency(1.0, 0.5), starts_per_second=0.0), "starts_per_second"),
        (lambda: WidthDepth(CallLatency(1.0, 0.5)).predict(0, 1), "width has 0"),
        (
            lambda: WidthDepth(CallLatency(1.0, 0.5)).find_cheapest(
                [0.5], target=0.4, deadline_seconds=1.0
            ),
            "widths x depths",
        ),
    ],
)
def test_what_is_out_of_range_is_refused(call: Any, message: str) -> None:
    """The message names the value and what is needed."""
    with pytest.raises(InputError, match=message):
        call()


def test_calls_that_take_as_long_as_the_deadline_keep_it() -> None:
    """Measured latencies count as over at their own end, side by side too."""
    runs = WidthDepth(CallLatency.from_measured([1.0, 2.0, 6.0]))
    kept = [runs.keep_deadline(2, 1, deadline) for deadline in (0.9, 1.0, 2.0, 6.0)]
    assert kept == pytest.approx([0.0, 1 / 9, 4 / 9, 1.0])
