"""What tests of the client share: both kinds driven alike, a clock that is set, a scripted peer."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self

import httpx2

from router.client import AsyncClient, Client

if TYPE_CHECKING:
    from collections.abc import Callable

KINDS = ("asynchronous", "blocking")
PLAN: dict[str, Any] = {
    "plan_id": "plan-1",
    "bundle_id": "b",
    "price_id": "p",
    "choices": [{"id": "q1", "status": "funded", "option": "small", "cost": {"usd": 0.001}}],
    "totals": {"cost": {"usd": 0.001}},
}
POOL: dict[str, Any] = {
    "name": "night",
    "capacity": {"usd": 1.0},
    "reserved": {"usd": 0.0},
    "settled": {"usd": 0.0},
    "overrun": {"usd": 0.0},
    "free": {"usd": 1.0},
    "price": {"usd": None},
}

# A status and a document, or the class of what goes wrong on the way.
Line = tuple[int, Any] | tuple[int, Any, dict[str, str]] | type[Exception]


class Clock:
    """A clock that stands still until somebody waits."""

    def __init__(self) -> None:
        """Begin at zero."""
        self.now_s = 0.0
        self.pauses: list[float] = []

    def __call__(self) -> float:
        """Tell the seconds."""
        return self.now_s

    async def sleep(self, seconds: float) -> None:
        """Let the time pass at once."""
        self.pauses.append(seconds)
        self.now_s += seconds


class Peer(httpx2.AsyncBaseTransport):
    """A service that answers by a script, then always with the last line of it."""

    def __init__(self, *script: Line) -> None:
        """Keep the script; without one every request is answered with a plan."""
        self.script: list[Line] = list(script) or [(200, PLAN)]
        self.seen: list[httpx2.Request] = []
        self.before: Callable[[], None] = lambda: None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Give the next line."""
        await request.aread()
        self.before()
        self.seen.append(request)
        line = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(line, type):
            raise line("no connection")
        status, document, *headers = line
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        return httpx2.Response(status, content=content, headers=headers[0] if headers else {})

    @property
    def keys(self) -> list[str | None]:
        """The Idempotency-Key of every request."""
        return [request.headers.get("idempotency-key") for request in self.seen]

    @property
    def bodies(self) -> list[Any]:
        """What every request said."""
        return [json.loads(request.content or b"null") for request in self.seen]


class Caller:
    """A client of either kind, whose methods are called and waited for in the same way."""

    def __init__(self, kind: str, url: str = "http://127.0.0.1:8088", **options: Any) -> None:
        """Make the client."""
        make = AsyncClient if kind == "asynchronous" else Client
        self.client: Any = make(url, **options)
        self._runner = asyncio.Runner() if kind == "asynchronous" else None

    def __enter__(self) -> Self:
        """Give itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the client."""
        self.call("close")
        if self._runner is not None:
            self._runner.close()

    def call(self, name: str, *arguments: Any, **keywords: Any) -> Any:
        """Call a method and give what it returns."""
        result = getattr(self.client, name)(*arguments, **keywords)
        return result if self._runner is None else self._runner.run(result)


def refuse(status: int, code: str, message: str = "words") -> tuple[int, Any]:
    """Write a line by which the service refuses."""
    return status, {"error": {"code": code, "message": message}}
