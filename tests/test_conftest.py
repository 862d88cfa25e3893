"""The gate for skips, shown on runs of its own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

REASON = "no such machine"


@pytest.mark.parametrize(
    ("listed", "body", "status"),
    [
        ("", "pass", 0),
        ("", f"pytest.skip({REASON!r})", 1),
        (f"test_skipping.py::*  {REASON}", f"pytest.skip({REASON!r})", 0),
        (f"test_other.py::*  {REASON}", f"pytest.skip({REASON!r})", 1),
        ("test_skipping.py::*  another reason", f"pytest.skip({REASON!r})", 1),
    ],
)
def test_unlisted_skip_fails_the_run(
    listed: str, body: str, status: int, repository_root: Path, tmp_path: Path
) -> None:
    """A run fails when a skip has no line in the list that fits both its id and its reason."""
    shutil.copy(repository_root / "tests" / "conftest.py", tmp_path)
    (tmp_path / "skips.txt").write_text(listed + "\n")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_skipping.py").write_text(f"import pytest\n\ndef test_it():\n    {body}\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == status, done.stdout
    assert ("does not list" in done.stdout) == bool(status)


def test_failure_shows_the_seed(repository_root: Path, tmp_path: Path) -> None:
    """A failing test that draws numbers prints the variable that repeats them."""
    shutil.copy(repository_root / "tests" / "conftest.py", tmp_path)
    (tmp_path / "skips.txt").write_text("")
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    (tmp_path / "test_failing.py").write_text("def test_it(rng):\n    assert rng.random() > 1\n")
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(tmp_path)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stdout.count("ROUTER_TEST_SEED=") == 2
