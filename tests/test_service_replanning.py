"""Re-planning over HTTP, inside what is held for a plan."""

from __future__ import annotations

import asyncio
import threading
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from router import Question, Replanner, Report
from router.exceptions import OverloadError
from router.ledger import Ledger
from router.planner import Router
from router.service import replanning
from router.service.application import create_app
from router.service.desk import DeskLimits
from router.service.plan_shelf import PlanShelf
from router.service.replan_routes import ReplanBody
from router.service.replanning import Replanning
from router.service.sidecar import Sidecar
from tests.contracts.commands import PRICES, read_json, tiny_bundle
from tests.contracts.ledgers import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

QUESTIONS = [
    {"id": name, "text": text}
    for name, text in (
        ("a", "Who heads the council of Bern today?"),
        ("b", "What is 2 plus 3 times two?"),
        ("c", "Who fed the bears of Bern in 1857?"),
    )
]


@pytest.fixture
def clock() -> VirtualClock:
    """Give the ledger's clock."""
    return VirtualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: VirtualClock) -> Iterator[Ledger]:
    """Give a ledger, audited at the end."""
    with Ledger(tmp_path / "data", clock=clock) as ledger:
        yield ledger
        assert ledger.audit() == []


@pytest.fixture
def client(ledger: Ledger) -> Iterator[TestClient]:
    """Talk to a sidecar with a pool of a dollar."""
    with TestClient(create_app(Sidecar(Router(tiny_bundle(), PRICES), ledger))) as client:
        pool = {"name": "night", "capacity": {"usd": 1.0}}
        assert client.post("/v1/pools", json=pool).status_code == 201
        yield client


def ask(client: TestClient, path: str, **fields: Any) -> Any:
    """Send a body, and read the answer of one that is in order."""
    answer = client.post(path, json=fields)
    assert answer.status_code == 200, answer.text
    return read_json(answer.text)


def read_pool(client: TestClient) -> dict[str, Any]:
    """Read the pool."""
    document = read_json(client.get("/v1/pools/night").text)
    assert isinstance(document, dict)
    return document


def test_a_right_answer_stops_and_frees_the_rest(client: TestClient) -> None:
    """What is right stops; the others are planned within what it left, all inside the budget."""
    plan = ask(client, "/v1/allocate", questions=QUESTIONS, budget={"usd": 0.02})
    first = plan["choices"][0]
    report = {"id": "a", "option": first["option"], "cost": {"usd": 0.0001}, "quality": 1.0}
    found = ask(client, "/v1/replan", plan_id=plan["plan_id"], reports=[report])
    assert found["plan_id"] == plan["plan_id"]
    assert [decision["action"] for decision in found["decisions"]] == ["stop", "start", "start"]
    assert found["spent"] == {"usd": 0.0001}
    assert found["planned"]["usd"] <= found["remaining"]["usd"]
    again = ask(client, "/v1/replan", plan_id=plan["plan_id"], reports=[report])
    assert again == found


def test_the_reservation_stays_and_moves_between_questions(
    client: TestClient, ledger: Ledger
) -> None:
    """A pool holds as much after re-planning as before, for the questions that need it now."""
    plan = ask(client, "/v1/allocate", questions=QUESTIONS, pool="night", budget={"usd": 0.02})
    before = read_pool(client)
    report = {
        "id": "a",
        "option": plan["choices"][0]["option"],
        "cost": {"usd": 0.00001},
        "quality": 0.0,
    }
    found = ask(client, "/v1/replan", plan_id=plan["plan_id"], reports=[report], is_checked=True)
    after = read_pool(client)
    assert after["reserved"] == before["reserved"]
    assert found["planned"]["usd"] <= found["remaining"]["usd"] <= before["reserved"]["usd"]
    held = ledger.read_open("default", plan["plan_id"])
    assert held is not None
    for decision in found["decisions"][1:]:
        needed = round(decision["cost"]["usd"] * 1e6)
        assert held[decision["id"]]["usd"] >= needed
    outcomes = [{"id": name, "cost": {"usd": held[name]["usd"] / 1e6}} for name in "abc"]
    ask(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=outcomes)
    assert read_pool(client)["overrun"] == {"usd": 0.0}


