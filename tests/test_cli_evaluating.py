"""Evaluation from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.cli import main
from router.evaluation import FRACTIONS
from tests.contracts.commands import check_refused, make_columns, read_json, write_csv

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]


def test_evaluate_reports_every_budget(tmp_path: Path, capsys: Capture) -> None:
    """The table is printed for a reader, the document beside it holds the five budgets."""
    log, out = write_csv(tmp_path / "tiny.csv", make_columns(40)), tmp_path / "evaluation.json"
    assert main(["evaluate", str(log), "--out", str(out)]) == 0
    printed = capsys.readouterr()
    document = read_json(out.read_text("utf-8"))
    assert tuple(report["fraction"] for report in document["budgets"]) == FRACTIONS
    assert (document["n_questions"], document["n_options"], document["coverage"]) == (40, 3, 1.0)
    for report in (*document["budgets"], document["mean"]):
        gain = report["gain_over_blind"]
        assert gain["low"] <= gain["mean"] <= gain["high"]
        expected = report["quality"]["router"] - report["quality"]["blind"]
        assert gain["mean"] == pytest.approx(expected, abs=1e-9)
    assert "gain over blind" in printed.out
    assert f"{document['mean']['quality']['router']:.4f}" in printed.out
    assert "fold" in printed.err


@pytest.mark.parametrize("labels", ["absent", "unseen"])
def test_labels_may_be_hidden_or_unseen(tmp_path: Path, capsys: Capture, labels: str) -> None:
    """The report says under which labels, and at which cost of asking, it was made."""
    columns = make_columns(60)
    columns["group"] = [f"task {name[-1]}" for name in map(str, columns["query_id"])]
    log = write_csv(tmp_path / "tiny.csv", columns)
    arguments = ["evaluate", str(log), "--labels", labels, "--router-cost", "0.0001", "--json"]
    assert main(arguments) == 0
    document = read_json(capsys.readouterr().out)
    assert (document["labels"], document["router_cost"]) == (labels, 0.0001)


def test_unknown_labels_are_refused(tmp_path: Path, capsys: Capture) -> None:
    """Another word gets one line that lists what is allowed."""
    log = write_csv(tmp_path / "tiny.csv", make_columns(40))
    check_refused(capsys, ["evaluate", log, "--labels", "some"], "--labels 'some'", "unseen")
