"""The circuit breaker: after failures in a row nobody waits for a service that is not there."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Breaker"]


class Breaker:
    """Lets attempts through, until too many in a row have failed; then one at a time, seldom.

    Safe to use from threads and tasks at once.

    Parameters
    ----------
    n_failures_max : int, default=5
        Failures in a row that open it.
    pause_s : float, default=5.0
        Seconds for which it lets nothing through; then one attempt probes.
    clock : callable, default=time.monotonic
        Tells seconds.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> breaker = Breaker(n_failures_max=2, pause_s=60)
    >>> for _ in range(2):
    ...     breaker.record(ok=False)
    >>> breaker.state, breaker.admit()
    ('open', False)
    """

    def __init__(
        self,
        n_failures_max: int = 5,
        pause_s: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if n_failures_max < 1:
            raise InputError(f"breaker: n_failures_max {n_failures_max} is not from 1 up")
        if not pause_s >= 0:
            raise InputError(f"breaker: pause_s {pause_s} is not from 0 up")
        self._n_failures_max = n_failures_max
        self._pause_s = pause_s
        self._clock = clock
        self._lock = threading.Lock()
        self._n_failures = 0
        # From when on the next probe may go out; only looked at while open.
        self._probe_from_s = 0.0

    @property
    def state(self) -> str:
        """``closed``, ``open``, or ``half_open`` where the next attempt is a probe."""
        with self._lock:
            if self._n_failures < self._n_failures_max:
                return "closed"
            return "half_open" if self._clock() >= self._probe_from_s else "open"

    def admit(self) -> bool:
        """Say whether an attempt may go out now; how it ends has to be recorded.

        Returns
        -------
        bool
        """
        with self._lock:
            if self._n_failures < self._n_failures_max:
                return True
            now_s = self._clock()
            if now_s < self._probe_from_s:
                return False
            # The next probe waits as long again, so that one whose end is never told is no end.
            self._probe_from_s = now_s + self._pause_s
            return True

    def record(self, *, ok: bool) -> None:
        """Take in how an attempt ended.

        Parameters
        ----------
        ok : bool
            Whether the service answered, be it with a refusal.
        """
        with self._lock:
            if ok:
                self._n_failures = 0
                return
            self._n_failures += 1
            if self._n_failures >= self._n_failures_max:
                # Failures of attempts that were under way already count for nothing more.
                self._n_failures = self._n_failures_max
                self._probe_from_s = self._clock() + self._pause_s
