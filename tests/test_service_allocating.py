"""Pools, plans and outcomes over HTTP."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from router.exceptions import StoreError
from router.ledger import Ledger
from router.ledger.ledger import read_outcomes
from router.planner import Router
from router.service.application import create_app
from router.service.sidecar import Sidecar
from tests.contracts.commands import PRICES, read_json, tiny_bundle
from tests.contracts.ledgers import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from router.ledger.records import PoolState

TEXTS = ["Who heads the council of Bern today?", "What is 2 plus 3 times two?"]
QUESTIONS = [{"id": "a", "text": TEXTS[0], "group": "look-up"}, {"id": "b", "text": TEXTS[1]}]


@pytest.fixture
def clock() -> VirtualClock:
    """Give a clock that stands still."""
    return VirtualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: VirtualClock) -> Iterator[Ledger]:
    """Give a ledger, audited at the end."""
    with Ledger(tmp_path / "data", clock=clock) as ledger:
        yield ledger
        assert ledger.audit() == []


@pytest.fixture
def client(ledger: Ledger) -> Iterator[TestClient]:
    """Talk to a sidecar that keeps the ledger, with a pool of 0.1 dollars."""
    with TestClient(create_app(Sidecar(Router(tiny_bundle(), PRICES), ledger))) as client:
        made = client.post("/v1/pools", json={"name": "night", "capacity": {"usd": 0.1}})
        assert made.status_code == 201
        yield client


def ask(client: TestClient, path: str = "/v1/allocate", key: str = "", **fields: Any) -> Any:
    """Send a body, and read the answer of one that is in order."""
    headers = {"Idempotency-Key": key} if key else {}
    if path == "/v1/allocate":
        fields = {"questions": QUESTIONS, **fields}
    answer = client.post(path, json=fields, headers=headers)
    assert answer.status_code == 200, answer.text
    return read_json(answer.text)


def read_pool(client: TestClient) -> dict[str, Any]:
    """Read the pool."""
    document = read_json(client.get("/v1/pools/night").text)
    assert isinstance(document, dict)
    return document


def test_pool_shows_every_amount(client: TestClient) -> None:
    """A pool answers in its units, on its own, in the list, and when it is asked for again."""
    shown = read_pool(client)
    zero = {"usd": 0.0}
    assert shown == {
        "name": "night",
        "capacity": {"usd": 0.1},
        "reserved": zero,
        "settled": zero,
        "overrun": zero,
        "free": {"usd": 0.1},
        "price": {"usd": None},
        "share_max": 0.25,
        "expected_questions": None,
        "n_questions": 0,
    }
    assert read_json(client.get("/v1/pools").text) == {"pools": [shown]}
    again = client.post("/v1/pools", json={"name": "night", "capacity": {"usd": 0.1}})
    assert (again.status_code, read_json(again.text)) == (200, shown)
    other = client.post("/v1/pools", json={"name": "night", "capacity": {"usd": 0.2}})
    assert other.status_code == 409


def test_pools_are_listed_beside_the_loop(
    client: TestClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever lists thousands of pools keeps nobody else waiting."""
    threads, list_pools = [], ledger.list_pools

    def note(tenant: str) -> list[PoolState]:
        """Note the thread, in which no loop runs."""
        with pytest.raises(RuntimeError):
            asyncio.get_running_loop()
        threads.append(threading.current_thread().name)
        return list_pools(tenant)

    monkeypatch.setattr(ledger, "list_pools", note)
    assert client.get("/v1/pools").status_code == 200
    assert len(threads) == 1


