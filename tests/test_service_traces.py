"""Traces: steps stand below their request, and nothing a client wrote is in them."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, NoReturn

import httpx2
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from router.exceptions import InputError, MissingExtraError
from router.ledger import Ledger
from router.planner import Router
from router.service.application import create_app
from router.service.desk import PlanningDesk
from router.service.desk_limits import DeskLimits
from router.service.sidecar import Sidecar
from router.service.traces import Traces
from tests.contracts.commands import PRICES, tiny_bundle
from tests.contracts.sidecars import run_sidecar

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from opentelemetry.sdk.trace import ReadableSpan

CANARY = "canary-7f3a"
QUESTION = {"id": CANARY, "text": f"Who feeds {CANARY}?", "group": CANARY}


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    """Keep spans in memory."""
    return InMemorySpanExporter()


@pytest.fixture
def traces(exporter: InMemorySpanExporter) -> Iterator[Traces]:
    """Trace into memory, each span as it ends."""
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    traces = Traces(provider)
    yield traces
    traces.close()


def by_name(exporter: InMemorySpanExporter) -> dict[str, ReadableSpan]:
    """Give the finished spans, which have different names, by name."""
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert len(spans) == len(exporter.get_finished_spans())
    return spans


def check_clean(exporter: InMemorySpanExporter, n_spans_min: int) -> None:
    """Check that there are spans and that none holds the canary anywhere."""
    spans = exporter.get_finished_spans()
    assert len(spans) >= n_spans_min
    assert [span.name for span in spans if CANARY in span.to_json()] == []


def send_canaries(client: TestClient) -> set[int]:
    """Send the canary in every field of requests that go well and that do not."""
    allocate: dict[str, Any] = {"questions": [QUESTION], "budget": {"usd": 0.01}}
    text = {"name": "text", "shape": [1], "datatype": "BYTES", "data": [QUESTION["text"]]}
    parent = {"traceparent": "00-" + "7f3a" * 8 + "-" + "7f3a" * 4 + "-01", "x-id": CANARY}
    answers = [
        client.post("/v1/allocate", json=allocate, headers=parent),
        client.post("/v1/predict", json={"questions": [QUESTION]}),
        client.post("/v1/curve", json={"questions": [QUESTION]}),
        client.post("/v2/models/gain/infer", json={"id": CANARY, "inputs": [text]}),
        client.post("/v1/allocate", json={**allocate, CANARY: CANARY}),
        client.post("/v1/allocate", json={**allocate, "budget": {"usd": 0}}),
        client.post("/v1/allocate", content=f'{{"{CANARY}', headers={"content-type": CANARY}),
        client.get(f"/v1/{CANARY}?{CANARY}={CANARY}"),
        client.get(f"/v2/models/{CANARY}"),
        client.request(CANARY, "/v1/allocate"),
    ]
    return {answer.status_code for answer in answers}


def test_nothing_of_a_client_is_traced(exporter: InMemorySpanExporter, traces: Traces) -> None:
    """The canary is in no span: neither texts nor identifiers, paths, methods or parents."""
    app = create_app(Router(tiny_bundle(), PRICES), traces=traces)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert send_canaries(client) == {200, 404, 405, 415, 422}
    check_clean(exporter, 10)
    ids = {span.context.trace_id for span in exporter.get_finished_spans() if span.context}
    assert int("7f3a" * 8, 16) not in ids


def test_words_of_errors_are_not_traced(
    exporter: InMemorySpanExporter, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A defect marks its spans as failed, and its message stays out of them."""

    async def fail(*_: object, **__: object) -> NoReturn:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(PlanningDesk, "predict", fail)
    app = create_app(Router(tiny_bundle()), traces=traces)
    with TestClient(app, raise_server_exceptions=False) as client:
        assert client.post("/v1/predict", json={"questions": [QUESTION]}).status_code == 500
    spans = by_name(exporter)
    assert not any(span.status.is_ok for span in spans.values())
    attributes = spans["POST"].attributes
    assert attributes is not None
    assert attributes["http.response.status_code"] == 500
    check_clean(exporter, 2)


def test_canary_in_a_span_is_seen(exporter: InMemorySpanExporter, traces: Traces) -> None:
    """The check for the canary fails where a step does note what a client wrote."""
    with traces.span("predict") as spot:
        spot.note("n_questions", CANARY)  # type: ignore[arg-type]
    with pytest.raises(AssertionError):
        check_clean(exporter, 1)


