"""What commands print."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from router.cli import output
from router.models.progress import Step

Capture = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain é 漢", "plain é 漢"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\ud800b", "a\\ud800b"),
        ("two\nlines", "two\\nlines"),
        ("back\u202ewards", "back\\u202ewards"),
    ],
)
def test_text_cannot_steer_the_terminal(text: str, shown: str) -> None:
    """Characters that are not printable are written by their number."""
    assert output.make_printable(text) == shown


def test_long_table_is_cut_and_says_so(capsys: Capture) -> None:
    """Beyond 200 rows a table tells how many are left out, and where they are."""
    rows = [(f"row {number}", "1") for number in range(250)]
    output.print_table(("name", "value"), rows, more=": see the file")
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "... and 50 more: see the file"
    assert sum(line.startswith("row") for line in lines) == 200


def test_number_that_is_none_is_never_printed(capsys: Capture) -> None:
    """A document with NaN fails before anything is printed."""
    with pytest.raises(ValueError, match="JSON compliant"):
        output.emit({"a": float("nan")}, lambda: None, as_json=True, out=None)
    assert capsys.readouterr().out == ""


def test_progress_goes_to_standard_error(capsys: Capture) -> None:
    """Where nobody watches a terminal, every step is a line."""
    with output.report_progress() as tell:
        tell("first [bold]")
        tell("second")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "first [bold]\nsecond\n")


def test_hidden_progress_says_nothing(capsys: Capture) -> None:
    """Where nobody wants to know, nothing is written."""
    with output.report_progress(hidden=True) as tell:
        tell("first")
    assert capsys.readouterr().err == ""


def test_bar_shows_the_share(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a terminal a bar stands at the share that a step knows, markup and all."""
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=100, color_system=None)
    monkeypatch.setattr(output, "_open_console", lambda _: console)
    with output.report_progress() as tell:
        tell(Step("half [bold] way", 0.5))
        tell("no share")
    written = stream.getvalue()
    assert "50%" in written
    assert "no share" in written