def test_plan_reserves_and_outcomes_settle(client: TestClient, tmp_path: Path) -> None:
    """What a plan costs is held, what was not spent comes back, and the outcome is kept."""
    plan = ask(client, pool="night", lease_s=60)
    planned = {choice["id"]: choice["cost"]["usd"] for choice in plan["choices"]}
    assert (plan["pool"], plan["lease_s"]) == ("night", 60)
    assert read_pool(client)["reserved"]["usd"] == pytest.approx(sum(planned.values()))
    reports = [
        {"id": "a", "cost": {"usd": 0.000001, "searches": 2}, "quality": None},
        {"id": "b", "released": True},
    ]
    settled = ask(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=reports)
    assert settled["outcomes"] == [
        {"id": "a", "status": "settled"},
        {"id": "b", "status": "released"},
    ]
    assert settled["pool"] == {"name": "night", "free": {"usd": 0.099999}}
    later = [{"id": "a", "quality": 1}]
    second = ask(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=later)
    assert second["outcomes"] == [{"id": "a", "status": "completed"}]
    stored = list(read_outcomes(tmp_path / "data"))
    assert [(x.quality, x.cost_micro, x.text) for x in stored] == [
        (1.0, {"usd": 1, "searches": 2_000_000}, None)
    ]
    assert stored[0].content.groups == ["look-up", None]
    assert stored[0].fingerprint == tiny_bundle().predictor.encoder.fingerprint


def test_pool_is_drawn_on_by_shares_until_it_is_dry(client: TestClient) -> None:
    """Calls without a budget take at most their share, never more than there is, and end dry."""
    taken = []
    for _ in range(60):
        free = read_pool(client)["free"]["usd"]
        spent = ask(client, pool="night")["totals"]["cost"]["usd"]
        assert spent <= free * 0.25 + 1e-12
        taken.append(spent)
    assert sum(taken) <= 0.1
    assert read_pool(client)["price"]["usd"] is None or read_pool(client)["price"]["usd"] >= 0


def test_budget_caps_what_is_drawn(client: TestClient) -> None:
    """A budget beside a pool is a ceiling inside it, and the pool one over the budget."""
    assert ask(client, pool="night", budget={"usd": 0.001})["totals"]["cost"]["usd"] <= 0.001
    rich = ask(client, pool="night", budget={"usd": 100})
    assert rich["totals"]["budget"]["usd"] <= 0.1
    strict = client.post(
        "/v1/allocate",
        json={
            "questions": QUESTIONS,
            "pool": "night",
            "budget": {"usd": 0},
            "all_or_nothing": True,
        },
    )
    assert strict.status_code == 422


def test_same_key_reserves_once(client: TestClient) -> None:
    """A repeated request gets the first answer word for word; another body is refused."""
    body = {"questions": QUESTIONS, "pool": "night"}
    headers = {"Idempotency-Key": "k1"}
    first, second = (client.post("/v1/allocate", json=body, headers=headers) for _ in range(2))
    assert first.content == second.content
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    held = read_pool(client)["reserved"]["usd"]
    assert held == pytest.approx(read_json(first.text)["totals"]["cost"]["usd"])
    other = client.post("/v1/allocate", json={**body, "shadow": True}, headers=headers)
    assert other.status_code == 409
    for wrong in ("", "x" * 256, "a b"):
        refused = client.post("/v1/allocate", json=body, headers={"Idempotency-Key": wrong})
        assert refused.status_code == 400


def test_twins_in_flight_reserve_once(client: TestClient) -> None:
    """Eight requests of one key at once are one reservation and one answer."""
    body = {"questions": QUESTIONS, "pool": "night"}
    answers: list[bytes] = []

    def send() -> None:
        """Send it."""
        headers = {"Idempotency-Key": "twin"}
        answers.append(client.post("/v1/allocate", json=body, headers=headers).content)

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(answers)) == 1
    assert read_pool(client)["n_questions"] == 2


def test_shadow_enforces_nothing(client: TestClient, ledger: Ledger) -> None:
    """A shadow plan is made and written down, and takes nothing, by request or by setting."""
    plan = ask(client, pool="night", shadow=True)
    assert plan["shadow"] is True
    reports = [{"id": "a", "cost": {"usd": 5}, "quality": 0.5}]
    told = ask(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=reports)
    assert told["outcomes"] == [{"id": "a", "status": "settled"}]
    everywhere = Sidecar(Router(tiny_bundle(), PRICES), ledger, shadow=True)
    with TestClient(create_app(everywhere)) as other:
        assert ask(other, pool="night")["shadow"] is True
    shown = read_pool(client)
    assert (shown["free"], shown["overrun"]) == ({"usd": 0.1}, {"usd": 0.0})


