"""The wire: HTTP/1.1 under limits of bytes and time, so that no client holds what others need."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, ClassVar

import httptools
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from router.service.alarms import Alarm
from router.service.errors import write_error
from router.service.limits import WireLimits
from router.service.metrics import OTHER, NoMetrics
from router.service.quiet_transport import QuietTransport

if TYPE_CHECKING:
    import asyncio

    from uvicorn._types import ASGI3Application
    from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

    from router.service.metrics import Metrics

__all__ = ["WireProtocol", "make_protocol"]

# Stages of what is being received: between messages, before the end of the headers, after it.
IDLE, HEADERS, BODY = "idle", "headers", "body"
# Header fields of one message; each costs more than its bytes.
FIELDS_MAX = 100
# Messages that wait behind one being answered; a small one costs a hundred times its bytes here.
PIPELINED_MAX = 32
# A body in pieces of one byte is six times as long on the wire.
WIRE_BYTES_PER_BODY_BYTE = 8
# What a client still sends after its answer is read and forgotten, so that the answer reaches it.
DISCARDED_BYTES_MAX = 16 * 1024 * 1024
LINGER_SECONDS = 1.0
# What says how long a body is.
FRAMING_HEADERS = frozenset({b"content-length", b"transfer-encoding"})


class _UnacceptableError(Exception):
    """What has been received is not a request that is answered; raised inside the parser."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class WireProtocol(HttpToolsProtocol):
    """One connection, with deadlines and caps that the parser and the server have none of."""

    limits: ClassVar[WireLimits] = WireLimits()
    metrics: ClassVar[Metrics] = NoMetrics()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.stage = IDLE
        self.n_messages = 0
        self.n_stage_bytes = 0
        self.n_header_bytes = 0
        self.n_discarded_bytes = 0
        # Nothing that comes in is looked at any more, and then nothing more is said either.
        self.deaf = False
        self.closing = False
        # A parser is being told again what another one has read already.
        self.declining = False
        self.refused: _UnacceptableError | None = None
        self.running: RequestResponseCycle = None  # type: ignore[assignment]  # As the base does.
        # The loop's own clock counts whole milliseconds, in which two clients can look alike.
        self.idle_since = time.monotonic()
        self.timed = (IDLE, 0)
        self.arrival = Alarm(self.loop, self._end_arrival)
        self.reading = Alarm(self.loop, self._end_reading)

    # ------------------------------------------------------------------------------- connections
    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a connection; where there are too many, the one idle longest goes."""
        super().connection_made(transport)
        self.transport = QuietTransport(transport)  # type: ignore[assignment]  # As good as one.
        self.arrival.set(self.limits.idle_seconds)
        if len(self.connections) > self.limits.connections_max:
            idle = [c for c in self.connections if isinstance(c, WireProtocol) and c.is_idle()]
            # This one is idle as well, so there is always one to go.
            min(idle, key=lambda connection: connection.idle_since).transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection and its clock."""
        self.arrival.stop()
        self.reading.stop()
        self.deaf = self.closing = True
        super().connection_lost(exc)

    def is_idle(self) -> bool:
        """Say whether no whole request is being worked on.

        Returns
        -------
        bool
        """
        if self.cycle is None or self.cycle.response_complete:
            return True
        return self.stage == BODY and not self.pipeline

    def eof_received(self) -> bool:  # type: ignore[override]  # The loop reads what is returned.
        """Answer a whole request even if its client has closed its own half.

        Returns
        -------
        bool
            Whether the connection stays open until then.
        """
        if self.stage != IDLE and not self.deaf:
            self._refuse(400, "the request broke off")
        self.deaf = True
        if self.closing or self.is_idle():
            return False
        self.cycle.keep_alive = False
        return True

    def shutdown(self) -> None:
        """End as soon as nothing whole is left to answer."""
        if self.closing:
            self.transport.close()
        elif self.stage == BODY:
            # Its end may never come, and nothing has been promised.
            self.metrics.count("shed", "draining")
            self._refuse(503, "the server is ending", {"retry-after": "1"})
        else:
            super().shutdown()

    # --------------------------------------------------------------------------------- receiving
    def data_received(self, data: bytes) -> None:
        """Feed the parser in pieces that keep every cap exact."""
        position = 0
        while position < len(data) and not self.deaf:
            # The parser keeps an unfinished field without telling, hence bytes are counted here.
            size = self.limits.header_bytes_max
            if self.stage != BODY:
                size -= self.n_stage_bytes
            piece = data[position : position + size]
            position += len(piece)
            self.n_stage_bytes += len(piece)
            self._feed(piece)
            self._check_bytes()
        if self.deaf:
            self.n_discarded_bytes += len(data) - position
            if self.n_discarded_bytes > DISCARDED_BYTES_MAX:
                self.transport.abort()
        if self.timed != (self.stage, self.n_messages):
            self._start_clock()

    def _feed(self, piece: bytes) -> None:
        """Parse a piece, and end what is not to be parsed on."""
        try:
            while piece:
                piece = self._parse(piece)
        except httptools.HttpParserError:
            refused = self.refused or _UnacceptableError(400, "not a request of HTTP/1.1")
            self._refuse(refused.status, refused.message)

    def _parse(self, piece: bytes) -> bytes:
        """Parse a piece, and give what is left behind an offer of another protocol."""
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as pause:
            self._decline_upgrade()
            return piece[pause.args[0] :]
        return b""

    def _decline_upgrade(self) -> None:
        """Go on in HTTP/1.1 where a client offered another protocol, as is a server's right.

        The parser would take what follows for that protocol, be it the body of this request. One
        that never saw the offer reads it for what it is.
        """
        self.parser = httptools.HttpRequestParser(self)
        framing = b"".join(
            b"%s: %s\r\n" % header for header in self.headers if header[0] in FRAMING_HEADERS
        )
        self.declining = True
        try:
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%s\r\n" % framing)
        finally:
            self.declining = False

    def _check_bytes(self) -> None:
        """Refuse headers that do not end, and a body that hardly carries anything."""
        if self.deaf:
            return
        limits = self.limits
        if self.stage != BODY:
            if self.n_stage_bytes >= limits.header_bytes_max:
                self._refuse(431, f"the headers may have {limits.header_bytes_max} bytes")
        elif self.cycle.response_complete:
            if self.n_stage_bytes > DISCARDED_BYTES_MAX:
                self._refuse(413, "the body is too long")
        elif self.n_stage_bytes > WIRE_BYTES_PER_BODY_BYTE * limits.body_bytes_max:
            self._refuse(413, f"the body may have {limits.body_bytes_max} bytes")

    def _fail(self, status: int, message: str) -> None:
        """Stop the parser, which tells its caller no more than that."""
        self.refused = _UnacceptableError(status, message)
        raise self.refused

    def on_message_begin(self) -> None:
        """Begin a message."""
        if self.declining:
            return
        super().on_message_begin()
        self.stage = HEADERS
        self.n_messages += 1
        self.n_header_bytes = 0

    def on_url(self, url: bytes) -> None:
        """Take a piece of what is asked for."""
        if self.declining:
            return
        super().on_url(url)
        if len(self.url) > self.limits.url_bytes_max:
            self._fail(414, f"the address may have {self.limits.url_bytes_max} bytes")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; what stands behind a body is counted and left."""
        if self.declining:
            return
        self.n_header_bytes += len(name) + len(value) + 4
        if self.n_header_bytes > self.limits.header_bytes_max or len(self.headers) >= FIELDS_MAX:
            self._fail(
                431,
                f"the headers may have {self.limits.header_bytes_max} bytes in {FIELDS_MAX} fields",
            )
        if self.stage == HEADERS:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Begin to answer, if this is a request for a place on this server."""
        if self.declining:
            return
        if self.parser.get_http_version() not in {"1.0", "1.1"}:
            self._fail(400, "only HTTP/1.0 and HTTP/1.1 are spoken here")
        if not self.url.startswith(b"/"):
            self._fail(400, "the address must begin with /")
        if len(self.pipeline) >= PIPELINED_MAX:
            self._fail(429, f"{PIPELINED_MAX} requests may wait on one connection")
        super().on_headers_complete()
        self.stage = BODY
        self.n_stage_bytes = 0

    def on_message_complete(self) -> None:
        """End a message, unless an offer of another protocol hides its body."""
        if self.parser.should_upgrade():
            return
        super().on_message_complete()
        self.stage = IDLE
        self.n_stage_bytes = 0
        if not self.cycle.keep_alive:
            self.deaf = True

    # --------------------------------------------------------------------------------- answering
    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Remember which request is being answered."""
        self.running = cycle
        super()._start_asgi_task(cycle, app)

    def on_response_complete(self) -> None:
        """Go on to the next request, or wait for one."""
        self.server_state.total_requests += 1
        self.idle_since = time.monotonic()
        if self.transport.is_closing():
            self.closing = True
            self.arrival.set(self.limits.answer_seconds)
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self._start_clock()

    def pause_writing(self) -> None:
        """Wait for a client to read its answer, but not for ever."""
        super().pause_writing()
        self.reading.set(self.limits.answer_seconds)

    def resume_writing(self) -> None:
        """Go on writing."""
        super().resume_writing()
        self.reading.clear()

    def _refuse(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        """Say what is wrong, unless another answer comes first, and end the connection."""
        self.deaf = True
        broken = self.cycle if self.stage == BODY else None
        self.stage = IDLE
        if broken is not None and self.pipeline and self.pipeline[0][0] is broken:
            # Nobody has begun with it; those before it are still answered.
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else self.running
        elif broken is not None:
            # Its application hears that there is no more, and nothing that it says is sent.
            broken.disconnected = True
            broken.message_event.set()
            if not broken.response_started:
                self._write_refusal(status, message, headers)
            self._close()
            return
        if self.cycle is None or self.cycle.response_complete:
            self._write_refusal(status, message, headers)
            self._close()
        else:
            self.cycle.keep_alive = False

    def _write_refusal(self, status: int, message: str, headers: dict[str, str] | None) -> None:
        """Write an answer that no application was asked for."""
        if self.transport.is_closing():
            return
        content = write_error(status, message)
        self.metrics.begin_request()
        self.metrics.end_request(OTHER, status, 0.0)
        fields = {
            "content-type": "application/json",
            "content-length": str(len(content)),
            "x-content-type-options": "nosniff",
            "cache-control": "no-store",
            "connection": "close",
            **(headers or {}),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        self.transport.write(STATUS_LINE[status] + lines.encode("ascii") + b"\r\n" + content)

    def _close(self) -> None:
        """End what is sent, and hear the client out for a moment.

        Closing at once would have the kernel throw away the answer together with what is unread.
        """
        if self.transport.is_closing():
            return
        self.closing = True
        self.flow.resume_reading()
        self.transport.write_eof()
        self.arrival.set(LINGER_SECONDS)

    # -------------------------------------------------------------------------------------- time
    def _start_clock(self) -> None:
        """Give what is being received its time, and a request being answered all it takes."""
        self.timed = (self.stage, self.n_messages)
        if self.closing:
            return
        if self.stage == BODY:
            self.arrival.set(self.limits.body_seconds)
        elif self.stage == HEADERS or self.n_stage_bytes:
            self.arrival.set(self.limits.header_seconds)
        elif self.is_idle():
            self.arrival.set(self.limits.idle_seconds)
        else:
            self.arrival.clear()

    def _end_arrival(self) -> None:
        """End what has taken longer than its time."""
        if self.closing or (self.stage == IDLE and not self.n_stage_bytes):
            self.transport.abort()
        else:
            self.metrics.count("shed", "slow_client")
            self._refuse(408, "the request took too long to arrive")

    def _end_reading(self) -> None:
        """End a connection whose client does not read."""
        self.transport.abort()


def make_protocol(limits: WireLimits, metrics: Metrics | None = None) -> type[WireProtocol]:
    """Make a protocol with limits, as the server makes one object of it a connection.

    Parameters
    ----------
    limits : WireLimits
        Of every connection.
    metrics : Metrics, optional
        Where clients that were too slow are counted.

    Returns
    -------
    type

    Examples
    --------
    >>> make_protocol(WireLimits(header_seconds=1)).limits.header_seconds
    1
    """
    common = {"limits": limits, "metrics": NoMetrics() if metrics is None else metrics}
    return type("LimitedWireProtocol", (WireProtocol,), common)
