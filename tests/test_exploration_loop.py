"""A sidecar explores, agents report, the log is exported, and other policies are answered for."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from starlette.testclient import TestClient

import router.exploration
from router.evaluation.off_policy_choices import read_choices
from router.ledger import Ledger
from router.ledger.ledger import read_outcomes
from router.planner import Router
from router.service.application import create_app
from router.service.desk_limits import DeskLimits
from router.service.sidecar import Sidecar
from router.tables import read_columns
from tests.contracts.commands import (
    KINDS,
    PRICES,
    check_refused,
    read_json,
    run_json,
    tiny_bundle,
)
from tests.contracts.faulty_models import make_faulty_router

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]
CALLS, PER_CALL = 30, 20
# What each option reaches, whatever was predicted; agents report 0 or 1.
REACHED = {"toy|s0": 0.3, "toy|s1": 0.5, "toy|s4": 0.7}
PAID = {"toy|s0": 0.0002, "toy|s1": 0.0042, "toy|s4": 0.0162}
# On a busy machine no plan is to be made without the model.
PATIENT = DeskLimits(deadline_ms=60_000.0, wait_ms=60_000.0)


@pytest.fixture(autouse=True)
def seeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every plan draw by a seed of its own, the same in every run."""
    numbers = itertools.count()

    def open_generator(_: int | None) -> np.random.Generator:
        """Open the next generator."""
        return np.random.default_rng(next(numbers))

    monkeypatch.setattr(router.exploration, "open_generator", open_generator)


def make_questions(call: int) -> list[dict[str, Any]]:
    """Make the questions of one call, none of which comes again."""
    kinds = list(KINDS.items())
    return [
        {
            "id": f"q{number}",
            "text": kinds[number % 2][1].format(f"port {number} in {call}", number),
            "group": kinds[number % 2][0],
        }
        for number in range(PER_CALL)
    ]


def send(client: TestClient, path: str, **fields: Any) -> dict[str, Any]:
    """Send a body that is in order."""
    answer = client.post(path, json=fields)
    assert answer.status_code == 200, answer.text
    document = read_json(answer.text)
    assert isinstance(document, dict)
    return document


def serve(data: Path, budget: float, *, n_calls: int = CALLS, **settings: Any) -> list[Any]:
    """Plan, run and report calls of questions, within a budget each; give all choices."""
    generator, given = np.random.default_rng(0), []
    with Ledger(data) as ledger:
        app = create_app(Sidecar(Router(tiny_bundle(), PRICES), ledger, limits=PATIENT, **settings))
        with TestClient(app) as client:
            for call in range(n_calls):
                questions = make_questions(call)
                plan = send(client, "/v1/allocate", questions=questions, budget={"usd": budget})
                assert plan["totals"]["cost"]["usd"] <= budget
                outcomes = [
                    {
                        "id": choice["id"],
                        "cost": {"usd": PAID[choice["option"]]},
                        "quality": float(generator.random() < REACHED[choice["option"]]),
                    }
                    for choice in plan["choices"]
                ]
                send(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=outcomes)
                given += plan["choices"]
    return given


def test_other_policies_are_answered_for(tmp_path: Path, capsys: Capture) -> None:
    """Six hundred questions say what each option alone and a mix would have brought and cost."""
    data, out = tmp_path / "data", tmp_path / "log.parquet"
    given = serve(data, 0.4, explore=0.6)
    exported = run_json(capsys, "export-log", data, "--out", out)
    assert f"{len(given)} outcomes have a propensity, as their plans explored" in exported["notes"]
    columns = read_columns(out)
    assert columns["propensity"] == [choice["propensity"] for choice in given]
    choices = read_choices(out)
    assert choices.logging is not None
    np.testing.assert_allclose(choices.logging.sum(axis=1), 1.0, rtol=0, atol=1e-9)
    policies = ["--policy", "mix:0.005", *(word for name in REACHED for word in ("--policy", name))]
    document = run_json(capsys, "off-policy", out, *policies)
    mix, *singles = document["policies"]
    assert mix["cost"]["value"] == pytest.approx(0.005, rel=0.2)
    for single in singles:
        assert single["refused"] is None, single
        quality, cost = single["quality"], single["cost"]
        # By four standard errors.
        error = (quality["high"] - quality["low"]) / 2 / 1.96
        assert abs(quality["value"] - REACHED[single["policy"]]) < 4 * error
        assert cost["value"] == pytest.approx(PAID[single["policy"]], rel=0.1)


