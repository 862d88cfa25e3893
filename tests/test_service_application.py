"""The sidecar's answers to requests that are in order, and to those that are not quite."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pytest
from starlette.testclient import TestClient

from router.logs import build_log
from router.models.trainer import train
from router.planner import Router
from router.service.application import create_app
from tests.contracts.commands import PRICES, make_columns, read_json, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXTS = ["Who heads the council of Bern today?", "What is 2 plus 3 times two?"]
PLAN_FIELDS = {
    "plan_id",
    "bundle_id",
    "price_id",
    "choices",
    "totals",
    "shadow_price",
    "gap",
    "notes",
}


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Talk to an application with the small bundle."""
    with TestClient(create_app(Router(tiny_bundle(), PRICES))) as client:
        yield client


def check_error(answer: Any, status: int, *words: str) -> None:
    """Check status and shape of an error, and that it names what it should."""
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/json"
    error = read_json(answer.text)["error"]
    assert set(error) == {"code", "message"}
    assert "\n" not in error["message"]
    for word in words:
        assert word in error["message"]


def test_allocate_answers_with_the_librarys_plan(client: TestClient) -> None:
    """The plan over HTTP is the plan of the library, its identifier aside."""
    answer = client.post("/v1/allocate", json={"questions": TEXTS, "budget": {"usd": 0.01}})
    assert answer.status_code == 200
    plan = read_json(answer.text)
    expected = Router(tiny_bundle(), PRICES).allocate(TEXTS, {"usd": 0.01})
    assert set(plan) == PLAN_FIELDS
    assert plan["totals"] == expected.totals
    assert [choice["option"] for choice in plan["choices"]] == [c.option for c in expected]
    assert plan["totals"]["cost"]["usd"] <= 0.01


def test_predict_answers_with_the_surface(client: TestClient) -> None:
    """Qualities stand by question in the order of the options."""
    first = {"id": "a", "text": TEXTS[0], "group": "look-up"}
    questions: list[str | dict[str, Any]] = [first, TEXTS[1]]
    answer = client.post("/v1/predict", json={"questions": questions})
    assert answer.status_code == 200
    document = read_json(answer.text)
    surface = Router(tiny_bundle()).predict(questions)
    assert document["options"] == list(surface.menu.names)
    assert document["evidence"] == ["outcomes"] * 3
    assert document["bundle_id"] == tiny_bundle().bundle_id
    assert list(document["quality"]) == ["a", "q2"]
    np.testing.assert_array_equal(list(document["quality"].values()), surface.quality)
    assert surface.familiarity is not None
    assert document["familiarity"] == dict(zip(["a", "q2"], surface.familiarity, strict=True))
    assert document["abstained"] is None


def test_context_reaches_the_model() -> None:
    """Numbers known beforehand come through HTTP as they do through the library."""
    columns = make_columns(24)
    columns["context_score"] = [row // 3 % 2 for row in range(len(columns["quality"]))]
    router = Router(train(build_log(columns)))
    questions: list[dict[str, Any]] = [
        {"id": f"q{score}", "text": TEXTS[0], "context": {"score": score}} for score in (0.0, 1.0)
    ]
    with TestClient(create_app(router)) as client:
        document = read_json(client.post("/v1/predict", json={"questions": questions}).text)
    expected = router.predict(questions).quality
    np.testing.assert_array_equal(list(document["quality"].values()), expected)
    assert (expected[0] != expected[1]).any()


def test_menu_of_a_request_replaces_the_bundles(client: TestClient) -> None:
    """A grid and options written out are planned with together."""
    menu = {
        "grid": {"models": ["toy"], "search_steps": [0, 2], "model_strength": {"toy": 0.5}},
        "options": [{"name": "mine", "costs": {"searches": 1}}],
        "skip": True,
    }
    body = {"questions": TEXTS, "budget": {"searches": 3}, "menu": menu}
    answer = client.post("/v1/allocate", json=body)
    assert answer.status_code == 200
    names = {"toy|none|s0|n1", "toy|none|s2|n1", "mine", "skip"}
    assert {choice["option"] for choice in read_json(answer.text)["choices"]} <= names


def test_allow_skip_leaves_questions_unanswered(client: TestClient) -> None:
    """What a budget does not reach is marked, or skipped, or refused where it is all or nothing."""
    body = {"questions": TEXTS, "budget": {"usd": 0}}
    strict = {**body, "all_or_nothing": True}
    check_error(client.post("/v1/allocate", json=strict), 422, "budget")
    for leave in (body, {**strict, "allow_skip": True}):
        answer = client.post("/v1/allocate", json=leave)
        assert answer.status_code == 200
        assert read_json(answer.text)["totals"]["statuses"]["unfunded"] == 2


def test_targets_and_conditions_come_through(client: TestClient) -> None:
    """A target in place of a budget, and what questions ask for, mean what they do elsewhere."""
    questions: list[Any] = [
        {"id": "a", "text": TEXTS[0], "weight": 2, "forbidden_options": ["toy|none|s0|n1"]},
        {"id": "b", "text": TEXTS[1], "depends_on": ["a"], "min_quality": 0.1, "priority": 1},
        {"id": "c", "text": TEXTS[1], "max_cost": {"usd": 0.5}},
    ]
    menu = {"grid": {"models": ["toy"], "search_steps": [0, 2], "model_strength": {"toy": 0.5}}}
    body = {"questions": questions, "target_quality": 0.05, "menu": menu}
    answer = client.post("/v1/allocate", json=body)
    assert answer.status_code == 200
    totals = read_json(answer.text)["totals"]
    expected = Router(tiny_bundle(), PRICES).allocate(questions, target_quality=0.05, menu=menu)
    assert totals == read_json(json.dumps(expected.totals))
    assert (totals["n_answers"], totals["budget"]) == (2, {})
    within = {**body, "budget": {"usd": 0}}
    strict = {**within, "all_or_nothing": True}
    check_error(client.post("/v1/allocate", json=strict), 422, "allow_unfunded")
    marked = client.post("/v1/allocate", json=within)
    assert read_json(marked.text)["totals"]["statuses"]["unfunded"] == 3


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/v1/nothing", "/v1/allocate/", "/"])
def test_unknown_place_is_not_found(client: TestClient, path: str) -> None:
    """There is no page for browsers, and what is not there has the shape of any error."""
    check_error(client.get(path), 404)


def test_wrong_method_names_the_right_one(client: TestClient) -> None:
    """A plan cannot be had with GET."""
    answer = client.get("/v1/allocate")
    check_error(answer, 405)
    assert answer.headers["allow"] == "POST"


def test_description_is_complete(client: TestClient) -> None:
    """OpenAPI describes the bodies, and every reference in it leads somewhere."""
    text = client.get("/openapi.json").text
    document = read_json(text)
    schemas = document["components"]["schemas"]
    named = {part.partition('"')[0] for part in text.split('"#/components/schemas/')[1:]}
    assert (
        {"AllocateBody", "CurveBody", "InferBody", "PredictBody", "QuestionBody"}
        <= named
        <= set(schemas)
    )
    body = document["paths"]["/v1/allocate"]["post"]["requestBody"]["content"]
    assert body == {"application/json": {"schema": {"$ref": "#/components/schemas/AllocateBody"}}}


def test_defect_is_answered_without_details(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is status 500 in the one shape, and tells nothing of the inside."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise RuntimeError("secret")

    monkeypatch.setattr(Router, "predict", fail)
    app = create_app(Router(tiny_bundle()))
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.post("/v1/predict", json={"questions": TEXTS})
    check_error(answer, 500, "internal")
    assert "secret" not in answer.text
