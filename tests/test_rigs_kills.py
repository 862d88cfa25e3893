"""Kills: what clients were told is in the store, once, whenever the process dies."""

from __future__ import annotations

import secrets

import pytest

from tests.rigs.kills import Tally, kill_often
from tests.rigs.planted import PLANTED

SEED = secrets.randbelow(2**32)


def test_kills_lose_nothing_and_grant_nothing_twice() -> None:
    """Over 50 kills under 64 clients: 0 over, 0 lost, 0 twice."""
    tally = kill_often(50, SEED, seconds_max=0.12)
    assert tally.faults == [], f"seed {SEED}"
    assert tally.n_kills == 50
    assert min(tally.n_granted, tally.n_refused, tally.n_settled) > 100


@pytest.mark.parametrize("planted", PLANTED)
def test_planted_fault_is_found(planted: str) -> None:
    """Answering before the commit, and granting without looking, are found within some kills."""
    found: list[str] = []
    for seed in range(SEED, SEED + 5):
        found += kill_often(3, seed, seconds_max=0.1, planted=planted).faults
        if found:
            break
    assert found


def test_tallies_add_up() -> None:
    """Two tallies together say what either did."""
    total = Tally(1, 2, 3, 4, 5, ["a"]) + Tally(1, 1, 1, 1, 1, ["b"])
    assert total == Tally(2, 3, 4, 5, 6, ["a", "b"])
    assert str(total) == "2 kills, 3 grants, 4 refused, 5 settled, 6 repeated, 2 faults"
