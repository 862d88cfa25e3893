"""The same key from many connections and after kills: one reservation, and one answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rigs.processes import plant_fault
from tests.rigs.twins import send_twins

if TYPE_CHECKING:
    import numpy as np

# Looks at no key.
FORGETFUL = """
import router.service.planning_routes as routes
routes.read_key = lambda *_: None
"""
# Looks at keys, and not at what came with them.
CREDULOUS = """
import router.service.repetitions as repetitions
from dataclasses import replace
import router.service.planning_routes as routes
read_key = routes.read_key
routes.read_key = lambda *of: replace(read_key(*of), fingerprint=b"all the same")
"""
# Tells its clients before it commits, and takes its time with that.
EARLY = """
from router.ledger.writer import Writer
from tests.rigs.planted import list_changes
for target, attribute, value in list_changes("early"):
    setattr(target, attribute, value)
import tests.rigs.planted as planted
planted.DISK_SECONDS = 0.3
"""


@pytest.fixture
def seed(rng: np.random.Generator) -> int:
    """Draw a seed; a failure shows how to draw it again."""
    return int(rng.integers(2**32))


def test_twins_reserve_once(seed: int) -> None:
    """Two to eight at once, a kill between commit and answer, and all again: one each."""
    tally = send_twins(2, seed, n_keys=12)
    assert tally.faults == []
    assert (tally.n_keys, tally.n_kills) == (24, 1)
    assert tally.n_repeated >= 24


@pytest.mark.parametrize(
    ("fault", "n_lives", "found"),
    [
        (FORGETFUL, 1, "were made of"),
        (CREDULOUS, 1, "two bodies were answered"),
        (EARLY, 2, "two answers were given"),
    ],
    ids=["forgetful", "credulous", "early"],
)
def test_twins_find(seed: int, fault: str, n_lives: int, found: str) -> None:
    """A server that makes two of one key, or one of two bodies, does not pass."""
    command = plant_fault(fault)
    tally = send_twins(n_lives, seed, n_keys=30, seconds_max=0.05, commands=[command])
    assert any(found in line for line in tally.faults), tally.faults
