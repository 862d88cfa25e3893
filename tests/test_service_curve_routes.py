"""The curve over HTTP."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from router.planner import Router
from router.service.application import create_app
from tests.contracts.commands import PRICES, read_json, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = ["Who heads the council of Bern today?", "What is 2 plus 3 times two?"]


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Talk to an application with the small bundle."""
    with TestClient(create_app(Router(tiny_bundle(), PRICES))) as client:
        yield client


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"unit": "searches"},
        {"n_points": 2, "cost_margin": 0.5},
        {"unit": "searches", "menu": {"options": [{"name": "a", "costs": {"searches": 1}}]}},
    ],
)
def test_curve_is_the_librarys(client: TestClient, fields: dict[str, Any]) -> None:
    """Points over HTTP are those of the library, by rising budget, in the unit that is told."""
    answer = client.post("/v1/curve", json={"questions": TEXTS, **fields})
    assert answer.status_code == 200
    document = read_json(answer.text)
    router = Router(tiny_bundle(), PRICES)
    expected = router.curve(TEXTS, **fields)
    assert document == {
        "bundle_id": tiny_bundle().bundle_id,
        "price_id": router.cost(router.resolve_menu(fields.get("menu"))).price_id,
        "unit": fields.get("unit", "usd"),
        "points": [asdict(point) for point in expected],
    }
    budgets = [point["budget"] for point in document["points"]]
    assert budgets == sorted(budgets)


def test_budgets_of_the_curve_buy_what_they_say(client: TestClient) -> None:
    """A plan within a point's budget is expected to be at least as good as the point."""
    points = read_json(client.post("/v1/curve", json={"questions": TEXTS}).text)["points"]
    assert len(points) > 1
    for point in points:
        body = {"questions": TEXTS, "budget": {"usd": point["budget"]}}
        totals = read_json(client.post("/v1/allocate", json=body).text)["totals"]
        assert totals["expected_quality"] >= point["expected_quality"] - 1e-9


@pytest.mark.parametrize(
    "fields",
    [
        {"n_points": 1},
        {"n_points": 201},
        {"n_points": 2.5},
        {"unit": "eur"},
        {"unit": "seconds"},
        {"cost_margin": -1},
        {"budget": {"usd": 1}},
        {"questions": []},
        {"menu": {}},
    ],
)
def test_unusable_curve_is_refused(client: TestClient, fields: dict[str, Any]) -> None:
    """What is out of bounds, unknown or not known in that unit is status 422."""
    answer = client.post("/v1/curve", json={"questions": TEXTS, **fields})
    assert answer.status_code == 422
    assert read_json(answer.text)["error"]["code"] == "invalid"
