"""Rates: an average is kept, a quiet second may be made up for, and refusals cost nothing."""

from __future__ import annotations

import pytest

from router.service.rates import RateLimit


@pytest.mark.parametrize("per_second", [0.01, 0.5, 1.0, 3.0, 7.0, 1000.0])
def test_average_is_kept_whoever_asks_how_often(per_second: float) -> None:
    """Asked a thousand times as often, a second's worth goes at once and then the rate itself."""
    now = [100.0]
    limit = RateLimit(per_second, clock=lambda: now[0])
    seconds, n_asked = 20 / per_second, 20_000
    n_admitted = 0
    for _ in range(n_asked):
        n_admitted += limit.admit("a") == 0
        now[0] += seconds / n_asked
    assert abs(n_admitted - 20 - max(1, int(per_second))) <= 1


def test_who_waits_as_told_is_admitted() -> None:
    """The wait that is named is long enough, and no longer than needed."""
    now = [0.0]
    limit = RateLimit(4.0, clock=lambda: now[0])
    assert [limit.admit("a") for _ in range(4)] == [0.0] * 4
    wait_seconds = limit.admit("a")
    assert wait_seconds == pytest.approx(0.25)
    now[0] += wait_seconds / 2
    assert limit.admit("a") == pytest.approx(wait_seconds / 2)
    now[0] += wait_seconds / 2
    assert limit.admit("a") == 0.0


def test_quiet_time_is_made_up_for_once() -> None:
    """After an hour there is a second's worth, not an hour's."""
    now = [0.0]
    limit = RateLimit(5.0, clock=lambda: now[0])
    now[0] = 3600.0
    assert sum(limit.admit("a") == 0 for _ in range(100)) == 5
