"""Rates: how many requests a key may send in a second, so that one cannot use up all there is."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RateLimit"]


class RateLimit:
    """So many requests a second for each name; one that was quiet may send as many at once.

    A request that is refused does not count against the next. What is kept is one number a name,
    and names are those of keys, of which there are as many as an operator made.

    Parameters
    ----------
    per_second : float
        On average, above 0; below 1 it is one request each so many seconds.
    clock : callable, default=time.monotonic
        Tells seconds.

    Examples
    --------
    >>> limit = RateLimit(2.0, clock=lambda: 0.0)
    >>> [limit.admit("a"), limit.admit("a"), limit.admit("a"), limit.admit("b")]
    [0.0, 0.0, 0.5, 0.0]
    """

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = 1.0 / per_second
        # A whole second's requests at once, and one of a rate below that.
        self._ahead_max = max(0.0, 1.0 - self._interval)
        self._clock = clock
        # When a name would have sent what it has sent, had it kept to its rate.
        self._due: dict[str, float] = {}

    def admit(self, name: str) -> float:
        """Admit a request, or say when the next one may come.

        Parameters
        ----------
        name : str
            Of the key.

        Returns
        -------
        float
            Seconds to wait; 0 where it is admitted, and only then counted.
        """
        now = self._clock()
        due = max(now, self._due.get(name, now))
        wait_seconds = due - now - self._ahead_max
        # A rounding of the clock is no request too many.
        if wait_seconds > 1e-9:
            return wait_seconds
        self._due[name] = due + self._interval
        return 0.0
