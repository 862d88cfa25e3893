"""Bad input through the front door: one line naming place and remedy, exit 2, nothing written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from router.models.bundle import _identify, _write
from router.tables import write_parquet
from tests.contracts.commands import check_refused, make_columns, tiny_bundle, write_csv

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

Capture = pytest.CaptureFixture[str]

BAD_CELLS = {
    "nan quality": ("quality", "nan", ("row 5", "quality", "NaN")),
    "high quality": ("quality", 1.5, ("row 5", "quality", "1.5", "[0, 1]")),
    "low quality": ("quality", -0.1, ("row 5", "quality", "-0.1", "[0, 1]")),
    "no number": ("quality", "good", ("row 5", "quality", "good")),
    "negative cost": ("cost", -1.0, ("row 5", "cost", "-1.0", "negative")),
    "infinite cost": ("cost", "inf", ("row 5", "cost", "inf", "not finite")),
    "empty question": ("query", "", ("row", "text")),
    "two texts": ("query", "Another text?", ("row", "t001", "two different texts")),
    "mixed units": ("cost_unit", "tokens", ("cost_unit", "tokens, usd", "prices")),
    "no id": ("query_id", "", ("row 5", "query_id", "empty")),
    "no option": ("option", "", ("row 5", "option", "empty")),
    "half a sample": ("samples", 0.5, ("row 5", "samples", "whole number")),
}
BAD_BUDGETS = {
    "unknown unit": ("eur=1", ("'eur'", "usd, tokens, searches")),
    "negative": ("usd=-1", ("usd=-1", "from 0")),
    "nan": ("usd=nan", ("usd=nan",)),
    "infinite": ("usd=inf", ("usd=inf",)),
    "huge": ("usd=1e300", ("usd=1e+300", "from 0 to")),
    "no number": ("usd=much", ("usd=much", "number")),
    "no unit": ("0.5", ("'0.5'", "unit=amount")),
    "empty": ("", ("unit=amount",)),
    "below the cheapest": ("usd=0.0000001", ("budget",)),
    "unit without costs": ("seconds=10", ("seconds", "known")),
}
BAD_QUESTIONS = {
    "missing.txt": (None, ("no such file",)),
    "empty.txt": ("", ("at least one",)),
    "blank.txt": ("\n \n\n", ("at least one",)),
    "empty.jsonl": ("", ("at least one",)),
    "empty_text.jsonl": ('{"text": "Who?"}\n{"text": " "}', ("question 2", "empty")),
    "null_text.jsonl": ('{"text": null}', ("question 1", "text")),
    "number.jsonl": ("5", ("question 1", "int")),
    "broken.jsonl": ('{"text": "Who?"}\n{"text":', ("line 2", "JSON")),
    "deep.jsonl": ("[" * 100_000, ("line 1", "JSON")),
    "surrogate.jsonl": ('{"text": "a\\ud800b"}', ("question 1", "character 1", "surrogate")),
    "twins.jsonl": ('{"id": "a", "text": "x"}\n{"id": "a", "text": "y"}', ("'a'", "twice")),
    "group.jsonl": ('{"text": "x", "group": 5}', ("question 1", "group", "string")),
    "context.jsonl": ('{"text": "x", "context": {"k": "v"}}', ("question 1", "context", "number")),
    "long.txt": ("x" * 1_000_000, ("question 1", "1000000", "200000")),
    "column.csv": ("query_id,text\na,Who?\n", ("query", "missing")),
    "kind.docx": ("Who?", (".docx", ".jsonl")),
    "broken.parquet": ("PAR1 not really", ("parquet",)),
}
BAD_MENUS = {
    "missing": (None, ("no such file",)),
    "broken": ("[grid\nmodels = 1", ("TOML",)),
    "unknown entry": ("colour = 1", ("'colour'", "grid, options")),
    "unknown field": ('[[options]]\nname = "a"\ncolour = 1', ("option 1", "'colour'")),
    "twice": ('[[options]]\nname = "a"\n[[options]]\nname = "a"', ("'a'", "twice")),
    "no option": ('name = "x"', ("0 options", "1 to")),
    "out of range": ('[[options]]\nname = "a"\nsamples = 0', ("'a'", "samples 0")),
    "nan": ('[[options]]\nname = "a"\nsearches = nan', ("'a'", "searches nan")),
    "empty axis": ("[grid]\nmodels = []", ("models", "at least one")),
    "effort": ('[grid]\nmodels = ["a"]\nreasoning_effort = ["max"]', ("max", "none, low")),
}
MODEL = "[models.a]\ninput_usd_per_mtok = 1\noutput_usd_per_mtok = "
BAD_PRICES = {
    "missing": (None, ("no such file",)),
    "broken": ("date = ", ("TOML",)),
    "no date": (MODEL + "2", ("date",)),
    "no model": ('date = "2026-11-22"', ("model",)),
    "negative": ('date = "2026-11-22"\n' + MODEL + "-2", ("output_usd_per_mtok", "-2")),
    "nan": ('date = "2026-11-22"\n' + MODEL + "nan", ("output_usd_per_mtok", "nan")),
    "misspelt": ('date = "2026-11-22"\nmodel = 1', ("'model'", "models")),
}


BUNDLE_FILES = (
    "card.md",
    "level.onnx",
    "manifest.json",
    "joining.npz",
    "named.onnx",
    "novelty.npz",
    "text.npz",
    "uplift.onnx",
)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    """Save the small bundle."""
    tiny_bundle().save(tmp_path / "bundle")
    return tmp_path / "bundle"


@pytest.fixture
def questions(tmp_path: Path) -> Path:
    """Write two questions."""
    path = tmp_path / "questions.txt"
    path.write_text("Who heads the council of Bern today?\nWhat is 2 plus 3 times two?\n", "utf-8")
    return path


def write_or_skip(path: Path, content: str | None) -> Path:
    """Write a file, or leave it missing."""
    if content is not None:
        path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize("command", ["train", "evaluate"])
@pytest.mark.parametrize(("column", "value", "words"), BAD_CELLS.values(), ids=BAD_CELLS)
def test_bad_cell_of_a_log_is_refused(
    tmp_path: Path,
    capsys: Capture,
    *,
    command: str,
    column: str,
    value: Any,
    words: tuple[str, ...],
) -> None:
    """A bad cell is named by file and row, before anything is trained."""
    columns = make_columns(20)
    columns[column][4] = value
    log, out = write_csv(tmp_path / "log.csv", columns), tmp_path / "out"
    check_refused(capsys, [command, log, "--out", out], str(log), *words)
    assert not out.exists()


@pytest.mark.parametrize("column", ["query_id", "query", "option", "quality"])
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_missing_column_is_refused(
    tmp_path: Path, capsys: Capture, command: str, column: str
) -> None:
    """A missing column is named."""
    columns = make_columns(20)
    del columns[column]
    log, out = write_csv(tmp_path / "log.csv", columns), tmp_path / "out"
    check_refused(capsys, [command, log, "--out", out], str(log), column, "missing")
    assert not out.exists()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.csv", None, ("no such file",)),
        ("empty.csv", "", ("no rows",)),
        ("head.csv", "query_id,query,option,quality\n", ("no rows",)),
        ("ragged.csv", "query_id,query,option,quality\na,b\n", ("line 2", "2 cells")),
        ("empty.jsonl", "", ("no rows",)),
        ("broken.jsonl", "{", ("line 1", "JSON")),
        ("broken.parquet", "PAR1", ("parquet",)),
        ("kind.xlsx", "", (".xlsx", ".csv")),
    ],
)
@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_unreadable_log_is_refused(
    tmp_path: Path,
    capsys: Capture,
    *,
    command: str,
    name: str,
    content: str | None,
    words: tuple[str, ...],
) -> None:
    """A log that is missing, empty, broken or of another kind is named with what is read."""
    log, out = write_or_skip(tmp_path / name, content), tmp_path / "out"
    check_refused(capsys, [command, log, "--out", out], str(log), *words)
    assert not out.exists()


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_log_of_lone_surrogates_is_refused(tmp_path: Path, capsys: Capture, command: str) -> None:
    """A text that no file can hold is refused where it stands."""
    row = {"query_id": "a", "query": "b\ud800", "option": "c", "quality": 1.0, "cost": 1.0}
    log, out = tmp_path / "log.jsonl", tmp_path / "out"
    log.write_text(json.dumps(row), encoding="ascii")
    check_refused(capsys, [command, log, "--out", out], str(log), "row 1", "surrogate")
    assert not out.exists()


def test_logs_of_two_units_are_refused(tmp_path: Path, capsys: Capture) -> None:
    """Two logs whose costs cannot be added are not merged."""
    first = write_csv(tmp_path / "first.csv", make_columns(20))
    columns = make_columns(20)
    columns["cost_unit"] = ["tokens"] * len(columns["cost_unit"])
    second = write_csv(tmp_path / "second.csv", columns)
    out = tmp_path / "out"
    check_refused(capsys, ["train", first, second, "--out", out], "tokens, usd", "unit")
    assert not out.exists()


def test_small_log_is_refused(tmp_path: Path, capsys: Capture) -> None:
    """Too few questions to learn from are refused with the number needed."""
    log, out = write_csv(tmp_path / "log.csv", make_columns(6)), tmp_path / "out"
    check_refused(capsys, ["train", log, "--out", out], "6 questions", "20")
    assert not out.exists()


@pytest.mark.parametrize(("text", "words"), BAD_BUDGETS.values(), ids=BAD_BUDGETS)
def test_bad_budget_is_refused(
    tmp_path: Path,
    capsys: Capture,
    bundle: Path,
    questions: Path,
    *,
    text: str,
    words: tuple[str, ...],
) -> None:
    """A budget that cannot be used is named with what is allowed."""
    out = tmp_path / "plan.json"
    arguments = ["allocate", questions, "--model", bundle, "--budget", text, "--out", out]
    check_refused(capsys, arguments, *words)
    assert not out.exists()


def test_budget_given_twice_is_refused(capsys: Capture, bundle: Path, questions: Path) -> None:
    """Two ceilings of one unit are a mistake."""
    arguments = ["allocate", questions, "--model", bundle, "--budget", "usd=1", "--budget", "usd=2"]
    check_refused(capsys, [*arguments, "--json"], "'usd'", "twice")


@pytest.mark.parametrize(
    "command", [["allocate", "--budget", "usd=1"], ["curve"], ["predict"]], ids=lambda c: c[0]
)
@pytest.mark.parametrize("name", BAD_QUESTIONS)
def test_bad_questions_are_refused(
    tmp_path: Path, capsys: Capture, bundle: Path, *, command: list[str], name: str
) -> None:
    """A file of questions is refused with its name and the place in it."""
    content, words = BAD_QUESTIONS[name]
    path, out = write_or_skip(tmp_path / name, content), tmp_path / "out.parquet"
    arguments = [*command, path, "--model", bundle, "--out", out]
    check_refused(capsys, arguments, str(path), *words)
    assert not out.exists()


@pytest.mark.parametrize(("content", "words"), BAD_MENUS.values(), ids=BAD_MENUS)
def test_bad_menu_is_refused(
    tmp_path: Path,
    capsys: Capture,
    bundle: Path,
    questions: Path,
    *,
    content: str | None,
    words: tuple[str, ...],
) -> None:
    """A menu is refused with its entry."""
    menu, out = write_or_skip(tmp_path / "menu.toml", content), tmp_path / "plan.json"
    arguments = ["allocate", questions, "--model", bundle, "--menu", menu, "--budget", "usd=1"]
    check_refused(capsys, [*arguments, "--out", out], *words)
    assert not out.exists()


@pytest.mark.parametrize(("content", "words"), BAD_PRICES.values(), ids=BAD_PRICES)
def test_bad_prices_are_refused(
    tmp_path: Path, capsys: Capture, content: str | None, words: tuple[str, ...]
) -> None:
    """A price table is refused with its entry."""
    prices, out = write_or_skip(tmp_path / "prices.toml", content), tmp_path / "menu.toml"
    check_refused(capsys, ["menu", "init", prices, "--out", out], str(prices), *words)
    assert not out.exists()


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_flipped_byte_of_a_bundle_is_refused(
    capsys: Capture, bundle: Path, questions: Path, rng: np.random.Generator, *, name: str
) -> None:
    """One changed byte anywhere in a bundle is found."""
    assert {path.name for path in bundle.iterdir()} == set(BUNDLE_FILES)
    path = bundle / name
    content = bytearray(path.read_bytes())
    content[rng.integers(len(content))] ^= 1 << int(rng.integers(7))
    path.write_bytes(content)
    arguments = ["allocate", questions, "--model", bundle, "--budget", "usd=1"]
    check_refused(capsys, arguments, str(bundle))


@pytest.mark.parametrize("name", BUNDLE_FILES)
def test_missing_file_of_a_bundle_is_refused(capsys: Capture, bundle: Path, name: str) -> None:
    """A bundle without one of its files is no bundle."""
    (bundle / name).unlink()
    check_refused(capsys, ["inspect", bundle], str(bundle / name), "No such file")


def test_bundle_of_other_features_is_refused(
    capsys: Capture, bundle: Path, questions: Path
) -> None:
    """A bundle made for features that this version does not make says so."""
    path = bundle / "manifest.json"
    manifest = json.loads(path.read_text("utf-8"))
    manifest["features"]["fingerprint"] = "0123456789abcdef"
    manifest["bundle_id"] = _identify(manifest)
    path.write_bytes(_write(manifest))
    check_refused(
        capsys,
        ["allocate", questions, "--model", bundle, "--budget", "usd=1"],
        "features",
        "0123456789abcdef",
    )


def test_missing_bundle_is_refused(tmp_path: Path, capsys: Capture) -> None:
    """A folder without a manifest is named."""
    check_refused(capsys, ["inspect", tmp_path / "nothing"], "manifest.json", "No such file")


def test_target_that_is_no_bundle_is_refused_before_training(
    tmp_path: Path, capsys: Capture
) -> None:
    """Files of another kind are not overwritten, and nothing is read before that is known."""
    (tmp_path / "letter.txt").write_text("dear", encoding="utf-8")
    log = tmp_path / "missing.csv"
    check_refused(capsys, ["train", log, "--out", tmp_path], str(tmp_path), "not a bundle's")
    check_refused(
        capsys, ["train", log, "--out", tmp_path / "letter.txt"], "letter.txt", "directory"
    )


@pytest.mark.parametrize("command", [["allocate", "--budget", "usd=1"], ["curve"]])
def test_target_in_a_missing_folder_is_refused(
    tmp_path: Path, capsys: Capture, bundle: Path, questions: Path, *, command: list[str]
) -> None:
    """Where a result cannot be written, none is printed either."""
    out = tmp_path / "nowhere" / "out.json"
    arguments = [*command, questions, "--model", bundle, "--out", out, "--json"]
    check_refused(capsys, arguments, str(out), "cannot be written")


def test_failed_command_leaves_the_old_file(
    tmp_path: Path, capsys: Capture, bundle: Path, questions: Path
) -> None:
    """A result that stood there before is still there, byte for byte."""
    out = tmp_path / "plan.json"
    out.write_text("old", encoding="utf-8")
    arguments = ["allocate", questions, "--model", bundle, "--budget", "usd=0", "--out", out]
    check_refused(capsys, arguments, "budget")
    assert out.read_text("utf-8") == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "bundle",
        "plan.json",
        "questions.txt",
    ]


def test_parquet_without_columns_is_refused(tmp_path: Path, capsys: Capture, bundle: Path) -> None:
    """A table lacking the columns of questions is refused by the column's name."""
    path = tmp_path / "questions.parquet"
    write_parquet(path, {"query_id": ["a"], "words": ["Who?"]})
    check_refused(capsys, ["curve", path, "--model", bundle], str(path), "'query'", "missing")


def test_command_line_names_its_extra(repository_root: Path) -> None:
    """Without typer the door stays shut, with one line naming the extra."""
    program = "import sys; sys.modules['typer'] = None; from router.cli import main; main([])"
    done = subprocess.run(
        [sys.executable, "-c", program.replace("main([])", "sys.exit(main([]))")],
        cwd=repository_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: the command line needs the extra [cli]")
    assert done.stderr.count("\n") == 1


def test_bundle_moves_with_its_folder(
    tmp_path: Path, capsys: Capture, bundle: Path, questions: Path
) -> None:
    """The other way round, an unharmed copy is accepted."""
    shutil.move(bundle, tmp_path / "elsewhere")
    check_refused(capsys, ["inspect", bundle], str(bundle))
    check_refused(
        capsys,
        ["allocate", questions, "--model", tmp_path / "elsewhere", "--budget", "usd=0"],
        "budget",
    )
