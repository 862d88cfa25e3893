"""Reports: delivered at once or later, once each, whichever client sends them."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from router.client import Delivery
from router.client.breaker import Breaker
from router.exceptions import AccessError, ConflictError
from tests.contracts.clients import KINDS, PLAN, Caller, Clock, Peer, refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BUDGET = {"usd": 0.01}
OUTCOMES = [{"id": "q1", "cost": {"usd": 0.001}, "quality": 1.0}]
TAKEN = (200, {"plan_id": "plan-1", "outcomes": [{"id": "q1", "status": "settled"}]})
DOWN = (503, {"error": {"code": "unavailable", "message": "unavailable"}})


@pytest.fixture
def clock() -> Clock:
    """Give a clock that stands still until somebody waits."""
    return Clock()


@pytest.fixture(params=KINDS)
def make(request: pytest.FixtureRequest, clock: Clock) -> Iterator[Callable[..., Caller]]:
    """Make clients of one kind around a scripted peer, and close them."""
    callers: list[Caller] = []

    def make_caller(peer: Peer, **options: Any) -> Caller:
        options = {"clock": clock, "sleep": clock.sleep, **options}
        callers.append(Caller(request.param, transport=peer, **options))
        return callers[-1]

    yield make_caller
    for caller in callers:
        caller.__exit__()


def test_report_is_delivered(make: Callable[..., Caller]) -> None:
    """A report goes out with a key and leaves nothing behind."""
    peer = Peer(TAKEN)
    caller = make(peer)
    receipt = caller.call("report", "plan-1", OUTCOMES)
    assert receipt.status == "delivered"
    assert receipt.document == TAKEN[1]
    assert peer.keys == [receipt.key]
    assert peer.bodies == [{"plan_id": "plan-1", "outcomes": OUTCOMES}]
    assert len(caller.client.outbox) == 0


def test_report_is_queued_and_delivered_later(make: Callable[..., Caller], clock: Clock) -> None:
    """What cannot be delivered waits with its key, and goes out with the next one that can."""
    peer = Peer(DOWN)
    caller = make(peer, n_attempts=1, breaker=Breaker(100, clock=clock))
    first, second = (caller.call("report", f"plan-{i}", OUTCOMES) for i in (1, 2))
    assert (first.status, second.status) == ("queued", "queued")
    assert caller.call("flush") == Delivery(0, 2)
    peer.script = [TAKEN]
    peer.seen.clear()
    third = caller.call("report", "plan-3", OUTCOMES)
    assert third.status == "delivered"
    assert peer.keys == [third.key, first.key, second.key]
    assert [body["plan_id"] for body in peer.bodies] == ["plan-3", "plan-1", "plan-2"]
    assert caller.call("flush") == Delivery(0, 0)


def test_flush_delivers_and_tells_what_is_refused(make: Callable[..., Caller]) -> None:
    """A report that the service will never take does not hold up the others."""
    peer = Peer(DOWN)
    caller = make(peer, n_attempts=1)
    for number in range(3):
        caller.call("report", f"plan-{number}", OUTCOMES)
    peer.script = [TAKEN, refuse(404, "not_found", "no such plan"), TAKEN]
    delivery = caller.call("flush")
    assert (delivery.n_delivered, delivery.n_queued) == (2, 0)
    assert delivery.refused == ("POST /v1/outcomes: 404 not_found: no such plan",)


def test_refused_report_is_not_queued(make: Callable[..., Caller]) -> None:
    """What the service refuses is raised and forgotten; a wrong key can be mended, so it waits."""
    peer = Peer(refuse(409, "conflict"))
    caller = make(peer)
    with pytest.raises(ConflictError):
        caller.call("report", "plan-1", OUTCOMES)
    assert len(caller.client.outbox) == 0
    peer.script = [refuse(401, "unauthorized")]
    for name, arguments in (("report", ("plan-1", OUTCOMES)), ("flush", ())):
        with pytest.raises(AccessError):
            caller.call(name, *arguments)
        assert len(caller.client.outbox) == 1
    peer.script = [TAKEN]
    assert caller.call("flush") == Delivery(1, 0)


def test_report_of_a_local_plan_is_not_sent(make: Callable[..., Caller]) -> None:
    """The service knows nothing of a fallback plan, nor of one that it could not write down."""
    peer = Peer(httpx2.ConnectError)
    caller = make(peer)
    plan = caller.call("allocate", ["Who?"], BUDGET)
    peer.script = [(200, {**PLAN, "recorded": False})]
    unrecorded = caller.call("allocate", ["Who?"], BUDGET)
    peer.seen.clear()
    assert caller.call("report", plan, OUTCOMES).status == "local"
    assert caller.call("report", unrecorded, OUTCOMES).status == "local"
    assert peer.seen == []


def test_reports_outlive_the_process_in_a_spool(
    make: Callable[..., Caller], tmp_path: Path
) -> None:
    """Another client of the same spool delivers what the first could not, with the same key."""
    receipt = make(Peer(DOWN), n_attempts=1, spool=tmp_path).call("report", "plan-1", OUTCOMES)
    assert receipt.status == "queued"
    peer = Peer(TAKEN)
    assert make(peer, spool=tmp_path).call("flush") == Delivery(1, 0)
    assert peer.keys == [receipt.key]
    assert peer.bodies == [{"plan_id": "plan-1", "outcomes": OUTCOMES}]
    assert list(tmp_path.iterdir()) == []


def test_report_lies_in_the_spool_before_it_is_sent(
    make: Callable[..., Caller], tmp_path: Path
) -> None:
    """A process that dies between sending and the answer leaves the report behind."""
    peer = Peer(TAKEN)
    found: list[int] = []
    peer.before = lambda: found.append(len(list(tmp_path.glob("*.json"))))
    make(peer, spool=tmp_path).call("report", "plan-1", OUTCOMES)
    assert found == [1]
    assert list(tmp_path.iterdir()) == []


def test_closing_delivers_what_waits(make: Callable[..., Caller]) -> None:
    """A client that is closed tries once more."""
    peer = Peer(DOWN)
    caller = make(peer, n_attempts=1)
    caller.call("report", "plan-1", OUTCOMES)
    peer.script = [TAKEN]
    caller.call("close")
    assert len(caller.client.outbox) == 0


def test_page_of_the_client_prints_what_is_shown(repository_root: Path) -> None:
    """The first example of its page runs as it stands, without a service, and prints the text."""
    page = (repository_root / "docs" / "client.md").read_text("utf-8")
    program, shown = (page.split(f"```{kind}\n")[1].split("```")[0] for kind in ("python", "text"))
    # Nobody listens there, whatever runs on this machine.
    program = program.replace("Client(f", 'Client("http://127.0.0.1:9", f')
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=repository_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == shown
