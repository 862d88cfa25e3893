"""Both clients over real connections, with a proxy between that spoils what it carries."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from router import Router
from router.client import Delivery
from router.client.breaker import Breaker
from router.client.calls import Call, choose_key
from router.client.transport import Transport
from router.exceptions import InputError, UnknownError
from router.ledger import Ledger
from router.service.application import create_app
from router.service.sidecar import Sidecar
from tests.contracts.clients import KINDS, Caller, Clock
from tests.contracts.commands import PRICES, tiny_bundle
from tests.rigs.fault_proxy import BEHIND, FAULTS, FaultProxy
from tests.rigs.servers import serve

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from router.client import Pool

TEXTS = ["Who heads the council of Bern today?", "What is 2 plus 3 times two?"]
BUDGET = {"usd": 0.01}
OUTCOMES = [{"id": "q1", "cost": {"usd": 0.001}, "quality": 1.0}]
# What a busy machine may add; without a deadline the proxy would hold a client for a minute.
SLACK_S = 5.0


@pytest.fixture(scope="module")
def sidecar(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """Serve the real application with a ledger."""
    with Ledger(tmp_path_factory.mktemp("client") / "data") as ledger:
        app = create_app(Sidecar(Router(tiny_bundle(), PRICES), ledger))
        with serve(app) as port:
            yield port


@pytest.fixture
def pool(sidecar: int) -> str:
    """Create a pool of a name that no other test has, past any proxy."""
    name = f"pool-{choose_key()}"
    with Caller("blocking", f"http://127.0.0.1:{sidecar}", timeout_s=30.0) as caller:
        caller.call("create_pool", name, {"usd": 1.0})
    return name


def look(sidecar: int, pool: str) -> Pool:
    """Look at a pool, past any proxy."""
    with Caller("blocking", f"http://127.0.0.1:{sidecar}", timeout_s=30.0) as caller:
        seen: Pool = caller.call("get_pool", pool)
        return seen


@pytest.mark.parametrize("kind", KINDS)
def test_calls_reach_the_real_service(kind: str, sidecar: int) -> None:
    """Plans, predictions, curves, readiness and refusals are those of the library."""
    router = Router(tiny_bundle(), PRICES)
    with Caller(kind, f"http://127.0.0.1:{sidecar}", timeout_s=30.0) as caller:
        assert caller.call("ready") is True
        plan = caller.call("allocate", TEXTS, BUDGET)
        expected = router.allocate(TEXTS, BUDGET)
        assert (plan.source, plan.degraded) == ("service", False)
        assert [choice.option for choice in plan] == [choice.option for choice in expected]
        assert plan.totals == json.loads(json.dumps(expected.totals))
        prediction = caller.call("predict", TEXTS)
        assert prediction.options == router.resolve_menu().names
        assert caller.call("curve", TEXTS, n_points=5).points == router.curve(TEXTS, n_points=5)
        with pytest.raises(InputError, match="422 invalid: "):
            caller.call("allocate", TEXTS, {"usd": 0.0}, all_or_nothing=True)
        caller.call("create_pool", f"night-{kind}", {"usd": 0.5}, expected_questions=100)
        assert f"night-{kind}" in [pool.name for pool in caller.call("list_pools")]
        with pytest.raises(UnknownError, match="404 not_found"):
            caller.call("get_pool", "nobody")


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("kind", KINDS)
def test_one_fault_is_got_past(kind: str, fault: str, sidecar: int) -> None:
    """Whatever happens to the first attempt, the second brings the plan."""
    with (
        FaultProxy(sidecar, fault) as proxy,
        Caller(kind, proxy.url, timeout_s=2.0, n_attempts=2) as caller,
    ):
        assert caller.call("allocate", TEXTS, BUDGET).source == "service"
        assert proxy.n_requests == (1 if fault == "delayed" else 2)


@pytest.mark.parametrize("fault", [*(f"{fault}*" for fault in FAULTS if fault != "delayed"), ""])
@pytest.mark.parametrize("kind", KINDS)
def test_lasting_fault_costs_no_more_than_the_time(kind: str, fault: str, sidecar: int) -> None:
    """However the service fails, the fallback is there in time and says that it is one."""
    with (
        FaultProxy(sidecar if fault else 0, fault) as proxy,
        Caller(kind, proxy.url, timeout_s=0.2, fallback_option="small") as caller,
    ):
        begun_s = time.monotonic()
        plan = caller.call("allocate", TEXTS, BUDGET)
        taken_s = time.monotonic() - begun_s
        assert (plan.source, plan.degraded) == ("fallback", True)
        assert [choice.option for choice in plan] == ["small", "small"]
        assert taken_s < 0.2 + SLACK_S


@pytest.mark.parametrize("fault", BEHIND)
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_carried_out_is_not_done_twice(
    kind: str, fault: str, sidecar: int, pool: str
) -> None:
    """An attempt whose answer was lost is known again by its key, and reserves nothing more."""
    with (
        FaultProxy(sidecar, fault) as proxy,
        Caller(kind, proxy.url, timeout_s=2.0, n_attempts=2) as caller,
    ):
        plan = caller.call("allocate", TEXTS, BUDGET, pool=pool)
        assert proxy.n_requests == (1 if fault == "delayed" else 2)
    assert plan.source == "service"
    assert look(sidecar, pool).reserved["usd"] == plan.totals["cost"]["usd"]


def test_rig_sees_a_client_that_changes_its_key(
    sidecar: int, pool: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that takes a new key for every attempt is caught reserving twice."""
    send = Transport.send

    async def send_anew(self: Transport, call: Call[Any], seconds_max: float) -> Any:
        return await send(self, replace(call, key=choose_key()), seconds_max)

    with monkeypatch.context() as patch:
        patch.setattr(Transport, "send", send_anew)
        with FaultProxy(sidecar, "killed") as proxy, Caller("blocking", proxy.url) as caller:
            plan = caller.call("allocate", TEXTS, BUDGET, pool=pool)
    assert look(sidecar, pool).reserved["usd"] > plan.totals["cost"]["usd"]


