"""Joining from the command line: a bundle and a log in, a bundle out."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.cli import main
from router.models.bundle import Bundle
from router.models.joiner import join
from tests.contracts.commands import (
    check_refused,
    make_columns,
    run_json,
    tiny_bundle,
    tiny_log,
    write_csv,
)

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path, Path]:
    """Write the tiny bundle and outcomes of a new model; name where the new bundle goes."""
    tiny_bundle().save(tmp_path / "bundle")
    columns = make_columns(20)
    columns["model"] = ["new"] * len(columns["model"])
    columns["option"] = [name.replace("toy", "new") for name in columns["option"]]
    log = write_csv(tmp_path / "outcomes.csv", columns)
    return tmp_path / "bundle", log, tmp_path / "joined"


def test_join_writes_the_librarys_bundle(paths: tuple[Path, Path, Path], capsys: Capture) -> None:
    """The bundle is the one that joining in Python gives."""
    bundle, log, out = paths
    document = run_json(capsys, "join", bundle, log, "--out", out, "--option", "new|s4")
    loaded = Bundle.load(out)
    assert document["bundle_id"] == loaded.bundle_id
    assert loaded.bundle_id == join(tiny_bundle(), log, options=["new|s4"]).bundle_id
    assert loaded.menu.names == (*tiny_bundle().menu.names, "new|s4")
    assert document["models"][0]["n_outcomes"] == 20


def test_join_shows_abilities(paths: tuple[Path, Path, Path], capsys: Capture) -> None:
    """A reader sees the model's ability and gains, and `inspect` shows them again."""
    bundle, log, out = paths
    menu = log.with_name("menu.toml")
    menu.write_text('[[options]]\nname = "new|s2"\nmodel = "new"\nsearch_steps = 2\n', "utf-8")
    assert main(["join", str(bundle), str(log), "--out", str(out), "--menu", str(menu)]) == 0
    assert "| new | ." in capsys.readouterr().out
    assert "new|s2" in Bundle.load(out).menu.names
    assert main(["inspect", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "Models that joined" in printed
    assert "| toy | ." in printed


def test_join_refuses_what_is_known(paths: tuple[Path, Path, Path], capsys: Capture) -> None:
    """Options of training are refused in one line, and nothing is written."""
    bundle, log, out = paths
    known = write_csv(log.with_name("known.csv"), make_columns(20))
    check_refused(capsys, ["join", bundle, known, "--out", out], "knows all its options")
    assert not out.exists()
    assert tiny_log().n_options == 3
