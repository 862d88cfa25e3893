"""Making menus from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.menus import load_menu
from tests.contracts.commands import PRICES, run_json

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]


def test_init_writes_a_commented_menu(tmp_path: Path, capsys: Capture) -> None:
    """The menu loads, offers searches since they have a price, and explains itself in comments."""
    prices, out = tmp_path / "prices.toml", tmp_path / "mine.toml"
    prices.write_text(PRICES.to_toml(), encoding="utf-8")
    document = run_json(capsys, "menu", "init", prices, "--out", out)
    menu = load_menu(out)
    assert list(menu.names) == document["options"]
    assert menu.name == "mine"
    assert {option.model for option in menu} == {"toy"}
    assert max(option.searches or 0 for option in menu) > 0
    assert document["price_id"] == PRICES.price_id
    assert PRICES.price_id in out.read_text("utf-8")
    assert out.read_text("utf-8").count("\n#") > 5