def test_leases_end(client: TestClient, clock: VirtualClock, ledger: Ledger) -> None:
    """What an agent never reports on is free again when its lease is over, and that is counted."""
    plan = ask(client, pool="night", lease_s=30)
    clock.pass_seconds(31)
    ledger.probe().result()
    assert read_pool(client)["reserved"]["usd"] == 0
    reports = [{"id": "a", "cost": {"usd": 0.01}}]
    late = ask(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=reports)
    assert late["outcomes"] == [{"id": "a", "status": "late"}]
    assert read_pool(client)["overrun"] == {"usd": 0.01}
    shown = client.get("/metrics").text
    for event in ("granted", "expired", "late", "overrun"):
        assert f'router_ledger_events_total{{event="{event}"}} 1.0' in shown
    assert "router_ledger_commit_seconds_count 0.0" not in shown


def test_plans_fail_open_and_budgets_fail_closed(
    client: TestClient, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a store a plan is still given, and nothing is granted."""

    def fail(_: object) -> None:
        """Refuse as a full disk does."""
        raise StoreError("full")

    monkeypatch.setattr(ledger.writer, "submit", fail)
    assert ask(client, budget={"usd": 0.01})["recorded"] is False
    assert ask(client, budget={"usd": 0.01}, key="k")["recorded"] is False
    refused = client.post("/v1/allocate", json={"questions": QUESTIONS, "pool": "night"})
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "1")
    monkeypatch.undo()
    assert ask(client, pool="night")["totals"]["cost"]["usd"] > 0


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/v1/allocate", {"questions": QUESTIONS, "pool": "other"}, 404),
        ("/v1/outcomes", {"plan_id": "plan-0", "outcomes": [{"id": "a"}]}, 404),
        ("/v1/outcomes", {"plan_id": "plan-0", "outcomes": []}, 422),
        ("/v1/outcomes", {"plan_id": "p", "outcomes": [{"id": "a"}, {"id": "a"}]}, 422),
        ("/v1/outcomes", {"plan_id": "p", "outcomes": [{"id": "a", "quality": 1.1}]}, 422),
        ("/v1/outcomes", {"plan_id": "p", "outcomes": [{"id": "a", "cost": {"usd": -1}}]}, 422),
        (
            "/v1/outcomes",
            {"plan_id": "p", "outcomes": [{"id": "a", "cost": {"usd": 1}, "released": True}]},
            422,
        ),
        ("/v1/pools", {"name": "a b", "capacity": {"usd": 1}}, 422),
        ("/v1/pools", {"name": "a\n", "capacity": {"usd": 1}}, 422),
        ("/v1/pools", {"name": "..", "capacity": {"usd": 1}}, 422),
        ("/v1/pools", {"name": "a", "capacity": {}}, 422),
        ("/v1/pools", {"name": "a", "capacity": {"usd": 1e12}}, 422),
        ("/v1/pools", {"name": "a", "capacity": {"eur": 1}}, 422),
        ("/v1/pools", {"name": "a", "capacity": {"usd": 1}, "share_max": 0}, 422),
    ],
)
def test_wrong_requests_are_refused(
    client: TestClient, path: str, fields: dict[str, Any], status: int
) -> None:
    """What is not there is 404, what cannot be is 422, and nothing changes."""
    before = read_pool(client)
    answer = client.post(path, json=fields)
    assert answer.status_code == status
    assert set(read_json(answer.text)["error"]) == {"code", "message"}
    assert read_pool(client) == before


def test_without_ledger_there_are_no_pools() -> None:
    """A service without a data directory plans, and says what it was started without."""
    with TestClient(create_app(Router(tiny_bundle(), PRICES))) as client:
        assert "recorded" not in ask(client, budget={"usd": 0.01}, key="k")
        for answer in (
            client.get("/v1/pools"),
            client.get("/v1/pools/night"),
            client.post("/v1/allocate", json={"questions": QUESTIONS, "pool": "night"}),
            client.post("/v1/outcomes", json={"plan_id": "p", "outcomes": [{"id": "a"}]}),
        ):
            assert answer.status_code == 404
            assert "--data" in read_json(answer.text)["error"]["message"]


def test_text_is_stored_only_where_switched_on(tmp_path: Path) -> None:
    """The question's words are in no file of the directory, unless they were asked for."""
    for store_texts in (False, True):
        path = tmp_path / str(store_texts)
        with Ledger(path) as ledger:
            sidecar = Sidecar(Router(tiny_bundle(), PRICES), ledger, store_texts=store_texts)
            with TestClient(create_app(sidecar)) as client:
                plan = ask(client, budget={"usd": 0.01}, key="k")
                reports = [{"id": "a", "cost": {"usd": 0}, "quality": 1}]
                ask(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=reports)
        content = b"".join(file.read_bytes() for file in path.iterdir())
        assert (TEXTS[0].encode() in content) == store_texts
        assert [x.text for x in read_outcomes(path)] == [TEXTS[0] if store_texts else None]


@pytest.mark.parametrize("fields", [{}, {"budget": {"usd": 5.0}}])
def test_exhausted_pool_is_told_from_a_budget_that_is_too_small(
    client: TestClient, fields: dict[str, Any]
) -> None:
    """Where the pool is what does not reach, the code says so and nothing is taken."""
    made = client.post("/v1/pools", json={"name": "dry", "capacity": {"usd": 1e-6}})
    assert made.status_code == 201
    body = {"questions": QUESTIONS, "pool": "dry", "all_or_nothing": True, **fields}
    answer = client.post("/v1/allocate", json=body)
    assert (answer.status_code, answer.headers.get("Retry-After")) == (429, None)
    assert answer.json()["error"]["code"] == "pool_exhausted"
    assert "pool 'dry'" in answer.json()["error"]["message"]
    assert client.get("/v1/pools/dry").json()["reserved"] == {"usd": 0.0}
    assert 'router_ledger_events_total{event="refused"} 1.0' in client.get("/metrics").text


def test_even_share_of_a_fresh_pool_is_explained(client: TestClient) -> None:
    """Where a full pool funds nothing, because many questions are expected, the answer says so."""
    made = client.post("/v1/pools", json={"name": "small", "capacity": {"usd": 6e-4}})
    assert made.status_code == 201
    words = "an even share, usd=0.000004 of usd=0.0006 free, as 300 more questions are expected"
    body = {"questions": QUESTIONS, "pool": "small", "all_or_nothing": True}
    assert words in client.post("/v1/allocate", json=body).json()["error"]["message"]
    starved = ask(client, pool="small")
    assert starved["totals"]["statuses"]["unfunded"] == 2
    assert words in starved["notes"][-1]
    capped = ask(client, pool="small", budget={"usd": 1e-6})
    assert not any("even share" in note for note in capped["notes"])
    assert not any("even share" in note for note in ask(client, pool="night")["notes"])


@pytest.mark.parametrize("whole", [False, True])
def test_a_small_fresh_pool_grants_the_cheapest_plan(client: TestClient, *, whole: bool) -> None:
    """An even share below every option is raised, so that no pool starves those who ask."""
    made = client.post("/v1/pools", json={"name": "small", "capacity": {"usd": 0.01}})
    assert made.status_code == 201
    for _ in range(3):
        plan = ask(client, pool="small", questions=["Who?"], all_or_nothing=whole)
        assert plan["totals"]["statuses"]["unfunded"] == 0
        assert 0 < plan["totals"]["cost"]["usd"] <= 0.0025
    shown = read_json(client.get("/v1/pools/small").text)
    assert shown["price"]["usd"] is not None
    assert shown["reserved"]["usd"] + shown["free"]["usd"] == pytest.approx(0.01)


def test_small_budget_inside_a_pool_is_the_callers(client: TestClient) -> None:
    """Where the request's own cap is what does not reach, waiting for the pool helps nobody."""
    body = {"questions": QUESTIONS, "pool": "night", "budget": {"usd": 1e-6}}
    answer = client.post("/v1/allocate", json=body | {"all_or_nothing": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid")


def test_key_with_another_body_is_counted(client: TestClient) -> None:
    """A key that comes with another body is a conflict, in the answer and in the metrics."""
    ask(client, key="k1", budget={"usd": 0.01})
    body = {"questions": QUESTIONS, "budget": {"usd": 0.02}}
    answer = client.post("/v1/allocate", json=body, headers={"Idempotency-Key": "k1"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "conflict")
    assert 'router_ledger_events_total{event="conflict"} 1.0' in client.get("/metrics").text
