"""What both clients promise: one suite, run on each of them."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
import pytest

from router import Budget, Menu, Option, Question
from router.client.breaker import Breaker
from router.curves import CurvePoint
from router.exceptions import (
    AccessError,
    BudgetError,
    ConflictError,
    InputError,
    PoolExhaustedError,
    QuestionError,
    RouterError,
    ServiceError,
    UnknownError,
)
from router.options import SKIP
from tests.contracts.clients import KINDS, PLAN, POOL, Caller, Clock, Peer, refuse
from tests.contracts.planning import make_menu, make_router

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


def test_plan_of_the_service_is_typed(make: Callable[..., Caller]) -> None:
    """A plan comes with its choices, its source, and everything else the service said."""
    peer = Peer()
    plan = make(peer).call("allocate", ["Who?"], Budget(usd=0.01), pool="night", lease_s=30)
    assert (plan.plan_id, plan.source, plan.degraded) == ("plan-1", "service", False)
    assert [(choice.id, choice.option, choice.may_spend) for choice in plan] == [
        ("q1", "small", True)
    ]
    assert plan.totals == PLAN["totals"]
    assert plan.document == PLAN
    assert replace(plan, document={"notes": ["a word"]}).notes == ("a word",)
    assert len(plan) == 1
    assert peer.bodies == [
        {
            "questions": [{"id": "q1", "text": "Who?"}],
            "budget": {"usd": 0.01},
            "pool": "night",
            "lease_s": 30,
        }
    ]


def test_everything_asked_for_is_sent(make: Callable[..., Caller]) -> None:
    """Conditions of questions, a menu and all terms reach the service."""
    peer = Peer()
    question = Question("a", "Why?", weight=2.0, forbidden_options=("dear",), depends_on=())
    terms = {
        "all_or_nothing": True,
        "shadow": False,
        "allow_skip": True,
        "cost_margin": 0.1,
        "target_quality": 0.5,
    }
    menu = Menu((SKIP, Option("cheap", costs={"usd": 0.1})), name="mine")
    make(peer).call("allocate", [question], menu=menu, idempotency_key="job-7", **terms)
    assert peer.bodies == [
        {
            "questions": [
                {"id": "a", "text": "Why?", "weight": 2.0, "forbidden_options": ["dear"]}
            ],
            "menu": {
                "name": "mine",
                "skip": True,
                "options": [{"name": "cheap", "samples": 1, "costs": {"usd": 0.1}}],
            },
            **terms,
        }
    ]
    assert peer.keys == ["job-7"]
    assert peer.seen[0].headers["content-type"] == "application/json"


def test_other_answers_are_typed(make: Callable[..., Caller]) -> None:
    """Predictions, curves and pools come as records."""
    surface = {"bundle_id": "b", "options": ["s", "l"], "quality": {"q1": [0.1, 0.9]}}
    points = [{"budget": 1.0, "expected_quality": 0.5, "shadow_price": 0.1}]
    peer = Peer(
        (200, {**surface, "familiarity": {"q1": 0.5}, "abstained": None}),
        (200, {"unit": "usd", "points": points, "bundle_id": "b"}),
        (201, POOL),
        (200, {"pools": [POOL]}),
        (200, POOL),
    )
    caller = make(peer)
    prediction = caller.call("predict", ["Who?"], menu={"options": [{"name": "s"}]})
    assert prediction.options == ("s", "l")
    assert prediction.quality == {"q1": (0.1, 0.9)}
    assert prediction.familiarity == {"q1": 0.5}
    curve = caller.call("curve", ["Who?"], unit="usd", n_points=5)
    assert curve.points == (CurvePoint(1.0, 0.5, 0.1),)
    pool = caller.call("create_pool", "night", {"usd": 1.0}, share_max=0.5)
    assert (pool.name, pool.free, pool.price) == ("night", {"usd": 1.0}, {"usd": None})
    assert caller.call("list_pools") == (pool,)
    assert caller.call("get_pool", "night/2") == pool
    assert [request.url.raw_path for request in peer.seen] == [
        b"/v1/predict",
        b"/v1/curve",
        b"/v1/pools",
        b"/v1/pools",
        b"/v1/pools/night%2F2",
    ]
    assert peer.bodies[1] == {
        "questions": [{"id": "q1", "text": "Who?"}],
        "unit": "usd",
        "n_points": 5,
    }
    assert peer.bodies[2] == {"name": "night", "capacity": {"usd": 1.0}, "share_max": 0.5}
    assert [key is None for key in peer.keys] == [True, True, False, True, True]


@pytest.mark.parametrize(
    "fault",
    [
        httpx2.ConnectError,
        httpx2.ReadError,
        httpx2.RemoteProtocolError,
        (429, {"error": {"code": "too_many_requests", "message": "m"}}),
        (502, b"<html>bad gateway</html>"),
        DOWN,
        (504, b""),
        (200, b"\xffnot json"),
        (200, {"shape": "another"}),
        (200, []),
    ],
)
def test_retries_carry_the_same_key_and_body(make: Callable[..., Caller], fault: Any) -> None:
    """What may pass is tried again with one key, and the third answer is taken."""
    peer = Peer(fault, fault, (200, PLAN))
    plan = make(peer).call("allocate", ["Who?"], BUDGET)
    assert plan.source == "service"
    assert len(peer.seen) == 3
    assert len(set(peer.keys)) == 1
    assert peer.keys[0] is not None
    assert peer.bodies[0] == peer.bodies[1] == peer.bodies[2]


def test_every_call_has_a_key_of_its_own(make: Callable[..., Caller]) -> None:
    """Two calls are never taken for one."""
    peer = Peer()
    caller = make(peer)
    for _ in range(2):
        caller.call("allocate", ["Who?"], BUDGET)
    assert len(set(peer.keys)) == 2


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "malformed", InputError),
        (401, "unauthorized", AccessError),
        (403, "forbidden", AccessError),
        (404, "not_found", UnknownError),
        (409, "conflict", ConflictError),
        (413, "too_large", InputError),
        (422, "invalid", InputError),
        (429, "pool_exhausted", PoolExhaustedError),
    ],
)
def test_refusals_are_errors_of_the_caller(
    make: Callable[..., Caller], status: int, code: str, error: type[RouterError]
) -> None:
    """A refusal is raised at once and names code and message; no fallback and no retry hides it."""
    peer = Peer(refuse(status, code, "why it is so"))
    caller = make(peer, fallback_option="small")
    with pytest.raises(error) as raised:
        caller.call("allocate", ["Who?"], BUDGET)
    assert type(raised.value) is error
    assert f"{status} {code}: why it is so" in str(raised.value)
    assert len(peer.seen) == 1
    assert caller.client.breaker.state == "closed"


def test_defects_are_not_tried_again(make: Callable[..., Caller]) -> None:
    """A failure that would be the same again costs one attempt; who says no is not the service."""
    for line in (refuse(500, "internal"), (404, b"<html>"), (301, b""), (403, {"message": "m"})):
        peer = Peer(line)
        caller = make(peer)
        assert caller.call("allocate", ["Who?"], BUDGET).source == "fallback"
        with pytest.raises(ServiceError, match=f"POST /v1/predict: status {line[0]}"):
            caller.call("predict", ["Who?"])
        assert len(peer.seen) == 2


def test_wait_that_the_service_asks_for_is_kept(make: Callable[..., Caller], clock: Clock) -> None:
    """Retry-After is the least pause, where it fits into the call."""
    peer = Peer((*DOWN, {"Retry-After": "1"}), (200, PLAN))
    assert make(peer).call("allocate", ["Who?"], BUDGET).source == "service"
    assert clock.pauses == [1.0]


def test_wait_beyond_the_call_is_not_begun(make: Callable[..., Caller], clock: Clock) -> None:
    """A pause that outlasts the call is no pause: the caller goes on without at once."""
    peer = Peer((*DOWN, {"Retry-After": "2"}))
    assert make(peer, timeout_s=2.0).call("allocate", ["Who?"], BUDGET).source == "fallback"
    assert clock.pauses == []
    assert len(peer.seen) == 1


def test_call_ends_within_its_time(make: Callable[..., Caller], clock: Clock) -> None:
    """However many attempts there may be, none begins after the time is up."""
    peer = Peer(httpx2.ConnectError)

    def let_pass() -> None:
        clock.now_s += 0.4

    peer.before = let_pass
    caller = make(peer, timeout_s=1.0, n_attempts=20, breaker=Breaker(100, clock=clock))
    with pytest.raises(ServiceError, match="GET /v1/pools: no answer"):
        caller.call("list_pools")
    assert clock.now_s <= 1.4
    assert 2 <= len(peer.seen) <= 3


def test_breaker_opens_and_closes(make: Callable[..., Caller], clock: Clock) -> None:
    """After failures in a row nobody is asked; after a pause one attempt finds the service back."""
    peer = Peer(httpx2.ConnectError)
    caller = make(peer, n_attempts=1, breaker=Breaker(2, 10.0, clock))
    for _ in range(2):
        assert caller.call("allocate", ["Who?"], BUDGET).source == "fallback"
    plan = caller.call("allocate", ["Who?"], BUDGET)
    assert "not asked" in plan.reason
    assert len(peer.seen) == 2
    clock.now_s += 10.0
    assert "no answer" in caller.call("allocate", ["Who?"], BUDGET).reason
    assert len(peer.seen) == 3
    assert caller.client.breaker.state == "open"
    clock.now_s += 10.0
    peer.script = [(200, PLAN)]
    assert caller.call("allocate", ["Who?"], BUDGET).source == "service"
    assert caller.client.breaker.state == "closed"


def test_open_breaker_ends_a_call_early(make: Callable[..., Caller], clock: Clock) -> None:
    """Attempts of the call that opened it are not made either."""
    peer = Peer(httpx2.ConnectError)
    caller = make(peer, n_attempts=5, breaker=Breaker(2, 10.0, clock))
    assert "2 attempts made" in caller.call("allocate", ["Who?"], BUDGET).reason
    assert len(peer.seen) == 2


def test_fallback_without_anything_gives_no_advice(make: Callable[..., Caller]) -> None:
    """Every question is marked, may be answered, and has no option."""
    plan = make(Peer(httpx2.ConnectError)).call("allocate", ["Who?", "Why?"], BUDGET)
    assert (plan.source, plan.degraded) == ("fallback", True)
    assert plan.plan_id.startswith("local-")
    assert "POST /v1/allocate: no answer (ConnectError), 3 attempts made" in plan.reason
    assert [(c.id, c.status, c.option, c.may_spend) for c in plan] == [
        ("q1", "fallback", None, True),
        ("q2", "fallback", None, True),
    ]


def test_fallback_router_plans_within_the_budget(make: Callable[..., Caller]) -> None:
    """The caller's own router plans what the service would have, and says that it did."""
    router = make_router(make_menu([1.0, 2.0]), [[0.2, 0.9], [0.2, 0.3]])
    peer = Peer(httpx2.ConnectError)
    caller = make(peer, fallback_router=router, fallback_option="o0")
    plan = caller.call("allocate", ["question 0", "question 1"], {"usd": 3})
    assert (plan.source, plan.degraded) == ("fallback", True)
    assert [choice.option for choice in plan] == ["o1", "o0"]
    assert plan.totals["cost"]["usd"] <= 3
    assert plan.plan_id.startswith("local-")
    unfunded = caller.call("allocate", ["question 0"], {"usd": 0.5})
    assert [(choice.status, choice.option) for choice in unfunded] == [("unfunded", None)]
    with pytest.raises(BudgetError, match="budget"):
        caller.call("allocate", ["question 0"], {"usd": 0.5}, all_or_nothing=True)


