"""The rules of this house for its files, whatever they hold, each shown able to fail."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BYTES_MAX = 2_000_000
# Files that are worth more than the limit; each is named here.
BIG_FILES: frozenset[str] = frozenset()
# Tests of something other than one module of the package.
TESTS_WITHOUT_A_MODULE = frozenset(
    {
        "test_allocation_properties",
        "test_allocation_traps",
        "test_api_page",
        "test_client_serving",
        "test_conftest",
        "test_deploy",
        "test_docstrings",
        "test_doors",
        "test_examples",
        "test_exploration_loop",
        "test_exported_members",
        "test_imports",
        "test_notebooks",
        "test_packaging",
        "test_readme",
        "test_rigs_edge",
        "test_rigs_privacy",
        "test_tidy",
        "test_tidy_files",
    }
)

# Every pattern is broken up, so that this file does not break its own rule.
MACHINE_PATH = re.compile(
    r"(?<![\w.~:/})-])/(?:ho" + r"me|Us" + r"ers|wo" + r"rk|ro" + r"ot|t" + r"mp)/\w"
)
INDEX_OPTION = re.compile(r"--(?:extra-)?index-" + r"url|--find-" + r"links")
REGISTRY = re.compile(
    r"py" + r"pi\.org|python" + r"hosted\.org|npm" + r"js\.(?:org|com)|crates" + r"\.io"
    r"|proxy\.go" + r"lang\.org|deb\.deb" + r"ian\.org|conda\.ana" + r"conda\.org"
)
PATTERNS = {
    "a path of one machine": MACHINE_PATH,
    "an option for a package index": INDEX_OPTION,
    "the address of a package registry": REGISTRY,
}


def text_violations(text: str, place: str) -> Iterator[str]:
    """Find what ties a file to one machine or one registry, and pages without one title."""
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in PATTERNS.items():
            if pattern.search(line):
                yield f"{place}:{number} holds {what}"
    if place.endswith(".md"):
        prose = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)
        titles = re.findall(r"^# \S", prose, flags=re.MULTILINE)
        if len(titles) != 1:
            yield f"{place} has {len(titles)} titles, exactly one is allowed"


def subjects(modules: list[str]) -> set[str]:
    """Name what tests may be called after: modules, with or without their room, and rooms."""
    parts = [name.removesuffix(".py").removesuffix("/__init__").split("/") for name in modules]
    return {"_".join(part[1:]) for part in parts}


def read_text(path: Path) -> str:
    """Read a file as text; one of bytes has none."""
    data = path.read_bytes()
    return "" if b"\0" in data else data.decode("utf-8")


def test_files_are_free_of_machines_and_registries(
    repository_root: Path, repository_files: list[Path]
) -> None:
    """No file names a directory of one machine or a package registry; each page has one title."""
    found = [
        line
        for path in repository_files
        for line in text_violations(read_text(repository_root / path), path.as_posix())
    ]
    assert not found, "\n" + "\n".join(found)


def test_big_files_are_listed(repository_root: Path, repository_files: list[Path]) -> None:
    """A file of more than two megabytes is in the repository on purpose only."""
    sizes = {path.as_posix(): (repository_root / path).stat().st_size for path in repository_files}
    big = {name for name, size in sizes.items() if size > BYTES_MAX}
    assert big == BIG_FILES


def test_every_test_file_has_a_subject(repository_files: list[Path]) -> None:
    """A test file is named after a module or a rig, or is on the list, which holds no ghosts."""
    names = [path.as_posix() for path in repository_files]
    modules = [n for n in names if n.startswith(("router/", "tests/rigs/")) and n.endswith(".py")]
    known = subjects(modules)
    tests = {path.stem for path in repository_files if path.match("tests/test_*.py")}
    strangers = {name for name in tests if name.removeprefix("test_") not in known}
    assert strangers == TESTS_WITHOUT_A_MODULE & tests
    assert tests >= TESTS_WITHOUT_A_MODULE


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("cd /" + "home/someone/project\n", "x.sh"),
        ("open('/t" + "mp/x')\n", "x.py"),
        ("pip install --index-" + "url x\n", "x.sh"),
        ("see https://py" + "pi.org/project/x\n", "x.rst"),
        ("no title\n", "x.md"),
        ("# One\n\n# Two\n", "x.md"),
        ("```\n# A comment\n```\n", "x.md"),
    ],
)
def test_planted_text_is_found(text: str, place: str) -> None:
    """Each of these breaks one rule."""
    assert len(list(text_violations(text, place))) == 1


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("# One\n\n```sh\n# A comment\n```\n\n## Part\n", "x.md"),
        ("mountPath: /t" + "mp\n", "x.yaml"),
        ("see https://example.org/ho" + "me/page and ../wo" + "rk/x\n", "x.txt"),
    ],
)
def test_good_text_passes(text: str, place: str) -> None:
    """Comments in code are no titles, and addresses are no paths of a machine."""
    assert list(text_violations(text, place)) == []


def test_subjects_are_modules_with_their_rooms() -> None:
    """A test may be named after a module, a room, or a module in its room."""
    names = ["router/options.py", "router/models/__init__.py", "router/models/bundle.py"]
    assert subjects(names) == {"options", "models", "models_bundle"}
