"""Metrics: a fixed set of time series, whatever clients send."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.process_collector import ProcessCollector

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client.core import Metric

__all__ = ["CONTENT_TYPE", "Duration", "Event", "Level", "Metrics", "NoMetrics"]

Event = Literal["plan", "choice", "fallback", "shed", "ledger"]
Duration = Literal["ledger_commit"]
Level = Literal["ledger_queue_depth"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# What stands in a label when a word is not of its closed set.
OTHER = "other"
# From half of a quick prediction to the longest that anyone waits.
REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
# A disk's flush takes from tenths of a millisecond to, on a bad day, seconds.
COMMIT_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
STATUSES = (
    *("200", "201", "400", "401", "403", "404", "405", "409", "413", "415", "422", "429"),
    *("500", "503"),
)
# By kind of event: name of the counter, its label, what is counted, and the label's closed set.
EVENTS: Mapping[Event, tuple[str, str, str, tuple[str, ...]]] = {
    "plan": (
        "router_plans",
        "kind",
        "Plans answered, by kind.",
        ("planned", "fallback", "shadow", "replanned"),
    ),
    "choice": (
        "router_choices",
        "status",
        "Questions planned, by status of their choice.",
        ("funded", "minimum", "unfunded", "fallback"),
    ),
    "fallback": (
        "router_fallbacks",
        "cause",
        "Plans made without the model, by cause.",
        ("model_slow", "model_failed", "model_missing", "model_nonfinite"),
    ),
    "shed": (
        "router_shed_requests",
        "reason",
        "Requests turned away before any work was done, by reason.",
        ("overload", "rate", "queue_full", "slow_client", "too_large", "draining"),
    ),
    "ledger": (
        "router_ledger_events",
        "event",
        "What happened in the ledger.",
        (
            *("granted", "refused", "settled", "released", "expired", "overrun", "replayed"),
            *("conflict", "failed", "late", "completed", "repeated"),
        ),
    ),
}


class Metrics:
    """Counters, gauges and histograms of one process, in a registry of their own.

    Every series is there from the start, and a word that is not of its label's closed set is
    counted as ``other``. So no identifier, pool, tenant or path that a client chooses ever becomes
    a series.

    Examples
    --------
    >>> metrics = Metrics()
    >>> metrics.count("fallback", "model_slow")
    >>> b'router_fallbacks_total{cause="model_slow"} 1.0' in metrics.render()
    True
    """

    def __init__(self) -> None:
        """Make all series except those of routes, which the application knows."""
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        registry = self._registry
        self._requests = Counter(
            "router_requests",
            "Requests answered, by template of the route and status.",
            ("route", "status"),
            registry=registry,
        )
        self._request_seconds = Histogram(
            "router_request_seconds",
            "Seconds from the first byte of a request's head to the last of its answer.",
            ("route",),
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self._in_flight = Gauge(
            "router_requests_in_flight", "Requests being answered.", registry=registry
        )
        self._events: dict[Event, dict[str, Counter]] = {}
        for event, (name, label, help_text, words) in EVENTS.items():
            counter = Counter(name, help_text, (label,), registry=registry)
            self._events[event] = {word: counter.labels(word) for word in (*words, OTHER)}
        self._durations: dict[Duration, Histogram] = {
            "ledger_commit": Histogram(
                "router_ledger_commit_seconds",
                "Seconds that a commit of the ledger took, its flush to disk included.",
                buckets=COMMIT_SECONDS,
                registry=registry,
            )
        }
        self._levels: dict[Level, Gauge] = {
            "ledger_queue_depth": Gauge(
                "router_ledger_queue_depth",
                "Changes that wait for the ledger's writer.",
                registry=registry,
            )
        }
        self._answers: dict[tuple[str, str], Counter] = {}
        self._latencies: dict[str, Histogram] = {}
        self.add_routes([OTHER])

    def add_routes(self, templates: Iterable[str]) -> None:
        """Make the series of routes, once, before any request.

        Parameters
        ----------
        templates : iterable of str
            As ``/v1/pools/{name}``: with names for parts of a path, never with what stands there.
        """
        for template in templates:
            self._latencies[template] = self._request_seconds.labels(template)
            for status in (*STATUSES, OTHER):
                self._answers[template, status] = self._requests.labels(template, status)

    def begin_request(self) -> None:
        """Count a request in."""
        self._in_flight.inc()

    def end_request(self, template: str, status: int, seconds: float) -> None:
        """Count a request out.

        Parameters
        ----------
        template : str
            Of its route; one that was not added counts as ``other``.
        status : int
            HTTP status of the answer.
        seconds : float
            How long it took.
        """
        self._in_flight.dec()
        route = template if template in self._latencies else OTHER
        self._latencies[route].observe(seconds)
        answers = self._answers.get((route, str(status)))
        (answers or self._answers[route, OTHER]).inc()

    def count(self, event: Event, word: str, amount: int = 1) -> None:
        """Count something that happened.

        Parameters
        ----------
        event : str
            Which counter, a key of ``EVENTS``.
        word : str
            Of the closed set of that counter's label; any other counts as ``other``.
        amount : int, default=1
            How often it happened.
        """
        counters = self._events[event]
        (counters.get(word) or counters[OTHER]).inc(amount)

    def observe(self, duration: Duration, seconds: float) -> None:
        """Record how long something took.

        Parameters
        ----------
        duration : str
            Of what.
        seconds : float
            How long.
        """
        self._durations[duration].observe(seconds)

    def set_level(self, level: Level, value: float) -> None:
        """Record how high something stands.

        Parameters
        ----------
        level : str
            Of what.
        value : float
            How high.
        """
        self._levels[level].set(value)

    def render(self) -> bytes:
        """Write all series in Prometheus' text format.

        Returns
        -------
        bytes
        """
        return generate_latest(_WithoutCreation(self._registry))


class NoMetrics(Metrics):
    """Metrics that record nothing, for where nobody looks.

    Examples
    --------
    >>> metrics = NoMetrics()
    >>> metrics.count("shed", "overload")
    >>> metrics.render()
    b''
    """

    def __init__(self) -> None:
        """Make no series."""

    def add_routes(self, templates: Iterable[str]) -> None:
        """Make no series."""

    def begin_request(self) -> None:
        """Record nothing."""

    def end_request(self, template: str, status: int, seconds: float) -> None:
        """Record nothing."""

    def count(self, event: Event, word: str, amount: int = 1) -> None:
        """Record nothing."""

    def observe(self, duration: Duration, seconds: float) -> None:
        """Record nothing."""

    def set_level(self, level: Level, value: float) -> None:
        """Record nothing."""

    def render(self) -> bytes:
        """Write nothing."""
        return b""


class _WithoutCreation:
    """A registry without the times at which its series were made, which double their number."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Take the registry."""
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with its other samples."""
        for metric in self._registry.collect():
            metric.samples = [
                sample for sample in metric.samples if not sample.name.endswith("_created")
            ]
            yield metric