def test_settled_questions_give_their_rest_to_the_pool(client: TestClient) -> None:
    """Only what is still held is planned with once a question is settled."""
    plan = ask(client, "/v1/allocate", questions=QUESTIONS, pool="night", budget={"usd": 0.02})
    option = plan["choices"][0]["option"]
    outcome = {"id": "a", "cost": {"usd": 0.00002}, "quality": 1.0}
    ask(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=[outcome])
    report = {"id": "a", "option": option, "cost": {"usd": 0.00002}, "quality": 1.0}
    for reports in ([], [report]):
        found = ask(client, "/v1/replan", plan_id=plan["plan_id"], reports=reports)
        assert found["decisions"][0]["action"] == "done"
        assert found["planned"]["usd"] <= read_pool(client)["reserved"]["usd"] + 1e-9
    outcomes = [{"id": name, "cost": {"usd": 0.0}, "quality": 0.0} for name in "bc"]
    ask(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=outcomes)
    ended = client.post("/v1/replan", json={"plan_id": plan["plan_id"]})
    assert (ended.status_code, ended.json()["error"]["code"]) == (409, "conflict")


def test_a_lease_that_ends_while_re_planning_is_a_conflict(
    client: TestClient, ledger: Ledger, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was held when the work began and is not at its end is not promised to anybody."""
    plan = ask(client, "/v1/allocate", questions=QUESTIONS, pool="night", budget={"usd": 0.02})
    read_open = ledger.read_open

    def read_at_the_last_moment(tenant: str, plan_id: str) -> dict[str, dict[str, int]] | None:
        """Read what is held, and let the lease end right after."""
        held = read_open(tenant, plan_id)
        clock.pass_seconds(3600)
        return held

    monkeypatch.setattr(ledger, "read_open", read_at_the_last_moment)
    late = client.post("/v1/replan", json={"plan_id": plan["plan_id"]})
    assert (late.status_code, late.json()["error"]["code"]) == (409, "conflict")
    assert read_pool(client)["reserved"] == {"usd": 0.0}


def test_a_cost_that_is_left_out_counts_as_planned(client: TestClient, ledger: Ledger) -> None:
    """Of a settled question it takes nothing from the others; of an open one it stays held."""
    plan = ask(client, "/v1/allocate", questions=QUESTIONS, pool="night", budget={"usd": 0.02})
    plan_id, choices = plan["plan_id"], plan["choices"]
    reports = [{"id": row["id"], "option": row["option"], "quality": 1.0} for row in choices]
    ask(client, "/v1/replan", plan_id=plan_id, reports=reports)
    planned = {row["id"]: {"usd": round(row["cost"]["usd"] * 1e6)} for row in choices}
    assert ledger.read_open("default", plan_id) == planned
    ask(client, "/v1/outcomes", plan_id=plan_id, outcomes=[{"id": "a", "quality": 1.0}])
    found = ask(client, "/v1/replan", plan_id=plan_id, reports=reports[:1])
    assert found["remaining"] == read_pool(client)["reserved"]
    assert [row["action"] for row in found["decisions"]] == ["done", "start", "start"]


def test_what_nobody_needs_is_charged_to_nobody(client: TestClient) -> None:
    """A question that needs no more holds no more, so that it is settled as it was planned."""
    plan = ask(client, "/v1/allocate", questions=QUESTIONS, pool="night", budget={"usd": 0.02})
    reports = [
        {"id": row["id"], "option": row["option"], "cost": {"usd": 0.0}, "quality": 1.0}
        for row in plan["choices"]
    ]
    ask(client, "/v1/replan", plan_id=plan["plan_id"], reports=reports)
    outcome = {"id": "a", "quality": 1.0}
    ask(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=[outcome])
    assert read_pool(client)["settled"]["usd"] == plan["choices"][0]["cost"]["usd"]


def test_a_plan_in_the_shadow_of_a_pool_is_replanned(client: TestClient) -> None:
    """It holds nothing, and is kept within what it was given."""
    plan = ask(
        *(client, "/v1/allocate"),
        questions=QUESTIONS,
        pool="night",
        budget={"usd": 0.02},
        shadow=True,
    )
    found = ask(client, "/v1/replan", plan_id=plan["plan_id"])
    assert found["remaining"] == {"usd": 0.02}
    assert read_pool(client)["reserved"] == {"usd": 0.0}


def test_many_reports_keep_nobody_waiting(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Questions are looked at once however many reports there are; all else has its own thread."""
    looked, threads = [], set()
    add_context, state = Question.with_context, replanning._state_costs

    def note_context(question: Question, context: Mapping[str, float]) -> Question:
        """Note the question."""
        looked.append(question.id)
        return add_context(question, context)

    def note_thread(*arguments: Any) -> Any:
        """Note the thread."""
        threads.add(threading.current_thread().name)
        return state(*arguments)

    monkeypatch.setattr(Question, "with_context", note_context)
    monkeypatch.setattr(replanning, "_state_costs", note_thread)
    plan = ask(client, "/v1/allocate", questions=QUESTIONS, budget={"usd": 0.02})
    option = plan["choices"][0]["option"]
    reports = [{"id": "a", "option": option, "context": {f"x{n}": 1.0}} for n in range(50)]
    ask(client, "/v1/replan", plan_id=plan["plan_id"], reports=reports)
    assert looked == ["a"]
    assert threads == {"planning"}


def test_more_at_once_than_is_allowed_is_refused(ledger: Ledger) -> None:
    """The next one is told to come back, as one that plans is."""
    sidecar = Sidecar(Router(tiny_bundle(), PRICES), ledger, limits=DeskLimits(in_flight_max=1))

    async def ask_twice() -> list[Any]:
        """Ask while another waits."""
        plan = sidecar.router.allocate([QUESTIONS[0]["text"]], {"usd": 0.02})
        sidecar.shelf.keep("t", plan)
        answering = Replanning(sidecar)
        asked = [answering.answer(ReplanBody(plan.plan_id), "t") for _ in range(2)]
        return list(await asyncio.gather(*asked, return_exceptions=True))

    first, second = asyncio.run(ask_twice())
    assert first["decisions"]
    assert isinstance(second, OverloadError)
    sidecar.replanners.close()
    sidecar.desk.close()


def test_overspending_is_planned_with_and_charged_later(client: TestClient) -> None:
    """Where more was spent than is held nothing more is planned, and nothing is granted."""
    plan = ask(client, "/v1/allocate", questions=QUESTIONS, pool="night", budget={"usd": 0.02})
    held = read_pool(client)["reserved"]
    report = {"id": "b", "option": plan["choices"][1]["option"], "cost": {"usd": 0.5}}
    found = ask(client, "/v1/replan", plan_id=plan["plan_id"], reports=[report])
    assert found["remaining"] == {"usd": 0.0}
    assert read_pool(client)["reserved"] == held


def test_context_is_predicted_anew_and_running_questions_stand(client: TestClient) -> None:
    """Context goes through the model; what runs keeps its option."""
    plan = ask(client, "/v1/allocate", questions=QUESTIONS, budget={"usd": 0.02})
    report = {
        "id": "a",
        "option": plan["choices"][0]["option"],
        "context": {"top_score": 3.0},
    }
    found = ask(client, "/v1/replan", plan_id=plan["plan_id"], reports=[report], running=["b"])
    assert found["decisions"][1]["action"] == "running"
    assert found["decisions"][1]["option"] == plan["choices"][1]["option"]
    assert 'router_plans_total{kind="replanned"} 1.0' in client.get("/metrics").text


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"plan_id": "plan-none"}, 404),
        ({"reports": [{"id": "z", "option": "o"}]}, 422),
        ({"reports": [{"id": "a", "option": "none"}]}, 422),
        ({"reports": [{"id": "a"}]}, 422),
        ({"running": ["z"]}, 422),
        ({"reports": [{"id": "a", "option": "o", "quality": 2}]}, 422),
    ],
)
def test_what_cannot_be_replanned_is_refused(
    client: TestClient, fields: dict[str, Any], status: int
) -> None:
    """Unknown plans, questions and options are refused in the one shape."""
    plan = ask(client, "/v1/allocate", questions=QUESTIONS, budget={"usd": 0.02})
    answer = client.post("/v1/replan", json={"plan_id": plan["plan_id"], **fields})
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}


