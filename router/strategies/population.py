r"""How hard questions are: a beta population of success probabilities, and what attempts say.

With :math:`p \sim Beta(a, b)` over questions and a perfect verifier, the share solved within n
attempts is :math:`1 - B(a, b + n) / B(a, b)`. After s successes in m attempts a question's own
probability is :math:`Beta(a + s, b + m - s)`: the chance that the next attempt of an unsolved one
succeeds, :math:`a / (a + b + m)`, falls slowly, since what is left is hard. Stopping at success
turns the attempts that solved questions no longer need into attempts of the others: at a cap of K
each takes :math:`\sum_{j<K} B(a, b + j) / B(a, b)` on average.

References
----------
.. [1] Schaeffer, R. et al., "How do large language monkeys get their power (laws)?",
   arXiv:2502.17578: the coverage of beta populations.
.. [2] Skellam, J. G., "A probability distribution derived from the binomial distribution by
   regarding the probability of success as variable between the sets of trials", 1948.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.beta_fitting import maximise_likelihood
from router.strategies.beta_function import compute_beta_cdf, compute_log_beta
from router.strategies.estimates import (
    Estimate,
    bound_by_resampling,
    read_amounts,
    read_counts,
    read_shares,
)
from router.strategies.offers import Consumption, Offer, offer_samples

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

__all__ = ["BetaPopulation"]

CAP_MAX = 1_000_000


@dataclass(frozen=True)
class BetaPopulation:
    """Questions whose success probabilities follow a beta distribution.

    Parameters
    ----------
    a, b : float
        Its parameters, above 0.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If a parameter is not above 0.

    Examples
    --------
    >>> population = BetaPopulation(0.38, 1.13)
    >>> population.cover([2, 4, 8]).round(3).tolist()
    [0.365, 0.481, 0.588]
    >>> population.cover_stopping([2, 4, 8]).round(3).tolist()
    [0.392, 0.548, 0.682]
    """

    a: float
    b: float
    estimates: Mapping[str, Estimate] = field(default_factory=dict, compare=False)

    kind = "external"

    def __post_init__(self) -> None:
        """Refuse parameters that are not above 0."""
        read_amounts("a", self.a)
        read_amounts("b", self.b)

    @classmethod
    def fit(
        cls, n_right: ArrayLike, n_trials: ArrayLike, *, seed: int = 0, n_resamples: int = 200
    ) -> BetaPopulation:
        """Fit by maximum likelihood to right trials of many questions.

        Parameters
        ----------
        n_right, n_trials : array_like of int, shape (n,)
            Right trials and all trials of each question.
        seed : int, default=0
            Seed of the resamples.
        n_resamples : int, default=200
            Number of resamples of questions.

        Returns
        -------
        BetaPopulation
            With estimates of ``a``, ``b`` and ``mean``.

        Raises
        ------
        InputError
            If counts are impossible, all trials went alike, or no question was tried twice.
        """
        right = read_counts("n_right", n_right)
        trials = np.broadcast_to(read_counts("n_trials", n_trials, least=1), right.shape)
        if right.ndim != 1 or not right.size or (right > trials).any():
            raise InputError("n_right has to be one count a question, none above its n_trials")
        if not right.any() or (right == trials).all() or trials.max() < 2:
            raise InputError("fitting needs successes, failures, and questions tried twice")

        def measure(rows: NDArray[np.int64]) -> dict[str, float]:
            """Fit to the questions drawn."""
            a, b = maximise_likelihood(right[rows], trials[rows])
            return {"a": a, "b": b, "mean": a / (a + b)}

        found = bound_by_resampling(measure, len(right), seed=seed, n_resamples=n_resamples)
        return cls(found["a"].value, found["b"].value, found)

    def update(self, n_right: ArrayLike, n_trials: ArrayLike) -> tuple[NDArray[np.float64], ...]:
        """Compute the parameters of each question's own posterior.

        Parameters
        ----------
        n_right, n_trials : array_like of int
            Right trials and all trials of each question.

        Returns
        -------
        tuple of two ndarray of float64
        """
        right, trials = read_counts("n_right", n_right), read_counts("n_trials", n_trials)
        if (right > trials).any():
            raise InputError("n_right may not be above n_trials")
        return np.asarray(self.a + right, float), np.asarray(self.b + (trials - right), float)

    def predict(self, n_right: ArrayLike, n_trials: ArrayLike) -> NDArray[np.float64]:
        """Compute the probability that the next attempt of a question is right.

        Parameters
        ----------
        n_right, n_trials : array_like of int
            Right trials and all trials of each question so far.

        Returns
        -------
        ndarray of float64
        """
        first, second = self.update(n_right, n_trials)
        return np.asarray(first / (first + second), dtype=np.float64)

    def doubt(
        self, threshold: ArrayLike, n_right: ArrayLike, n_trials: ArrayLike
    ) -> NDArray[np.float64]:
        """Compute the probability that a question's success probability lies below a threshold.

        Only evidence of this kind is reason to give a question up.

        Parameters
        ----------
        threshold : array_like of float
            Success probability below which no more attempts are worth it.
        n_right, n_trials : array_like of int
            Right trials and all trials of each question so far.

        Returns
        -------
        ndarray of float64
        """
        first, second = self.update(n_right, n_trials)
        return compute_beta_cdf(read_shares("threshold", threshold), first, second)

    def cover(self, n_samples: ArrayLike) -> NDArray[np.float64]:
        """Compute the share of questions of which one of n samples is right.

        Parameters
        ----------
        n_samples : array_like of float
            Samples of every question, from 0 up; between whole numbers, as a gamma function is.

        Returns
        -------
        ndarray of float64
        """
        n = read_amounts("n_samples", n_samples, above=-1e-12)
        return -np.expm1(compute_log_beta(self.a, self.b + n) - compute_log_beta(self.a, self.b))

    def expect_attempts(self, cap: ArrayLike) -> NDArray[np.float64]:
        """Compute the attempts that a question takes when it stops at success or at a cap.

        Parameters
        ----------
        cap : array_like of int
            Most attempts of a question.

        Returns
        -------
        ndarray of float64
        """
        caps = read_counts("cap", cap)
        return np.asarray(self._spent(int(caps.max(initial=0)))[caps], dtype=np.float64)

    def _spent(self, cap: int) -> NDArray[np.float64]:
        """Sum the shares still unsolved before each attempt, up to every cap."""
        if cap > CAP_MAX:
            raise InputError(f"cap is {cap}: allowed are up to {CAP_MAX}")
        steps = np.arange(cap)
        # Each failure multiplies what is unsolved by the posterior chance of another one.
        unsolved = np.cumprod((self.b + steps) / (self.a + self.b + steps))
        return np.concatenate(([0.0], np.cumsum(np.concatenate(([1.0], unsolved[:-1])))))[: cap + 1]

    def cover_stopping(self, n_samples: ArrayLike) -> NDArray[np.float64]:
        """Compute the share solved when attempts stop at success, at a mean number of samples.

        Between two caps the mean is met by giving some questions the larger one.

        Parameters
        ----------
        n_samples : array_like of float
            Mean attempts of a question.

        Returns
        -------
        ndarray of float64

        Raises
        ------
        InputError
            If a mean is negative or takes a cap beyond a million.
        """
        means = read_amounts("n_samples", n_samples, above=-1e-12)
        cap = 16
        while (spent := self._spent(cap))[-1] < means.max(initial=0.0):
            cap *= 4
        return np.interp(means, spent, self.cover(np.arange(cap + 1)))

    def multiply(self, n_samples: ArrayLike) -> NDArray[np.float64]:
        """Compute how many times the samples buy as much without stopping at success.

        Parameters
        ----------
        n_samples : array_like of float
            Mean attempts of a question, stopping at success.

        Returns
        -------
        ndarray of float64
            The cap at which stopping spends that mean, over the mean.
        """
        means = read_amounts("n_samples", n_samples)
        cap = 16
        while (spent := self._spent(cap))[-1] < means.max(initial=0.0):
            cap *= 4
        # Uniform samples that cover as much, read off the straight lines between whole caps.
        reached = np.interp(means, spent, np.arange(cap + 1.0))
        return np.asarray(reached / means, dtype=np.float64)

    def offer(
        self,
        n_right: ArrayLike,
        n_trials: ArrayLike,
        n_samples: ArrayLike,
        consumption: Consumption,
        model: str | None = None,
    ) -> Offer:
        """Put further samples of questions on the menu, each judged by its own record.

        Parameters
        ----------
        n_right, n_trials : array_like of int, shape (n,)
            Right trials and all trials of each question so far; zeros where none was tried.
        n_samples : array_like of int, shape (m,)
            Further samples of each option.
        consumption : Consumption
            What one sample consumes. One that is not parallel stops at success.
        model : str, optional
            Who answers.

        Returns
        -------
        Offer
        """
        counts = np.atleast_1d(read_counts("n_samples", n_samples, least=1))
        first, second = (np.atleast_1d(side)[:, None] for side in self.update(n_right, n_trials))
        steps = np.arange(counts.max(initial=1))
        # Each failure multiplies what is unsolved by the posterior chance of another one.
        unsolved = np.cumprod((second + steps) / (first + second + steps), axis=1)
        quality = np.asarray(1.0 - unsolved[:, counts - 1], dtype=np.float64)
        drawn = None
        if not consumption.is_parallel:
            before = np.concatenate((np.ones_like(first), unsolved[:, :-1]), axis=1)
            drawn = np.cumsum(before, axis=1)[:, counts - 1]
        return offer_samples("attempts", counts, quality, consumption, drawn=drawn, model=model)

    def simulate(
        self, rng: np.random.Generator, n_questions: int, cap: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Try each question until it is solved or the cap is reached.

        Parameters
        ----------
        rng : Generator
            Source of chance.
        n_questions : int
            How many questions are drawn from the population.
        cap : int
            Most attempts of each.

        Returns
        -------
        solved : ndarray of bool, shape (n_questions,)
        attempts : ndarray of int64, shape (n_questions,)
        """
        p = rng.beta(self.a, self.b, n_questions)
        solved = np.zeros(n_questions, dtype=bool)
        attempts = np.zeros(n_questions, dtype=np.int64)
        for _ in range(cap):
            attempts += ~solved
            solved |= rng.random(n_questions) < p
        return solved, attempts
