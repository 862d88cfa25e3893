"""Lease time: it counts while the machine runs, whatever anybody does to the date."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from router.ledger import clock as clock_module
from router.ledger.clock import LeaseClock, SystemClock
from tests.contracts.ledgers import SECOND, VirtualClock

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    import pytest

JUMPS = [3600, -3600, 31_536_000, -31_536_000]


def test_random_jumps_and_restarts_do_not_move_leases(rng: np.random.Generator) -> None:
    """Over 20,000 jumps of the date and restarts lease time is what the machine ran since."""
    clock = VirtualClock()
    lease = LeaseClock(clock)
    ran = 0
    for kind in rng.integers(0, 4, 20_000):
        if kind == 0:
            clock.wall += int(rng.choice(JUMPS)) * SECOND
        elif kind == 1:
            step = float(rng.integers(0, 100)) / 10
            clock.pass_seconds(step)
            ran += int(step * SECOND)
        elif kind == 2:
            lease = LeaseClock(clock, lease.mark())
        else:
            mark = lease.mark()
            clock.boot_id += "x"
            clock.elapsed = int(rng.integers(0, 10)) * SECOND
            lease = LeaseClock(clock, mark)
        assert lease.now() == ran
    assert ran > 0


def test_elapsed_time_that_goes_back_is_not_believed() -> None:
    """A clock that falls behind itself lets lease time stand still."""
    clock = VirtualClock()
    lease = LeaseClock(clock)
    clock.pass_seconds(10)
    assert lease.now() == 10 * SECOND
    clock.elapsed -= 5 * SECOND
    assert lease.now() == 10 * SECOND


def test_machine_tells_its_boot() -> None:
    """Two processes of one boot agree on it where the system tells."""
    first, second = SystemClock(), SystemClock()
    assert first.boot_id == second.boot_id or first.boot_id.startswith("process-")
    earlier = first.read_elapsed()
    assert second.read_elapsed() >= earlier
    assert first.read_wall() > 1_700_000_000 * SECOND


def test_machine_that_does_not_tell_its_boot_has_one_a_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing tells boots apart, leases stand still from one process to the next."""
    monkeypatch.setattr(clock_module, "BOOT_ID", tmp_path / "missing")
    monkeypatch.delattr(time, "CLOCK_BOOTTIME", raising=False)
    clock = SystemClock()
    assert clock.boot_id.startswith("process-")
    assert abs(clock.read_elapsed() - time.monotonic_ns() // 1000) < SECOND
    mark = "another", clock.read_elapsed() - SECOND, 7
    assert LeaseClock(clock, mark).now() < SECOND


def test_mark_of_the_same_boot_counts_the_time_between() -> None:
    """A process that comes later in the same boot goes on as if it had never been away."""
    clock = VirtualClock()
    first = LeaseClock(clock)
    clock.pass_seconds(3)
    mark = first.mark()
    assert mark == ("boot", 8 * SECOND, 3 * SECOND)
    clock.pass_seconds(4)
    second = LeaseClock(clock, mark)
    assert second.now() == 7 * SECOND
    assert second.mark() == ("boot", 12 * SECOND, 7 * SECOND)
    assert second.read_wall() == clock.wall


def test_boot_that_is_younger_than_its_mark_is_counted_from_now() -> None:
    """Where the machine's clock fell behind a mark, lease time goes on at once all the same."""
    clock = VirtualClock()
    lease = LeaseClock(clock, ("boot", clock.elapsed + 100 * SECOND, 7 * SECOND))
    clock.pass_seconds(1)
    assert lease.now() == 8 * SECOND
