"""What it costs to be watched: recording a request, an event and a step, and showing all series.

Run it as ``python benchmarks/observing.py``. Each figure is the median over rounds of many calls,
on one thread. It exits with 1 when a goal is missed.
"""

from __future__ import annotations

import statistics
import sys
import timeit
from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import TracerProvider

from benchmarks._figures import Figure, finish, parse_options, show
from router.planner import Router
from router.service.application import create_app
from router.service.metrics import Metrics
from router.service.traces import Traces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROUNDS, ROUNDS_QUICK = 15, 5
N_CALLS, N_RENDERINGS = 5_000, 10
# A request takes milliseconds: watching it may take a hundredth of one.
GOAL_EVENT_US, GOAL_REQUEST_US, GOAL_STEP_US = 3.0, 10.0, 1.0
# Whoever asks at the same moment waits for it.
GOAL_RENDERING_MS = 50.0


def time_calls(call: Callable[[], object], n_calls: int, rounds: int) -> float:
    """Give the median seconds of a call."""
    return statistics.median(
        seconds / n_calls for seconds in timeit.repeat(call, number=n_calls, repeat=rounds)
    )


def measure(rounds: int) -> Iterator[Figure]:
    """Measure everything that is done beside the work."""
    metrics = Metrics()
    create_app(Router.load(), metrics=metrics)

    def record_request() -> None:
        metrics.begin_request()
        metrics.end_request("/v1/allocate", 200, 0.003)

    def trace_step(traces: Traces) -> None:
        with traces.span("plan") as spot:
            spot.note("n_questions", 32)

    off, on = Traces(), Traces(TracerProvider(shutdown_on_exit=False))
    timed: tuple[tuple[str, Callable[[], object], float | None], ...] = (
        ("an event", lambda: metrics.count("fallback", "model_slow"), GOAL_EVENT_US),
        ("a request", record_request, GOAL_REQUEST_US),
        ("a step, traces off", lambda: trace_step(off), GOAL_STEP_US),
        ("a step, traces on", lambda: trace_step(on), None),
    )
    for name, call, goal in timed:
        yield Figure(name, time_calls(call, N_CALLS, rounds) * 1e6, "us", goal)
    text = metrics.render()
    n_series = sum(not line.startswith(b"#") for line in text.splitlines())
    yield Figure("series", n_series, "series")
    rendering = time_calls(metrics.render, N_RENDERINGS, rounds)
    yield Figure("showing all series", rendering * 1e3, "ms", GOAL_RENDERING_MS)


def main() -> int:
    """Measure and compare with the goals."""
    options = parse_options(__doc__ or "", "fewer rounds")
    rounds = ROUNDS_QUICK if options.quick else ROUNDS
    return finish(show(measure(rounds), width=24), options.json)


if __name__ == "__main__":
    sys.exit(main())
