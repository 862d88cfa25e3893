"""The edge: what stands in front of every route and lets through what is in order.

In this order: the host that was asked, the key, the place and its role, the key's rate, whether
there is room to plan, the media type, the length of the body as it comes in, and whether there is
room for anything. So nothing is read for a stranger, nor for who would be told to come again, and
no route sees a body that is too long or broke off.
"""

from __future__ import annotations

import logging
import math
import re
import secrets
import time
import traceback
from typing import TYPE_CHECKING

from starlette.exceptions import HTTPException

from router.service.access import OPEN_PATHS, find_methods, takes_json_only, takes_place
from router.service.bodies import BODY_BYTES_MAX
from router.service.errors import answer_error, answer_status
from router.service.inference_routes import fit_protocol
from router.service.keys import ANYBODY
from router.service.metrics import OTHER, NoMetrics

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from router.service.desk_room import Room
    from router.service.keys import Caller, Keys
    from router.service.metrics import Metrics
    from router.service.rates import RateLimit

__all__ = ["LOOPBACK_HOSTS", "Edge"]

LOOPBACK_HOSTS = frozenset({"127.0.0.1", "[::1]", "localhost"})
IN_FLIGHT_MAX = 256
# Bodies that are still coming in, of all connections together.
HELD_BYTES_MAX = 64 * 1024 * 1024
# Where another answer would make an overload worse: nobody kills a busy server for being busy.
NEVER_SHED = frozenset({"/metrics", "/v2/health/live", "/v2/health/ready"})
RETRY_AFTER = {"retry-after": "1"}
SAFE_HEADERS = [(b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store")]
# A second one of these could be read differently by whoever stands in front.
SINGLE_HEADERS = frozenset({b"authorization", b"content-length", b"content-type", b"host"})
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:[0-9]{1,5})?")
BEARER = re.compile(rb"[Bb]earer +([A-Za-z0-9._~+/=-]{1,200})")

logger = logging.getLogger(__name__)


class _ShedError(HTTPException):
    """A request is turned away before any work is done, for a reason that is counted."""

    def __init__(
        self, status: int, reason: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, message, headers)
        self.reason = reason


class Edge:
    """An application around another, which only sees requests that are in order.

    Parameters
    ----------
    app : ASGI application
        What answers them. In ``scope["state"]`` it finds ``caller``, ``request_id`` and
        ``body_bytes_max``.
    keys : Keys, optional
        Whose requests are answered; without, everybody's are, as of :data:`ANYBODY`.
    allowed_hosts : collection of str, optional
        Names and addresses, without port, by which this server may be asked; ``*`` is any. The
        ones of this machine by default: a page of another host could otherwise have its name
        lead here, and a browser would take the answers for its own.
    body_bytes_max : int, default=262144
        How long a body may be.
    in_flight_max : int, default=256
        How many requests are worked on at once; more are answered by status 503.
    room : Room, optional
        At the planning desk. Where it is full, requests for plans are answered by status 429
        before their bodies are read.
    rate : RateLimit, optional
        What each key may send; any number without.
    metrics : Metrics, optional
        Where those that are not let through are counted; the application counts the others.
    """

    def __init__(
        self,
        app: ASGIApp,
        keys: Keys | None = None,
        *,
        allowed_hosts: Collection[str] = LOOPBACK_HOSTS,
        body_bytes_max: int = BODY_BYTES_MAX,
        in_flight_max: int = IN_FLIGHT_MAX,
        room: Room | None = None,
        rate: RateLimit | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        self.app = app
        self.metrics = NoMetrics() if metrics is None else metrics
        self.keys = keys
        self.allowed_hosts = frozenset(host.lower().encode() for host in allowed_hosts)
        self.body_bytes_max = body_bytes_max
        self.in_flight_max = in_flight_max
        self.room = room
        self.rate = rate
        self.n_in_flight = 0
        self.n_held_bytes = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, whatever happens behind this door."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = secrets.token_hex(16)
        added = [*SAFE_HEADERS, (b"x-request-id", request_id.encode())]
        started = False

        async def send_safely(message: Message) -> None:
            """Add what every answer carries."""
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message["headers"] = [*message.get("headers", ()), *added]
            await send(message)

        try:
            await self._serve(scope, receive, send_safely, request_id)
        except HTTPException as error:
            self._count(error, time.perf_counter() - began)
            answer = answer_error(error.status_code, str(error.detail), error.headers)
            await fit_protocol(scope["path"], answer)(scope, receive, send_safely)
        except Exception as error:  # noqa: BLE001 -- The last place where a defect can be answered.
            # Not what it says: that may be a caller's words.
            place = traceback.extract_tb(error.__traceback__)[-1]
            name = type(error).__name__
            where = f"{place.filename}:{place.lineno}"
            logger.error("%s: %s in %s", request_id, name, where)  # noqa: TRY400 -- See above.
            if not started:
                await answer_status(500)(scope, receive, send_safely)

    async def _serve(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        """Let a request through that is in order."""
        headers = _read_headers(scope)
        self._check_host(headers.get(b"host"), scope)
        caller = self._authenticate(headers, scope)
        _check_role(scope, caller)
        self._check_rate(caller, scope["path"])
        state = scope.setdefault("state", {})
        state["caller"] = caller
        state["request_id"] = request_id
        state["body_bytes_max"] = self.body_bytes_max
        if scope["method"] == "POST":
            if self.room is not None and self.room.is_full and takes_place(scope["path"]):
                # As the desk would, at a tenth of the cost: where refusing takes as long as
                # planning, those who ask too often would be all that is served.
                raise _ShedError(
                    *(429, "overload", "too much is being planned: ask again", RETRY_AFTER)
                )
            self._check_form(headers, scope["path"])
            body = await self._receive_body(receive)
            if body is None:
                return
            receive = _replay(body, receive)
        if scope["path"] in NEVER_SHED:
            await self.app(scope, receive, send)
            return
        if self.n_in_flight >= self.in_flight_max:
            raise _ShedError(503, "overload", "too many requests at once", RETRY_AFTER)
        self.n_in_flight += 1
        try:
            await self.app(scope, receive, send)
        finally:
            self.n_in_flight -= 1

    def _check_host(self, host: bytes | None, scope: Scope) -> None:
        """Refuse requests that were meant for another host, or for none."""
        if host is None:
            if scope["http_version"] == "1.0" and b"*" in self.allowed_hosts:
                return
            raise HTTPException(400, "the header host is missing")
        match = HOST.fullmatch(host)
        if match is None:
            raise HTTPException(400, "the header host is malformed")
        if match[1].lower() not in self.allowed_hosts and b"*" not in self.allowed_hosts:
            raise HTTPException(400, "this host is not served here: see the setting allowed_hosts")

    def _authenticate(self, headers: dict[bytes, bytes], scope: Scope) -> Caller:
        """Say who asks, or refuse to talk."""
        if self.keys is None or scope["path"] in OPEN_PATHS:
            return ANYBODY
        match = BEARER.fullmatch(headers.get(b"authorization", b""))
        caller = self.keys.authenticate("" if match is None else match[1].decode("ascii"))
        if caller is None:
            raise HTTPException(
                401, "a key is needed: Authorization: Bearer KEY", {"www-authenticate": "Bearer"}
            )
        return caller

    def _check_form(self, headers: dict[bytes, bytes], path: str) -> None:
        """Refuse a body that a page of another host could have sent, or that states it is long."""
        media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media_type != b"application/json" and takes_json_only(path):
            raise HTTPException(415, "the body must be sent as application/json")
        stated = headers.get(b"content-length", b"0")
        if not stated.isdigit():
            raise HTTPException(400, "the header content-length is no number")
        if len(stated) > 15 or int(stated) > self.body_bytes_max:
            raise self._too_large()

    async def _receive_body(self, receive: Receive) -> bytes | None:
        """Take in a body, and never more of it than allowed; nothing if it breaks off."""
        parts, n_bytes = [], 0
        try:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    return None
                part = message.get("body", b"")
                parts.append(part)
                n_bytes += len(part)
                self.n_held_bytes += len(part)
                if n_bytes > self.body_bytes_max:
                    raise self._too_large()
                if self.n_held_bytes > HELD_BYTES_MAX:
                    raise _ShedError(503, "overload", "too many bodies at once", RETRY_AFTER)
                if not message.get("more_body", False):
                    return b"".join(parts)
        finally:
            self.n_held_bytes -= n_bytes

    def _check_rate(self, caller: Caller, path: str) -> None:
        """Refuse a key that sends more than it may."""
        if self.rate is None or path in NEVER_SHED:
            return
        wait_seconds = self.rate.admit(caller.prefix)
        if wait_seconds > 0:
            headers = {"retry-after": str(math.ceil(wait_seconds))}
            raise _ShedError(429, "rate", "this key sends too many requests: ask later", headers)

    def _count(self, error: HTTPException, seconds: float) -> None:
        """Count a request that is not let through."""
        self.metrics.begin_request()
        self.metrics.end_request(OTHER, error.status_code, seconds)
        if isinstance(error, _ShedError):
            self.metrics.count("shed", error.reason)

    def _too_large(self) -> _ShedError:
        """Say how long a body may be."""
        return _ShedError(413, "too_large", f"the body may have {self.body_bytes_max} bytes")


def _read_headers(scope: Scope) -> dict[bytes, bytes]:
    """Take the headers that decide something, each of which may stand there once."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        if name in SINGLE_HEADERS:
            if name in found:
                raise HTTPException(400, f"the header {name.decode('ascii')} stands there twice")
            found[name] = value
    return found


def _check_role(scope: Scope, caller: Caller) -> None:
    """Refuse places that are not there, methods they do not know, and keys made for others."""
    methods = find_methods(scope["path"])
    if methods is None:
        raise HTTPException(404, "not found")
    roles = methods.get(scope["method"])
    if roles is None:
        raise HTTPException(405, "method not allowed", {"allow": ", ".join(sorted(methods))})
    if not roles & caller.roles:
        wanted = " or ".join(sorted(roles))
        raise HTTPException(403, f"this key lacks the role {wanted}")


def _replay(body: bytes, receive: Receive) -> Receive:
    """Hand a body that is there already to the application, and then what the server says."""
    given = False

    async def receive_again() -> Message:
        """Give the body first."""
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_again
