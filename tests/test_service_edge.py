"""The edge: who is let through, what is refused before what, and what every answer carries."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from router.planner import Router
from router.service import edge as edge_module
from router.service.application import create_app
from router.service.desk_room import Room
from router.service.edge import Edge
from router.service.keys import Caller, Keys, Role, make_key
from router.service.metrics import Metrics
from router.service.rates import RateLimit
from router.service.server import guard
from router.service.settings import Settings
from tests.contracts.commands import PRICES, read_json, tiny_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Message, Receive, Scope, Send

URL = "http://localhost"
BODY = {"questions": ["Who?"], "budget": {"searches": 3}}
TEXT, KEY = make_key("team", [Role.PLAN])
REPORT_TEXT, REPORT_KEY = make_key("team", [Role.REPORT])
# Stands for the end of a connection.
BREAK = b"BREAK"
HEADERS = [(b"host", b"localhost"), (b"content-type", b"application/json")]


class Inner:
    """An application that notes what reaches it and answers when it is let."""

    def __init__(self) -> None:
        """Answer at once."""
        self.scopes: list[Scope] = []
        self.bodies: list[bytes] = []
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Note the request, wait, and answer with status 200."""
        self.scopes.append(scope)
        if scope["method"] == "POST":
            self.bodies.append((await receive())["body"])
        await self.may_answer.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


class Exchange:
    """One request to an edge, its body in pieces, and what came back."""

    def __init__(self, path: str = "/v1/allocate", pieces: tuple[bytes, ...] = (b"{}",)) -> None:
        """Prepare a request in good order."""
        self.scope: dict[str, Any] = {
            "type": "http",
            "http_version": "1.1",
            "method": "POST",
            "path": path,
            "headers": list(HEADERS),
        }
        self.pieces = list(pieces)
        self.n_received = 0
        self.sent: list[Message] = []

    async def receive(self) -> Message:
        """Give the next piece, or say that the client has gone."""
        self.n_received += 1
        piece = self.pieces.pop(0) if self.pieces else BREAK
        if piece == BREAK:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": piece, "more_body": bool(self.pieces)}

    async def send(self, message: Message) -> None:
        """Note what is sent."""
        self.sent.append(message)

    async def run(self, edge: Edge) -> int:
        """Let the edge answer and give the status, 0 for none."""
        await edge(self.scope, self.receive, self.send)
        return self.sent[0]["status"] if self.sent else 0


@pytest.fixture(scope="module")
def client() -> Iterator[TestClient]:
    """Talk to the sidecar through its edge, with two keys."""
    app = create_app(Router(tiny_bundle(), PRICES))
    edge = guard(app, Settings(), Keys([KEY, REPORT_KEY]))
    with TestClient(edge, base_url=URL) as client:
        yield client


def bearer(text: str) -> dict[str, str]:
    """Write the header of a key."""
    return {"authorization": f"Bearer {text}"}


