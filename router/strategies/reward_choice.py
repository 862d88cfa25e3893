r"""Best of n by reward: the answer is the sample of the highest reward.

Where rewards of a question are normal, the best of n is worth :math:`\mu + \sigma m_n` with
:math:`m_n = \int x \, n \, \phi(x) \Phi(x)^{n-1} dx`; one more sample improves on the best y so far
by :math:`\sigma (\phi(z) - z (1 - \Phi(z)))`, where :math:`z = (y - \mu) / \sigma`.

References
----------
.. [1] Raman, V. et al., "AdaBoN: adaptive best-of-N alignment", arXiv:2505.12050: samples go
   where the expected maximum still grows.
.. [2] David, H. A. and Nagaraja, H. N., "Order statistics", 3rd edition, chapter 3.
.. [3] Jones, D. R. et al., "Efficient global optimization of expensive black-box functions", 1998,
   equation 15: expected improvement.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.estimates import Estimate, bound_by_resampling, read_amounts, read_counts
from router.strategies.offers import Consumption, Offer, offer_samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["RewardChoice"]


def _bell(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the density of the standard normal distribution."""
    return np.asarray(np.exp(-0.5 * z * z) / math.sqrt(2 * math.pi), dtype=np.float64)


def _tail(z: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the probability that a standard normal variable is above z."""
    halves = [0.5 * math.erfc(value / math.sqrt(2)) for value in z.ravel().tolist()]
    return np.array(halves, dtype=np.float64).reshape(z.shape)


@cache
def _expect_maximum(n_samples: int) -> float:
    """Integrate the expected maximum of n standard normal variables."""
    if n_samples == 1:
        return 0.0
    x = np.linspace(-12.0, 12.0, 9601)
    share = np.log1p(-np.minimum(_tail(x), 1 - 1e-16))
    density = n_samples * _bell(x) * np.exp((n_samples - 1) * share)
    return float((x * density).sum() * (x[1] - x[0]))


@dataclass(frozen=True)
class RewardChoice:
    """Questions whose samples have normal rewards, and of which the best sample counts.

    Parameters
    ----------
    mean : tuple of float
        Mean reward of a sample, question by question.
    deviation : tuple of float
        Standard deviation of a question's rewards, above 0.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If numbers are not finite, a deviation not above 0, or the lengths differ.

    Examples
    --------
    >>> RewardChoice((0.0, 1.0), (1.0, 0.5)).predict([1, 2, 10]).round(3).tolist()
    [[0.0, 0.564, 1.539], [1.0, 1.282, 1.769]]
    """

    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False)

    kind = "external"

    def __post_init__(self) -> None:
        """Refuse rewards that are none."""
        read_amounts("mean", self.mean, above=-math.inf)
        read_amounts("deviation", self.deviation)
        if len(self.mean) != len(self.deviation):
            raise InputError(
                f"{len(self.mean)} means and {len(self.deviation)} deviations: equal is needed"
            )

    @classmethod
    def fit(cls, rewards: ArrayLike, *, seed: int = 0, n_resamples: int = 200) -> RewardChoice:
        """Estimate each question's mean and deviation from some samples.

        Parameters
        ----------
        rewards : array_like of float, shape (n, s)
            Rewards of s samples of n questions, at least 2.
        seed : int, default=0
            Seed of the resamples.
        n_resamples : int, default=200
            Number of resamples of questions.

        Returns
        -------
        RewardChoice
            With estimates of the population's ``mean`` and ``deviation``.

        Raises
        ------
        InputError
            If there are fewer than 2 samples, or rewards of a question are all alike.
        """
        table = read_amounts("rewards", rewards, above=-math.inf)
        if table.ndim != 2 or table.shape[1] < 2 or not len(table):
            raise InputError(f"rewards have shape {table.shape}: (n, s) with s of 2 or more")
        means, spread = table.mean(axis=1), table.std(axis=1, ddof=1)
        # Few samples understate a deviation on average; this undoes it for normal rewards.
        half = (table.shape[1] - 1) / 2
        spread = spread * math.exp(math.lgamma(half) - math.lgamma(half + 0.5)) * math.sqrt(half)

        def measure(rows: NDArray[np.int64]) -> dict[str, float]:
            """Average over the questions drawn."""
            return {"mean": means[rows].mean(), "deviation": spread[rows].mean()}

        found = bound_by_resampling(measure, len(table), seed=seed, n_resamples=n_resamples)
        return cls(tuple(means.tolist()), tuple(spread.tolist()), found)

    def predict(self, n_samples: ArrayLike) -> NDArray[np.float64]:
        """Compute the expected reward of the best of n samples.

        Parameters
        ----------
        n_samples : array_like of int, shape (m,)
            Numbers of samples.

        Returns
        -------
        ndarray of float64, shape (n, m)
        """
        counts = read_counts("n_samples", n_samples, least=1)
        maxima = np.array([_expect_maximum(n) for n in np.atleast_1d(counts).tolist()])
        return np.asarray(np.add.outer(np.array(self.mean), 0 * maxima)) + np.outer(
            self.deviation, maxima
        )

    def improve(self, best: ArrayLike) -> NDArray[np.float64]:
        """Compute what one more sample is expected to add to the best so far.

        Parameters
        ----------
        best : array_like of float, shape (n,)
            Best reward of each question so far.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        spread = np.array(self.deviation)
        z = (np.asarray(best, dtype=np.float64) - np.array(self.mean)) / spread
        return np.asarray(spread * (_bell(z) - z * _tail(z)), dtype=np.float64)

    def offer(
        self, n_samples: ArrayLike, consumption: Consumption, model: str | None = None
    ) -> Offer:
        """Put numbers of samples on the menu.

        Parameters
        ----------
        n_samples : array_like of int, shape (m,)
            Samples of each option.
        consumption : Consumption
            What one sample consumes.
        model : str, optional
            Who answers.

        Returns
        -------
        Offer
            Its quality is the expected reward.
        """
        quality = self.predict(n_samples)
        return offer_samples("best_reward", n_samples, quality, consumption, model=model)

    def simulate(
        self, rng: np.random.Generator, n_samples: int, n_runs: int
    ) -> NDArray[np.float64]:
        """Draw rewards and keep the best.

        Parameters
        ----------
        rng : Generator
            Source of chance.
        n_samples : int
            Samples of each question.
        n_runs : int
            How often.

        Returns
        -------
        ndarray of float64, shape (n_runs, n)
        """
        shape = (n_runs, len(self.mean), n_samples)
        best = rng.standard_normal(shape).max(axis=2)
        return np.asarray(np.array(self.mean) + np.array(self.deviation) * best, dtype=np.float64)
