"""Metrics: what is counted is told, and no client adds a series."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

import pytest
from prometheus_client.parser import text_string_to_metric_families

from router.service.metrics import EVENTS, OTHER, STATUSES, Event, Metrics, NoMetrics

if TYPE_CHECKING:
    from collections.abc import Callable

ROUTES = ("/v1/allocate", "/v1/pools/{name}")
N_STRANGERS = 2_000


def read_series(metrics: Metrics) -> dict[tuple[str, tuple[str, ...]], float]:
    """Read what is told: values by name of the series and its labels."""
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, tuple(sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def make_metrics() -> Metrics:
    """Make metrics that know two routes."""
    metrics = Metrics()
    metrics.add_routes(ROUTES)
    return metrics


def send_strangers(metrics: Metrics, n_strangers: int = N_STRANGERS) -> None:
    """Record words that no closed set holds, a different one each time."""
    for number in range(n_strangers):
        metrics.begin_request()
        metrics.end_request(f"/v1/pools/pool-{number}", 200 + number, 0.001 * number)
        for event in EVENTS:
            metrics.count(event, f"word-{number}")
        metrics.observe("ledger_commit", 0.001 * number)
        metrics.set_level("ledger_queue_depth", number)


def check_fixed(metrics: Metrics, send: Callable[[Metrics], None]) -> None:
    """Check that recording adds no series and loses none."""
    before = set(read_series(metrics))
    send(metrics)
    assert set(read_series(metrics)) == before


def test_strangers_add_no_series() -> None:
    """Thousands of distinct words leave the series as they were, and are counted as other."""
    metrics = make_metrics()
    check_fixed(metrics, send_strangers)
    series = read_series(metrics)
    for name, _, _, _ in EVENTS.values():
        assert series[f"{name}_total", (OTHER,)] == N_STRANGERS
    assert series["router_request_seconds_count", (OTHER,)] == N_STRANGERS


def test_a_route_of_a_client_is_seen() -> None:
    """The check of fixed series fails where a client's word does become a label."""
    with pytest.raises(AssertionError):
        check_fixed(make_metrics(), lambda metrics: metrics.add_routes(["/v1/pools/mine"]))


@pytest.mark.parametrize("event", get_args(Event))
def test_words_are_counted_under_their_own_name(event: Event) -> None:
    """Each word of a closed set has a series, from nothing on."""
    metrics = make_metrics()
    name, _, _, words = EVENTS[event]
    for number, word in enumerate(words, start=1):
        metrics.count(event, word, number)
    series = read_series(metrics)
    told = [series[f"{name}_total", (word,)] for word in (*words, OTHER)]
    assert told == [*range(1, len(words) + 1), 0]


def test_requests_are_told_by_route_and_status() -> None:
    """A request in progress is in flight, an answered one has status and seconds."""
    metrics = make_metrics()
    metrics.begin_request()
    metrics.begin_request()
    metrics.end_request("/v1/allocate", 200, 0.004)
    series = read_series(metrics)
    assert series["router_requests_in_flight", ()] == 1
    assert series["router_requests_total", ("/v1/allocate", "200")] == 1
    assert series["router_request_seconds_sum", ("/v1/allocate",)] == 0.004
    lines = metrics.render().decode().splitlines()
    for bound, amount in (("0.0025", 0), ("0.005", 1), ("+Inf", 1)):
        bucket = f'router_request_seconds_bucket{{le="{bound}",route="/v1/allocate"}}'
        assert f"{bucket} {amount:.1f}" in lines
    metrics.end_request("/v1/allocate", 599, 0.004)
    series = read_series(metrics)
    assert series["router_requests_in_flight", ()] == 0
    assert series["router_requests_total", ("/v1/allocate", OTHER)] == 1


def test_ledger_has_duration_and_level() -> None:
    """Commits have a histogram, the writer's queue a gauge."""
    metrics = make_metrics()
    metrics.observe("ledger_commit", 0.02)
    metrics.set_level("ledger_queue_depth", 7)
    series = read_series(metrics)
    assert series["router_ledger_commit_seconds_sum", ()] == 0.02
    assert series["router_ledger_queue_depth", ()] == 7


def test_series_are_few() -> None:
    """No series of a creation time doubles their number, and every status has its own."""
    metrics = make_metrics()
    series = read_series(metrics)
    assert not [name for name, _ in series if name.endswith("_created")]
    n_statuses = len([1 for name, _ in series if name == "router_requests_total"])
    assert n_statuses == (len(ROUTES) + 1) * (len(STATUSES) + 1)


def test_names_are_of_this_project() -> None:
    """Every series is the process's or begins with the project's own word."""
    names = {name for name, _ in read_series(make_metrics())}
    assert names
    assert [name for name in names if not re.match(r"(router|process)_[a-z_]+\Z", name)] == []


def test_no_metrics_record_nothing() -> None:
    """The null object takes every call of the real one and tells nothing."""
    metrics = NoMetrics()
    metrics.add_routes(ROUTES)
    send_strangers(metrics, 3)
    assert metrics.render() == b""
