"""Traces: steps stand below their request, and nothing a client wrote is in them."""

from __future__ import annotations

import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.testclient import TestClient

from router.exceptions import InputError, MissingExtraError
from router.planner import Router
from router.service.application import create_app
from router.service.desk import PlanningDesk
from router.service.traces import Traces
from tests.contracts.commands import PRICES, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

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
        with traces.span("predict"):
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
    exporter: InMemorySpanExporter, traces: Traces, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step taken in another thread belongs to the request it is taken for."""
    predict = Router.predict

    def traced(self: Router, questions: Any, **rest: Any) -> Any:
        with traces.span("predict") as spot:
            spot.note("n_questions", len(questions))
            return predict(self, questions, **rest)

    monkeypatch.setattr(Router, "predict", traced)
    with TestClient(create_app(Router(tiny_bundle()), traces=traces)) as client:
        client.post("/v1/predict", json={"questions": ["Who?", "Why?"]})
    spans = by_name(exporter)
    request, step = spans["POST"], spans["predict"]
    assert request.context is not None
    assert step.parent is not None
    assert (step.parent.span_id, request.parent) == (request.context.span_id, None)
    assert step.attributes == {"router.n_questions": 2}
    assert request.attributes == {
        "http.request.method": "POST",
        "http.route": "/v1/predict",
        "http.response.status_code": 200,
    }


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


def test_spans_reach_a_collector() -> None:
    """What is opened at an address sends its spans there, named after the service only."""
    handler = type("Kept", (Collector,), {"bodies": []})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        traces = Traces.open(f"http://127.0.0.1:{server.server_port}/v1/traces")
        with traces.span("solve") as spot:
            spot.note("n_questions", 5)
        traces.close()
        server.shutdown()
        thread.join()
    (body,) = handler.bodies  # type: ignore[attr-defined]
    for word in (b"solve", b"router.n_questions", b"compute-allocation-router"):
        assert word in body
    assert b"host.name" not in body


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
