"""The description of successful answers, held against real ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from starlette.testclient import TestClient

from router.ledger import Ledger
from router.planner import Router
from router.service.answer_schemas import ANSWERS
from router.service.application import create_app
from router.service.sidecar import Sidecar
from tests.contracts.commands import PRICES, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEXTS = ["Who heads the council of Bern today?", "What is 2 plus 3 times two?"]


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    """Talk to a sidecar with a pool."""
    with Ledger(tmp_path / "data") as ledger:
        app = create_app(Sidecar(Router(tiny_bundle(), PRICES), ledger))
        with TestClient(app) as client:
            yield client


def read(kind: Any, content: bytes) -> Any:
    """Read an answer as described, nothing left over and nothing missing."""
    document = msgspec.json.decode(content)
    record = msgspec.convert(document, kind)
    check_fields(kind, document)
    return record


def check_fields(kind: Any, document: Any) -> None:
    """Check that every field of an answer is described, at every depth."""
    described = {field.name: field.type for field in msgspec.structs.fields(kind)}
    assert set(document) <= set(described)
    for name, value in document.items():
        inner = getattr(described[name], "__args__", (described[name],))[0]
        records = value if isinstance(value, list) else [value]
        if isinstance(inner, type) and issubclass(inner, msgspec.Struct):
            for record in records:
                check_fields(inner, record)


def test_every_answer_is_as_described(client: TestClient) -> None:
    """Plans, predictions, curves, re-plans, outcomes and pools hold what is described, no more."""
    kinds = {place: kind for place, (kind, _) in ANSWERS.items()}
    pool = {"name": "night", "capacity": {"usd": 1.0}}
    made = client.post("/v1/pools", json=pool)
    assert made.status_code == 201
    read(kinds["/v1/pools", "post"], made.content)
    asked = {"questions": TEXTS, "pool": "night", "budget": {"usd": 0.02}}
    plan = read(kinds["/v1/allocate", "post"], client.post("/v1/allocate", json=asked).content)
    assert (plan.pool, plan.shadow) == ("night", False)
    for fields in ({"budget": {"usd": 0.0001}}, {"budget": {"usd": 0.02}, "shadow": True}):
        answer = client.post("/v1/allocate", json={"questions": TEXTS, **fields})
        read(kinds["/v1/allocate", "post"], answer.content)
    for route in ("predict", "curve"):
        answer = client.post(f"/v1/{route}", json={"questions": TEXTS})
        read(kinds[f"/v1/{route}", "post"], answer.content)
    report = {"id": "q1", "option": plan.choices[0].option, "quality": 1.0}
    body = {"plan_id": plan.plan_id, "reports": [report]}
    found = read(kinds["/v1/replan", "post"], client.post("/v1/replan", json=body).content)
    assert found.decisions[0].action == "stop"
    outcomes = {"plan_id": plan.plan_id, "outcomes": [{"id": "q1", "cost": {"usd": 0.001}}]}
    answer = client.post("/v1/outcomes", json=outcomes)
    assert read(kinds["/v1/outcomes", "post"], answer.content).pool.name == "night"
    assert read(kinds["/v1/pools", "get"], client.get("/v1/pools").content).pools
    read(kinds["/v1/pools/{name}", "get"], client.get("/v1/pools/night").content)


def test_every_route_of_plans_and_pools_is_described(client: TestClient) -> None:
    """The document has a schema for the success of every route below /v1."""
    document = client.get("/openapi.json").json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if path.startswith("/v1/"):
                kind, statuses = ANSWERS[path, method]
                for status in statuses:
                    content = operation["responses"][status]["content"]["application/json"]
                    assert content["schema"]["$ref"].endswith(f"/{kind.__name__}")
                    assert kind.__name__ in document["components"]["schemas"]
