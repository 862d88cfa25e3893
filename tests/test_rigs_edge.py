"""The rigs of the edge in their short form, and that each finds a fault that is planted."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel, Field

from router.service.settings import Settings
from tests.contracts.malformed_bodies import MALFORMED
from tests.contracts.servers import PLAN_BODY, serve_in_thread
from tests.rigs.fuzz import fuzz, fuzz_sidecar
from tests.rigs.mutation import make_probe
from tests.rigs.processes import plant_fault
from tests.rigs.slow_clients import KINDS, attack_sidecar
from tests.rigs.stall import BODY_BYTES_MAX, list_bodies, measure_stall

if TYPE_CHECKING:
    import numpy as np

N_REQUESTS = 2500
QUICK = Settings(header_seconds=1, body_seconds=2, idle_seconds=3)
# Keeps everything that is ever sent.
LEAK = """
import router.service.edge as edge
kept = []
replay = edge._replay
edge._replay = lambda body, receive: (kept.append(bytearray(300_000)), replay(body, receive))[1]
"""
# The server's own protocol, which waits for ever.
PATIENCE = """
import router.service.server as server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
server.make_protocol = lambda *_: HttpToolsProtocol
"""


class Body(BaseModel):
    """A body as the framework would read it."""

    questions: list[str]
    budget: dict[str, Annotated[float, Field(allow_inf_nan=False)]]


def make_careless_app() -> FastAPI:
    """Make a service that leaves bodies and errors to the framework."""
    app = FastAPI()

    @app.post("/v1/allocate")
    async def allocate(body: Body) -> dict[str, int]:
        """Count the questions."""
        return {"n_questions": len(body.questions)}

    @app.post("/v1/slow")
    async def block() -> dict[str, int]:
        """Hold the loop that serves everybody."""
        time.sleep(0.5)  # noqa: ASYNC251 -- This is the fault.
        return {}

    @app.get("/v2/health/live")
    async def live() -> dict[str, bool]:
        """Say that the process answers."""
        return {"live": True}

    return app


@pytest.fixture
def seed(rng: np.random.Generator) -> int:
    """Draw a seed for a rig; a failure shows how to draw it again."""
    return int(rng.integers(2**32))


def test_requests_by_chance_do_no_harm(seed: int) -> None:
    """Thousands of requests changed by chance: none is a fault, and memory stays what it was."""
    report = fuzz_sidecar(N_REQUESTS, seed)
    assert report.faults == []
    assert report.n_requests == N_REQUESTS
    # A fuzzer whose requests are all refused at the first byte would find nothing.
    assert report.statuses[200] > N_REQUESTS / 10
    assert report.statuses[422] > N_REQUESTS / 10
    assert report.statuses[400] > N_REQUESTS / 20


def test_fuzzing_finds_a_careless_validation(seed: int) -> None:
    """The framework's own validation answers some of these by a fault of the server."""
    with serve_in_thread(make_careless_app(), Settings()) as port:
        report = fuzz(port, 3000, seed)
    assert any(" 500 " in fault for fault in report.faults)
    assert all(f"of seed {seed}: " in fault for fault in report.faults)


def test_fuzzing_finds_a_server_that_refuses_work(seed: int) -> None:
    """Status 503 may come where the machine is busy, not for every request."""

    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        """Answer health, and nothing else."""
        if scope["type"] != "http":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        status = 200 if scope["path"] == "/v2/health/live" else 503
        headers = [(b"content-length", b"0")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    with serve_in_thread(refuse, Settings()) as port:
        report = fuzz(port, 300, seed)
    assert len(report.faults) == 1
    assert "status 503" in report.faults[0]


def test_fuzzing_finds_memory_that_grows(seed: int) -> None:
    """A process that keeps what it is sent does not pass."""
    report = fuzz_sidecar(1000, seed, plant_fault(LEAK))
    assert len(report.faults) == 1
    assert report.faults[0].startswith("memory grew")


def test_a_probe_is_known_by_seed_and_number(seed: int) -> None:
    """Any request can be made again alone, and another seed makes others."""
    probes = [make_probe(seed, number).content for number in range(300)]
    assert [make_probe(seed, number).content for number in reversed(range(300))] == probes[::-1]
    assert len(set(probes)) > 200
    assert [make_probe(seed + 1, number).content for number in range(300)] != probes


def test_slow_clients_are_cut_while_others_are_served() -> None:
    """Sixty connections that send slowly end in their time, and eight clients notice nothing."""
    report = attack_sidecar(QUICK, 60)
    assert report.faults == []
    assert set(report.longest_seconds) == {name for name, *_ in KINDS}
    assert report.n_answered > 20


def test_attack_finds_a_server_that_waits() -> None:
    """The server's own protocol keeps every kind of slow client but the quiet one."""
    report = attack_sidecar(QUICK, len(KINDS), plant_fault(PATIENCE))
    open_ones = {fault.partition(":")[0] for fault in report.faults}
    assert open_ones == {name for name, *_ in KINDS}


@pytest.mark.parametrize("name", list_bodies())
def test_worst_bodies_are_within_the_cap(name: str) -> None:
    """A stall is only worth measuring with bodies that are let in and make work."""
    path, body = list_bodies()[name]
    assert path.startswith("/v")
    assert 3000 < len(body) <= BODY_BYTES_MAX


def test_stall_is_seen() -> None:
    """A route that holds the loop for half a second delays a ping by about as much."""
    with serve_in_thread(make_careless_app(), Settings()) as port:
        status, delay_seconds, answer_seconds = measure_stall(port, "/v1/slow", b"{}")
        assert (status, answer_seconds >= 0.5) == (200, True)
        assert delay_seconds > 0.25
        status, _, _ = measure_stall(port, "/v1/allocate", PLAN_BODY)
        assert status == 200


def test_careless_app_is_careless() -> None:
    """What is planted is a fault: not a number is answered by status 500."""
    sent: list[Any] = []

    async def ask() -> None:
        """Send one body to the application itself."""
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/allocate",
            "query_string": b"",
            "headers": [(b"content-type", b"application/json")],
        }

        async def receive() -> dict[str, Any]:
            """Give the body."""
            return {"type": "http.request", "body": MALFORMED["nan"]}

        async def send(message: Any) -> None:
            """Note what comes back."""
            sent.append(message)

        with pytest.raises(ValueError, match="JSON compliant"):
            await make_careless_app()(scope, receive, send)

    asyncio.run(ask())
    assert sent[0]["status"] == 500