def test_rig_sees_a_client_without_a_deadline(
    sidecar: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client that only waits for the next piece follows an answer that trickles in."""
    send = Transport.send

    async def send_patiently(self: Transport, call: Call[Any], _: float) -> Any:
        return await send(self, call, 1.2)

    monkeypatch.setattr(Transport, "send", send_patiently)
    with FaultProxy(sidecar, "trickled*") as proxy:
        caller = Caller("asynchronous", proxy.url, timeout_s=0.1, n_attempts=1)
        with caller:
            begun_s = time.monotonic()
            caller.call("allocate", TEXTS, BUDGET)
            assert time.monotonic() - begun_s > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_reports_arrive_once_after_the_service_was_away(
    kind: str, sidecar: int, pool: str, tmp_path: Path
) -> None:
    """Reports made while nobody is there, or whose answer is lost, settle what they should once."""
    with (
        FaultProxy(sidecar) as proxy,
        Caller(kind, proxy.url, timeout_s=2.0, n_attempts=1, spool=tmp_path) as caller,
    ):
        plans = [caller.call("allocate", TEXTS[:1], BUDGET, pool=pool) for _ in range(4)]
        proxy.faults = ["reset"] * 3
        statuses = [caller.call("report", plan, OUTCOMES).status for plan in plans[:3]]
        assert statuses == ["queued"] * 3
        assert look(sidecar, pool).settled == {"usd": 0.0}
        proxy.faults = ["killed"]
        assert caller.call("flush").n_delivered == 0
        assert caller.call("flush") == Delivery(3, 0)
        receipt = caller.call("report", plans[3], OUTCOMES)
        assert receipt.status == "delivered"
        assert receipt.document["outcomes"] == [{"id": "q1", "status": "settled"}]
    state = look(sidecar, pool)
    within, beyond = state.settled["usd"], state.overrun["usd"]
    assert (state.reserved, round(within + beyond, 6)) == ({"usd": 0.0}, 0.004)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", KINDS)
def test_breaker_spares_a_service_that_is_down(kind: str, sidecar: int) -> None:
    """While it is open no request leaves; when the service is back, so are its plans."""
    clock = Clock()
    breaker = Breaker(2, 10.0, clock)
    with (
        FaultProxy(sidecar, "reset", "reset") as proxy,
        Caller(kind, proxy.url, timeout_s=30.0, n_attempts=1, breaker=breaker) as caller,
    ):
        sources = [caller.call("allocate", TEXTS, BUDGET).source for _ in range(5)]
        assert sources == ["fallback"] * 5
        assert proxy.n_requests == 2
        clock.now_s += 10.0
        assert caller.call("allocate", TEXTS, BUDGET).source == "service"
        assert breaker.state == "closed"


@pytest.mark.parametrize("kind", KINDS)
def test_service_is_reached_over_a_unix_socket(kind: str, tmp_path: Path) -> None:
    """A path in the file system stands for host and port, and a key needs no encryption there."""
    path = str(tmp_path / "s")
    with (
        serve(create_app(Router(tiny_bundle(), PRICES)), socket_path=path),
        Caller(kind, "http://router", socket_path=path, key="k", timeout_s=30.0) as caller,
    ):
        assert caller.call("allocate", TEXTS, BUDGET).source == "service"


@pytest.mark.parametrize("kind", KINDS)
def test_key_does_not_leave_this_machine_by_a_proxy(
    kind: str, sidecar: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is sent unencrypted goes where the address says, whatever the environment names."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        # Nobody listens there, so that whatever goes that way is lost.
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with Caller(kind, f"http://127.0.0.1:{sidecar}", key="k", timeout_s=30.0) as caller:
        assert caller.call("ready")
