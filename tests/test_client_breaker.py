"""The circuit breaker: when it opens, whom it lets through, and when it closes."""

from __future__ import annotations

import threading

import pytest

from router.client.breaker import Breaker
from router.exceptions import InputError
from tests.contracts.clients import Clock


def open_breaker(clock: Clock) -> Breaker:
    """Give one that three failures have just opened for ten seconds."""
    breaker = Breaker(3, 10.0, clock)
    for _ in range(3):
        breaker.record(ok=False)
    return breaker


def test_only_failures_in_a_row_open_it() -> None:
    """A success between failures begins the count anew."""
    breaker = Breaker(3, 10.0, Clock())
    for ok in (False, False, True, False, False):
        breaker.record(ok=ok)
        assert breaker.state == "closed"
        assert breaker.admit()
    breaker.record(ok=False)
    assert breaker.state == "open"
    assert not breaker.admit()


def test_one_probe_goes_out_after_the_pause() -> None:
    """When the pause is over one attempt is let through, and others wait for what comes of it."""
    clock = Clock()
    breaker = open_breaker(clock)
    clock.now_s = 9.9
    assert not breaker.admit()
    clock.now_s = 10.0
    assert breaker.state == "half_open"
    assert [breaker.admit() for _ in range(3)] == [True, False, False]
    breaker.record(ok=True)
    assert breaker.state == "closed"
    assert [breaker.admit() for _ in range(3)] == [True, True, True]


def test_failed_probe_opens_it_again() -> None:
    """A single failure is then enough, and the pause begins anew."""
    clock = Clock()
    breaker = open_breaker(clock)
    clock.now_s = 10.0
    assert breaker.admit()
    clock.now_s = 14.0
    breaker.record(ok=False)
    clock.now_s = 23.9
    assert breaker.state == "open"
    clock.now_s = 24.0
    assert breaker.admit()


def test_lost_probe_is_followed_by_another() -> None:
    """A probe whose end nobody tells does not keep the breaker open for ever."""
    clock = Clock()
    breaker = open_breaker(clock)
    clock.now_s = 10.0
    assert breaker.admit()
    clock.now_s = 19.9
    assert not breaker.admit()
    clock.now_s = 20.0
    assert breaker.admit()


def test_threads_share_one_probe() -> None:
    """However many threads ask at once, one of them probes."""
    clock = Clock()
    breaker = open_breaker(clock)
    clock.now_s = 10.0
    barrier = threading.Barrier(8)
    admitted: list[bool] = []

    def ask() -> None:
        barrier.wait()
        admitted.extend(breaker.admit() for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(admitted) == 400
    assert sum(admitted) == 1


@pytest.mark.parametrize(("n_failures_max", "pause_s"), [(0, 1.0), (1, -1.0), (1, float("nan"))])
def test_impossible_numbers_are_refused(n_failures_max: int, pause_s: float) -> None:
    """A breaker that can never be closed, or never opens, is none."""
    with pytest.raises(InputError, match="breaker"):
        Breaker(n_failures_max, pause_s)
