r"""Attempts with a perfect verifier and a predictor: stop at success, and a cap for every forecast.

Failures say no more than their number, so what is best is fixed beforehand: a cap on attempts for
every value of the predictor. Another attempt goes to the question whose chance of succeeding next,
:math:`E[p (1-p)^j | s] / E[(1-p)^j | s]` after j failures at signal s, is highest, and none where
it falls below the price. A cap of nothing is giving up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError
from router.strategies.beta_function import compute_log_beta
from router.strategies.estimates import read_amounts

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from router.strategies.population import BetaPopulation

    Floats = NDArray[np.float64]

__all__ = ["AttemptCaps", "PredictedAttempts"]

N_LOGITS, N_SIGNALS, N_PRICES = 2_000, 161, 240
SIGNAL_MAX = 4.5
CAP_MAX = 30_000
# How far the logarithm of the density falls within the grid, and how often the grid is narrowed.
FALL, N_NARROWINGS = 20.0, 4


@dataclass(frozen=True)
class AttemptCaps:
    """How many attempts a question gets at most, by what is forecast of it.

    Parameters
    ----------
    signals : ndarray of float64, shape (k,)
        Values of the predictor, rising.
    caps : ndarray of int64, shape (k,)
        Attempts at most; 0 gives the question up.
    """

    signals: NDArray[np.float64]
    caps: NDArray[np.int64]

    def choose(self, signals: ArrayLike) -> NDArray[np.int64]:
        """Give the caps of questions, by the nearest value of the predictor."""
        middle = (self.signals[1:] + self.signals[:-1]) / 2.0
        return self.caps[np.searchsorted(middle, np.asarray(signals, dtype=np.float64))]


@dataclass(frozen=True)
class PredictedAttempts:
    """A beta population, and a predictor that sees the logit of each question's probability.

    Parameters
    ----------
    population : BetaPopulation
        The success probabilities.
    strength : float
        Correlation of the predictor's value with the logit, from 0 to below 1.

    Raises
    ------
    InputError
        If the strength is out of range.

    Notes
    -----
    The predictor says r z + sqrt(1 - r^2) e, with z the logit, centred and scaled over the
    population, and e standard normal. Everything is summed on a grid of logits, whose density is
    proportional to p^a (1 - p)^b.

    Examples
    --------
    Synthetic, perfect verifier:

    >>> from router.strategies.population import BetaPopulation
    >>> attempts = PredictedAttempts(BetaPopulation(0.38, 1.13), 0.5)
    >>> attempts.multiply([4, 16]).round(2).tolist()
    [1.74, 3.36]
    """

    population: BetaPopulation
    strength: float

    def __post_init__(self) -> None:
        """Refuse a strength that is none."""
        if not 0.0 <= self.strength < 1.0:
            raise InputError(f"strength is {self.strength}: from 0 to below 1 is needed")

    @cached_property
    def _grid(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Probabilities, their weights, and standardised logits."""
        mean, deviation = self._scale
        logits, weight = self._logits
        return np.exp(-np.logaddexp(0.0, -logits)), weight, (logits - mean) / deviation

    @cached_property
    def _logits(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Logits and their weights, as far as their density is a hundred-millionth of its peak."""
        a, b = self.population.a, self.population.b
        # Within these the density falls that far on either side, be it narrow or wide.
        peak, reach = np.log(a / b), 20.0 / min(a, b) + 40.0
        logits = np.linspace(peak - reach, peak + reach, N_LOGITS)
        for _ in range(N_NARROWINGS):
            fall = _weigh_logits(logits, a, b)
            inside = np.flatnonzero(fall > fall.max() - FALL)
            first, last = max(inside[0] - 1, 0), min(inside[-1] + 1, N_LOGITS - 1)
            logits = np.linspace(logits[first], logits[last], N_LOGITS)
        fall = _weigh_logits(logits, a, b)
        density = np.exp(fall - fall.max())
        return logits, density / density.sum()

    @cached_property
    def _scale(self) -> tuple[float, float]:
        """Mean and standard deviation of the logit."""
        logits, weight = self._logits
        mean = float(weight @ logits)
        return mean, float(np.sqrt(weight @ (logits - mean) ** 2))

    @cached_property
    def signals(self) -> NDArray[np.float64]:
        """Values of the predictor that are told apart, shape (k,)."""
        return np.linspace(-SIGNAL_MAX, SIGNAL_MAX, N_SIGNALS)

    @cached_property
    def _posterior(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Weights of the grid at each signal, and of the signals themselves."""
        _, weight, z = self._grid
        spread = np.sqrt(1.0 - self.strength**2)
        distance = (self.signals[:, None] - self.strength * z) / spread
        joint = weight * np.exp(-0.5 * distance * distance)
        total = joint.sum(axis=1)
        return joint / np.maximum(total, 1e-300)[:, None], total / total.sum()

    @cached_property
    def _tables(self) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
        """Caps, and by signal and cap the share unsolved, attempts made, the next one's chance."""
        p, _, _ = self._grid
        steps = np.unique(np.round(np.geomspace(1, CAP_MAX, 220)).astype(np.int64))
        caps = np.concatenate([[0], steps])
        unsolved = np.exp(caps[:, None] * np.log1p(-np.minimum(p, 1.0 - 1e-12)))
        posterior, _ = self._posterior
        left = posterior @ unsolved.T
        made = posterior @ ((1.0 - unsolved) / np.maximum(p, 1e-300)).T
        # Where p is too small for the division, every attempt is made.
        tiny = p < 1e-9
        made += (
            posterior[:, tiny].sum(axis=1)[:, None] * caps
            - posterior[:, tiny] @ ((1.0 - unsolved[:, tiny]) / np.maximum(p[tiny], 1e-300)).T
        )
        chance = (posterior @ (unsolved * p).T) / np.maximum(left, 1e-300)
        return caps, left, made, chance

    def choose_caps(self, mean_samples: float) -> AttemptCaps:
        """Choose the caps that solve most with so many attempts a question.

        Parameters
        ----------
        mean_samples : float
            Attempts a question on average, above 0.

        Returns
        -------
        AttemptCaps
            Those of the lowest price at which no more is spent.

        Raises
        ------
        InputError
            If `mean_samples` is not above 0.
        """
        wanted = float(read_amounts("mean_samples", mean_samples))
        caps, _, made, chance = self._tables
        _, share = self._posterior
        low, high = 1e-9, 1.0
        for _ in range(60):
            price = np.sqrt(low * high)
            spent = share @ _pick(made, chance, price)
            low, high = (low, price) if spent <= wanted else (price, high)
        reached = np.minimum((chance >= high).sum(axis=1), len(caps) - 1)
        return AttemptCaps(self.signals, caps[reached])

    def measure(self, caps: AttemptCaps) -> tuple[float, float]:
        """Say what caps come to, whoever chose them.

        Parameters
        ----------
        caps : AttemptCaps
            For example chosen with an estimated population.

        Returns
        -------
        coverage : float
            Share of questions solved.
        mean_samples : float
            Attempts a question.
        """
        p, _, _ = self._grid
        posterior, share = self._posterior
        chosen = caps.choose(self.signals)
        unsolved = np.exp(chosen[:, None] * np.log1p(-np.minimum(p, 1.0 - 1e-12)))
        made = np.where(p < 1e-9, chosen[:, None], (1.0 - unsolved) / np.maximum(p, 1e-300))
        solved = share @ (posterior * (1.0 - unsolved)).sum(axis=1)
        return float(solved), float(share @ (posterior * made).sum(axis=1))

    def cover(self, mean_samples: ArrayLike) -> NDArray[np.float64]:
        """Say which share is solved with so many attempts a question.

        Parameters
        ----------
        mean_samples : array_like of float, shape (k,)
            On average, probes and failures included.

        Returns
        -------
        ndarray of float64, shape (k,)
            Between two prices by drawing lots.
        """
        _, left, made, chance = self._tables
        _, share = self._posterior
        # Nothing is worth the first of them.
        prices = np.concatenate([np.linspace(1.1, 0.91, 20), np.geomspace(0.9, 1e-7, N_PRICES)])
        spent = [float(share @ _pick(made, chance, price)) for price in prices]
        solved = [1.0 - float(share @ _pick(left, chance, price)) for price in prices]
        return np.interp(np.asarray(mean_samples, dtype=np.float64), spent, solved)

    def multiply(self, mean_samples: ArrayLike) -> NDArray[np.float64]:
        """Say how many times as many attempts a uniform number takes for the same coverage.

        Parameters
        ----------
        mean_samples : array_like of float, shape (k,)
            On average.

        Returns
        -------
        ndarray of float64, shape (k,)
        """
        a, b = self.population.a, self.population.b
        numbers = np.geomspace(0.01, 1e6, 6_000)
        uniform = -np.expm1(compute_log_beta(a, b + numbers) - compute_log_beta(a, b))
        wanted = np.asarray(mean_samples, dtype=np.float64)
        return np.interp(self.cover(wanted), uniform, numbers) / wanted

    def simulate(
        self, caps: AttemptCaps, n_questions: int, chance: np.random.Generator
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """Draw questions and attempt each until it is solved or its cap is reached.

        Parameters
        ----------
        caps : AttemptCaps
            By signal.
        n_questions : int
            How many.
        chance : Generator
            Of random numbers.

        Returns
        -------
        solved : ndarray of bool, shape (n,)
            Which were solved.
        n_attempts : ndarray of int64, shape (n,)
            Attempts made.
        """
        mean, deviation = self._scale
        p = chance.beta(self.population.a, self.population.b, n_questions)
        small = np.finfo(np.float64).tiny
        logits = np.log(np.maximum(p, small)) - np.log1p(-np.minimum(p, 1.0 - 1e-16))
        noise = chance.standard_normal(n_questions)
        seen = self.strength * (logits - mean) / deviation + np.sqrt(1 - self.strength**2) * noise
        allowed = caps.choose(seen)
        needed = chance.geometric(np.maximum(p, 1e-15))
        solved = needed <= allowed
        return solved, np.where(solved, needed, allowed)


def _weigh_logits(logits: Floats, a: float, b: float) -> Floats:
    """Give the logarithm of the density of logits, apart from a constant."""
    return -a * np.logaddexp(0.0, -logits) - b * np.logaddexp(0.0, logits)


def _pick(
    table: NDArray[np.float64], chance: NDArray[np.float64], price: float
) -> NDArray[np.float64]:
    """Take a table's entries where attempts end at a price, shape (k,)."""
    reached = np.minimum((chance >= price).sum(axis=1), table.shape[1] - 1)
    return np.take_along_axis(table, reached[:, None], axis=1)[:, 0]
