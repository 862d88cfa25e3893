"""The loop closes: planned, reported, exported, trained and served again, with texts or without."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from starlette.testclient import TestClient

from router.ledger import Ledger
from router.ledger.ledger import read_outcomes
from router.logs import read_log
from router.models.bundle import Bundle
from router.planner import Router
from router.service.application import create_app
from router.service.sidecar import Sidecar
from router.tables import read_columns
from tests.contracts.commands import KINDS, PRICES, check_refused, read_json, run_json, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

    from router.outcomes import OutcomeLog

Capture = pytest.CaptureFixture[str]
N_QUESTIONS = 40
COSTS = {"toy|s0": 0.0003, "toy|s4": 0.0164}
NAMES = ("toy|s0", "toy|s1", "toy|s4")


def make_questions() -> list[dict[str, Any]]:
    """Make questions of two kinds, numbered as agents might."""
    kinds = list(KINDS)
    return [
        {
            "id": f"q{number}",
            "text": KINDS[kinds[number % 2]].format(f"port {number}", number),
            "group": kinds[number % 2],
            "context": {"depth": number % 3},
        }
        for number in range(N_QUESTIONS)
    ]


def report(question: dict[str, Any], option: str) -> dict[str, Any]:
    """Say what came of a question: here searching helps sums and harms looking up."""
    helps = (question["group"] == "sum") == (option == "toy|s4")
    number = int(question["id"][1:])
    searches = 4 if option == "toy|s4" else 0
    return {
        "id": question["id"],
        "cost": {"usd": round(COSTS[option] + number / 1e6, 6), "searches": searches},
        "quality": 0.9 if helps else 0.1 + number / 1000,
    }


def send(client: TestClient, path: str, **fields: Any) -> dict[str, Any]:
    """Send a body that is in order."""
    answer = client.post(path, json=fields)
    assert answer.status_code == 200, answer.text
    document = read_json(answer.text)
    assert isinstance(document, dict)
    return document


def gather(client: TestClient) -> dict[tuple[str, str], dict[str, Any]]:
    """Let every question be answered by two options in turn, and report all outcomes."""
    reported = {}
    for option in COSTS:
        others = [name for name in NAMES if name != option]
        asked = [question | {"forbidden_options": others} for question in make_questions()]
        plan = send(client, "/v1/allocate", questions=asked, budget={"usd": 5.0})
        assert {choice["option"] for choice in plan["choices"]} == {option}
        outcomes = [report(question, option) for question in make_questions()]
        send(client, "/v1/outcomes", plan_id=plan["plan_id"], outcomes=outcomes)
        for question, outcome in zip(make_questions(), outcomes, strict=True):
            reported[question["text"], option] = outcome
    return reported


def list_rows(log: OutcomeLog) -> dict[tuple[str, str], tuple[float, float, float]]:
    """List quality and costs of a log by question and option."""
    names = [option.name for option in log.options]
    return {
        (log.query_ids[question], names[option]): (quality, usd, searches)
        for question, option, quality, usd, searches in zip(
            log.question_index.tolist(),
            log.option_index.tolist(),
            log.quality.tolist(),
            log.unit_costs["usd"].tolist(),
            log.unit_costs["searches"].tolist(),
            strict=True,
        )
    }


@pytest.mark.parametrize("store_texts", [False, True])
def test_loop_closes(tmp_path: Path, capsys: Capture, *, store_texts: bool) -> None:
    """What agents reported comes out as it went in, and what is trained on it plans by it."""
    data, out, bundle = tmp_path / "data", tmp_path / "log.parquet", tmp_path / "bundle"
    tiny_bundle().save(tmp_path / "source")
    with Ledger(data) as ledger:
        sidecar = Sidecar(Router(tiny_bundle(), PRICES), ledger, store_texts=store_texts)
        with TestClient(create_app(sidecar)) as client:
            reported = gather(client)
            # The server is still running on the directory.
            exported = run_json(capsys, "export-log", data, "--out", out)
            identifiers = {text: ledger.hash_text(text).hex() for text, _ in reported}
    assert (exported["n_rows"], exported["n_questions"]) == (2 * N_QUESTIONS, N_QUESTIONS)
    assert exported["options"] == sorted(COSTS)
    assert exported["notes"] == []
    log = read_log(out)
    assert log.has_texts == store_texts
    told = {question["text"] for question in make_questions()}
    assert set(log.texts) == (told if store_texts else {""})
    assert list_rows(log) == {
        (identifiers[text], option): (
            outcome["quality"],
            outcome["cost"]["usd"],
            outcome["cost"]["searches"],
        )
        for (text, option), outcome in reported.items()
    }
    assert sorted(log.context["depth"].tolist()) == sorted(n % 3 for n in range(N_QUESTIONS))
    command = ["train", out, "--out", bundle, "--context", "depth"]
    named = [] if store_texts else ["--features-of", tmp_path / "source"]
    run_json(capsys, *command, *named)
    with TestClient(create_app(Sidecar(Router(Bundle.load(bundle), PRICES)))) as client:
        plan = send(client, "/v1/allocate", questions=make_questions(), budget={"usd": 5.0})
    for question, choice in zip(make_questions(), plan["choices"], strict=True):
        assert choice["option"] == ("toy|s4" if question["group"] == "sum" else "toy|s0")


def test_features_are_those_of_the_serving_bundle(tmp_path: Path, capsys: Capture) -> None:
    """What was kept of a question is what its encoder makes of the text, to the last bit."""
    with Ledger(tmp_path / "data") as ledger:
        sidecar = Sidecar(Router(tiny_bundle(), PRICES), ledger, store_texts=True)
        with TestClient(create_app(sidecar)) as client:
            gather(client)
    exported = run_json(capsys, "export-log", tmp_path / "data", "--out", tmp_path / "log.parquet")
    encoder = tiny_bundle().predictor.encoder
    assert exported["feature_fingerprint"] == encoder.fingerprint
    columns = read_columns(tmp_path / "log.parquet")
    kept = np.array(columns["features"], dtype=np.float32)
    np.testing.assert_array_equal(kept, encoder.encode(columns["query"]))


def test_outcomes_are_chosen_by_time_and_tenant(tmp_path: Path, capsys: Capture) -> None:
    """Only what was reported since a time, and by one tenant, is written."""
    data, out = tmp_path / "data", tmp_path / "log.parquet"
    with Ledger(data) as ledger:
        sidecar = Sidecar(Router(tiny_bundle(), PRICES), ledger)
        with TestClient(create_app(sidecar)) as client:
            gather(client)
    newest = max(outcome.reported_wall_us for outcome in read_outcomes(data))
    command = ["export-log", data, "--out", out]
    assert run_json(capsys, *command, "--since", "2020-01-01")["n_rows"] == 2 * N_QUESTIONS
    assert run_json(capsys, *command, "--tenant", "default")["n_rows"] == 2 * N_QUESTIONS
    moment = str(np.datetime64(newest, "us"))
    assert run_json(capsys, *command, "--since", moment)["n_rows"] <= N_QUESTIONS
    out.unlink()
    check_refused(capsys, [*command, "--since", "2999-01-01T00:00:00+02:00"], "none was reported")
    check_refused(capsys, [*command, "--tenant", "nobody"], "none was reported")
    check_refused(capsys, [*command, "--since", "soon"], "'soon' is no time: 2026-11-27")
    check_refused(capsys, ["export-log", tmp_path / "x", "--out", out], "holds no ledger")
    check_refused(capsys, ["export-log", data, "--out", tmp_path / "log.csv"], "as .parquet")
    assert not out.exists()