def test_key_opens_what_its_role_is_for(client: TestClient) -> None:
    """With the right key a plan is made, with one for other things it is not."""
    assert client.post("/v1/allocate", json=BODY, headers=bearer(TEXT)).status_code == 200
    refused = client.post("/v1/allocate", json=BODY, headers=bearer(REPORT_TEXT))
    assert refused.status_code == 403
    assert "plan" in read_json(refused.text)["error"]["message"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer ",
        f"Basic {TEXT}",
        TEXT,
        f"Bearer {TEXT[:-1]}",
        f"Bearer {TEXT}x",
        f"Bearer {TEXT[:8]}",
        f"Bearer {TEXT} {TEXT}",
        f"Bearer {TEXT}, Bearer {TEXT}",
        f"Bearer {TEXT.upper()}",
        f"Bearer {'x' * 5000}",
        "Bearer \xff\xfe",
        f"Bearer {KEY.sha256}",
        f"Bearer {TEXT[:9]}{REPORT_TEXT[9:]}",
    ],
)
def test_everything_else_opens_nothing(client: TestClient, header: str) -> None:
    """No key, half a key and two halves of two keys are all told the same."""
    headers: Any = {"authorization": header.encode("latin-1")}
    answer = client.post("/v1/allocate", json=BODY, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert TEXT not in answer.text
    assert client.get("/v1/nothing", headers=headers).status_code == 401


def test_only_life_is_told_to_strangers(client: TestClient) -> None:
    """Whether the process is alive is no secret; all else is, even what there is."""
    paths = ["/v2/health/live", "/v2/health/ready", "/openapi.json", "/metrics", "/", "/v1/pools"]
    assert [client.get(path).status_code for path in paths] == [200, 401, 401, 401, 401, 401]


def test_every_answer_is_safe_to_show(client: TestClient) -> None:
    """Whatever the status, an answer is of one type, kept by nobody, and has a number."""
    plan = client.post("/v1/allocate", json=BODY, headers=bearer(TEXT))
    answers = [plan, client.get("/v1/nothing"), client.get("/v2/health/live")]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert not any(name.startswith("access-control") for name in answer.headers)
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


@pytest.mark.parametrize(
    ("scope", "status"),
    [
        ({}, 200),
        ({"headers": HEADERS[1:]}, 400),
        ({"headers": [*HEADERS, HEADERS[0]]}, 400),
        ({"headers": [(b"host", b"example.org"), HEADERS[1]]}, 400),
        ({"headers": HEADERS[:1]}, 415),
        ({"headers": [*HEADERS, (b"content-length", b"x")]}, 400),
        ({"headers": [*HEADERS, (b"content-length", b"\xb2")]}, 400),
        ({"headers": [*HEADERS, (b"content-length", b"262145")]}, 413),
        ({"path": "/v1/nothing"}, 404),
        ({"method": "GET"}, 405),
    ],
)
def test_refusals_come_before_the_body_is_read(scope: dict[str, Any], status: int) -> None:
    """What headers say is judged without waiting for a body, and never reaches a route."""
    inner, exchange = Inner(), Exchange()
    exchange.scope |= scope
    assert asyncio.run(exchange.run(Edge(inner))) == status
    assert len(inner.scopes) == exchange.n_received == (status == 200)


def test_stranger_is_refused_before_the_body_is_read() -> None:
    """Nobody without a key makes the server hold anything."""
    exchange = Exchange()
    assert asyncio.run(exchange.run(Edge(Inner(), Keys([KEY])))) == 401
    assert exchange.n_received == 0


def test_route_finds_who_asks_and_how_much_may_come() -> None:
    """The caller, the number and the cap are in the scope; the body comes in one piece."""
    inner, exchange = Inner(), Exchange(pieces=(b"ab", b"", b"cd"))
    exchange.scope["headers"].append((b"authorization", f"Bearer {TEXT}".encode()))
    edge = Edge(inner, Keys([KEY]), body_bytes_max=4)
    assert asyncio.run(exchange.run(edge)) == 200
    state = inner.scopes[0]["state"]
    assert state["caller"] == Caller("team", frozenset({Role.PLAN}))
    assert state["body_bytes_max"] == 4
    assert dict(exchange.sent[0]["headers"])[b"x-request-id"].decode() == state["request_id"]
    assert inner.bodies == [b"abcd"]


def test_cap_is_counted_as_it_comes() -> None:
    """One byte above the cap is too many, however it is cut, and no more is read."""
    inner, edge = Inner(), Edge(Inner(), body_bytes_max=4)
    exchange = Exchange(pieces=(b"abc", b"de", b"f", b"g"))
    assert asyncio.run(exchange.run(edge)) == 413
    assert exchange.n_received == 2
    assert (inner.scopes, edge.n_held_bytes) == ([], 0)


def test_body_that_breaks_off_is_nobodys() -> None:
    """A client that goes in the middle gets no answer, and nothing is kept of it."""
    inner = Inner()
    edge, exchange = Edge(inner), Exchange(pieces=(b"ab", BREAK))
    assert asyncio.run(exchange.run(edge)) == 0
    assert (inner.scopes, edge.n_held_bytes) == ([], 0)


def test_all_bodies_together_have_a_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many bodies that are each allowed are refused where they are too many together."""
    monkeypatch.setattr(edge_module, "HELD_BYTES_MAX", 3)
    assert asyncio.run(Exchange(pieces=(b"ab",)).run(Edge(Inner()))) == 200
    assert asyncio.run(Exchange(pieces=(b"ab", b"cd")).run(Edge(Inner()))) == 503


def test_more_than_there_is_room_for_is_shed() -> None:
    """Above the cap requests are told to come again, at once; health is told all the same."""

    async def run() -> list[int]:
        """Hold two requests, send others, and let the two end."""
        inner = Inner()
        inner.may_answer.clear()
        edge = Edge(inner, in_flight_max=2)
        held = [asyncio.create_task(Exchange().run(edge)) for _ in range(2)]
        await asyncio.sleep(0)
        shed = Exchange()
        statuses = [await shed.run(edge)]
        assert (b"retry-after", b"1") in shed.sent[0]["headers"]
        health = Exchange("/v2/health/ready")
        health.scope["method"] = "GET"
        probe = asyncio.create_task(health.run(edge))
        await asyncio.sleep(0)
        inner.may_answer.set()
        statuses += [await probe, *await asyncio.gather(*held), await Exchange().run(edge)]
        assert edge.n_in_flight == 0
        return statuses

    assert asyncio.run(run()) == [503, 200, 200, 200, 200]


def test_requests_for_plans_are_shed_unread_where_the_desk_is_full() -> None:
    """They are told when to come again and are counted; what takes no place is let through."""
    metrics, inner = Metrics(), Inner()
    room = Room(1, lambda: None)
    edge = Edge(inner, room=room, metrics=metrics)
    with room.take_place():
        shed = Exchange(pieces=(BREAK,))
        assert asyncio.run(shed.run(edge)) == 429
        assert (b"retry-after", b"1") in shed.sent[0]["headers"]
        assert asyncio.run(Exchange("/v2/models/gain/infer").run(edge)) == 429
        assert asyncio.run(Exchange("/v1/outcomes").run(edge)) == 200
    assert asyncio.run(Exchange().run(edge)) == 200
    assert 'router_shed_requests_total{reason="overload"} 2.0' in metrics.render().decode()


def test_keys_are_held_to_their_rate_each() -> None:
    """One key's requests beyond it are told when to come again; others, and health, notice not."""
    now, metrics = [0.0], Metrics()
    limit = RateLimit(0.4, clock=lambda: now[0])
    edge = Edge(Inner(), Keys([KEY, REPORT_KEY]), rate=limit, metrics=metrics)

    def ask(text: str, path: str = "/v1/allocate", method: str = "POST") -> Exchange:
        exchange = Exchange(path)
        exchange.scope["method"] = method
        exchange.scope["headers"].append((b"authorization", f"Bearer {text}".encode()))
        asyncio.run(exchange.run(edge))
        return exchange

    assert ask(TEXT).sent[0]["status"] == 200
    for _ in range(2):
        refused = ask(TEXT)
        assert refused.sent[0]["status"] == 429
        assert (b"retry-after", b"3") in refused.sent[0]["headers"]
    assert ask(REPORT_TEXT, "/v1/outcomes").sent[0]["status"] == 200
    assert ask(TEXT, "/v2/health/ready", "GET").sent[0]["status"] == 200
    # What is refused does not count, so that patience is enough.
    now[0] = 2.5
    assert ask(TEXT).sent[0]["status"] == 200
    text = metrics.render().decode()
    assert 'router_shed_requests_total{reason="rate"} 2.0' in text
    assert 'router_shed_requests_total{reason="overload"} 0.0' in text


def test_strangers_use_up_no_keys_rate() -> None:
    """A key's eight first characters alone do not count as its requests."""
    edge = Edge(Inner(), Keys([KEY]), rate=RateLimit(1.0, clock=lambda: 0.0))
    for text, status in ((TEXT[:-2] + "aa", 401), (TEXT, 200)):
        exchange = Exchange()
        exchange.scope["headers"].append((b"authorization", f"Bearer {text}".encode()))
        assert asyncio.run(exchange.run(edge)) == status


def test_without_keys_all_callers_are_one() -> None:
    """The limit of the settings then holds for everybody together; by default there is none."""
    limited = guard(Inner(), Settings(requests_per_second_max=0.5))
    assert [asyncio.run(Exchange().run(limited)) for _ in range(2)] == [200, 429]
    free = guard(Inner(), Settings())
    assert {asyncio.run(Exchange().run(free)) for _ in range(50)} == {200}


def test_defect_is_answered_and_told_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    """What nobody foresaw is status 500; the log has its place and number, and no text."""

    async def fail(*_: object) -> None:
        """Raise what a caller wrote."""
        raise RuntimeError("WHISPER")

    exchange, edge = Exchange(), Edge(fail)
    with caplog.at_level(logging.DEBUG):
        assert asyncio.run(exchange.run(edge)) == 500
    assert b"WHISPER" not in exchange.sent[1]["body"]
    assert "WHISPER" not in caplog.text
    request_id = dict(exchange.sent[0]["headers"])[b"x-request-id"].decode()
    assert request_id in caplog.text
    assert "RuntimeError" in caplog.text
    assert "test_service_edge.py" in caplog.text
    assert edge.n_in_flight == 0


def test_defect_behind_the_edge_is_answered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The application answers a defect itself and raises it again: one answer, no noise."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("WHISPER")

    monkeypatch.setattr(Router, "predict", fail)
    with TestClient(guard(create_app(Router(tiny_bundle())), Settings()), base_url=URL) as client:
        answer = client.post("/v1/predict", json={"questions": ["Who?"]})
    assert answer.status_code == 500
    assert "WHISPER" not in answer.text


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8088", "[::1]:8088"])
def test_names_of_this_machine_are_served(host: str) -> None:
    """With any port, and in any case."""
    exchange = Exchange()
    exchange.scope["headers"][0] = (b"host", host.encode())
    assert asyncio.run(exchange.run(Edge(Inner()))) == 200


def test_any_host_is_served_where_that_is_set() -> None:
    """A star is any name, and none is allowed from clients of before there were names."""
    exchange = Exchange()
    exchange.scope["headers"][0] = (b"host", b"example.org")
    assert asyncio.run(exchange.run(Edge(Inner(), allowed_hosts=["*"]))) == 200
    old = Exchange()
    old.scope |= {"http_version": "1.0", "headers": HEADERS[1:]}
    assert asyncio.run(old.run(Edge(Inner(), allowed_hosts=["*"]))) == 200


def test_what_is_not_let_through_is_counted() -> None:
    """Refusals of the edge are series of their own, under no name that a client chose."""
    metrics = Metrics()
    edge = Edge(Inner(), Keys([KEY]), body_bytes_max=1, in_flight_max=0, metrics=metrics)
    key = (b"authorization", f"Bearer {TEXT}".encode())
    exchanges = [Exchange("/WHISPER"), Exchange(), Exchange(pieces=(b"x",))]
    for exchange in exchanges[1:]:
        exchange.scope["headers"].append(key)
    assert [asyncio.run(exchange.run(edge)) for exchange in exchanges] == [401, 413, 503]
    text = metrics.render().decode()
    assert "WHISPER" not in text
    for line in (
        'router_requests_total{route="other",status="401"} 1.0',
        'router_shed_requests_total{reason="too_large"} 1.0',
        'router_shed_requests_total{reason="overload"} 1.0',
        "router_requests_in_flight 0.0",
    ):
        assert line in text
