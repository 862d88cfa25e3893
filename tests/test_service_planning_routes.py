"""Planning over HTTP while the model is at fault: plans that say so, and probes that tell."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.testclient import TestClient

from router.planner import Router
from router.service.application import create_app
from router.service.desk import DeskLimits
from router.service.sidecar import Sidecar
from tests.contracts.commands import read_json, tiny_bundle
from tests.contracts.faulty_models import FAULTS, FaultySession, make_faulty_router

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = ["Who heads the council of Bern today?", "What is 2 plus 3 times two?"]
BODY = {"questions": TEXTS, "budget": {"usd": 0.01}}


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[TestClient, FaultySession]]:
    """Serve a model in which faults can be planted, kernels or not."""
    monkeypatch.setattr("router.models.heads.is_compiled", lambda: False)
    router, session = make_faulty_router()
    sidecar = Sidecar(router, limits=DeskLimits(deadline_ms=500.0))
    with TestClient(create_app(sidecar), raise_server_exceptions=False) as client:
        yield client, session
        session.fault = None
        session.release.set()


@pytest.mark.parametrize("fault", FAULTS)
def test_faults_of_the_model_are_answered_with_plans(
    served: tuple[TestClient, FaultySession], fault: str
) -> None:
    """With any fault a plan, a surface and a curve are given, each marked, and each is counted."""
    client, session = served
    session.fault = fault
    plan = read_json(client.post("/v1/allocate", json=BODY).text)
    assert plan["degraded"] == FAULTS[fault]
    assert plan["totals"]["statuses"]["fallback"] == 2
    assert plan["totals"]["cost"]["usd"] <= 0.01
    surface = read_json(client.post("/v1/predict", json={"questions": TEXTS}).text)
    assert surface["degraded"] == FAULTS[fault]
    assert surface["quality"]["q1"] == surface["quality"]["q2"]
    curve = read_json(client.post("/v1/curve", json={"questions": TEXTS}).text)
    assert curve["degraded"] == FAULTS[fault]
    told = client.get("/metrics").text
    assert f'router_fallbacks_total{{cause="{FAULTS[fault]}"}} 3.0' in told
    assert 'router_plans_total{kind="fallback"} 1.0' in told
    assert 'router_choices_total{status="fallback"} 2.0' in told


def test_plans_of_a_sound_model_are_not_marked(
    served: tuple[TestClient, FaultySession],
) -> None:
    """Without a fault no answer says anything of one."""
    client, _ = served
    for path, body in (("allocate", BODY), ("predict", {"questions": TEXTS})):
        assert "degraded" not in read_json(client.post(f"/v1/{path}", json=body).text)
    assert 'router_plans_total{kind="planned"} 1.0' in client.get("/metrics").text


def test_readiness_tells_of_a_model_that_hangs_and_liveness_does_not(
    served: tuple[TestClient, FaultySession],
) -> None:
    """While the model hangs the service is alive, plans, and is not ready; then it is again."""
    client, session = served
    assert client.get("/v2/health/ready").status_code == 200
    session.fault = "stuck"
    for _ in range(3):
        assert client.post("/v1/allocate", json=BODY).status_code == 200
    answer = client.get("/v2/health/ready")
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "1"
    assert read_json(answer.text)["error"] == "the model does not answer"
    assert client.get("/v2/health/live").status_code == 200
    session.fault = None
    session.release.set()
    for _ in range(1000):
        if client.get("/v2/health/ready").status_code == 200:
            break
    assert "degraded" not in read_json(client.post("/v1/allocate", json=BODY).text)


def test_more_than_is_planned_at_once_is_shed() -> None:
    """A request beyond those planned at once is told to come again, and is counted."""
    sidecar = Sidecar(Router(tiny_bundle()), limits=DeskLimits(in_flight_max=0))
    with TestClient(create_app(sidecar)) as client:
        answer = client.post("/v1/allocate", json=BODY)
        assert answer.status_code == 429
        assert answer.headers["retry-after"] == "1"
        assert read_json(answer.text)["error"]["code"] == "too_many_requests"
        assert 'router_shed_requests_total{reason="overload"} 1.0' in client.get("/metrics").text
