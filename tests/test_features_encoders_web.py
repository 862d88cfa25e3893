"""The encoder behind an address, against a server on a socket that misbehaves in every way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.exceptions import EncoderError
from router.features.encoders import web
from router.features.encoders.web import KEY_VARIABLE, WebEncoder
from tests.contracts.embeddings import Service, embed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Service]:
    """Give a server of the test's own, and an environment without a key."""
    monkeypatch.delenv(KEY_VARIABLE, raising=False)
    running = Service()
    yield running
    running.close()


def connect(server: Service, waits: list[float] | None = None, **settings: Any) -> WebEncoder:
    """Make an encoder for the server that notes how long it would wait."""
    noted = [] if waits is None else waits
    return WebEncoder(server.url, "small", sleep=noted.append, **settings)


def test_texts_become_vectors(server: Service) -> None:
    """Batches are cut, and vectors come in the order of the texts whatever the answer's order."""
    texts = ["a" * (number % 7) + "b" for number in range(150)]
    encoder = connect(server)
    np.testing.assert_array_equal(encoder.embed(texts), np.array(embed(texts), np.float32))
    assert [len(body["input"]) for body, _ in server.seen] == [1, 64, 64, 22]
    assert {body["model"] for body, _ in server.seen} == {"small"}
    assert encoder.embed([]).shape == (0, 3)


def test_strange_texts_reach_the_service(server: Service) -> None:
    """An empty text, one that is too long and a lone surrogate are made fit to send."""
    connect(server).embed(["", "x" * 99_999, "\ud800"])
    sent = server.seen[-1][0]["input"]
    assert sent[0] == " "
    assert 5000 <= len(sent[1]) < 5100
    assert sent[2] == "?"


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_passing_fault_is_tried_again(server: Service, status: int) -> None:
    """A fault that may pass is waited out, longer each time."""
    waits: list[float] = []
    encoder = connect(server, waits)
    server.faults = [(status, b"", {}), (status, b"", {})]
    np.testing.assert_array_equal(encoder.embed(["aa"]), [[2.0, 2.0, 1.0]])
    assert waits == [0.5, 1.0]


def test_service_says_how_long_to_wait(server: Service) -> None:
    """Retry-After is kept to, up to a limit; one that is no number is ignored."""
    waits: list[float] = []
    encoder = connect(server, waits, n_attempts=4)
    server.faults = [(429, b"", {"Retry-After": value}) for value in ("3", "9999", "soon")]
    encoder.embed(["a"])
    assert waits == [3.0, 8.0, 2.0]


def test_lasting_fault_is_an_error(server: Service) -> None:
    """After the last attempt the error names model, address, status and attempts."""
    server.faults = [(500, b"", {})] * 3
    with pytest.raises(EncoderError, match=r"small at http.*status 500, 3 attempts"):
        connect(server).embed(["a"])
    assert len(server.seen) == 3


def test_service_that_is_down_is_left_alone(server: Service) -> None:
    """After a failure nothing is asked for a while, so that not every plan waits; then it is."""
    now = [100.0]
    encoder = connect(server, n_attempts=2, clock=lambda: now[0])
    server.faults = [(500, b"", {})] * 2
    with pytest.raises(EncoderError, match="2 attempts"):
        encoder.embed(["a"])
    now[0] += 29.5
    with pytest.raises(EncoderError, match="asked again in 1 s"):
        encoder.embed(["a"])
    assert len(server.seen) == 2
    now[0] += 1.0
    np.testing.assert_array_equal(encoder.embed(["a"]), [[1.0, 1.0, 1.0]])


@pytest.mark.parametrize("status", [301, 307, 400, 401, 404])
def test_other_statuses_are_not_tried_again(server: Service, status: int) -> None:
    """A refusal stays one, and a redirection, to which the key would follow, is a refusal."""
    server.faults = [(status, b"{}", {"Location": server.url})]
    with pytest.raises(EncoderError, match=f"status {status}"):
        connect(server).embed(["a"])
    assert len(server.seen) == 1


def test_slow_answer_times_out(server: Service) -> None:
    """A service that does not answer in time is given up."""
    server.hold.clear()
    with pytest.raises(EncoderError, match=r"no answer \(timed out\), 2 attempts"):
        connect(server, timeout_s=0.05, n_attempts=2).embed(["a"])


