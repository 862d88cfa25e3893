"""Traffic: when questions arrive over a day, with its hours, bursts and drift."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["DAY_S", "Traffic"]

DAY_S = 86_400.0


@dataclass(frozen=True)
class Traffic:
    """Arrivals of a Poisson process whose rate follows the hours and rises in bursts.

    Parameters
    ----------
    questions_per_day : float
        Expected number in a day without bursts.
    daily_swing : float, default=0.0
        From 0 (the same rate at all hours) to 1 (no arrival at the quietest hour, twice the mean at
        the busiest, which is noon).
    bursts_per_day : float, default=0.0
        Expected number of bursts.
    burst_s : float, default=600.0
        How long one lasts.
    burst_factor : float, default=5.0
        How many times as many arrive within one.
    drift_per_day : float, default=0.0
        How much easier (above 0) or harder questions get over a day, in units of a population's
        hidden variables.

    Raises
    ------
    InputError
        If a number is negative or not finite, the swing exceeds 1 or a burst has no length.

    Notes
    -----
    Bursts are themselves a Poisson process, so that this is a doubly stochastic (Cox 1955) process.
    Times are drawn by thinning (Lewis and Shedler 1979), exactly.

    Examples
    --------
    >>> traffic = Traffic(10_000, daily_swing=0.8)
    >>> times_s = traffic.draw(np.random.default_rng(0))
    >>> abs(len(times_s) - 10_000) < 400, bool((np.diff(times_s) >= 0).all())
    (True, True)
    """

    questions_per_day: float
    daily_swing: float = 0.0
    bursts_per_day: float = 0.0
    burst_s: float = 600.0
    burst_factor: float = 5.0
    drift_per_day: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        for name in ("questions_per_day", "daily_swing", "bursts_per_day", "burst_factor"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value >= 0.0):
                raise InputError(f"{name} is {value}: a finite number from 0 up is needed")
        if self.daily_swing > 1.0:
            raise InputError(f"daily_swing is {self.daily_swing}: at most 1 is allowed")
        if not (np.isfinite(self.burst_s) and self.burst_s > 0.0):
            raise InputError(f"burst_s is {self.burst_s}: a finite number above 0 is needed")
        if not np.isfinite(self.drift_per_day):
            raise InputError(f"drift_per_day is {self.drift_per_day}: a finite number is needed")

    def rate(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """Say how many questions a second are expected outside of bursts.

        Parameters
        ----------
        times_s : array_like
            Seconds since midnight.

        Returns
        -------
        ndarray of float64
        """
        hour = 2.0 * np.pi * np.asarray(times_s, dtype=np.float64) / DAY_S
        return np.asarray(self.questions_per_day / DAY_S * (1.0 - self.daily_swing * np.cos(hour)))

    def draw(
        self, chance: np.random.Generator, *, duration_s: float = DAY_S
    ) -> NDArray[np.float64]:
        """Draw the times of arrival.

        Parameters
        ----------
        chance : Generator
            Of random numbers.
        duration_s : float, default=86400.0
            From midnight on.

        Returns
        -------
        ndarray of float64, shape (n,)
            Sorted seconds since midnight.

        Raises
        ------
        InputError
            If the duration is negative or not finite.
        """
        if not (np.isfinite(duration_s) and duration_s >= 0.0):
            raise InputError(f"duration_s is {duration_s}: a finite number from 0 up is needed")
        # A burst that began before midnight may still be on.
        n_bursts = chance.poisson(self.bursts_per_day * (duration_s + self.burst_s) / DAY_S)
        starts = np.sort(chance.random(n_bursts) * (duration_s + self.burst_s)) - self.burst_s
        factor = max(1.0, self.burst_factor) if n_bursts else 1.0
        highest = self.questions_per_day / DAY_S * (1.0 + self.daily_swing) * factor
        times = np.sort(chance.random(chance.poisson(highest * duration_s)) * duration_s)
        rate = self.rate(times)
        if n_bursts:
            # The latest burst that began before says whether one is on.
            latest = np.searchsorted(starts, times, side="right") - 1
            on = (latest >= 0) & (times - starts[np.maximum(latest, 0)] < self.burst_s)
            rate = np.where(on, rate * self.burst_factor, rate)
        kept: NDArray[np.float64] = times[chance.random(len(times)) * highest < rate]
        return kept

    def drift(self, times_s: ArrayLike) -> NDArray[np.float64]:
        """Say how much easier questions have become since midnight.

        Parameters
        ----------
        times_s : array_like
            Seconds since midnight.

        Returns
        -------
        ndarray of float64
            To be added to the thresholds of a population.
        """
        return np.asarray(self.drift_per_day * np.asarray(times_s, dtype=np.float64) / DAY_S)
