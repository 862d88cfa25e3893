"""Inquiries of a client: what to do next with a plan under way, whichever client asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from router.exceptions import UnknownError
from router.replan_decisions import Decision, Replan
from tests.contracts.clients import KINDS, Caller, Clock, Peer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


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


def test_replanning_asks_with_all_reports(make: Callable[..., Caller]) -> None:
    """What to do next comes as the library has it, and a pool's end as its error."""
    decision = Decision("q1", "switch", "large", {"usd": 0.1}, 0.7, "because", None)
    amounts = {"usd": 0.5}
    told = Replan("plan-1", (decision,), amounts, amounts, amounts, amounts, 0.7)
    gone = (404, {"error": {"code": "not_found", "message": "plan is gone"}})
    peer = Peer((200, {**told.to_dict(), "newer": 1}), gone)
    caller = make(peer)
    report = {"id": "q1", "option": "small", "cost": {"usd": 0.1}, "quality": 0.0}
    assert caller.call("replan", "plan-1", [report], running=["q2"], is_checked=True) == told
    assert peer.seen[0].url.raw_path == b"/v1/replan"
    assert peer.bodies[0] == {
        "plan_id": "plan-1",
        "reports": [{**report, "is_done": False, "context": {}}],
        "running": ["q2"],
        "is_checked": True,
        "may_give_up": True,
    }
    with pytest.raises(UnknownError, match="plan is gone"):
        caller.call("replan", "plan-1", [])
