"""A load generator over raw sockets: so light that what it measures is the server."""

from __future__ import annotations

import selectors
import socket
import time
from collections import Counter
from dataclasses import dataclass, field

__all__ = ["Load", "drive", "make_request"]

HEAD_END = b"\r\n\r\n"
LENGTH = b"content-length:"
# A server that says nothing for so long counts as dead.
SILENCE_SECONDS = 30.0


@dataclass
class Load:
    """What a run found.

    Parameters
    ----------
    seconds : float
        How long it took.
    latencies_ms : list of float
        Of every answer, from the first byte sent to the last received.
    statuses : dict of int to int
        How many answers had each HTTP status.
    n_degraded : int
        How many of them were plans made without the model.
    """

    seconds: float = 0.0
    latencies_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    n_degraded: int = 0

    @property
    def per_second(self) -> float:
        """Answers a second."""
        return len(self.latencies_ms) / self.seconds


def make_request(path: str, body: bytes | None = None, headers: str = "") -> bytes:
    r"""Write a request as bytes: a POST with a body of JSON, a GET without.

    Examples
    --------
    >>> make_request("/v2/health/live").partition(b"\r\n")[0]
    b'GET /v2/health/live HTTP/1.1'
    """
    method = "GET" if body is None else "POST"
    head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{headers}"
    if body is not None:
        head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    return f"{head}\r\n".encode() + (body or b"")


class _Connection:
    """A connection that sends one request after the other."""

    def __init__(self, address: tuple[str, int]) -> None:
        """Connect."""
        self.socket = socket.create_connection(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._received = b""
        self._length: int | None = None
        self._sent_at = 0.0

    def send(self, request: bytes) -> None:
        """Send a request, all of it."""
        self._received, self._length = b"", None
        self._sent_at = time.perf_counter()
        self.socket.sendall(request)

    def receive(self, load: Load) -> bool:
        """Receive what is there; say whether the answer is whole, and note it then."""
        part = self.socket.recv(1 << 20)
        if not part:
            raise ConnectionError("the server closed a connection")
        self._received += part
        if self._length is None:
            head, end, _ = self._received.partition(HEAD_END)
            if not end:
                return False
            line = head.lower().partition(LENGTH)[2].partition(b"\r\n")[0]
            self._length = len(head) + len(HEAD_END) + int(line)
        if len(self._received) < self._length:
            return False
        load.latencies_ms.append((time.perf_counter() - self._sent_at) * 1e3)
        load.statuses[int(self._received[9:12])] += 1
        load.n_degraded += b'"degraded":' in self._received
        return True


def drive(
    address: tuple[str, int], requests: list[bytes], *, concurrency: int, seconds: float
) -> Load:
    """Send requests over some connections, each as soon as its last one was answered.

    Parameters
    ----------
    address : tuple of str and int
        Host and port.
    requests : list of bytes
        Sent in turn, from the first again after the last.
    concurrency : int
        How many connections.
    seconds : float
        How long; requests on their way then are waited for and counted.

    Returns
    -------
    Load
    """
    load, number = Load(), 0
    connections = [_Connection(address) for _ in range(concurrency)]
    with selectors.DefaultSelector() as selector:
        begun = time.perf_counter()
        end = begun + seconds
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.send(requests[number % len(requests)])
            number += 1
        open_requests = concurrency
        while open_requests:
            ready = selector.select(SILENCE_SECONDS)
            if not ready:
                raise TimeoutError(f"no answer within {SILENCE_SECONDS:.0f} seconds")
            for key, _ in ready:
                if not key.data.receive(load):
                    continue
                if time.perf_counter() < end:
                    key.data.send(requests[number % len(requests)])
                    number += 1
                else:
                    open_requests -= 1
        load.seconds = time.perf_counter() - begun
    for connection in connections:
        connection.socket.close()
    return load