def test_the_shelf_forgets_what_was_asked_for_longest_ago() -> None:
    """Plans beyond its size go, the one not asked for longest first."""
    router = Router(tiny_bundle(), PRICES)
    plans = [router.allocate([text["text"] for text in QUESTIONS], {"usd": 0.02}) for _ in "abc"]
    shelf = PlanShelf()
    shelf.keep("t", plans[0])
    shelf = PlanShelf(bytes_max=2 * shelf.n_bytes)
    for plan in plans[:2]:
        shelf.keep("t", plan)
    assert len(shelf) == 2
    shelf.take("t", plans[0].plan_id)
    shelf.keep("t", plans[2])
    assert shelf.take("t", plans[0].plan_id)[0].plan_id == plans[0].plan_id
    for tenant, plan in (("t", plans[1]), ("other", plans[0])):
        with pytest.raises(LookupError):
            shelf.take(tenant, plan.plan_id)


def test_a_kept_plan_is_decided_on_like_the_whole() -> None:
    """What the shelf leaves out of a plan is nothing that re-planning asks for."""
    plan = Router(tiny_bundle(), PRICES).allocate([QUESTIONS[0]["text"]], {"usd": 0.02})
    shelf = PlanShelf()
    shelf.keep("t", plan, pool="night")
    kept, pool = shelf.take("t", plan.plan_id)
    assert pool == "night"
    report = Report("q1", plan.choices[0].option, quality=0.0)
    for replanner in (whole := Replanner(plan), slim := Replanner(kept)):
        replanner.report(report)
    assert whole.plan() == slim.plan()


