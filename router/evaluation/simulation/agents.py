"""Agents that fail together: many answers to one question are worth fewer than their number."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.simulation.orthants import load_normal
from router.exceptions import InputError
from router.strategies.estimates import read_counts, read_shares
from router.strategies.normal_law import compute_joint

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["CorrelatedAgents"]

# How far the shared error is integrated to, in standard deviations, and at how many points at most.
REACH, POINTS_MAX = 8.5, 8193


@dataclass(frozen=True)
class CorrelatedAgents:
    """Agents of one skill that share part of their errors on a question.

    Parameters
    ----------
    correlation : float
        Of their hidden errors, from 0 (each errs by itself) to below 1 (all err together).

    Raises
    ------
    InputError
        If it lies outside of that.

    Notes
    -----
    Agent j is right where Phi^-1(p) + sqrt(c) g + sqrt(1 - c) e_j > 0, g common to all: Vasicek's
    (1987) one-factor model of defaults.

    Examples
    --------
    >>> agents = CorrelatedAgents(0.3)
    >>> agents.predict_majority([0.6], [1, 9, 99]).round(3)
    array([[0.6  , 0.653, 0.675]])
    >>> CorrelatedAgents(0.0).predict_majority([0.6], [99]).round(2)
    array([[0.98]])
    """

    correlation: float

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not 0.0 <= self.correlation < 1.0:
            raise InputError(f"correlation is {self.correlation}: from 0 to below 1 is needed")

    def draw(
        self, quality: ArrayLike, n_agents: int, chance: np.random.Generator
    ) -> NDArray[np.bool_]:
        """Draw which agents are right.

        Parameters
        ----------
        quality : array_like of shape (n,)
            Probability that one agent is right on each question.
        n_agents : int
            How many answer each.
        chance : Generator
            Of random numbers.

        Returns
        -------
        ndarray of bool, shape (n, n_agents)
        """
        _, quantile = load_normal()
        level = quantile(read_shares("quality", quality))[:, None]
        shared = np.sqrt(self.correlation) * chance.standard_normal((len(level), 1))
        own = np.sqrt(1.0 - self.correlation) * chance.standard_normal((len(level), n_agents))
        return np.asarray(level + shared + own > 0.0)

    def predict_majority(self, quality: ArrayLike, n_agents: ArrayLike) -> NDArray[np.float64]:
        """Predict how often more than half are right, ties broken by lot.

        Parameters
        ----------
        quality : array_like of shape (n,)
            Probability that one agent is right.
        n_agents : array_like of int, shape (k,)
            How many vote, at least 1.

        Returns
        -------
        ndarray of float64, shape (n, k)

        Raises
        ------
        InputError
            If a number is not allowed.
        MissingExtraError
            SciPy, which the extra ``train`` brings, is not installed.
        """
        distribution, quantile = load_normal()
        from scipy.stats import binom

        numbers = read_counts("n_agents", n_agents, least=1).ravel()
        level = quantile(read_shares("quality", quality))[:, None]
        points, shares = self._spread_points(int(numbers.max(initial=1)))
        given = distribution(
            (level + np.sqrt(self.correlation) * points) / np.sqrt(1.0 - self.correlation)
        )
        won = []
        for number in numbers.tolist():
            half = number // 2
            tied = 0.5 * binom.pmf(half, number, given) if number % 2 == 0 else 0.0
            won.append((binom.sf(half, number, given) + tied) @ shares)
        return np.stack(won, axis=1)

    def _spread_points(self, n_agents: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Spread points over the shared error, the denser the more sharply it decides a vote."""
        width = np.sqrt((1.0 - self.correlation) / max(self.correlation, 1e-12) / n_agents)
        number = int(min(POINTS_MAX, 2 * np.ceil(2 * REACH / min(1.0, width)) + 1))
        points = np.linspace(-REACH, REACH, number)
        shares = np.exp(-points * points / 2.0)
        return points, shares / shares.sum()

    def count_effective(self, quality: ArrayLike, n_agents: ArrayLike) -> NDArray[np.float64]:
        """Count how many agents that err by themselves would average out as well.

        Parameters
        ----------
        quality : array_like of shape (n,)
            Probability that one agent is right, neither 0 nor 1.
        n_agents : array_like of int, shape (k,)
            How many there are.

        Returns
        -------
        ndarray of float64, shape (n, k)
            n / (1 + (n - 1) rho), rho being the correlation of being right (Kish 1965).

        Raises
        ------
        InputError
            If a number is not allowed.
        """
        _, quantile = load_normal()
        p = read_shares("quality", quality)
        if ((p == 0.0) | (p == 1.0)).any():
            raise InputError("quality has 0 or 1: agents that cannot differ have no correlation")
        level = quantile(p)
        both = compute_joint(level, level, self.correlation)
        rho = ((both - p * p) / (p * (1.0 - p)))[:, None]
        number = read_counts("n_agents", n_agents, least=1).astype(np.float64)
        return np.asarray(number / (1.0 + (number - 1.0) * rho))
