"""Bodies that no client should send: each is refused with a small 4xx, whatever it holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from router.planner import Router
from router.service.allowed import list_allowed
from router.service.application import create_app
from router.service.bodies import BODY_BYTES_MAX, decode_body
from router.service.schemas import AllocateBody
from tests.contracts.commands import PRICES, read_json, tiny_bundle
from tests.contracts.malformed_bodies import GRID, MALFORMED, ask

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = {"content-type": "application/json"}
ANSWER_BYTES_MAX = 1000


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Talk to an application with the small bundle."""
    with TestClient(create_app(Router(tiny_bundle(), PRICES))) as client:
        yield client


def check_refused(answer: Any, *statuses: int) -> None:
    """Check that an answer is a small error of the one shape."""
    assert answer.status_code in statuses
    assert len(answer.content) < ANSWER_BYTES_MAX
    assert set(read_json(answer.text)["error"]) == {"code", "message"}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_malformed_body_is_refused(client: TestClient, content: bytes) -> None:
    """Whatever stands in a body, the caller hears that it is his to mend."""
    check_refused(client.post("/v1/allocate", content=content, headers=JSON), 422)


@given(content=st.binary(max_size=200))
def test_random_bytes_are_refused(client: TestClient, content: bytes) -> None:
    """Bytes by chance are never a plan and never a crash."""
    check_refused(client.post("/v1/allocate", content=content, headers=JSON), 422)


TREE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["usd", "id", "text", "grid", "options", "name"]), inner)
    ),
    max_leaves=6,
)


@given(questions=TREE, budget=TREE, menu=TREE)
def test_random_values_are_no_crash(
    client: TestClient, questions: Any, budget: Any, menu: Any
) -> None:
    """Values of any type in the place of others are refused; hardly any make a plan."""
    content = json.dumps({"questions": questions, "budget": budget, "menu": menu}).encode()
    answer = client.post("/v1/allocate", content=content, headers=JSON)
    if answer.status_code != 200:
        check_refused(answer, 422)


@pytest.mark.parametrize(
    "body",
    [
        ask(questions='[{"text": "WHISPER", "WHISPER": 1}]'),
        ask(questions='[{"text": "WHISPER", "id": "a"}, {"text": "WHISPER", "id": "a"}]'),
        ask(budget='{"WHISPER": 1}'),
        ask(questions='["WHISPER"]', budget='{"usd": 0}', all_or_nothing="true"),
        ask(menu=GRID % '"reasoning_effort": ["WHISPER"]'),
        ask(WHISPER="1"),
        b"WHISPER",
    ],
)
def test_refusal_repeats_nothing_of_the_body(client: TestClient, body: bytes) -> None:
    """A body may hold what no log should: the answer names places, not words."""
    answer = client.post("/v1/allocate", content=body, headers=JSON)
    check_refused(answer, 422)
    assert "WHISPER" not in answer.text


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (ask(budgett="1"), "unknown field; allowed are questions, budget, pool, "),
        (
            ask(budget='{"eur": 1}'),
            "`$.budget`; allowed are nominal, searches, seconds, tokens, usd",
        ),
        (ask(questions='[{"text": "a", "wieght": 1}]'), "`$.questions[0]`; allowed are text, id, "),
        (ask(questions='[{"text": "a", "max_cost": {"eur": 1}}]'), "allowed are nominal, searches"),
        (ask(menu=GRID % '"effort": ["low"]'), "`$.menu.grid`; allowed are models, search_steps, "),
        (ask(menu=GRID % '"reasoning_effort": ["a"]'), "[0]`; allowed are high, low, medium, none"),
    ],
)
def test_refusal_says_what_is_allowed(client: TestClient, body: bytes, words: str) -> None:
    """Where a field or a word is unknown, the answer lists those that are known at its place."""
    answer = client.post("/v1/allocate", content=body, headers=JSON)
    check_refused(answer, 422)
    assert words in read_json(answer.text)["error"]["message"]


def test_nothing_is_listed_where_anything_may_stand() -> None:
    """A place that a schema does not know, or that takes any text, has no list."""
    for place in ("$.questions[0].text", "key in $.questions", "$.nowhere[0]", "$.budget.usd"):
        assert list_allowed(AllocateBody, place) == ()


@pytest.mark.parametrize("stated", [True, False])
def test_oversized_body_is_refused(client: TestClient, *, stated: bool) -> None:
    """A byte above the cap is too many, whether its length was stated or it came in pieces."""
    content = ask().ljust(BODY_BYTES_MAX + 1)
    pieces = (
        content if stated else (content[i : i + 10_000] for i in range(0, len(content), 10_000))
    )
    check_refused(client.post("/v1/allocate", content=pieces, headers=JSON), 413)
    assert client.post("/v1/allocate", content=content[:-1], headers=JSON).status_code == 200


def test_stated_length_of_nonsense_is_refused(client: TestClient) -> None:
    """A length that no machine could hold is refused before anything is read."""
    headers = {**JSON, "content-length": "9" * 30}
    check_refused(client.post("/v1/allocate", content=b"{}", headers=headers), 413)


@pytest.mark.parametrize(
    "media_type", ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""]
)
def test_other_media_types_are_refused(client: TestClient, media_type: str) -> None:
    """Only a body that says it is JSON is read: a form on a web page cannot say so."""
    headers = {"content-type": media_type}
    check_refused(client.post("/v1/allocate", content=ask(), headers=headers), 415)


def test_media_type_may_have_parameters(client: TestClient) -> None:
    """A charset behind the media type changes nothing."""
    headers = {"content-type": "Application/JSON; charset=utf-8"}
    assert client.post("/v1/allocate", content=ask(), headers=headers).status_code == 200


def test_largest_request_is_answered(client: TestClient) -> None:
    """The bounds themselves are allowed: 512 questions and amounts at their limits."""
    option = '{"name": "dear", "searches": 1e9, "costs": {"searches": 1e9}}, '
    menu = '{"options": [' + option + '{"name": "cheap", "searches": 0}]}'
    questions = json.dumps([f"Who is number {number}?" for number in range(512)])
    body = ask(questions=questions, menu=menu, budget='{"searches": 1e9}')
    answer = client.post("/v1/allocate", content=body, headers=JSON)
    assert answer.status_code == 200
    assert read_json(answer.text)["totals"]["cost"]["searches"] <= 1e9


def test_decoded_body_has_types() -> None:
    """What comes out of the door is typed; a whole number is fine where a fraction may stand."""
    body = decode_body(ask(), AllocateBody)
    assert (body.questions, body.budget, body.menu) == (["Who?"], {"usd": 1.0}, None)
    assert isinstance(body.budget, dict)
    assert isinstance(body.budget["usd"], float)