def test_kept_plans_take_what_they_are_said_to() -> None:
    """Hundreds of plans take no more memory than the shelf believes, within a factor of two."""
    router = Router(tiny_bundle(), PRICES)
    shelf = PlanShelf()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for row in range(300):
            menu = {"options": [{"name": f"o{row}-{n}", "costs": {"usd": n}} for n in range(4)]}
            texts = [f"{question['text']} {row}" for question in QUESTIONS]
            plan = router.allocate(texts, {"usd": 6}, menu=menu)
            plan.to_dict()
            shelf.keep("t", plan)
        del plan
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.3 * shelf.n_bytes < held < 2.0 * shelf.n_bytes


def test_kept_questions_weigh_what_they_list() -> None:
    """Numbers known of a question take most of what is kept of it where there are hundreds."""
    router = Router(tiny_bundle(), PRICES)
    shelf = PlanShelf()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for row in range(20):
            known = {f"{row}-{number}": float(number) for number in range(256)}
            questions = [Question(f"q{n}", f"Who was {n}?", context=dict(known)) for n in range(9)]
            plan = router.allocate(questions, {"usd": 1})
            plan.to_dict()
            shelf.keep("t", plan)
        del plan, questions, known
        held = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert 0.3 * shelf.n_bytes < held < 2.0 * shelf.n_bytes
