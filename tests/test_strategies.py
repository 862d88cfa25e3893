"""The room of strategies: its page keeps its promises."""

from __future__ import annotations

import contextlib
import io
import re
from typing import TYPE_CHECKING

import router.strategies

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLE = re.compile(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_examples_of_the_page_print_what_is_shown(repository_root: Path) -> None:
    """Each example of the page runs and prints what stands behind it."""
    page = (repository_root / "docs" / "strategies.md").read_text("utf-8")
    examples = EXAMPLE.findall(page)
    assert len(examples) == page.count("```python")
    assert len(examples) > 2
    for program, shown in examples:
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(program, "strategies.md", "exec"), {})  # noqa: S102
        assert printed.getvalue() == shown


def test_every_law_is_on_the_page(repository_root: Path) -> None:
    """Each class of the room that says whether it is internal or external is on the page."""
    page = (repository_root / "docs" / "strategies.md").read_text("utf-8")
    members = [getattr(router.strategies, name) for name in router.strategies.__all__]
    laws = [m.__name__ for m in members if getattr(m, "kind", None) in {"internal", "external"}]
    assert "BestOfN" in laws
    assert [name for name in laws if f"`{name}" not in page] == []
