"""Alarms, on a clock that the test moves."""

from __future__ import annotations

from typing import Any

from router.service.alarms import Alarm


class Handle:
    """A timer of the loop below."""

    def __init__(self, moment: float) -> None:
        """Take the moment at which it rings."""
        self.moment = moment
        self.cancelled = False

    def when(self) -> float:
        """Tell the moment."""
        return self.moment

    def cancel(self) -> None:
        """Never ring."""
        self.cancelled = True


class Loop:
    """A loop whose time passes when it is told to."""

    def __init__(self) -> None:
        """Begin at no time, with nothing to call."""
        self.now = 0.0
        self.timers: list[tuple[Handle, Any]] = []
        self.n_set = 0

    def time(self) -> float:
        """Tell the time."""
        return self.now

    def call_at(self, moment: float, call: Any) -> Handle:
        """Note what to call."""
        self.n_set += 1
        self.timers.append((Handle(moment), call))
        return self.timers[-1][0]

    def pass_to(self, moment: float) -> None:
        """Let time pass, and call what is due on the way."""
        while due := [t for t in self.timers if t[0].moment <= moment and not t[0].cancelled]:
            first = min(due, key=lambda timer: timer[0].moment)
            self.timers.remove(first)
            self.now = first[0].moment
            first[1]()
        self.now = moment


def make_alarm() -> tuple[Loop, Alarm, list[float]]:
    """Make an alarm that notes when it rings."""
    loop, rung = Loop(), list[float]()
    alarm: Any = Alarm(loop, lambda: rung.append(loop.now))  # type: ignore[arg-type]
    return loop, alarm, rung


def test_alarm_rings_once_at_its_moment() -> None:
    """Not before, not twice."""
    loop, alarm, rung = make_alarm()
    alarm.set(5)
    loop.pass_to(4.9)
    assert rung == []
    loop.pass_to(100)
    assert rung == [5]


def test_alarm_moved_later_rings_later() -> None:
    """A thousand moves cost two timers, not a thousand."""
    loop, alarm, rung = make_alarm()
    for _ in range(1000):
        alarm.set(15)
        loop.pass_to(loop.now + 0.01)
    assert loop.n_set == 1
    loop.pass_to(100)
    assert len(rung) == 1
    assert abs(rung[0] - 24.99) < 1e-6
    assert loop.n_set == 2


def test_alarm_moved_earlier_rings_earlier() -> None:
    """A shorter time does not wait for the longer one set before."""
    loop, alarm, rung = make_alarm()
    alarm.set(15)
    alarm.set(5)
    loop.pass_to(100)
    assert rung == [5]


def test_cleared_alarm_is_silent_until_set_again() -> None:
    """Neither clearing nor stopping lets an old moment ring."""
    loop, alarm, rung = make_alarm()
    alarm.set(5)
    alarm.clear()
    loop.pass_to(10)
    alarm.set(5)
    alarm.stop()
    loop.pass_to(20)
    assert rung == []
    alarm.set(1)
    loop.pass_to(30)
    assert rung == [21]
