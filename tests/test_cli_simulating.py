"""What a budget would have done, from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.cli import main
from tests.contracts.commands import check_refused, make_columns, read_json, write_csv

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]


def test_simulate_writes_table_document_and_page(tmp_path: Path, capsys: Capture) -> None:
    """All three say what the policy reaches at the budgets that were asked for."""
    log, out = write_csv(tmp_path / "tiny.csv", make_columns(40)), tmp_path / "forecast.json"
    page = tmp_path / "report.html"
    arguments = ["simulate", str(log), "--policy", "staged", "--budgets", "2,1"]
    assert main([*arguments, "--out", str(out), "--report", str(page)]) == 0
    printed, document = capsys.readouterr().out, read_json(out.read_text("utf-8"))
    assert [row["budget"] for row in document["budgets"]] == [1.0, 2.0]
    gain = document["budgets"][0]["plans"][-2]["gain_over_blind"]
    assert gain["low"] <= gain["mean"] <= gain["high"]
    assert "best fixed mix" in printed
    assert "a budget here is the mean cost a question" in printed
    assert page.read_text("utf-8").startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--policy", "greedy"], ["'greedy'", "staged"]),
        (["--budgets", "1,two"], ["--budgets '1,two'", "commas"]),
        (["--budgets", "0"], ["budgets [0.0]", "cheapest"]),
        (["--jobs", "0"], ["--jobs 0"]),
    ],
)
def test_what_cannot_be_tried_is_refused(
    tmp_path: Path, capsys: Capture, arguments: list[str], words: list[str]
) -> None:
    """Each gets one line that names it, and no page is written."""
    log, page = write_csv(tmp_path / "tiny.csv", make_columns(40)), tmp_path / "report.html"
    check_refused(capsys, ["simulate", log, "--report", page, *arguments], *words)
    assert not page.exists()
