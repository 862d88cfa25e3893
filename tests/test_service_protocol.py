"""The wire: whatever bytes come, and however slowly, others are served and memory stays small."""

from __future__ import annotations

import re
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from router.planner import Router
from router.service import server as server_module
from router.service.application import create_app
from router.service.metrics import Metrics
from router.service.server import guard
from router.service.settings import Settings
from tests.contracts.commands import PRICES, read_json, tiny_bundle
from tests.contracts.malformed_bodies import MALFORMED
from tests.contracts.malformed_requests import BROKEN, CANARY, CHUNKED, HOST, LIVE, UNWELCOME, chunk
from tests.contracts.servers import (
    PLAN_BODY,
    RawAnswer,
    connect,
    exchange,
    read_answer,
    read_until_closed,
    serve_in_thread,
    write_request,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ANSWER_BYTES_MAX = 4096
ALIVE = write_request("GET", "/v2/health/live")
PLAN = write_request("POST", "/v1/allocate", PLAN_BODY)
QUICK = Settings(header_seconds=0.4, body_seconds=0.8, idle_seconds=1.2, answer_seconds=0.5)
# How much later than its deadline something may end on a machine that does other things as well.
SLACK_SECONDS = 5.0


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """Serve the small bundle with the settings that are the default."""
    settings = Settings()
    app = create_app(Router(tiny_bundle(), PRICES))
    with serve_in_thread(guard(app, settings), settings) as port:
        yield port


@pytest.fixture(scope="module")
def quick_port() -> Iterator[int]:
    """Serve the small bundle to quick clients only, and count the others."""
    app = create_app(Router(tiny_bundle(), PRICES))
    metrics = Metrics()
    with serve_in_thread(guard(app, QUICK), QUICK, metrics) as port:
        yield port
    counted = re.search(rb'shed_requests_total{reason="slow_client"} (\d+)', metrics.render())
    assert counted is not None
    # All but those that were only idle.
    assert int(counted[1]) == sum(seconds != QUICK.idle_seconds for *_, seconds, _ in SLOW.values())


def check_refused(answer: RawAnswer) -> None:
    """Check that an answer is a small 4xx of the one shape that repeats nothing."""
    assert 400 <= answer.status < 500, answer.raw[:200]
    assert len(answer.raw) <= ANSWER_BYTES_MAX
    assert CANARY not in answer.raw
    assert CANARY.lower() not in answer.raw.lower()
    assert "server" not in answer.headers
    assert "date" not in answer.headers
    assert answer.headers["x-content-type-options"] == "nosniff"
    error = read_json(answer.body.decode())["error"]
    # Where the Open Inference Protocol is spoken, an error is a text.
    assert isinstance(error, str) or set(error) == {"code", "message"}


def check_alive(port: int) -> None:
    """Check that a good request is answered on a connection of its own."""
    assert exchange(port, ALIVE).status == 200


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_broken_request_is_refused_and_closed(port: int, content: bytes) -> None:
    """What is no HTTP/1.1 gets a small 4xx, the connection ends, and others are served."""
    with connect(port) as connection:
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
        except OSError:
            assert len(content) > 16_384, "closed before all was sent"
        check_refused(read_answer(connection))
        assert read_until_closed(connection)[0] == b""
    check_alive(port)


@pytest.mark.parametrize("content", UNWELCOME.values(), ids=UNWELCOME)
def test_unwelcome_request_is_refused(port: int, content: bytes) -> None:
    """What is HTTP and nothing for this server gets a small 4xx, and others are served."""
    method = content.partition(b" ")[0]
    if method == b"HEAD":
        with connect(port) as connection:
            connection.sendall(content)
            assert connection.recv(ANSWER_BYTES_MAX).startswith(b"HTTP/1.1 405 ")
    else:
        check_refused(exchange(port, content))
    check_alive(port)


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
def test_malformed_body_is_refused(port: int, content: bytes) -> None:
    """The bodies that no client should send are refused over a socket as well."""
    check_refused(exchange(port, write_request("POST", "/v1/allocate", content)))
    check_alive(port)


def test_there_are_kinds_enough() -> None:
    """What is promised for sixty kinds is shown for more than three times as many."""
    assert len(BROKEN) + len(UNWELCOME) + len(MALFORMED) >= 200


@pytest.mark.parametrize("size", [1, 7, 100])
def test_pieces_make_the_same_request(port: int, size: int) -> None:
    """However a request is cut into pieces, it is the same one."""
    content = CHUNKED + b"".join(chunk(PLAN_BODY[i : i + 5]) for i in range(0, len(PLAN_BODY), 5))
    content += b"0\r\nX: trailer\r\n\r\n" + ALIVE
    with connect(port) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for start in range(0, len(content), size):
            connection.sendall(content[start : start + size])
        buffer = bytearray()
        plan = read_answer(connection, buffer)
        assert plan.status == 200
        assert len(read_json(plan.body.decode())["choices"]) == 2
        assert read_answer(connection, buffer).status == 200


@pytest.mark.parametrize(("missing", "status"), [(0, 200), (-1, 431)])
def test_header_cap_is_exact(port: int, missing: int, status: int) -> None:
    """Request line and headers may have 16 KiB together, and not a byte more."""
    start, end = LIVE + HOST + b"X: ", b"\r\n\r\n"
    content = start + b"x" * (16_384 - len(start) - len(end) - missing) + end
    assert exchange(port, content).status == status


@pytest.mark.parametrize(("length", "status"), [(4096, 404), (4097, 414)])
def test_address_cap_is_exact(port: int, length: int, status: int) -> None:
    """What is asked for may have 4 KiB."""
    assert exchange(port, write_request("GET", "/".ljust(length, "x"))).status == status


def test_headers_behind_a_request_are_capped_too(port: int) -> None:
    """A second request on its way has no more room for headers than the first."""
    with connect(port) as connection:
        connection.sendall(ALIVE + LIVE + b"X: " + b"x" * 40_000)
        buffer = bytearray()
        assert read_answer(connection, buffer).status == 200
        assert read_answer(connection, buffer).status in {0, 431}
        assert read_until_closed(connection)[0] == b""


def test_trailers_are_no_headers(port: int) -> None:
    """What stands behind a body is not read as a header: here it would be a second host."""
    content = CHUNKED + chunk(PLAN_BODY) + b"0\r\nHost: WHISPER\r\n\r\n"
    assert exchange(port, content).status == 200


def test_requests_in_a_row_are_answered_in_order(port: int) -> None:
    """What stands whole in front of something broken is answered, then the connection ends."""
    with connect(port) as connection:
        connection.sendall(PLAN + ALIVE + PLAN + b"WHISPER\r\n\r\n")
        buffer = bytearray()
        lengths = [len(read_answer(connection, buffer).body) for _ in range(3)]
        assert lengths[0] == lengths[2] > lengths[1] > 0
        assert read_answer(connection, buffer).status in {0, 400}
    check_alive(port)


def test_a_row_has_an_end(port: int) -> None:
    """A thousand requests in one piece are not all taken in: a client asks again for the rest."""
    with connect(port) as connection:
        connection.sendall(ALIVE * 1000)
        content, _ = read_until_closed(connection)
    assert 20 <= content.count(b"HTTP/1.1 200 ") < 100
    check_alive(port)


def test_answer_in_the_middle_of_a_body_keeps_the_connection(port: int) -> None:
    """A refused body is read on and forgotten, so that its client gets to see the refusal."""
    with connect(port) as connection:
        head, _, body = write_request("POST", "/nowhere", b"x" * 200_000).partition(b"\r\n\r\n")
        connection.sendall(head + b"\r\n\r\n" + body[:1000])
        assert read_answer(connection).status == 404
        connection.sendall(body[1000:])
        connection.sendall(ALIVE)
        assert read_answer(connection).status == 200


def test_body_nobody_wants_has_an_end(port: int) -> None:
    """Behind a refusal not more than 16 MiB are read and forgotten, then the connection ends."""
    head = CHUNKED.replace(b"/v1/allocate", b"/nowhere")
    with connect(port) as connection:
        connection.sendall(head)
        assert read_answer(connection).status == 404
        with pytest.raises(ConnectionError):
            connection.sendall(chunk(b"x" * 100_000) * 1000)
    check_alive(port)


def test_small_pieces_may_make_a_whole_body(port: int) -> None:
    """A body of the longest length in pieces of a few bytes is long on the wire, and let in."""
    body = PLAN_BODY.ljust(200_000)
    content = CHUNKED + b"".join(chunk(body[i : i + 4]) for i in range(0, len(body), 4))
    assert len(content) > 2 * len(body)
    assert exchange(port, content + b"0\r\n\r\n").status == 200


def test_half_closed_client_is_answered(port: int) -> None:
    """Who sends a whole request and says that nothing follows still gets the plan."""
    assert exchange(port, PLAN, close_half=True).status == 200
    last = write_request("POST", "/v1/allocate", PLAN_BODY, {"Connection": "close"})
    assert exchange(port, last, close_half=True).headers["connection"] == "close"


def test_offer_of_another_protocol_is_ignored(port: int) -> None:
    """A client that would rather speak HTTP/2 is answered in HTTP/1.1."""
    offer = {"Upgrade": "h2c", "Connection": "Upgrade, HTTP2-Settings", "HTTP2-Settings": "x"}
    content = write_request("POST", "/v1/allocate", PLAN_BODY, offer)
    pieces = write_request("POST", "/v1/allocate", None, {**offer, "Transfer-Encoding": "chunked"})
    pieces = pieces.replace(b"Host", b"Content-Type: application/json\r\nHost")
    pieces += chunk(PLAN_BODY) + b"0\r\n\r\n"
    with connect(port) as connection:
        connection.sendall((content + ALIVE.replace(b"Host", b"Upgrade: h2c\r\nHost") + pieces) * 3)
        buffer = bytearray()
        assert [read_answer(connection, buffer).status for _ in range(9)] == [200] * 9


def test_leave_to_send_is_given_only_for_what_is_wanted(port: int) -> None:
    """A client that asks before it sends a body is told so, or refused without it."""
    fields = {"Expect": "100-continue"}
    head = write_request("POST", "/v1/allocate", PLAN_BODY, fields).partition(b"\r\n\r\n")[0]
    with connect(port) as connection:
        connection.sendall(head + b"\r\n\r\n")
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(PLAN_BODY)
        assert read_answer(connection).status == 200
    long = head.replace(b"Content-Length: ", b"Content-Length: 99999")
    assert exchange(port, long + b"\r\n\r\n").status == 413


def seconds_until_cut(port: int, content: bytes, *, trickle: bytes = b"") -> tuple[bytes, float]:
    """Send something unfinished, more of it bit by bit, and wait for the end."""
    began, received = time.monotonic(), b""
    with connect(port, seconds=0.05) as connection:
        connection.sendall(content)
        while time.monotonic() - began < 60:
            try:
                if trickle:
                    connection.sendall(trickle)
                piece = connection.recv(65_536)
                received += piece
                if not piece:
                    break
            except TimeoutError:
                continue
            except OSError:
                break
    return received, time.monotonic() - began


POST_HEAD = write_request("POST", "/v1/allocate", b"x" * 100_000)[:-100_000]
SLOW = {
    "nothing at all": (b"", b"", 1.2, b""),
    "half a header": (LIVE + b"X: ", b"", 0.4, b"HTTP/1.1 408 "),
    "a header bit by bit": (LIVE + b"X: ", b"x", 0.4, b"HTTP/1.1 408 "),
    "headers bit by bit": (LIVE, b"X: y\r\n", 0.4, b"HTTP/1.1 408 "),
    "blank lines bit by bit": (b"\r\n", b"\r\n", 0.4, b"HTTP/1.1 408 "),
    "half a body": (POST_HEAD + b'{"questions"', b"", 0.8, b"HTTP/1.1 408 "),
    "a body bit by bit": (POST_HEAD, b"x", 0.8, b"HTTP/1.1 408 "),
    "pieces bit by bit": (CHUNKED, b"1\r\nx\r\n", 0.8, b"HTTP/1.1 408 "),
    "half a request behind a whole one": (ALIVE + b"GET", b"", 0.4, b"HTTP/1.1 408 "),
    "silence behind a whole one": (ALIVE, b"", 1.2, b"HTTP/1.1 200 "),
    "the rest of a body nobody wants": (
        POST_HEAD.replace(b"/v1/allocate", b"/nowhere"),
        b"x",
        0.8,
        b"HTTP/1.1 404 ",
    ),
}


@pytest.mark.parametrize(("content", "trickle", "seconds", "answer"), SLOW.values(), ids=SLOW)
def test_slow_client_is_cut(
    quick_port: int, content: bytes, trickle: bytes, seconds: float, answer: bytes
) -> None:
    """Whatever does not arrive in its time is refused, not earlier, and the connection ends."""
    received, waited = seconds_until_cut(quick_port, content, trickle=trickle)
    assert seconds - 0.05 <= waited <= seconds + SLACK_SECONDS
    assert answer in received


def test_protocol_without_deadlines_would_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's own protocol keeps half a header open, which is what the test above finds."""
    monkeypatch.setattr(server_module, "make_protocol", lambda *_: HttpToolsProtocol)
    app = guard(create_app(Router(tiny_bundle(), PRICES)), QUICK)
    with serve_in_thread(app, QUICK) as port, connect(port, seconds=2.0) as connection:
        connection.sendall(LIVE + b"X: ")
        with pytest.raises(TimeoutError):
            connection.recv(100)


def test_answer_nobody_reads_is_given_up() -> None:
    """A client that does not read its answer loses the connection instead of keeping it."""
    stopped: list[str] = []

    async def answer_much(scope: Any, receive: Any, send: Any) -> None:
        """Answer with more than any buffer of the machine takes."""
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(1000):
            await send({"type": "http.response.body", "body": b"x" * 100_000, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        stopped.append("done")

    with serve_in_thread(answer_much, QUICK) as port, connect(port) as connection:
        connection.sendall(ALIVE)
        end = time.monotonic() + 60
        while not stopped and time.monotonic() < end:
            time.sleep(0.05)
    assert stopped == ["done"]


def test_idle_connection_makes_room() -> None:
    """With all connections taken, a new client is served and the one idle longest goes."""
    # Nothing but the want of room ends a connection here, however long the machine is busy.
    settings = Settings(connections_max=5, idle_seconds=120)
    app = guard(create_app(Router(tiny_bundle(), PRICES)), settings)
    with serve_in_thread(app, settings) as port:
        idle = [connect(port) for _ in range(5)]
        for connection in idle[1:]:
            connection.sendall(ALIVE)
            assert read_answer(connection).status == 200
        with connect(port) as another:
            another.sendall(ALIVE)
            assert read_answer(another).status == 200
            assert read_until_closed(idle[0])[0] == b""
            idle[1].sendall(ALIVE)
            assert read_answer(idle[1]).status == 200
        for connection in idle:
            connection.close()


def test_end_does_not_wait_for_what_may_never_come() -> None:
    """Told to stop, the server refuses half a body instead of waiting for it."""
    settings = Settings(body_seconds=120)
    app = guard(create_app(Router(tiny_bundle(), PRICES)), settings)
    with serve_in_thread(app, settings) as port:
        connection = connect(port)
        connection.sendall(POST_HEAD + b"{")
        check_alive(port)
    with connection:
        assert read_answer(connection).status == 503