def test_closed_door_is_an_error(server: Service) -> None:
    """Where nothing listens, the error says so."""
    encoder = connect(server, n_attempts=1)
    server.server.server_close()
    with pytest.raises(EncoderError, match="no answer"):
        encoder.embed(["a"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda entries: entries[:1], "1 vectors for 2 texts"),
        (lambda entries: entries[:1] * 2, "numbered otherwise"),
        (lambda entries: entries + entries[:1], "3 vectors"),
        (lambda entries: [dict(entry, embedding=[1.0]) for entry in entries], "3 is due"),
        (lambda entries: [dict(entry, embedding=[np.nan] * 3) for entry in entries], "not finite"),
        (lambda entries: [dict(entry, embedding="AAAA") for entry in entries], "no table"),
        (lambda entries: [dict(entry, embedding=None) for entry in entries], "shape"),
        (lambda entries: [entry["embedding"] for entry in entries], "no JSON with data"),
        (lambda entries: [dict(entry, index=None) for entry in entries], "no JSON with data"),
        (lambda entries: [dict(entry, index=np.inf) for entry in entries], "no JSON with data"),
        (len, "no JSON with data"),
    ],
)
def test_wrong_answers_are_refused(
    server: Service, change: Callable[[list[dict[str, Any]]], Any], message: str
) -> None:
    """Vectors that are missing, repeated, of another width or not finite are not believed."""
    encoder = connect(server)
    assert encoder.dimension == 3
    server.change = change
    with pytest.raises(EncoderError, match=message):
        encoder.embed(["a", "b"])


def test_answer_that_is_no_json_or_too_large(
    server: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page of HTML is no answer, and reading stops at a limit."""
    encoder = connect(server)
    server.faults = [(200, b"<html>", {})]
    with pytest.raises(EncoderError, match="no JSON"):
        encoder.embed(["a"])
    monkeypatch.setattr(web, "ANSWER_SIZE_MAX_BYTES", 10)
    with pytest.raises(EncoderError, match="larger than 10 bytes"):
        encoder.embed(["a"])


def test_key_comes_from_the_environment(server: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is sent where there is one, and stands neither in the fingerprint nor in its text."""
    encoder = connect(server)
    encoder.embed(["a"])
    assert "Authorization" not in server.seen[-1][1]
    monkeypatch.setenv(KEY_VARIABLE, "hush-hush")
    encoder.embed(["a"])
    assert server.seen[-1][1]["Authorization"] == "Bearer hush-hush"
    assert "hush" not in encoder.fingerprint + repr(encoder) + encoder.name


def test_key_is_not_sent_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key leaves this machine encrypted or not at all, and cannot smuggle a header."""
    monkeypatch.setenv(KEY_VARIABLE, "hush")
    with pytest.raises(EncoderError, match="unencrypted"):
        WebEncoder("http://example.org", "small").embed(["a"])
    monkeypatch.setenv(KEY_VARIABLE, "hush\nX: y")
    with pytest.raises(EncoderError, match="no header may have"):
        WebEncoder("http://localhost:9", "small").embed(["a"])


@pytest.mark.parametrize(
    "url",
    [
        "ftp://example.org",
        "https://",
        "https://example.org:none",
        "https://example.org:0",
        "https://me:secret@example.org",
        "https://example.org/v1/embeddings?key=secret",
        "https://example.org/#secret",
        "https://[",
        "https://example.org/embéddings",
        "https://me:secret@example..org/",
        "https://me:secret@example.org:none",
        "ftp://example.org/?key=secret",
    ],
)
def test_bad_addresses_are_refused(url: str) -> None:
    """What is no address of a service is refused, and a secret in one is not repeated."""
    with pytest.raises(EncoderError) as caught:
        WebEncoder(url, "small")
    assert "secret" not in str(caught.value)


def test_address_is_completed() -> None:
    """A host alone is asked at the usual place; a path that is given stays."""
    assert WebEncoder("https://example.org/", "m").url == "https://example.org/v1/embeddings"
    assert WebEncoder("https://example.org/x", "m").fingerprint == "web:https://example.org/x:m"
