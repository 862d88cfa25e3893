"""Mutation: requests in order and corpora of bad ones, changed by chance that a seed repeats."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from tests.contracts.malformed_bodies import MALFORMED
from tests.contracts.malformed_requests import BROKEN, UNWELCOME
from tests.contracts.servers import write_request

__all__ = ["Probe", "make_probe"]

QUESTION = {"id": "a", "text": "Who ruled Zurich in 1336?", "context": {"depth": 2}, "weight": 2}
MENU = {
    "grid": {"models": ["toy"], "search_steps": [0, 2], "model_strength": {"toy": 0.5}},
    "options": [{"name": "mine", "costs": {"searches": 1}}],
    "skip": True,
}
TENSOR = {"name": "text", "shape": [2], "datatype": "BYTES", "data": ["Who?", "Why?"]}
# What clients in good order send; every route is there.
GOOD: list[tuple[str, str, Any]] = [
    ("POST", "/v1/allocate", {"questions": ["Who?", "Why?"], "budget": {"searches": 3}}),
    ("POST", "/v1/allocate", {"questions": [QUESTION], "budget": {"searches": 3}, "menu": MENU}),
    ("POST", "/v1/allocate", {"questions": [QUESTION], "target_quality": 0.4}),
    ("POST", "/v1/allocate", {"questions": ["Who?"], "pool": "shared", "lease_s": 1}),
    ("POST", "/v1/predict", {"questions": [QUESTION, "Why?"]}),
    ("POST", "/v1/curve", {"questions": ["Who?", "Why?"], "n_points": 5}),
    ("POST", "/v1/pools", {"name": "shared", "capacity": {"usd": 1.0, "searches": 50}}),
    (
        "POST",
        "/v1/outcomes",
        {"plan_id": "p", "outcomes": [{"id": "a", "cost": {"usd": 0.1}, "quality": None}]},
    ),
    ("POST", "/v2/models/gain/infer", {"inputs": [TENSOR]}),
    ("GET", "/v1/pools", None),
    ("GET", "/v1/pools/shared", None),
    ("GET", "/v2/health/ready", None),
    ("GET", "/v2/models/gain", None),
    ("GET", "/metrics", None),
    ("GET", "/openapi.json", None),
]
NASTY: list[Any] = [
    *(None, True, False, 0, -1, 1, 1.5, -0.0, 1e308, 2**53, 2**63, -(2**63), 10**40, "", " "),
    *("\0", "a\u0301" * 200, "\U0001f600", "\u202e", "x" * 5000, "\ufdfa" * 50, "NaN", [], {}),
    *([[]], [None], {"": None}, {"usd": -1}, [{}], ["x"] * 600, list(range(300))),
]
TOKENS = [
    *(b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"9" * 400, b"\\ud800", b"\\u0000"),
    *(b"\xff", b"\xed\xa0\x80", b"\0", b"\xef\xbb\xbf", b"[" * 500, b'{"a":' * 200, b"null", b"//"),
    *(b",", b":", b'"', b"\\", b"{", b"}", b"[", b"]", b"\r\n", b"\n", b" " * 300, b"\t"),
]
WIRE_TOKENS = [
    *(b"\r\n", b"\n", b"\r", b"\0", b" ", b":", b"\r\n\r\n", b"HTTP/1.1", b"Host: localhost\r\n"),
    *(b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n"),
    *(b"Expect: 100-continue\r\n", b"Upgrade: websocket\r\nConnection: Upgrade\r\n", b"%00", b"/"),
    *(b"0\r\n\r\n", b"ffffffffffffffff\r\n", b"X: " + b"y" * 20_000, b"GET / HTTP/1.1\r\n"),
]
HEADERS = [
    *({"Content-Type": "text/plain"}, {"Host": "example.org"}, {"Idempotency-Key": "k" * 300}),
    *({"Idempotency-Key": "k1"}, {"Authorization": "Bearer x"}, {"Accept-Encoding": "gzip"}),
    *({"Content-Encoding": "gzip"}, {"traceparent": "00-" + "a" * 32 + "-" + "b" * 16 + "-01"}),
    *({"Inference-Header-Content-Length": "7"}, {"Expect": "100-continue"}, {"X": "\xff"}),
]


class Probe:
    """What is sent on one connection, and whether the connection lives on.

    Parameters
    ----------
    content : bytes
        Everything that is sent.
    is_whole : bool
        Whether it is one request whose end the server can find.
    """

    def __init__(self, content: bytes, *, is_whole: bool) -> None:
        self.content = content
        self.is_whole = is_whole


def make_probe(seed: int, number: int) -> Probe:
    """Make one of the requests that a seed stands for.

    Parameters
    ----------
    seed : int
        Of the whole run.
    number : int
        Which; each can be made alone.

    Returns
    -------
    Probe
    """
    chance = random.Random(f"{seed}:{number}")  # noqa: S311 -- To be repeated, not to be secret.
    kind = chance.random()
    if kind < 0.1:
        content = chance.choice([*BROKEN.values(), *UNWELCOME.values()])
        return Probe(_mutate_bytes(chance, content, WIRE_TOKENS), is_whole=False)
    method, path, document = chance.choice(GOOD)
    body = None if document is None else _make_body(chance, document)
    if kind < 0.25:
        content = write_request(method, path, body)
        return Probe(_mutate_bytes(chance, content, WIRE_TOKENS), is_whole=False)
    headers = chance.choice(HEADERS) if chance.random() < 0.15 else None
    if body is not None and chance.random() < 0.15:
        return Probe(_write_chunked(chance, method, path, body), is_whole=True)
    return Probe(write_request(method, path, body, headers), is_whole=True)


def _make_body(chance: random.Random, document: Any) -> bytes:
    """Make a body: from the corpus, by changing values, by changing bytes, or as it is."""
    kind = chance.random()
    if kind < 0.1:
        return chance.choice(list(MALFORMED.values()))
    if kind < 0.2:
        return json.dumps(document).encode()
    if kind < 0.6:
        changed = json.loads(json.dumps(document))
        for _ in range(chance.randint(1, 3)):
            changed = _mutate_value(chance, changed)
        return json.dumps(changed).encode("utf-8", "surrogatepass")
    base = chance.choice([json.dumps(document).encode(), *MALFORMED.values()])
    return _mutate_bytes(chance, base, TOKENS)


def _mutate_value(chance: random.Random, value: Any) -> Any:
    """Change one place of a document: another value, one less, one more, or two changed places."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        key = chance.choice(list(value))
        kind = chance.random()
        if kind < 0.15:
            del value[key]
        elif kind < 0.25:
            value[chance.choice(["x", "id", "", "usd", "text", "\0", "k" * 300])] = value[key]
        else:
            value[key] = _mutate_value(chance, value[key])
        return value
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        kind = chance.random()
        if kind < 0.2:
            value.extend(value[:place] * chance.randint(1, 3))
        elif kind < 0.3:
            del value[place]
        else:
            value[place] = _mutate_value(chance, value[place])
        return value
    return copy.deepcopy(chance.choice(NASTY))


