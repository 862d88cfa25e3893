"""Looking into a bundle from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.cli import main
from tests.contracts.commands import read_json, run_json, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]


def test_inspect_shows_identifier_menu_figures_and_card(tmp_path: Path, capsys: Capture) -> None:
    """A reader sees all four, and the card as it was written."""
    tiny_bundle().save(tmp_path / "bundle")
    assert main(["inspect", str(tmp_path / "bundle")]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    for words in (
        tiny_bundle().bundle_id,
        "toy|s4",
        "training:",
        "n_questions: 60",
        "abstain_below: 0.01",
    ):
        assert words in printed.out
    assert printed.out.endswith(tiny_bundle().card)


def test_inspect_gives_the_same_as_json(tmp_path: Path, capsys: Capture) -> None:
    """The document has what the manifest says, without the recorded answers."""
    tiny_bundle().save(tmp_path / "bundle")
    out = tmp_path / "bundle.json"
    document = run_json(capsys, "inspect", tmp_path / "bundle", "--out", out)
    assert document["bundle_id"] == tiny_bundle().bundle_id
    assert document["training"] == tiny_bundle().manifest["training"]
    assert [option["name"] for option in document["menu"]] == list(tiny_bundle().menu.names)
    assert document["card"] == tiny_bundle().card
    assert document["price_id"] is None
    assert document["abstention"]["abstain_below"] == 0.01
    n_reference = document["abstention"]["n_reference"]
    assert document["abstention"]["familiarity_min"] == pytest.approx(1 / (1 + n_reference))
    assert "golden" not in document
    assert read_json(out.read_text("utf-8")) == document