def test_steps_stand_below_their_request(
    exporter: InMemorySpanExporter, traces: Traces, tmp_path: Path
) -> None:
    """Planning and writing are each a span of the request they are done for, with counts only."""
    pool = {"name": CANARY, "capacity": {"usd": 0.1}}
    body = {"questions": [QUESTION, "Why?"], "pool": CANARY, "budget": {"usd": 0.01}}
    limits = DeskLimits(deadline_ms=60_000.0)
    with Ledger(tmp_path / "data") as ledger:
        sidecar = Sidecar(Router(tiny_bundle(), PRICES), ledger, traces=traces, limits=limits)
        with TestClient(create_app(sidecar)) as client:
            assert client.post("/v1/pools", json=pool).status_code == 201
            exporter.clear()
            assert client.post("/v1/allocate", json=body).status_code == 200
    spans = by_name(exporter)
    assert set(spans) == {"POST", "plan", "ledger"}
    request = spans["POST"]
    assert request.context is not None
    assert request.parent is None
    for name in ("plan", "ledger"):
        parent = spans[name].parent
        assert parent is not None
        assert parent.span_id == request.context.span_id
    assert spans["plan"].attributes == {"router.n_questions": 2, "router.is_fallback": False}
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/allocate",
        "http.response.status_code": 200,
    }
    check_clean(exporter, 3)


def test_probes_are_not_traced(exporter: InMemorySpanExporter, traces: Traces) -> None:
    """What asks all day long leaves no trace."""
    with TestClient(create_app(Router(tiny_bundle()), traces=traces)) as client:
        for path in ("/metrics", "/v2/health/live", "/v2/health/ready"):
            assert client.get(path).status_code == 200
    assert exporter.get_finished_spans() == ()


class Collector(BaseHTTPRequestHandler):
    """Takes spans and keeps their bytes."""

    bodies: list[bytes]

    def do_POST(self) -> None:
        """Take what is sent."""
        self.bodies.append(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[tuple[str, list[bytes]]]:
    """Give the address of a collector on this machine, and what it has been sent."""
    bodies: list[bytes] = []
    handler = type("Kept", (Collector,), {"bodies": bodies})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/v1/traces", bodies
        server.shutdown()
        thread.join()


def test_spans_reach_a_collector(collector: tuple[str, list[bytes]]) -> None:
    """What is opened at an address sends its spans there, named after the service only."""
    url, bodies = collector
    traces = Traces.open(url)
    with traces.span("plan") as spot:
        spot.note("n_questions", 5)
    traces.close()
    (body,) = bodies
    for word in (b"plan", b"router.n_questions", b"compute-allocation-router"):
        assert word in body
    assert b"host.name" not in body


def test_served_requests_are_traced(
    collector: tuple[str, list[bytes]], repository_root: Path
) -> None:
    """With an address on the command line requests are traced there, without a client's words."""
    url, bodies = collector
    with run_sidecar(repository_root, ["--traces", url]) as sidecar:
        body = {"questions": [QUESTION], "budget": {"usd": 0.01}}
        answer = httpx2.post(f"{sidecar.address}/v1/allocate", json=body)
        assert answer.status_code == 200
        sidecar.end()
    sent = b"".join(bodies)
    assert b"/v1/allocate" in sent
    assert CANARY.encode() not in sent


@pytest.mark.parametrize("url", ["localhost:4318", "file:///etc/passwd", ""])
def test_other_addresses_are_refused(url: str) -> None:
    """Only an address of the web takes traces."""
    with pytest.raises(InputError, match="is no address"):
        Traces.open(url)


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without OpenTelemetry the door stays shut, with one line naming the extra."""
    monkeypatch.setitem(sys.modules, "opentelemetry.sdk.trace", None)
    with pytest.raises(MissingExtraError, match=r"\[traces\]"):
        Traces.open("http://localhost:4318/v1/traces")


def test_no_traces_take_every_call() -> None:
    """Without a provider every call is taken, and an application runs with it."""
    traces = Traces()
    with traces.span("ledger") as spot:
        spot.note("n_changes", 3)
    with TestClient(create_app(Router(tiny_bundle()), traces=traces)) as client:
        assert client.get("/v2").status_code == 200
    traces.close()
