"""What an orchestrator and a monitor are told."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from router.planner import Router
from router.service.application import create_app
from router.service.metrics import Metrics
from tests.contracts.commands import PRICES, read_json, tiny_bundle

N_STRANGERS = 2_000


def test_health_tells_the_bundle() -> None:
    """Live says that the process answers, ready says with which bundle."""
    with TestClient(create_app(Router(tiny_bundle()))) as client:
        assert read_json(client.get("/v2/health/live").text) == {"live": True}
        ready = read_json(client.get("/v2/health/ready").text)
        assert ready == {"ready": True, "bundle_id": tiny_bundle().bundle_id}


def test_ready_waits_for_every_check() -> None:
    """Until nothing is amiss the answer is 503 with the first reason; live does not care."""
    reasons: list[str | None] = [None, "the store cannot be written"]
    checks = [lambda: reasons[0], lambda: reasons[1]]
    with TestClient(create_app(Router(tiny_bundle()), checks=checks)) as client:
        answer = client.get("/v2/health/ready")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
        assert read_json(answer.text) == {"ready": False, "error": "the store cannot be written"}
        model = client.get("/v2/models/gain/ready")
        assert model.status_code == 503
        assert read_json(model.text) == {"name": "gain", **read_json(answer.text)}
        assert client.get("/v2/health/live").status_code == 200
        reasons[1] = None
        assert client.get("/v2/health/ready").status_code == 200
        assert read_json(client.get("/v2/models/gain/ready").text)["ready"] is True


def test_metrics_are_told_as_text() -> None:
    """Any request shows in the next reading, under the route's template."""
    metrics = Metrics()
    with TestClient(create_app(Router(tiny_bundle()), metrics=metrics)) as client:
        client.get("/v2/models/gain")
        answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    line = 'router_requests_total{route="/v2/models/{model}",status="200"} 1.0'
    assert line in answer.text.splitlines()


def list_series(text: str) -> set[str]:
    """List the series of a reading, without their values."""
    return {line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")}


def test_clients_add_no_series() -> None:
    """Thousands of paths, names and identifiers leave the series as they were."""
    with TestClient(create_app(Router(tiny_bundle(), PRICES))) as client:
        before = list_series(client.get("/metrics").text)
        for number in range(N_STRANGERS):
            client.get(f"/v1/pools/pool-{number}")
            if number % 20 == 0:
                client.get(f"/v2/models/gain/versions/{number}")
                question = {"id": f"question-{number}", "text": "Who?", "group": f"g{number}"}
                client.post("/v1/predict", json={"questions": [question]})
        after = client.get("/metrics").text
    assert list_series(after) == before
    assert len(before) > 100
    if "pool-1" in after or "question-20" in after:
        pytest.fail("a client's word is shown")
