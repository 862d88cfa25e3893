"""The room of simulation: its page keeps its promises."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

EXAMPLE = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_examples_of_the_page_print_what_is_shown(
    repository_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each example of the page runs and prints what stands behind it."""
    monkeypatch.chdir(repository_root)
    page = (repository_root / "docs" / "simulation.md").read_text("utf-8")
    examples = EXAMPLE.findall(page)
    assert len(examples) == page.count("```python") > 1
    for program, shown in examples:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program, "simulation.md", "exec"), {})  # noqa: S102
        assert printed.getvalue() == shown
