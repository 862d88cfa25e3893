"""What all tests share: where things are, seeded chance, and the list of allowed skips."""

from __future__ import annotations

import os
import re
import secrets
import subprocess
import zlib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import settings

from router.service.desk import DeskLimits

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[1]
SKIPS = Path(__file__).with_name("skips.txt")
UNWATCHED = {"build", "dist", "__pycache__"}

settings.register_profile("local", deadline=None, print_blob=True)
# Continuous integration judges a change, not luck: it draws the same examples every time.
settings.register_profile("ci", deadline=None, print_blob=True, derandomize=True, max_examples=100)
settings.load_profile(
    os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "local")
)


def read_skips(text: str) -> list[tuple[str, str]]:
    """Read pairs of a pattern of test ids and the reason allowed for it."""
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return [
        (pattern, reason) for pattern, reason in (re.split(r" {2,}", x, maxsplit=1) for x in lines)
    ]


class SkipGate:
    """Fails the run when a test was skipped for a reason that is not on the list."""

    def __init__(self, allowed: list[tuple[str, str]]) -> None:
        """Start with nothing skipped."""
        self.allowed = allowed
        self.unlisted: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Look at a test that has run."""
        self._judge(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Look at a file that was collected, since a whole file may be skipped."""
        self._judge(report)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Turn a run that would have passed into a failure."""
        if self.unlisted and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name the skips that failed the run."""
        if self.unlisted:
            terminalreporter.section("skips that tests/skips.txt does not list", red=True)
            for line in self.unlisted:
                terminalreporter.line(line)

    def _judge(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        """Note a skip whose id and reason match no line of the list."""
        if not report.skipped or hasattr(report, "wasxfail"):
            return
        where = report.longrepr
        text = where[2] if isinstance(where, tuple) else str(where)
        reason = text.removeprefix("Skipped: ")
        if not any(fnmatchcase(report.nodeid, p) and reason == r for p, r in self.allowed):
            self.unlisted.append(f"{report.nodeid}: {reason}")


@pytest.fixture(autouse=True, scope="session")
def patience() -> Iterator[None]:
    """Give models the time that a busy machine takes; tests of deadlines set their own."""
    limits = DeskLimits(deadline_ms=60_000.0, wait_ms=60_000.0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("router.service.desk.DEFAULT_LIMITS", limits)
        yield


def chosen_seed() -> int:
    """Take the seed from the environment, else a fixed one where CI is set, else a fresh one."""
    given = os.environ.get("ROUTER_TEST_SEED") or ("0" if os.environ.get("CI") else "")
    return int(given) if given else secrets.randbelow(2**32)


SEED = chosen_seed()


def pytest_configure(config: pytest.Config) -> None:
    """Put the gate for skips in place."""
    config.pluginmanager.register(SkipGate(read_skips(SKIPS.read_text("utf-8"))), "skip-gate")


def pytest_report_header() -> str:
    """Print the seed, so that any run can be repeated."""
    return f"random: ROUTER_TEST_SEED={SEED}"


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Give a generator of the test's own; a failure shows how to draw the same numbers again."""
    request.node.add_report_section("call", "seed", f"ROUTER_TEST_SEED={SEED}")
    return np.random.default_rng([SEED, zlib.crc32(request.node.nodeid.encode())])


@pytest.fixture(scope="session")
def repository_root() -> Path:
    """Give the directory of pyproject.toml."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Give the directory of the outcome logs, which are not part of the repository."""
    given = os.environ.get("ROUTER_DATA")
    path = Path(given) if given else ROOT.parent / "shared" / "data"
    if not path.is_dir():
        if given:
            pytest.fail(f"ROUTER_DATA={given} is not a directory")
        pytest.skip(
            "no outcome logs: set ROUTER_DATA to their directory or put them in ../shared/data"
        )
    return path


def _walk(directory: Path) -> Iterator[Path]:
    """Yield the files below a directory, without caches, environments and links."""
    for path in sorted(directory.iterdir()):
        if path.name in UNWATCHED or path.is_symlink():
            continue
        if path.is_dir():
            if not path.name.startswith(".") or path.name == ".ci":
                yield from _walk(path)
        else:
            yield path


@pytest.fixture(scope="session")
def repository_files() -> list[Path]:
    """List what is or would be committed, relative to the root; links are left out."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return [path.relative_to(ROOT) for path in _walk(ROOT)]
    names = sorted(set(done.stdout.decode().split("\0")) - {""})
    return [Path(n) for n in names if (ROOT / n).is_file() and not (ROOT / n).is_symlink()]
