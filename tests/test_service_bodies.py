"""Bodies that no client should send: each is refused with a small 4xx, whatever it holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from router.planner import Router
from router.service.application import create_app
from router.service.bodies import BODY_BYTES_MAX, decode_body
from router.service.schemas import AllocateBody
from tests.contracts.commands import PRICES, read_json, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = {"content-type": "application/json"}
ANSWER_BYTES_MAX = 1000


def ask(**fields: str) -> bytes:
    """Write a body in which raw JSON stands for some fields."""
    body = {"questions": '["Who?"]', "budget": '{"usd": 1}', **fields}
    return ("{" + ", ".join(f'"{name}": {value}' for name, value in body.items()) + "}").encode()


GRID = '{"grid": {"models": ["toy"], %s}}'
MALFORMED = {
    "nothing": b"",
    "blank": b"  \n ",
    "word": b"hello",
    "null": b"null",
    "number": b"5",
    "list": b"[]",
    "empty object": b"{}",
    "open brace": b"{",
    "open string": b'{"questions": ["Who?',
    "trailing comma": b'{"questions": ["Who?"], "budget": {"usd": 1},}',
    "two documents": ask() + ask(),
    "trailing bytes": ask() + b"x",
    "latin1": ask(questions='["caf\u00e9"]').decode().encode("latin-1"),
    "utf16": ask().decode().encode("utf-16"),
    "byte order mark": b"\xef\xbb\xbf" + ask(),
    "broken utf8": b'{"questions": ["\xff\xfe"], "budget": {"usd": 1}}',
    "raw surrogate": b'{"questions": ["a\xed\xa0\x80"], "budget": {"usd": 1}}',
    "escaped surrogate": ask(questions='["a\\ud800b"]'),
    "low surrogate": ask(questions='["\\udc00"]'),
    "surrogate id": ask(questions='[{"text": "Who?", "id": "\\ud800"}]'),
    "control character": ask(questions='["a\x01b"]'),
    "bad escape": ask(questions='["a\\xb"]'),
    "nan": ask(budget='{"usd": NaN}'),
    "infinity": ask(budget='{"usd": Infinity}'),
    "minus infinity": ask(budget='{"usd": -Infinity}'),
    "huge exponent": ask(budget='{"usd": 1e999}'),
    "huge amount": ask(budget='{"usd": 1e300}'),
    "huge integer": ask(budget='{"usd": ' + "9" * 5000 + "}"),
    "negative": ask(budget='{"usd": -1}'),
    "text for a number": ask(budget='{"usd": "1"}'),
    "true for a number": ask(budget='{"usd": true}'),
    "null for a number": ask(budget='{"usd": null}'),
    "no unit": ask(budget="{}"),
    "unknown unit": ask(budget='{"eur": 1}'),
    "budget of a number": ask(budget="1"),
    "deep list": ask(questions="[" * 100_000),
    "deep object": b'{"questions":' * 10_000,
    "deep unknown field": ask(extra="[" * 50_000 + "]" * 50_000),
    "unknown field": ask(colour='"red"'),
    "no questions": ask(questions="[]"),
    "question of a number": ask(questions="[5]"),
    "question of null": ask(questions="[null]"),
    "questions as text": ask(questions='"Who?"'),
    "empty question": ask(questions='[""]'),
    "blank question": ask(questions='[" \\n\\t"]'),
    "question without text": ask(questions='[{"id": "a"}]'),
    "number for an id": ask(questions='[{"id": 5, "text": "Who?"}]'),
    "empty id": ask(questions='[{"id": "", "text": "Who?"}]'),
    "long id": ask(questions='[{"id": "' + "x" * 5000 + '", "text": "Who?"}]'),
    "twins": ask(questions='[{"id": "a", "text": "x"}, {"id": "a", "text": "y"}]'),
    "taken name": ask(questions='[{"id": "q2", "text": "x"}, "y"]'),
    "list for a group": ask(questions='[{"text": "x", "group": []}]'),
    "text in a context": ask(questions='[{"text": "x", "context": {"k": "v"}}]'),
    "nan in a context": ask(questions='[{"text": "x", "context": {"k": NaN}}]'),
    "too many questions": ask(questions=json.dumps(["Who?"] * 513)),
    "word for a flag": ask(allow_skip='"yes"'),
    "word for leave": ask(all_or_nothing='"yes"'),
    "neither budget nor target": b'{"questions": ["Who?"]}',
    "null for a budget": b'{"questions": ["Who?"], "budget": null, "target_quality": 0.1}',
    "target of a percentage": ask(target_quality="80"),
    "target below nothing": ask(target_quality="-0.1"),
    "target as text": ask(target_quality='"high"'),
    "target out of reach": ask(target_quality="1.0", all_or_nothing="true"),
    "negative weight": ask(questions='[{"text": "x", "weight": -1}]'),
    "no weight at all": ask(questions='[{"text": "x", "weight": 0}]', target_quality="0.1"),
    "infinite weight": ask(questions='[{"text": "x", "weight": 1e999}]'),
    "floor above one": ask(questions='[{"text": "x", "min_quality": 1.1}]'),
    "floor out of reach": ask(
        questions='[{"text": "x", "min_quality": 1.0}]', all_or_nothing="true"
    ),
    "latency nobody knows": ask(questions='[{"text": "x", "max_latency_s": 1}]'),
    "ceiling without a unit": ask(questions='[{"text": "x", "max_cost": 1}]'),
    "ceiling in another unit": ask(questions='[{"text": "x", "max_cost": {"eur": 1}}]'),
    "unknown option": ask(questions='[{"text": "x", "forbidden_options": ["nothing"]}]'),
    "options as text": ask(questions='[{"text": "x", "forbidden_options": "a"}]'),
    "half a rank": ask(questions='[{"text": "x", "priority": 0.5}]'),
    "depends on none": ask(questions='[{"text": "x", "depends_on": ["y"]}]'),
    "depends on itself": ask(questions='[{"text": "x", "depends_on": ["q1"]}]'),
    "depends in a circle": ask(
        questions='[{"text": "x", "depends_on": ["q2"]}, {"text": "y", "depends_on": ["q1"]}]'
    ),
    "empty menu": ask(menu="{}"),
    "menu as text": ask(menu='"default"'),
    "option without a name": ask(menu='{"options": [{}]}'),
    "options of one name": ask(menu='{"options": [{"name": "a"}, {"name": "a"}]}'),
    "model of a number": ask(menu='{"options": [{"name": "a", "model": 5}]}'),
    "costs as a list": ask(menu='{"options": [{"name": "a", "costs": [1]}]}'),
    "no samples": ask(menu='{"options": [{"name": "a", "samples": 0}]}'),
    "huge samples": ask(menu='{"options": [{"name": "a", "samples": 1e30}]}'),
    "infinite searches": ask(menu='{"options": [{"name": "a", "searches": 1e999}]}'),
    "strong model": ask(menu='{"options": [{"name": "a", "model_strength": 1.5}]}'),
    "skip by hand": ask(menu='{"options": [{"name": "a", "is_skip": true}]}'),
    "option without costs": ask(menu='{"options": [{"name": "a"}]}'),
    "grid without models": ask(menu='{"grid": {}}'),
    "grid of no models": ask(menu='{"grid": {"models": []}}'),
    "unknown effort": ask(menu=GRID % '"reasoning_effort": ["max"]'),
    "effort without tokens": ask(menu=GRID % '"reasoning_effort": ["low"], '
                                 '"reasoning_tokens": {"high": 1}'),
    "no speed": ask(menu=GRID % '"tokens_per_second": 0'),
    "same point twice": ask(menu=GRID % '"search_steps": [1, 1]'),
    "half a search": ask(menu=GRID % '"search_steps": [0.5]'),
    "huge grid": ask(menu=GRID % f'"search_steps": {list(range(100))}, "samples": [1, 2, 3]'),
}  # fmt: skip


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