def _mutate_bytes(chance: random.Random, content: bytes, tokens: list[bytes]) -> bytes:
    """Change some bytes: flipped, taken out, doubled, or others put in between."""
    changed = bytearray(content)
    for _ in range(chance.choice([0, 1, 1, 2, 4, 8])):
        start = chance.randrange(len(changed) + 1)
        end = min(len(changed), start + chance.choice([1, 2, 8, 64]))
        kind = chance.random()
        if kind < 0.25:
            changed[start:end] = bytes(
                byte ^ (1 << chance.randrange(8)) for byte in changed[start:end]
            )
        elif kind < 0.4:
            del changed[start:end]
        elif kind < 0.55:
            changed[start:start] = changed[start:end] * chance.choice([1, 2, 50])
        elif kind < 0.65:
            del changed[start:]
        else:
            changed[start:start] = chance.choice(tokens)
    return bytes(changed)


def _write_chunked(chance: random.Random, method: str, path: str, body: bytes) -> bytes:
    """Write a request whose body comes in pieces of any size, with extensions and trailers."""
    fields = {"Content-Type": "application/json", "Transfer-Encoding": "chunked"}
    content = bytearray(write_request(method, path, None, fields))
    start = 0
    while start < len(body):
        piece = body[start : start + chance.choice([1, 5, 100, 5000])]
        extension = chance.choice([b"", b";a=b", b';a="b c"'])
        content += b"%x%s\r\n%s\r\n" % (len(piece), extension, piece)
        # Many tiny pieces would only test the patience of whoever waits for the end of the run.
        start += len(piece)
    return bytes(content + chance.choice([b"0\r\n\r\n", b"0\r\nX: y\r\n\r\n"]))
