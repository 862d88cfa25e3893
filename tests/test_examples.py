"""The examples: what they hold, and that their commands work."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pytest

from examples import agent, make_sample_log
from router.logs import read_log
from router.prices import Prices
from router.questions import read_questions
from tests.contracts.commands import run_json, tiny_bundle
from tests.contracts.sidecars import run_sidecar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from router.outcomes import OutcomeLog


@pytest.fixture(scope="module")
def log(repository_root: Path) -> OutcomeLog:
    """Read the sample log."""
    return read_log(repository_root / "examples" / "sample_log.csv")


def mean_quality(log: OutcomeLog, group: str, **descriptors: object) -> float:
    """Average a task's quality over the options of a description."""
    rows = [name == group for name in log.groups]
    columns = [
        all(getattr(option, name) == value for name, value in descriptors.items())
        for option in log.options
    ]
    return float(log.to_matrix(log.quality)[np.ix_(rows, columns)].mean())


def test_sample_log_is_labelled_synthetic(log: OutcomeLog, repository_root: Path) -> None:
    """Its name and the page beside it say that nothing in it was measured."""
    assert log.dataset == "synthetic_sample"
    assert "synthetic" in (repository_root / "examples" / "README.md").read_text("utf-8")
    assert {option.model for option in log.options} == {"toy-small", "toy-large"}


def test_sample_log_is_whole(log: OutcomeLog) -> None:
    """300 questions saw all 12 options, and dollars, tokens and searches are known."""
    assert (log.n_questions, log.n_options, log.coverage) == (300, 12, 1.0)
    assert (log.cost_unit, len(set(log.texts)), len(set(log.groups))) == ("usd", 300, 5)
    assert {"tokens", "searches"} <= set(log.unit_costs)
    assert log.notes == ()


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("sample_log.csv", make_sample_log.make_rows),
        ("new_model.csv", make_sample_log.make_new_rows),
    ],
)
def test_logs_are_what_the_script_writes(
    name: str,
    make: Callable[[], list[dict[str, object]]],
    repository_root: Path,
    tmp_path: Path,
) -> None:
    """Running the script again gives the same logs, byte for byte."""
    make_sample_log.write_log(tmp_path / "again.csv", make())
    assert (tmp_path / "again.csv").read_bytes() == (
        repository_root / "examples" / name
    ).read_bytes()


def test_new_model_can_join_the_sample(log: OutcomeLog, repository_root: Path) -> None:
    """Its options and questions are not those of the log, and its unit is the same."""
    new = read_log(repository_root / "examples" / "new_model.csv")
    assert {option.model for option in new.options} == {"toy-new"}
    assert not set(new.texts) & set(log.texts)
    assert (new.cost_unit, len(new.quality)) == (log.cost_unit, 72)


def test_tasks_of_the_sample_differ_in_their_needs(log: OutcomeLog) -> None:
    """One task needs searches, one reasoning, one nothing, and one is hurt by searches."""
    plain = {"reasoning_effort": "none"}
    searched = mean_quality(log, "current_events", **plain, searches=2.0)
    assert searched > mean_quality(log, "current_events", **plain, searches=0.0) + 0.2
    reasoned = mean_quality(log, "arithmetic", reasoning_effort="high", searches=0.0)
    assert reasoned > mean_quality(log, "arithmetic", **plain, searches=0.0) + 0.3
    assert mean_quality(log, "definition", **plain, searches=0.0) > 0.7
    led_astray = mean_quality(log, "riddle", **plain, searches=2.0)
    assert led_astray < mean_quality(log, "riddle", **plain, searches=0.0) - 0.1


def test_questions_are_plannable(
    repository_root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The example's questions and prices make a menu and a plan within the budget."""
    examples = repository_root / "examples"
    questions = read_questions(examples / "questions.txt")
    assert 12 <= len(questions) <= 20
    menu, bundle = tmp_path / "menu.toml", tmp_path / "bundle"
    tiny_bundle().save(bundle)
    run_json(capsys, "menu", "init", examples / "prices.toml", "--out", menu)
    arguments = ["allocate", examples / "questions.txt", "--budget", "usd=0.05", "--model", bundle]
    plan = run_json(capsys, *arguments, "--menu", menu, "--prices", examples / "prices.toml")
    assert len(plan["choices"]) == len(questions)
    assert plan["totals"]["cost"]["usd"] <= 0.05
    assert plan["price_id"] == Prices.load(examples / "prices.toml").price_id


def test_sample_questions_are_new_and_like_the_log(log: OutcomeLog, repository_root: Path) -> None:
    """None of them is in the sample, and each ends as its questions do, by a number of its own."""
    asked = read_questions(repository_root / "examples" / "sample_questions.txt")
    assert len(asked) == 8
    assert not {question.text for question in asked} & set(log.texts)
    pattern = re.compile(r" \(item (\d+)\)$")
    known = {found[1] for found in map(pattern.search, log.texts) if found}
    mine = [found[1] for question in asked if (found := pattern.search(question.text))]
    assert len(set(mine) - known) == 8


def test_agent_asks_reports_and_leaves_open_what_is_not_funded(
    tmp_path: Path,
    repository_root: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The example of an agent settles what it was granted, and gives no option to the rest."""
    with run_sidecar(repository_root, ["--data", tmp_path / "ledger"]) as sidecar:
        url = f"http://127.0.0.1:{sidecar.port}"
        agent.run(url)
        told = capsys.readouterr().out
        assert told.count("would answer") == 2
        assert told.count('"settled"') == 2
        monkeypatch.setattr(agent, "POOL", {"name": "dry", "capacity": {"usd": 1e-6}})
        agent.run(url)
        assert capsys.readouterr().out.count("stays open") == 2
    agent.run(url)
    assert capsys.readouterr().out.startswith("no plan (")
