"""Evaluation from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.cli import main
from router.evaluation import FRACTIONS
from tests.contracts.commands import make_columns, read_json, write_csv

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
