"""Metering: requests are recorded as what they are, however they end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from router.service.metering import Metering
from router.service.metrics import Metrics

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class Recorded(Metrics):
    """Metrics that keep what they are told."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.ended: list[tuple[str, int]] = []
        self.n_open = 0

    def begin_request(self) -> None:
        """Note one more."""
        self.n_open += 1

    def end_request(self, template: str, status: int, seconds: float) -> None:
        """Note one less, and how it went."""
        assert seconds >= 0
        self.n_open -= 1
        self.ended.append((template, status))


def make_app(metrics: Metrics) -> FastAPI:
    """Make an application with a route that answers and one that fails."""
    app = FastAPI()

    @app.get("/things/{name}")
    async def find(name: str) -> dict[str, str]:
        return {"name": name}

    @app.get("/defect")
    async def fail() -> None:
        raise RuntimeError

    app.add_middleware(Metering, metrics=metrics)
    return app


def test_requests_are_told_by_template_and_status() -> None:
    """What a client wrote into a path is not what is recorded."""
    metrics = Recorded()
    with TestClient(make_app(metrics), raise_server_exceptions=False) as client:
        statuses = [
            client.get("/things/mine").status_code,
            client.get("/nothing/mine").status_code,
            client.post("/things/mine").status_code,
            client.get("/defect").status_code,
        ]
    assert statuses == [200, 404, 405, 500]
    assert metrics.ended == [
        ("/things/{name}", 200),
        ("other", 404),
        ("/things/{name}", 405),
        ("/defect", 500),
    ]
    assert metrics.n_open == 0


def test_cancelled_request_is_counted_out() -> None:
    """A request whose task is cancelled is no longer in flight, and has no status."""
    metrics = Recorded()

    async def wait(_: Scope, __: Receive, ___: Send) -> None:
        await asyncio.sleep(3600)

    async def receive() -> dict[str, object]:
        return {"type": "http.request"}

    async def send(_: object) -> None:
        """Take what is never sent."""

    async def cancel() -> None:
        task = asyncio.create_task(Metering(wait, metrics)({"type": "http"}, receive, send))
        await asyncio.sleep(0.01)
        assert metrics.n_open == 1
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert metrics.ended == [("other", 0)]
    assert metrics.n_open == 0


def test_other_connections_pass_unseen() -> None:
    """Start and end of the application itself are no requests."""
    metrics = Recorded()
    with TestClient(make_app(metrics)):
        assert metrics.ended == []
    assert metrics.ended == []
