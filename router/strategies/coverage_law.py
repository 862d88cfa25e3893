r"""The law of coverage over a population: k samples solve :math:`\exp(-a k^{-b})` of it.

Each question's own coverage nears 1 exponentially; a population's does so as a power, because a few
very hard questions are left over for long. The law is also the distribution of the attempts that a
question drawn at random takes (Fréchet's, rounded up), and so it can be drawn from.

References
----------
.. [1] Brown, B. et al., "Large language monkeys", arXiv:2407.21787, section 3: the exponentiated
   power law of coverage.
.. [2] Schaeffer, R. et al., "How do large language monkeys get their power (laws)?",
   arXiv:2502.17578: the tail of hard questions that makes it one.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.attempts import estimate_coverage
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

__all__ = ["CoverageLaw"]

COVERAGE_MIN, COVERAGE_MAX = 1e-9, 1 - 1e-9
N_STEPS = 60


@dataclass(frozen=True)
class CoverageLaw:
    """The share of a population's questions that k samples solve.

    Parameters
    ----------
    a, b : float
        Level and exponent, above 0.
    estimates : mapping of str to Estimate
        Intervals of what was fitted; empty for what was given.

    Raises
    ------
    InputError
        If a parameter is not above 0.

    Examples
    --------
    >>> law = CoverageLaw(1.347, 0.435)
    >>> law.predict([1, 10, 100]).round(3).tolist()
    [0.26, 0.61, 0.834]
    >>> law.invert([0.26, 0.61]).round(1).tolist()
    [1.0, 10.0]
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
        cls, n_right: ArrayLike, n_trials: int, *, seed: int = 0, n_resamples: int = 200
    ) -> CoverageLaw:
        """Fit to right trials of many questions by least squares on their coverage.

        Parameters
        ----------
        n_right : array_like of int, shape (n,)
            Right trials of each question.
        n_trials : int
            Trials of each question, at least 2.
        seed : int, default=0
            Seed of the resamples.
        n_resamples : int, default=200
            Number of resamples of questions.

        Returns
        -------
        CoverageLaw
            With estimates of ``a`` and ``b``.

        Raises
        ------
        InputError
            If there are no questions or fewer than 2 trials.
        """
        right = read_counts("n_right", n_right)
        if right.ndim != 1 or not right.size or n_trials < 2:
            raise InputError(f"n_right has shape {right.shape} with {n_trials} trials: (n,) and 2")
        samples = np.unique(np.geomspace(1, n_trials, 24).round().astype(np.int64))
        covered = estimate_coverage(right[:, None], n_trials, samples)

        def measure(rows: NDArray[np.int64]) -> dict[str, float]:
            """Fit to the questions drawn."""
            a, b = _fit_curve(samples.astype(np.float64), covered[rows].mean(axis=0))
            return {"a": a, "b": b}

        found = bound_by_resampling(measure, len(right), seed=seed, n_resamples=n_resamples)
        return cls(found["a"].value, found["b"].value, found)

    def predict(self, n_samples: ArrayLike) -> NDArray[np.float64]:
        """Compute the share of questions solved within so many samples each.

        Parameters
        ----------
        n_samples : array_like of float
            Samples of every question, above 0.

        Returns
        -------
        ndarray of float64
        """
        k = read_amounts("n_samples", n_samples)
        return np.asarray(np.exp(-self.a * k**-self.b), dtype=np.float64)

    def invert(self, coverage: ArrayLike) -> NDArray[np.float64]:
        """Compute the samples that a coverage takes.

        Parameters
        ----------
        coverage : array_like of float
            Shares of questions between 0 and 1.

        Returns
        -------
        ndarray of float64
        """
        share = read_shares("coverage", coverage)
        clipped = np.clip(share, COVERAGE_MIN, COVERAGE_MAX)
        return np.asarray((self.a / -np.log(clipped)) ** (1 / self.b), dtype=np.float64)

    def offer(
        self, n_samples: ArrayLike, consumption: Consumption, model: str | None = None
    ) -> Offer:
        """Put numbers of samples on the menu of a question about which nothing else is known.

        Parameters
        ----------
        n_samples : array_like of int, shape (m,)
            Samples of each option.
        consumption : Consumption
            What one sample consumes. One that is not parallel stops at success.
        model : str, optional
            Who answers.

        Returns
        -------
        Offer
            Of one question.
        """
        counts = np.atleast_1d(read_counts("n_samples", n_samples, least=1))
        quality = self.predict(counts)[None, :]
        drawn = None
        if not consumption.is_parallel:
            unsolved = 1.0 - self.predict(np.arange(1, int(counts.max())))
            drawn = np.cumsum(np.concatenate(([1.0], unsolved)))[None, counts - 1]
        return offer_samples("attempts", counts, quality, consumption, drawn=drawn, model=model)

    def simulate(self, rng: np.random.Generator, n_questions: int) -> NDArray[np.float64]:
        """Draw the attempts that questions take until the first success.

        Parameters
        ----------
        rng : Generator
            Source of chance.
        n_questions : int
            How many.

        Returns
        -------
        ndarray of float64, shape (n_questions,)
            Whole numbers from 1 up; some are beyond any budget.
        """
        share = np.clip(rng.random(n_questions), COVERAGE_MIN, COVERAGE_MAX)
        return np.asarray(np.maximum(np.ceil(self.invert(share)), 1.0), dtype=np.float64)


def _fit_curve(k: NDArray[np.float64], coverage: NDArray[np.float64]) -> tuple[float, float]:
    """Find a and b of the least squared error in coverage, by damped Gauss-Newton steps."""
    inside = np.clip(coverage, 1e-6, 1 - 1e-6)
    slope, level = np.polyfit(np.log(k), np.log(-np.log(inside)), 1)
    point = np.array([level, np.log(max(-slope, 1e-3))])

    def miss(at: NDArray[np.float64]) -> NDArray[np.float64]:
        """Compute the errors of a curve."""
        return np.asarray(np.exp(-np.exp(at[0] - np.exp(at[1]) * np.log(k))) - coverage)

    damping = 1e-3
    for _ in range(N_STEPS):
        error = miss(point)
        exponent = np.exp(point[0] - np.exp(point[1]) * np.log(k))
        first = -np.exp(-exponent) * exponent
        jacobian = np.column_stack((first, -first * np.exp(point[1]) * np.log(k)))
        normal = jacobian.T @ jacobian
        step = np.linalg.solve(normal + damping * np.eye(2), -jacobian.T @ error)
        tried = np.clip(point + step, -12, 12)
        if (miss(tried) ** 2).sum() < (error**2).sum():
            point, damping = tried, max(damping / 4, 1e-12)
        else:
            damping *= 8
        if np.abs(step).max() < 1e-10:
            break
    return float(np.exp(point[0])), float(np.exp(point[1]))
