"""What all routes share: everything that happens in the ledger is counted where requests are."""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from router.exceptions import OverloadError
from router.ledger import Ledger
from router.planner import Router
from router.service.application import create_app
from router.service.desk_limits import DeskLimits
from router.service.sidecar import Sidecar
from tests.contracts.commands import PRICES, read_json, tiny_bundle
from tests.contracts.ledgers import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

QUESTIONS = [{"id": name, "text": f"Who ruled {name}?"} for name in ("a", "b")]
LEASE_SECONDS = 60
SECONDS_MAX = 30


@pytest.fixture
def clock() -> VirtualClock:
    """Give a clock that stands still."""
    return VirtualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: VirtualClock) -> Iterator[Ledger]:
    """Give a ledger."""
    with Ledger(tmp_path / "data", clock=clock) as ledger:
        yield ledger


@pytest.fixture
def client(ledger: Ledger) -> Iterator[TestClient]:
    """Talk to a sidecar that keeps the ledger, with a pool of 0.1 dollars."""
    with TestClient(create_app(Sidecar(Router(tiny_bundle(), PRICES), ledger))) as client:
        made = client.post("/v1/pools", json={"name": "night", "capacity": {"usd": 0.1}})
        assert made.status_code == 201
        yield client


def draw(client: TestClient, key: str) -> Any:
    """Draw a plan on the pool."""
    body = {
        "questions": QUESTIONS,
        "pool": "night",
        "budget": {"usd": 0.05},
        "lease_s": LEASE_SECONDS,
    }
    answer = client.post("/v1/allocate", json=body, headers={"Idempotency-Key": key})
    assert answer.status_code == 200
    return read_json(answer.text)


def report(client: TestClient, plan: Any, *outcomes: dict[str, Any]) -> None:
    """Report on a plan."""
    body = {"plan_id": plan["plan_id"], "outcomes": list(outcomes)}
    assert client.post("/v1/outcomes", json=body).status_code == 200


def read_events(client: TestClient) -> dict[str, int]:
    """Read what has been counted, without what never happened."""
    text = client.get("/metrics").text
    found = re.findall(r'^router_ledger_events_total{event="(\w+)"} (\S+)', text, re.MULTILINE)
    return {event: int(float(count)) for event, count in found if float(count)}


def read_value(client: TestClient, name: str) -> float:
    """Read one series."""
    found = re.search(rf"^{name} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_life_of_a_reservation_is_counted(client: TestClient, clock: VirtualClock) -> None:
    """Grants, settlements, overruns, releases, repetitions and expirations each have a count."""
    plan = draw(client, "one")
    assert draw(client, "one") == plan
    assert read_events(client) == {"granted": 1, "replayed": 1}
    report(client, plan, {"id": "a", "cost": {"usd": 0.06}}, {"id": "b", "released": True})
    events = {"granted": 1, "replayed": 1, "settled": 1, "overrun": 1, "released": 1}
    assert read_events(client) == events
    late = draw(client, "two")
    clock.pass_seconds(LEASE_SECONDS + 1)
    report(client, late, {"id": "a", "cost": {"usd": 0.001}})
    events |= {"granted": 2, "expired": 1, "late": 1, "overrun": 2}
    assert read_events(client) == events


def test_refusals_are_counted(client: TestClient, ledger: Ledger) -> None:
    """A pool that others empty each time a plan is made refuses, and that is counted."""
    state = ledger.read_pool("default", "night")
    report(client, draw(client, "all"), {"id": "a", "cost": {"usd": 0.1}})
    ledger.read_pool = lambda *_: state  # type: ignore[method-assign]
    body = {"questions": QUESTIONS, "pool": "night", "budget": {"usd": 0.05}}
    assert client.post("/v1/allocate", json=body).status_code >= 400
    assert read_events(client) == {"granted": 1, "settled": 1, "overrun": 1, "refused": 1}


def test_commits_and_queue_are_told(client: TestClient, ledger: Ledger) -> None:
    """Every commit that wrote has its seconds, and what waits for the writer is seen."""
    before = read_value(client, "router_ledger_commit_seconds_count")
    assert before >= 1
    for _ in range(3):
        ledger.probe().result()
    end = time.monotonic() + SECONDS_MAX
    while read_value(client, "router_ledger_commit_seconds_count") < before + 3:
        assert time.monotonic() < end
    assert 0 < read_value(client, "router_ledger_commit_seconds_sum") < SECONDS_MAX
    assert read_value(client, "router_ledger_queue_depth") == ledger.writer.n_waiting == 0


def test_who_waits_for_a_pool_takes_a_place() -> None:
    """Those behind a pool's lock count as waiting to be planned, and the next is refused."""
    sidecar = Sidecar(Router(tiny_bundle()), limits=DeskLimits(in_flight_max=2))

    async def draw_many() -> None:
        """Hold the lock, let two wait behind it, and send another."""
        room = sidecar.desk.room

        async def wait() -> None:
            async with sidecar.lock_pool("team", "night"):
                assert room.n_taken < 2

        async with sidecar.lock_pool("team", "night"):
            assert room.n_taken == 0
            waiting = [asyncio.create_task(wait()) for _ in range(2)]
            await asyncio.sleep(0)
            assert room.is_full
            with pytest.raises(OverloadError):
                await wait()
        await asyncio.gather(*waiting)
        assert room.n_taken == 0

    asyncio.run(draw_many())
    assert sidecar.desk.events == {"overload": 1}
