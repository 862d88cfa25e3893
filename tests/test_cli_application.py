"""The frame around all commands: usage, exit statuses, one line an error."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, NoReturn

import pytest

import router
from router.cli import main
from router.exceptions import BundleError, ExportError, MissingExtraError
from router.models.bundle import Bundle
from tests.contracts.commands import check_refused, tiny_bundle

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]
COMMANDS = (
    "train",
    "join",
    "predict",
    "allocate",
    "curve",
    "evaluate",
    "inspect",
    "serve",
    "backup",
    "menu",
)


def test_version_is_printed(capsys: Capture) -> None:
    """The version stands alone on standard output."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"router {router.__version__}\n"


def test_help_lists_all_commands(capsys: Capture) -> None:
    """Asking for help is no error and shows every command."""
    assert main(["--help"]) == 0
    printed = capsys.readouterr()
    assert printed.err == ""
    assert [name for name in COMMANDS if f" {name} " not in printed.out] == []


@pytest.mark.parametrize("command", [*COMMANDS, "menu init"])
def test_every_command_explains_itself(capsys: Capture, command: str) -> None:
    """Every command has a help text that ends in success."""
    assert main([*command.split(), "--help"]) == 0
    assert "Usage: router" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ([], "command"),
        (["menu"], "command"),
        (["fly"], "fly"),
        (["allocate"], "QUESTIONS"),
        (["allocate", "questions.txt"], "--budget"),
        (["allocate", "questions.txt", "--budget"], "--budget"),
        (["predict", "questions.txt"], "--out"),
        (["train"], "LOG"),
        (["train", "log.csv"], "--out"),
        (["train", "log.csv", "--out", "b", "--seed", "-1"], "--seed"),
        (["train", "log.csv", "--out", "b", "--pooled"], "--menu"),
        (["evaluate", "log.csv", "--jobs", "0"], "--jobs"),
        (["evaluate", "log.csv", "--jobs", "x"], "--jobs"),
        (["serve", "--port", "70000"], "--port"),
        (["curve", "questions.txt", "--colour"], "--colour"),
    ],
)
def test_bad_usage_is_one_line(capsys: Capture, arguments: list[object], word: str) -> None:
    """Bad usage names the word at fault and exits with 2."""
    check_refused(capsys, arguments, word)


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (BundleError("bundle: damaged\nin two lines"), 2, "bundle: damaged in two lines"),
        (MissingExtraError.for_extra("train", "training"), 2, "[train]"),
        (ExportError("graph: off by 1"), 1, "graph: off by 1"),
        (RuntimeError("boom\nboom"), 1, "RuntimeError: boom boom"),
        (MemoryError(), 1, "MemoryError"),
        (IsADirectoryError(21, "Is a directory", "menu.toml"), 2, "menu.toml: cannot be read"),
        (OSError(28, "No space left on device"), 1, "No space left"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_error_decides_the_status(
    capsys: Capture,
    monkeypatch: pytest.MonkeyPatch,
    *,
    error: Exception,
    status: int,
    words: str,
) -> None:
    """Whatever a command raises becomes one line, and 2 only where the caller can mend it."""

    def fail(_: object) -> NoReturn:
        raise error

    monkeypatch.setattr(Bundle, "load", fail)
    check_refused(capsys, ["inspect"], words, status=status)


def test_interruption_has_a_status_of_its_own(
    capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever presses Ctrl-C sees no traceback, and a script can tell."""

    def interrupt(_: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(Bundle, "load", interrupt)
    assert main(["inspect"]) == 130
    printed = capsys.readouterr()
    assert (printed.out, printed.err.strip()) == ("", "error: interrupted")


def test_debug_shows_the_traceback(capsys: Capture, tmp_path: Path) -> None:
    """With --debug, before or behind the command, the traceback comes first and the line last."""
    for arguments in (["--debug", "inspect", str(tmp_path)], ["inspect", str(tmp_path), "--debug"]):
        assert main(arguments) == 2
        printed = capsys.readouterr()
        assert printed.err.startswith("Traceback")
        assert printed.err.splitlines()[-1].startswith("error: ")


def test_package_runs_as_a_module(repository_root: Path, tmp_path: Path) -> None:
    """`python -m router` is the command line, its status included."""
    command = [sys.executable, "-m", "router", "inspect", str(tmp_path / "none"), "--json"]
    done = subprocess.run(command, cwd=repository_root, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1


def test_reader_that_leaves_early_is_no_crash(repository_root: Path, tmp_path: Path) -> None:
    """Where nobody reads the output any more, the command ends without a traceback."""
    tiny_bundle().save(tmp_path / "bundle")
    command = [sys.executable, "-m", "router", "inspect", str(tmp_path / "bundle"), "--json"]
    with subprocess.Popen(
        command, cwd=repository_root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()
    assert process.returncode == 1
    assert complaint == ""
