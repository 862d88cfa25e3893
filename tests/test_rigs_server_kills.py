"""The whole server killed and ended under 64 clients: what they were told is so, and once."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

import pytest

from router.exceptions import LedgerError
from router.ledger import Ledger
from tests.contracts.commands import tiny_bundle
from tests.contracts.sidecars import run_sidecar
from tests.rigs.processes import ROOT, plant_fault
from tests.rigs.server_kills import end_often

if TYPE_CHECKING:
    from pathlib import Path

SEED = secrets.randbelow(2**32)
# Tells its clients before it commits, and takes its time with that.
EARLY = """
from router.ledger.writer import Writer
from tests.rigs.planted import list_changes
for target, attribute, value in list_changes("early"):
    setattr(target, attribute, value)
import tests.rigs.planted as planted
# Longer than a kill is waited for, so that it falls in between on a busy machine as well.
planted.DISK_SECONDS = 0.3
"""


def test_server_that_is_ended_keeps_its_word() -> None:
    """Killed or asked to end, in time: 0 over, 0 lost, 0 twice, and all told the same again."""
    tally = end_often(["kill", "term", "kill"], SEED)
    assert tally.faults == [], f"seed {SEED}"
    assert tally.n_kills == 3
    assert min(tally.n_granted, tally.n_settled) > 0


def test_server_that_answers_before_its_commit_is_found_out() -> None:
    """What such a server tells and then loses is missed."""
    found: list[str] = []
    for seed in range(SEED, SEED + 4):
        found += end_often(["kill"], seed, seconds_max=0.3, command=plant_fault(EARLY)).faults
        if found:
            break
    assert found


def test_second_server_on_one_directory_refuses(tmp_path: Path) -> None:
    """It says so in one line, and the first goes on."""
    tiny_bundle().save(tmp_path / "bundle")
    arguments = ["--data", tmp_path / "data", "--model", tmp_path / "bundle"]
    with run_sidecar(ROOT, arguments) as first:
        with pytest.raises(LedgerError, match="another server"):
            Ledger(tmp_path / "data")
        with (
            pytest.raises(AssertionError, match="another server is running"),
            run_sidecar(ROOT, arguments),
        ):
            pytest.fail("a second server was started")
        assert first.process.poll() is None
        assert "Traceback" not in first.end()
