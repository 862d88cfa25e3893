"""Alarms: moments that are moved far more often than they come."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Alarm"]


class Alarm:
    """Calls back when a moment has come; moving it to a later one costs next to nothing.

    A timer that would ring earlier is left as it is and set anew when it does, so a connection
    with a thousand requests a second sets one in fifteen seconds, not a thousand a second.

    Parameters
    ----------
    loop : asyncio.AbstractEventLoop
        Whose time it is.
    ring : callable
        What to call.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, ring: Callable[[], None]) -> None:
        self._loop = loop
        self._ring = ring
        self._due = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def set(self, seconds: float) -> None:
        """Ring so long from now, and not at the moment set before.

        Parameters
        ----------
        seconds : float
            From now.
        """
        self._due = self._loop.time() + seconds
        if self._timer is not None:
            if self._timer.when() <= self._due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(self._due, self._look)

    def clear(self) -> None:
        """Ring no more, until it is set again."""
        self._due = math.inf

    def stop(self) -> None:
        """Ring no more, and hold nothing that the loop would keep."""
        self._due = math.inf
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Ring, or wait for the moment that has been set since."""
        self._timer = None
        if self._due == math.inf:
            return
        if self._loop.time() < self._due:
            self._timer = self._loop.call_at(self._due, self._look)
            return
        self._due = math.inf
        self._ring()
