"""The README keeps its promises: its first Python runs and prints what stands below it."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

FENCE = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)


@pytest.fixture(scope="module")
def readme(request: pytest.FixtureRequest) -> str:
    """Read the README."""
    root: Path = request.config.rootpath
    return (root / "README.md").read_text(encoding="utf-8")


def test_first_python_prints_what_is_shown(readme: str, repository_root: Path) -> None:
    """The first Python of the README runs as it stands and prints the text block behind it."""
    blocks = [(found.group(1), found.group(2)) for found in FENCE.finditer(readme)]
    position = [language for language, _ in blocks].index("python")
    shown = blocks[position + 1]
    assert shown[0] == "text"
    run = subprocess.run(
        [sys.executable, "-c", blocks[position][1]],
        cwd=repository_root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    assert run.stdout == shown[1]


def test_first_python_stands_before_line_30(readme: str) -> None:
    """A reader finds runnable Python on the first screen."""
    lines = readme.split("\n")
    assert lines.index("```python") < 30


def test_the_readme_opens_with_promise_and_two_commands(readme: str) -> None:
    """One line says what it is for, and two commands do all the set-up."""
    head = readme.split("```python", maxsplit=1)[0]
    assert head.startswith("# compute-allocation-router\n\nDecides before an agent runs")
    assert [line.split()[1] for line in head.split("\n") if line.startswith("make ")] == [
        "demo",
        "test",
    ]


def test_every_file_the_readme_links_to_exists(readme: str, repository_root: Path) -> None:
    """No link of the README leads nowhere."""
    targets = re.findall(r"\]\(([^)#]+)\)", readme)
    missing = [target for target in targets if not (repository_root / target).exists()]
    assert targets
    assert missing == []


def test_commands_of_the_readme_are_commands(readme: str, repository_root: Path) -> None:
    """Every make target and every subcommand that the README names is there."""
    makefile = (repository_root / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"(?:^|`)make ([a-z-]+)", readme, re.MULTILINE))
    assert targets
    assert [name for name in targets if f"\n{name}:" not in makefile] == []
    commands = set(re.findall(r"\.venv/bin/router ([a-z]+)", readme))
    usage = subprocess.run(
        [sys.executable, "-m", "router", "--help"], capture_output=True, text=True, check=True
    ).stdout
    assert [name for name in commands if name not in usage] == []
