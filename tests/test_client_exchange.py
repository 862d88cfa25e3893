"""Exchanges: how attempts and pauses divide the time of a call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.client.breaker import Breaker
from router.client.calls import Call
from router.client.exchange import Attempt, Exchange, Pause
from router.client.replies import Failure, Reply
from router.exceptions import InputError, ServiceError
from tests.contracts.clients import Clock

CALL: Call[Any] = Call("POST", "/v1/x", lambda document: document["a"])
GOOD = Reply(200, b'{"a": 1}')
BUSY = Reply(503, b"")


def begin(clock: Clock, n_attempts: int = 3, draw: float = 1.0, **terms: Any) -> Any:
    """Begin an exchange of at most a second."""
    breaker = terms.get("breaker") or Breaker(100, clock=clock)
    exchange = Exchange(CALL, breaker, 1.0, clock, n_attempts, lambda: draw)
    return exchange.take_steps()


def test_attempt_leaves_time_for_the_next() -> None:
    """Each attempt may take half of what is left, the last one all of it."""
    clock = Clock()
    steps = begin(clock)
    assert next(steps) == Attempt(0.5)
    clock.now_s = 0.5
    assert steps.send(Failure("no whole answer")) == Pause(0.05)
    clock.now_s = 0.6
    assert steps.send(None).seconds_max == pytest.approx(0.2)
    assert steps.send(BUSY) == Pause(0.1)
    clock.now_s = 0.7
    assert steps.send(None).seconds_max == pytest.approx(0.3)
    with pytest.raises(StopIteration) as end:
        steps.send(GOOD)
    assert end.value.value == 1


def test_pauses_are_drawn_between_half_and_whole() -> None:
    """Clients that failed together do not come back together."""
    for draw, seconds in ((0.0, 0.025), (0.5, 0.0375), (1.0, 0.05)):
        steps = begin(Clock(), draw=draw)
        next(steps)
        assert steps.send(BUSY).seconds == pytest.approx(seconds)


@pytest.mark.parametrize("wait", ["0", "", "-1", "soon", "9" * 30, "\u0663"])
def test_only_seconds_are_a_wait(wait: str) -> None:
    """Anything else in Retry-After is as if it were not there."""
    steps = begin(Clock())
    next(steps)
    assert steps.send(Reply(503, b"", {"retry-after": wait})) == Pause(0.05)


def test_refusal_closes_the_breaker() -> None:
    """A service that refuses is there."""
    breaker = Breaker(2)
    breaker.record(ok=False)
    steps = begin(Clock(), breaker=breaker)
    next(steps)
    with pytest.raises(InputError, match="POST /v1/x: 422 invalid: m"):
        steps.send(Reply(422, b'{"error": {"code": "invalid", "message": "m"}}'))
    breaker.record(ok=False)
    assert breaker.state == "closed"


def test_no_time_is_no_attempt() -> None:
    """A call whose time is up before it begins asks nobody."""
    clock = Clock()
    clock.now_s = 1.0
    with pytest.raises(ServiceError, match="no time left, 0 attempts made"):
        next(begin(clock))


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            [Failure("f"), BUSY, Reply(429, b"", {"retry-after": "1"}), Reply(200, b"")]
        ),
        st.floats(0, 1),
    ),
    min_size=20,
    max_size=20,
)


def spend(
    events: list[tuple[Reply | Failure, float]], n_attempts: int, draw: float
) -> tuple[int, float]:
    """Let every attempt end so, after a share of its time; give their number and the time."""
    clock = Clock()
    steps = begin(clock, n_attempts, draw)
    came: Reply | Failure | None = None
    n_made = 0
    while True:
        try:
            step = steps.send(came)
        except ServiceError:
            return n_made, clock.now_s
        if isinstance(step, Pause):
            clock.now_s += step.seconds
            came = None
        else:
            came, share = events[n_made]
            clock.now_s += share * step.seconds_max
            n_made += 1


@given(EVENTS, st.integers(1, 20), st.floats(0, 1))
def test_no_run_of_failures_takes_longer_than_the_call(
    events: list[tuple[Reply | Failure, float]], n_attempts: int, draw: float
) -> None:
    """Whatever comes, and however late, the sum of what is asked for stays within the time."""
    n_made, taken_s = spend(events, n_attempts, draw)
    assert 1 <= n_made <= n_attempts
    assert taken_s <= 1.0 + 1e-9
