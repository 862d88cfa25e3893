"""How long one call takes: by a lognormal law, or as calls were measured."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import Estimate, bound_by_resampling, read_amounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["CallLatency"]

# Means of plans are within some 5 % of runs up to this spread.
SPREAD_MAX = 2.0


@dataclass(frozen=True, eq=False)
class CallLatency:
    """How long one call takes: lognormal, or as measured.

    Parameters
    ----------
    median_seconds : float
        Half of the calls take longer.
    spread : float
        Standard deviation of the logarithm of the seconds, from 0 to 2.
    measured : ndarray of float64, optional
        Latencies that stand for themselves, in ascending order; the lognormal law is then unused.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If a number is out of range.

    Examples
    --------
    >>> round(CallLatency(2.0, 0.5).mean_seconds, 3)
    2.266
    >>> CallLatency.from_measured([1.0, 2.0, 6.0]).mean_seconds
    3.0
    """

    median_seconds: float
    spread: float
    measured: NDArray[np.float64] | None = None
    estimates: Mapping[str, Estimate] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what is no latency."""
        read_amounts("median_seconds", self.median_seconds)
        if not 0.0 <= self.spread <= SPREAD_MAX:
            raise InputError(f"spread is {self.spread}: allowed is 0 to {SPREAD_MAX:g}")

    @classmethod
    def from_measured(cls, seconds: ArrayLike) -> CallLatency:
        """Take latencies as they were measured.

        Parameters
        ----------
        seconds : array_like of float
            Of each call, above 0.

        Returns
        -------
        CallLatency

        Raises
        ------
        InputError
            If there is none, or one is not above 0.
        """
        values = np.sort(_read_seconds(seconds))
        logs = np.log(values)
        spread = min(float(logs.std()), SPREAD_MAX)
        return cls(float(np.median(values)), spread, measured=values)

    @classmethod
    def fit(cls, seconds: ArrayLike, *, seed: int = 0) -> CallLatency:
        """Fit the lognormal law by its likelihood, with intervals over calls drawn anew.

        Parameters
        ----------
        seconds : array_like of float
            Of each call, above 0.
        seed : int, default=0
            Of the draws.

        Returns
        -------
        CallLatency

        Raises
        ------
        InputError
            If there is none, or one is not above 0.

        Examples
        --------
        >>> seconds = np.random.default_rng(1).lognormal(np.log(2.0), 0.5, 4000)
        >>> fitted = CallLatency.fit(seconds)
        >>> fitted.estimates["spread"].low < 0.5 < fitted.estimates["spread"].high
        True
        """
        logs = np.log(_read_seconds(seconds))

        def estimate(rows: NDArray[np.int64]) -> dict[str, float]:
            """Fit to some of them."""
            drawn = logs[rows]
            return {"median_seconds": math.exp(drawn.mean()), "spread": float(drawn.std())}

        found = bound_by_resampling(estimate, len(logs), seed=seed)
        return cls(found["median_seconds"].value, found["spread"].value, estimates=found)

    @property
    def mean_seconds(self) -> float:
        """What a call takes on average."""
        if self.measured is not None:
            return float(self.measured.mean())
        return self.median_seconds * math.exp(self.spread**2 / 2.0)

    def reach(self, tail: float) -> float:
        """Give the seconds that at most this share of calls exceeds."""
        if self.measured is not None:
            return float(self.measured[-1])
        # The tail of a normal variable lies below exp(-z**2 / 2) / 2.
        return self.median_seconds * math.exp(self.spread * math.sqrt(-2.0 * math.log(2.0 * tail)))

    def cover(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the share of calls that are over by then."""
        if self.measured is not None:
            n_over = np.searchsorted(self.measured, seconds, side="right")
            return np.asarray(n_over / len(self.measured), dtype=np.float64)
        logs = np.log(np.maximum(seconds, 1e-300) / self.median_seconds)
        if self.spread == 0.0:
            return np.asarray(logs >= 0.0, dtype=np.float64)
        return np.array([0.5 * math.erfc(-z) for z in logs / (self.spread * math.sqrt(2.0))])

    @property
    def is_smooth(self) -> bool:
        """Whether no latency is had by a share of calls of its own."""
        return self.measured is None and self.spread > 0.0

    def cap(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Give the mean seconds of calls that are cut off at some seconds, by a smooth law."""
        levels = np.log(np.maximum(seconds, 1e-300) / self.median_seconds) / self.spread
        below = [0.5 * math.erfc(-z / math.sqrt(2.0)) for z in (levels - self.spread).tolist()]
        above = [0.5 * math.erfc(z / math.sqrt(2.0)) for z in levels.tolist()]
        return np.asarray(self.mean_seconds * np.array(below) + seconds * np.array(above))

    def draw(self, chance: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Draw latencies of calls."""
        if self.measured is not None:
            return chance.choice(self.measured, shape)
        return chance.lognormal(math.log(self.median_seconds), self.spread, shape)


def _read_seconds(seconds: ArrayLike) -> NDArray[np.float64]:
    """Read measured latencies, refusing none at all."""
    values = read_amounts("seconds", seconds).ravel()
    if not len(values):
        raise InputError("seconds is empty: at least one latency is needed")
    return values
