"""What tests of the wire share: a server in a thread, and requests written byte by byte."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router.service.server import make_server, open_socket

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp

    from router.service.metrics import Metrics
    from router.service.settings import Settings

SECONDS_MAX = 30
STATUS = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n")
PLAN_BODY = b'{"questions": ["Who?", "Why?"], "budget": {"searches": 3}}'


@dataclass
class RawAnswer:
    """What came back on a socket: nothing, or one answer."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    raw: bytes = b""


@contextmanager
def serve_in_thread(
    app: ASGIApp, settings: Settings, metrics: Metrics | None = None
) -> Iterator[int]:
    """Serve an application on a free port of this machine, and give the port."""
    with open_socket("127.0.0.1", 0) as listening:
        server = make_server(app, settings, metrics)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            end = time.monotonic() + SECONDS_MAX
            while not server.started:
                assert thread.is_alive(), "the server did not start"
                assert time.monotonic() < end, "the server does not start"
                time.sleep(0.01)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(SECONDS_MAX)
    assert not thread.is_alive(), "the server does not end"


def write_request(
    method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None
) -> bytes:
    """Write a request as a client in good order would."""
    fields = {"Host": "localhost"}
    if body is not None:
        fields |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
    fields |= headers or {}
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1") + (body or b"")


def connect(port: int, seconds: float = SECONDS_MAX) -> socket.socket:
    """Connect to the server under test."""
    return socket.create_connection(("127.0.0.1", port), timeout=seconds)


def read_answer(connection: socket.socket, buffer: bytearray | None = None) -> RawAnswer:
    """Read one answer, or nothing where the server has closed the connection.

    What comes behind the answer stays in `buffer`.
    """
    content = bytearray() if buffer is None else buffer
    while b"\r\n\r\n" not in content:
        if not _receive(connection, content):
            return RawAnswer(raw=bytes(content))
    head, _, rest = bytes(content).partition(b"\r\n\r\n")
    match = STATUS.match(head + b"\r\n")
    assert match is not None, head[:100]
    if match[1] == b"100":
        # Leave to send on, which is no answer yet.
        del content[: len(head) + 4]
        return read_answer(connection, content)
    lines = head.decode("latin-1").split("\r\n")[1:]
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    length = int(headers["content-length"])
    while len(rest) < length and _receive(connection, content):
        rest = bytes(content).partition(b"\r\n\r\n")[2]
    raw = bytes(content[: len(head) + 4 + length])
    del content[: len(raw)]
    return RawAnswer(int(match[1]), headers, rest[:length], raw)


def _receive(connection: socket.socket, content: bytearray) -> bool:
    """Read on, and say whether there was anything."""
    try:
        piece = connection.recv(65_536)
    except ConnectionError:
        return False
    content += piece
    return bool(piece)


def exchange(port: int, content: bytes, *, close_half: bool = False) -> RawAnswer:
    """Send bytes on a connection of their own and read what comes back."""
    with connect(port) as connection:
        try:
            connection.sendall(content)
            if close_half:
                connection.shutdown(socket.SHUT_WR)
        except ConnectionError:
            # Refused in the middle; the answer is there all the same.
            return read_answer(connection)
        return read_answer(connection)


def read_until_closed(connection: socket.socket) -> tuple[bytes, float]:
    """Read until the server closes, and say what came and how many seconds that took."""
    began, content = time.monotonic(), bytearray()
    while _receive(connection, content):
        continue
    return bytes(content), time.monotonic() - began