def test_pool_grants_nothing_without_the_service(make: Callable[..., Caller]) -> None:
    """With a pool budgets fail closed, whatever fallback there is."""
    router = make_router(make_menu([1.0]), [[0.2]])
    caller = make(Peer(DOWN), fallback_option="small", fallback_router=router)
    plan = caller.call("allocate", ["question 0"], {"usd": 9}, pool="night")
    assert [(c.status, c.option, c.may_spend) for c in plan] == [("unfunded", None, False)]
    assert plan.totals["cost"] == {}


def test_plan_without_a_model_is_degraded(make: Callable[..., Caller]) -> None:
    """A plan that the service made without its model is its plan, and marked."""
    choice = {"id": "q1", "status": "fallback", "option": "small"}
    plan = make(Peer((200, {**PLAN, "choices": [choice]}))).call("allocate", ["Who?"], BUDGET)
    assert (plan.source, plan.degraded) == ("service", True)
    assert plan.reason
    answer = {**PLAN, "degraded": "model_slow"}
    plan = make(Peer((200, answer))).call("allocate", ["Who?"], BUDGET)
    assert plan.degraded
    assert "model_slow" in plan.reason


def test_bad_input_is_refused_before_anything_is_sent(make: Callable[..., Caller]) -> None:
    """What can never be planned is the caller's error, be the service there or not."""
    peer = Peer(httpx2.ConnectError)
    caller = make(peer)
    with pytest.raises(QuestionError, match="empty"):
        caller.call("allocate", [" "], BUDGET)
    with pytest.raises(BudgetError, match="neither budget, pool nor target_quality"):
        caller.call("allocate", ["Who?"])
    with pytest.raises(BudgetError, match="euro"):
        caller.call("allocate", ["Who?"], {"euro": 1})
    with pytest.raises(InputError, match="idempotency_key"):
        caller.call("allocate", ["Who?"], BUDGET, idempotency_key="two words")
    assert peer.seen == []


