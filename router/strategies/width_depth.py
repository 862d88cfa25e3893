r"""Width against depth: how long a chain of calls takes, and how long calls side by side do.

Calls in a chain add up, calls side by side take as long as the slowest: with F the distribution of
one call, n of them have :math:`F^n`, whose mean grows with n only as far as the tail of F is long.
Both are worked out on a grid of times, sums by the Fourier transform, so that any distribution of
latencies will do, measured ones included, and chances within a deadline come out with the means.

References
----------
.. [1] David, H. and Nagaraja, H., "Order statistics", 3rd edition, section 2.1: the distribution of
   the largest of n.
.. [2] Dean, J. and Barroso, L., "The tail at scale", CACM 56(2), 2013: the slowest of many parallel
   calls decides.
.. [3] Little, J., "A proof for the queuing formula L = lambda W", Operations Research 9(3), 1961:
   what so many slots can serve per second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import read_amounts, read_counts, read_shares

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from router.strategies.call_latency import CallLatency

__all__ = ["WidthDepth", "WidthDepthPlan"]

N_CELLS = 2**14
# What lies beyond the grid has this probability at most.
TAIL = 1e-7


class WidthDepthPlan(NamedTuple):
    """The cheapest plan that does what is asked for.

    Parameters
    ----------
    width, depth : int
        Calls side by side, and calls one after another.
    calls : int
        All together.
    quality : float
        As it was given.
    seconds : float
        Expected latency.
    on_time : float
        Probability that the deadline is kept.
    """

    width: int
    depth: int
    calls: int
    quality: float
    seconds: float
    on_time: float


@dataclass(frozen=True)
class WidthDepth:
    """Chains of calls, side by side: how long they take under limits of throughput.

    Parameters
    ----------
    latency : CallLatency
        Of one call; calls are independent.
    slots : int, optional
        Runs that may go on at once; more are started in batches, each when the one before is over.
    starts_per_second : float, optional
        Runs of a batch that may start in a second.
    waits_each_step : bool, default=False
        Whether each step waits for all calls of its width, as a wide search does before the next;
        otherwise the width is that of chains that do not look at each other.

    Raises
    ------
    InputError
        If a limit is out of range.

    Examples
    --------
    Eight calls side by side take a quarter of what they take one after another.

    >>> from router.strategies import CallLatency
    >>> runs = WidthDepth(CallLatency(1.0, 0.5))
    >>> runs.predict([1, 8], [8, 1]).round(2).tolist()
    [9.07, 2.14]
    """

    latency: CallLatency
    slots: int | None = None
    starts_per_second: float | None = None
    waits_each_step: bool = False

    kind = "external"

    def __post_init__(self) -> None:
        """Refuse limits under which nothing runs."""
        if self.slots is not None:
            read_counts("slots", self.slots, least=1)
        if self.starts_per_second is not None:
            read_amounts("starts_per_second", self.starts_per_second)

    def predict(self, width: ArrayLike, depth: ArrayLike) -> NDArray[np.float64]:
        """Expect so many seconds.

        Parameters
        ----------
        width, depth : array_like of int
            Calls side by side and one after another, at least 1; they broadcast.

        Returns
        -------
        ndarray of float64
        """
        widths, depths = np.broadcast_arrays(
            read_counts("width", width, least=1), read_counts("depth", depth, least=1)
        )
        means = [self._mean(int(w), int(d)) for w, d in zip(widths.flat, depths.flat, strict=True)]
        return np.array(means).reshape(widths.shape)

    def keep_deadline(self, width: int, depth: int, deadline_seconds: float) -> float:
        """Give the probability that all is over by a deadline.

        Parameters
        ----------
        width, depth : int
            At least 1.
        deadline_seconds : float
            Above 0.

        Returns
        -------
        float
        """
        read_amounts("deadline_seconds", deadline_seconds)
        is_one_batch = self.slots is None or width <= self.slots
        if depth == 1 and is_one_batch and self.starts_per_second is None:
            read_counts("width", width, least=1)
            # Exact, also where calls take as long as the deadline.
            return float(self.latency.cover(np.array([float(deadline_seconds)]))[0]) ** width
        masses, cell_seconds = self._distribute(width, depth)
        return float(masses[: int(deadline_seconds / cell_seconds + 0.5)].sum())

    def serve_per_second(self, width: int, depth: int, *, fleet_slots: int) -> float:
        """Give the questions per second that so many slots serve at most.

        Parameters
        ----------
        width, depth : int
            Calls of each question.
        fleet_slots : int
            Calls that may go on at once, over all questions.

        Returns
        -------
        float
            Little's law: slots over the seconds of all calls of a question.
        """
        read_counts("fleet_slots", fleet_slots, least=1)
        return fleet_slots / (width * depth * self.latency.mean_seconds)

    def find_cheapest(
        self,
        quality: ArrayLike,
        *,
        target: float,
        deadline_seconds: float,
        confidence: float = 0.95,
    ) -> WidthDepthPlan | None:
        """Find the plan of the fewest calls that is good enough and on time often enough.

        Parameters
        ----------
        quality : array_like of shape (n_widths, n_depths)
            Expected quality at width i + 1 and depth j + 1.
        target : float
            Quality that is needed.
        deadline_seconds : float
            Above 0.
        confidence : float, default=0.95
            How probably the deadline has to be kept.

        Returns
        -------
        WidthDepthPlan or None
            None where nothing does; among plans of as many calls, the better one.

        Raises
        ------
        InputError
            If quality is not a table, or a number is out of range.

        Examples
        --------
        >>> from router.strategies import CallLatency
        >>> runs = WidthDepth(CallLatency(1.0, 0.3), waits_each_step=True)
        >>> quality = [[0.3, 0.5, 0.6], [0.4, 0.58, 0.62]]
        >>> plan = runs.find_cheapest(quality, target=0.55, deadline_seconds=3.5)
        >>> plan.width, plan.depth, plan.calls
        (2, 2, 4)
        """
        table = np.asarray(quality, dtype=np.float64)
        if table.ndim != 2:
            raise InputError(f"quality has shape {table.shape}: widths x depths are needed")
        read_shares("confidence", confidence)
        plans = [
            ((row + 1) * (column + 1), -float(table[row, column]), row + 1, column + 1)
            for row, column in np.argwhere(table >= target).tolist()
        ]
        for calls, loss, width, depth in sorted(plans):
            on_time = self.keep_deadline(width, depth, deadline_seconds)
            if on_time >= confidence:
                seconds = self._mean(width, depth)
                return WidthDepthPlan(width, depth, calls, -loss, seconds, on_time)
        return None

    def simulate(
        self, chance: np.random.Generator, width: int, depth: int, n_runs: int
    ) -> NDArray[np.float64]:
        """Let calls run, and say how long each question took.

        Parameters
        ----------
        chance : Generator
            Of random numbers.
        width, depth : int
            At least 1.
        n_runs : int
            Questions.

        Returns
        -------
        ndarray of float64, shape (n_runs,)
        """
        calls = self.latency.draw(chance, (n_runs, depth, width))
        runs = calls if self.waits_each_step else calls.sum(axis=1, keepdims=True)
        size = width if self.slots is None else min(self.slots, width)
        taken = np.zeros(n_runs)
        for first in range(0, width, size):
            batch = runs[:, :, first : first + size]
            starts = np.zeros(batch.shape[2])
            if self.starts_per_second is not None:
                starts = np.arange(batch.shape[2]) / self.starts_per_second
            taken += (batch + starts).max(axis=2).sum(axis=1)
        return taken

    def _mean(self, width: int, depth: int) -> float:
        """Expect so many seconds of one plan."""
        masses, cell_seconds = self._distribute(width, depth)
        return float(masses @ np.arange(len(masses))) * cell_seconds

    def _distribute(self, width: int, depth: int) -> tuple[NDArray[np.float64], float]:
        """Give the probabilities of a plan's latencies at multiples of a cell."""
        read_counts("width", width, least=1)
        read_counts("depth", depth, least=1)
        size = width if self.slots is None else min(self.slots, width)
        n_batches = -(-width // size)
        lag = 0.0 if self.starts_per_second is None else (size - 1) / self.starts_per_second
        rounds = n_batches * (depth if self.waits_each_step else 1)
        reach = self.latency.reach(TAIL / (width * depth))
        longest = rounds * lag + reach + 2.0 * n_batches * depth * self.latency.mean_seconds
        slowest_round = self.latency.reach(1.0 / (4.0 * size))
        longest += 2.0 * n_batches * depth * slowest_round
        cell = longest / N_CELLS
        if self.latency.is_smooth:
            # Averages over cells, not values in their middles: the mean of a call is then kept,
            # however much of it lies in the first of them.
            over = 1.0 - np.diff(self.latency.cap(np.arange(N_CELLS + 1.0) * cell)) / cell
        else:
            over = self.latency.cover((np.arange(N_CELLS, dtype=np.float64) + 0.5) * cell)
        if not self.waits_each_step:
            over = np.cumsum(_add_up(np.diff(over, prepend=0.0), depth))
        full = self._wait_for_all(over, size, cell)
        masses = _add_up(full, width // size)
        if width % size:
            masses = _add_two(masses, self._wait_for_all(over, width % size, cell))
        if self.waits_each_step:
            masses = _add_up(masses, depth)
        return masses / masses.sum(), cell

    def _wait_for_all(
        self, over: NDArray[np.float64], n_runs: int, cell_seconds: float
    ) -> NDArray[np.float64]:
        """Give the probabilities of the latency of the slowest of a batch."""
        if self.starts_per_second is None:
            return np.diff(over**n_runs, prepend=0.0)
        cells = np.arange(N_CELLS, dtype=np.float64)
        all_over = np.ones(N_CELLS)
        for run in range(n_runs):
            lag = run / (self.starts_per_second * cell_seconds)
            all_over *= np.interp(cells - lag, cells, over, left=0.0)
        return np.diff(all_over, prepend=0.0)


def _add_up(masses: NDArray[np.float64], n_terms: int) -> NDArray[np.float64]:
    """Give the distribution of a sum of so many independent terms."""
    if n_terms == 1:
        return masses
    total: NDArray[np.float64] = np.fft.irfft(np.fft.rfft(masses, 2 * N_CELLS) ** n_terms)
    return np.clip(total[:N_CELLS], 0.0, None)


def _add_two(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the distribution of a sum of two independent terms."""
    product = np.fft.rfft(first, 2 * N_CELLS) * np.fft.rfft(second, 2 * N_CELLS)
    return np.clip(np.fft.irfft(product)[:N_CELLS], 0.0, None)
