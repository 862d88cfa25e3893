"""Embeddings for tests: a service on a socket whose next faults can be listed, and a function."""

from __future__ import annotations

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

# What a server does with a request: a status and a body, or None for the right answer.
Fault = tuple[int, bytes, dict[str, str]]


def embed(texts: list[str]) -> list[list[float]]:
    """Give what the server says of texts."""
    return [[len(text), text.count("a"), 1.0] for text in texts]


class Service:
    """A service whose next faults are listed."""

    def __init__(self) -> None:
        """Listen on a free port."""
        self.faults: list[Fault] = []
        self.seen: list[tuple[dict[str, Any], dict[str, str]]] = []
        self.change: Callable[[list[dict[str, Any]]], Any] = list
        self.hold = threading.Event()
        self.hold.set()
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                body = json.loads(self.rfile.read(length))
                server.seen.append((body, dict(self.headers)))
                server.hold.wait(10)
                if server.faults:
                    status, content, headers = server.faults.pop(0)
                else:
                    rows = list(enumerate(embed(body["input"])))[::-1]
                    entries = [{"index": i, "embedding": row} for i, row in rows]
                    answer = {"data": server.change(entries)}
                    status, content = 200, json.dumps(answer).encode()
                    headers = {}
                self.send_response(status)
                for name, value in {"Content-Length": str(len(content)), **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        class Quiet(ThreadingHTTPServer):
            def handle_error(self, *_: object) -> None:
                """Keep quiet about clients that hang up, as impatient ones do here."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        # It looks up so often whether to stop.
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()

    def close(self) -> None:
        """Stop listening."""
        self.hold.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def hash_texts(texts: list[str], dimension: int = 6) -> NDArray[np.float64]:
    """Embed texts by numbers that depend on nothing but the text and mean nothing."""
    digests = [hashlib.sha256(text.encode("utf-8", "replace")).digest() for text in texts]
    seeds = [int.from_bytes(digest[:8], "big") for digest in digests]
    rows = [np.random.default_rng(seed).normal(size=dimension) for seed in seeds]
    return np.array(rows).reshape(len(texts), dimension)