def test_readiness_is_asked_past_the_breaker(make: Callable[..., Caller], clock: Clock) -> None:
    """Ready is yes or no; a yes closes the breaker, a no changes nothing."""
    peer = Peer(httpx2.ConnectError)
    caller = make(peer, n_attempts=1, breaker=Breaker(1, 1000.0, clock))
    caller.call("allocate", ["Who?"], BUDGET)
    assert caller.call("ready") is False
    peer.script = [(503, {"ready": False})]
    assert caller.call("ready") is False
    assert caller.client.breaker.state == "open"
    assert len(peer.seen) == 3
    peer.script = [(200, {"ready": True})]
    assert caller.call("ready") is True
    assert caller.client.breaker.state == "closed"


def test_key_is_sent_and_never_shown(
    make: Callable[..., Caller], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The key comes from argument or environment, and is in no text that anybody reads."""
    monkeypatch.setenv("ROUTER_SERVICE_KEY", "canary-environment")
    for options, key in (({}, "canary-environment"), ({"key": "canary-given"}, "canary-given")):
        peer = Peer(httpx2.ConnectError)
        caller = make(peer, **options)
        plan = caller.call("allocate", ["Who?"], BUDGET)
        assert peer.seen[0].headers["authorization"] == f"Bearer {key}"
        with pytest.raises(ServiceError) as raised:
            caller.call("list_pools")
        client = caller.client
        for shown in (client, client.settings, plan, raised.value, raised.value.__cause__):
            assert "canary" not in repr(shown)
            assert "canary" not in str(shown)


def test_module_is_light_and_names_its_extra(repository_root: Path) -> None:
    """Importing loads no HTTP client, and without the extra a client says which one is missing."""
    program = (
        "import sys, router.client\n"
        "assert 'httpx2' not in sys.modules\n"
        "sys.modules['httpx2'] = None\n"
        "router.client.Client()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=repository_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("router.exceptions.MissingExtraError: router.client needs the extra")
    assert "[client]" in last
