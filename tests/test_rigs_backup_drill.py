"""Copies made while agents draw and report: all that was answered before is in them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from router.ledger.backup import back_up
from tests.rigs.backup_drill import drill

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np


@pytest.fixture
def seed(rng: np.random.Generator) -> int:
    """Draw a seed; a failure shows how to draw it again."""
    return int(rng.integers(2**32))


def copy_store_alone(data: Path, copy: Path) -> None:
    """Copy the file of the store, without the log beside it."""
    copy.mkdir(mode=0o700)
    for name in ("ledger.sqlite", "secret"):
        shutil.copyfile(data / name, copy / name)


def copy_without_secret(data: Path, copy: Path) -> None:
    """Copy everything, and lose what texts are hashed by."""
    back_up(data, copy)
    (copy / "secret").unlink()


def test_copy_made_while_serving_restores(seed: int) -> None:
    """A server on it answers as if nothing had been, and both ledgers add up."""
    report = drill(1, seed)
    assert report.faults == []
    assert min(report.n_plans, report.n_outcomes) > 0


@pytest.mark.parametrize(
    ("make_copy", "found"),
    [(copy_store_alone, "lost"), (copy_without_secret, "another secret")],
    ids=["store alone", "no secret"],
)
def test_drill_finds(seed: int, make_copy: object, found: str) -> None:
    """Half of a copy does not pass."""
    faults = drill(1, seed, make_copy).faults  # type: ignore[arg-type]
    assert any(found in line for line in faults), faults