def test_what_was_out_of_reach_is_refused_with_the_reason(tmp_path: Path, capsys: Capture) -> None:
    """Where few or no draws could reach an option, no estimate of it is given."""
    data, out = tmp_path / "data", tmp_path / "log.parquet"
    serve(data, 0.05, explore=0.4, n_calls=10)
    run_json(capsys, "export-log", data, "--out", out)
    logging = read_choices(out).logging
    assert logging is not None
    # The dear one is within reach of a single explored question only, but for few.
    assert 0 < np.median(logging[:, 2]) < 0.001
    check_refused(capsys, ["off-policy", out, "--policy", "toy|s4"], "toy|s4", "are needed")


def test_a_log_without_exploration_says_how_to_explore(tmp_path: Path, capsys: Capture) -> None:
    """It has no column of propensities, and estimates name the switch."""
    data, out = tmp_path / "data", tmp_path / "log.parquet"
    serve(data, 0.3, n_calls=1)
    assert run_json(capsys, "export-log", data, "--out", out)["notes"] == []
    assert not {"propensity", "propensities"} & set(read_columns(out))
    check_refused(capsys, ["off-policy", out, "--policy", "toy|s4"], "serve --explore")


def test_requests_have_the_last_word(tmp_path: Path) -> None:
    """A request may explore less, or more; what cannot explore is planned without, or refused."""
    first = {"id": "q0", "text": "Who heads the council of Bern today?"}
    second = {"id": "q1", "text": "What is 2 plus 3 times two?", "depends_on": ["q0"]}
    common = {"questions": [first], "budget": {"usd": 0.05}}
    with Ledger(tmp_path / "data") as ledger:
        planner = Router(tiny_bundle(), PRICES)
        with TestClient(
            create_app(Sidecar(planner, ledger, explore=0.25, limits=PATIENT))
        ) as client:

            def ask(**fields: Any) -> bool:
                """Ask for a plan, and say whether it explored."""
                plan = send(client, "/v1/allocate", **(common | fields))
                return "propensity" in plan["choices"][0]

            assert ask()
            assert not ask(explore=0)
            assert not ask(target_quality=0.1)
            assert not ask(questions=[first, second])
            assert not ask(shadow=True)
            assert not ask(shadow=True, explore=0.5)
            for fields in ({"target_quality": 0.1}, {"questions": [first, second]}):
                answer = client.post("/v1/allocate", json=common | {"explore": 0.5} | fields)
                assert answer.status_code == 422
                assert "explore" in answer.text
            assert client.post("/v1/allocate", json=common | {"explore": 1}).status_code == 422


def test_a_pool_holds_what_was_drawn(tmp_path: Path) -> None:
    """The reservation is of the options that are given, inside what the call may take."""
    with Ledger(tmp_path / "data") as ledger:
        app = create_app(
            Sidecar(Router(tiny_bundle(), PRICES), ledger, explore=0.5, limits=PATIENT)
        )
        with TestClient(app) as client:
            client.post("/v1/pools", json={"name": "night", "capacity": {"usd": 1.0}})
            held = 0.0
            for call in range(6):
                plan = send(client, "/v1/allocate", questions=make_questions(call), pool="night")
                held += sum(choice["cost"]["usd"] for choice in plan["choices"])
                pool = read_json(client.get("/v1/pools/night").text)
                assert pool["reserved"]["usd"] == pytest.approx(held)
            report = {"id": "q0", "cost": {"usd": 0.0}, "quality": 1.0}
            send(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=[report])
            again = {"plan_id": plan["plan_id"], "reports": []}
            answer = client.post("/v1/replan", json=again)
            assert answer.status_code == 422
            assert "explore 0" in answer.text
        assert ledger.audit() == []
    (outcome,) = read_outcomes(tmp_path / "data")
    chances = outcome.content.propensities
    assert chances is not None
    assert chances[0][outcome.content.options[0]] == plan["choices"][0]["propensity"]


def test_a_plan_without_the_model_does_not_explore() -> None:
    """It is made by the options' means with the whole budget, and nothing is left to chance."""
    planner, session = make_faulty_router()
    session.fault = "raise"
    with TestClient(create_app(Sidecar(planner, explore=0.5, limits=PATIENT))) as client:
        plan = send(client, "/v1/allocate", questions=make_questions(0), budget={"usd": 0.3})
    assert plan["degraded"]
    assert not any("propensity" in choice for choice in plan["choices"])
    assert "explores" not in json.dumps(plan["notes"])
