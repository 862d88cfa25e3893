"""What another policy would have brought, from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from router.cli import main
from tests.contracts.commands import check_refused, make_columns, read_json, run_json, write_csv

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]


def write_log(path: Path, **changed: Any) -> Path:
    """Write a log in which each option was chosen once in three times."""
    columns = make_columns(240)
    rows = [3 * question + question // 2 % 3 for question in range(240)]
    chosen: dict[str, Any] = {name: [cells[row] for row in rows] for name, cells in columns.items()}
    chosen |= {"propensity": [1 / 3] * 240} | changed
    return write_csv(path, {name: cells for name, cells in chosen.items() if cells is not None})


def test_policies_stand_beside_what_was_logged(tmp_path: Path, capsys: Capture) -> None:
    """The table names estimate, interval, cost and overlap; the document holds the same."""
    log, out = write_log(tmp_path / "live.csv"), tmp_path / "found.json"
    arguments = ["off-policy", log, "--policy", "mix:0.003", "--policy", "toy|s1", "--out", out]
    document = run_json(capsys, *arguments)
    assert document == read_json(out.read_text("utf-8"))
    assert document["estimator"] == "doubly_robust"
    assert document["cost_unit"] == "usd"
    mix, single = document["policies"]
    assert single["quality"]["low"] < single["quality"]["value"] < single["quality"]["high"]
    assert single["quality"]["overlap"]["effective_sample_size"] == pytest.approx(80)
    assert mix["cost"]["value"] < document["logged_cost"]["mean"]
    assert main([str(argument) for argument in arguments]) == 0
    printed = capsys.readouterr().out
    assert "toy|s1" in printed
    assert "logged" in printed


@pytest.mark.parametrize(
    ("changed", "arguments", "words"),
    [
        ({}, [], ["--policy", "needed"]),
        ({}, ["--policy", "best"], ["'best'", "mix:BUDGET"]),
        ({}, ["--policy", "toy|s1", "--estimator", "magic"], ["'magic'", "doubly_robust"]),
        ({}, ["--policy", "toy|s1", "--confidence", "95"], ["95", "between 0 and 1"]),
        ({}, ["--policy", "toy|s1", "--jobs", "0"], ["--jobs 0"]),
        ({"propensity": None}, ["--policy", "toy|s1"], ["live.csv", "'propensity'"]),
        ({"propensity": [0.01] * 240}, ["--policy", "toy|s1"], ["toy|s1", "mean weight"]),
    ],
)
def test_what_cannot_be_answered_is_refused(
    tmp_path: Path,
    capsys: Capture,
    changed: dict[str, Any],
    arguments: list[str],
    words: list[str],
) -> None:
    """Each gets one line that names it and status 2, and no file is written."""
    log, out = write_log(tmp_path / "live.csv", **changed), tmp_path / "found.json"
    check_refused(capsys, ["off-policy", log, "--out", out, *arguments], *words)
    assert not out.exists()
