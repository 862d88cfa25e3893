"""Agents that take a lease and are gone: the pool is whole again, and the late are listened to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.rigs.dead_agents import let_die
from tests.rigs.processes import plant_fault

if TYPE_CHECKING:
    import numpy as np

# Forgets to look for leases that have ended.
LEAK = """
import router.ledger.ledger as ledger
ledger.expire_plans = lambda *_: 0
"""
# Takes time that it was away for a year.
LEAP = """
from router.ledger.clock import LeaseClock
now = LeaseClock.now
LeaseClock.now = lambda self: now(self) + (self._base > 0) * 31_536_000_000_000
"""
# Takes reports late, and charges nothing for them.
GIFT = """
from router.ledger.settlements import Settlement
Settlement._charge_late = lambda *_: None
"""


@pytest.fixture
def seed(rng: np.random.Generator) -> int:
    """Draw a seed; a failure shows how to draw it again."""
    return int(rng.integers(2**32))


@pytest.mark.parametrize("n_kills", [0, 1])
def test_leases_of_the_dead_come_back(seed: int, n_kills: int) -> None:
    """Short ones come back and long ones stay, and what is reported late is charged."""
    report = let_die(40, seed, n_kills=n_kills)
    assert report.faults == []
    assert min(report.n_late, report.n_kept) > 0
    assert report.n_kills == n_kills


@pytest.mark.parametrize(
    ("fault", "found"),
    [(LEAK, "are held"), (LEAP, "the pool is"), (GIFT, "the pool is")],
    ids=["leases that stay", "time that leaps", "late ones for nothing"],
)
def test_death_finds(seed: int, fault: str, found: str) -> None:
    """Leases that never end, that end by a restart, and late costs that nobody bears."""
    command = plant_fault(fault)
    n_kills = int(fault == LEAP)
    faults = let_die(20, seed, n_kills=n_kills, wait_seconds=4.0, command=command).faults
    assert any(found in line for line in faults), faults
