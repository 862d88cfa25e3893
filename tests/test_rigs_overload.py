"""A server asked for several times what it serves: it refuses in order, and is well afterwards."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from tests.rigs.overload import Load, OverloadReport, overload
from tests.rigs.processes import plant_fault

if TYPE_CHECKING:
    import numpy as np

OPTIONS: dict[str, Any] = {"n_clients": 64, "n_places": 4, "times": math.inf}
# Takes on whatever comes.
ROOM = """
from router.service.desk_room import Room
Room.is_full = property(lambda self: False)
"""
# Has those who wait for a pool wait uncounted, as many as there are.
CORRIDOR = """
from contextlib import asynccontextmanager
import asyncio
from router.service.sidecar import Sidecar

@asynccontextmanager
async def lock_pool(self, tenant, name):
    async with self._locks.setdefault((tenant, name), asyncio.Lock()):
        yield

Sidecar.lock_pool = lock_pool
from router.service.edge import Edge
Edge._serve.__globals__["takes_place"] = lambda path: False
"""
# Refuses without a word on when to come again, counts nothing, and keeps something of everybody.
NEGLIGENCE = """
import router.service.edge as edge
from router.service.metrics import Metrics
edge.RETRY_AFTER.clear()
Metrics.count = lambda *_: None
kept = []
count = edge.Edge._count
edge.Edge._count = lambda self, *of: (kept.append(bytearray(2_000_000)), count(self, *of))[1]
"""


@pytest.fixture
def seed(rng: np.random.Generator) -> int:
    """Draw a seed; a failure shows how to draw it again."""
    return int(rng.integers(2**32))


def test_overloaded_server_refuses_in_order(seed: int) -> None:
    """Plans or refusals with a time, all counted, bounded waits and memory, and no harm after."""
    report = overload(2.0, seed, **OPTIONS)
    assert report.faults == []
    assert min(report.over.n_served, report.over.n_refused) > 0
    assert report.after.n_served > 0


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        (ROOM, ["others were served"]),
        (CORRIDOR, ["one draw waited"]),
        (NEGLIGENCE, ["do not say when", "are counted", "memory grew"]),
    ],
    ids=["takes everybody on", "pool's queue", "negligent"],
)
def test_overload_finds(seed: int, fault: str, found: list[str]) -> None:
    """What takes on too much, says too little or keeps too much does not pass."""
    faults = overload(1.0, seed, **OPTIONS, command=plant_fault(fault)).faults
    assert all(any(words in line for line in faults) for words in found), faults


def test_goals_in_seconds_can_be_missed() -> None:
    """Whoever serves less, later, and is slow ever after, has missed three goals."""
    good = Load(waits_s=[0.01] * 100, seconds=1.0)
    good.statuses[200] = 100
    bad = Load(waits_s=[0.1] * 10, seconds=1.0)
    bad.statuses[200] = 10
    assert OverloadReport(good, good, good, good).list_misses() == []
    assert len(OverloadReport(good, good, bad, bad).list_misses()) == 3
