"""The clock of leases: it counts while the machine runs, and no change of the date moves it.

A lease is an interval, and the one question about it is whether it has passed. The time of day
cannot answer that: it jumps. Time since the machine was started can, across restarts of the
service as well, as long as the machine itself keeps running. While it is off, leases stand still:
budget then stays reserved a little longer, which is the safe side.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Protocol

__all__ = ["Clock", "LeaseClock", "SystemClock"]

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
MICRO = 1_000_000


class Clock(Protocol):
    """Where time comes from; replaced by a virtual one in tests."""

    @property
    def boot_id(self) -> str:
        """What changes when the machine, and with it `read_elapsed`, starts anew."""

    def read_elapsed(self) -> int:
        """Microseconds since some moment of this boot; never goes back."""

    def read_wall(self) -> int:
        """Microseconds since 1970 as the machine believes; only ever written down."""


class SystemClock:
    """The machine's own clocks.

    Where the system tells no identifier of its boot, every start of the process counts as one.

    Examples
    --------
    >>> clock = SystemClock()
    >>> first = clock.read_elapsed()
    >>> clock.read_elapsed() >= first
    True
    """

    def __init__(self) -> None:
        self._clock_id = getattr(time, "CLOCK_BOOTTIME", None)
        try:
            self.boot_id = BOOT_ID.read_text("ascii").strip()
        except OSError:
            self.boot_id = f"process-{time.time_ns()}"

    def read_elapsed(self) -> int:
        """Microseconds since the machine was started, sleep included."""
        if self._clock_id is None:
            return time.monotonic_ns() // 1000
        return time.clock_gettime_ns(self._clock_id) // 1000

    def read_wall(self) -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1000


class LeaseClock:
    """Microseconds of lease time, continued from where an earlier process left off.

    Parameters
    ----------
    clock : Clock
        Of this machine.
    mark : tuple of (str, int, int), optional
        What :meth:`mark` gave when something was last written.

    Examples
    --------
    >>> class Still:
    ...     boot_id, elapsed = "a", 50
    ...     def read_elapsed(self): return self.elapsed
    ...     def read_wall(self): return 0
    >>> LeaseClock(Still(), ("a", 20, 1000)).now()
    1030
    >>> LeaseClock(Still(), ("another boot", 20, 1000)).now()
    1000
    """

    def __init__(self, clock: Clock, mark: tuple[str, int, int] | None = None) -> None:
        self._clock = clock
        self._last = 0
        self._start = clock.read_elapsed()
        if mark is not None:
            boot_id, elapsed, self._last = mark
            if boot_id == clock.boot_id and elapsed <= self._start:
                self._start = elapsed
        self._base = self._last

    def now(self) -> int:
        """Microseconds of lease time; never goes back, even where the machine's clock does."""
        self._last = max(self._last, self._base + self._clock.read_elapsed() - self._start)
        return self._last

    def mark(self) -> tuple[str, int, int]:
        """Give what has to be written down so that another process can go on from here."""
        now = self.now()
        return self._clock.boot_id, self._start + (now - self._base), now

    def read_wall(self) -> int:
        """Microseconds since 1970, for records that people read."""
        return self._clock.read_wall()
