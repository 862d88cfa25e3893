"""Predictors as good or bad as wished: how much of a question they see, and how they err."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.simulation.orthants import load_normal
from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from router.evaluation.simulation.population import Latent, Population

__all__ = ["SimulatedPredictor"]


@dataclass(frozen=True)
class SimulatedPredictor:
    """A predictor of every option's quality that sees a question through noise.

    Parameters
    ----------
    strength : float
        Correlation between what it sees and what is so, from 0 (knows the averages only) to 1
        (knows every question).
    bias : float or array_like of shape (m,), default=0.0
        Added to what it believes, in units of the hidden variables; a predictor that believes in
        dear options has more for these.
    trust : float, default=1.0
        How far it follows what it sees: 1 as far as is right, 2 twice as far (overconfident), 0 not
        at all.

    Raises
    ------
    InputError
        If the strength lies outside of 0 to 1 or trust is negative.

    Notes
    -----
    It sees s = r x + sqrt(1 - r^2) x', where x is the question's deviation and x' another
    question's. By Bayes x has mean r s and variance R (1 - r^2) then, so that an unbiased predictor
    says Phi((t + r s) / sqrt(1 - r^2 R)): calibrated, whatever its strength.

    Examples
    --------
    >>> from router.evaluation.simulation import Population
    >>> population = Population(("small", "large"), [0.0, 0.8], [[0.6], [0.7]])
    >>> chance = np.random.default_rng(0)
    >>> latent = population.draw(50_000, chance)
    >>> predicted = SimulatedPredictor(0.5).predict(population, latent, chance)
    >>> bool(np.abs(predicted.mean(axis=0) - population.mean).max() < 0.01)
    True
    """

    strength: float
    bias: float | ArrayLike = 0.0
    trust: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what cannot be."""
        if not 0.0 <= self.strength <= 1.0:
            raise InputError(f"strength is {self.strength}: from 0 to 1 is needed")
        if not (np.isfinite(self.trust) and self.trust >= 0.0):
            raise InputError(f"trust is {self.trust}: a finite number from 0 up is needed")
        if not np.isfinite(np.asarray(self.bias, dtype=np.float64)).all():
            raise InputError(f"bias is {self.bias}: finite numbers are needed")

    def predict(
        self, population: Population, latent: Latent, chance: np.random.Generator
    ) -> NDArray[np.float32]:
        """Predict what every option is worth on drawn questions.

        Parameters
        ----------
        population : Population
            Which the predictor knows.
        latent : Latent
            The questions, of which it sees a part.
        chance : Generator
            Of random numbers.

        Returns
        -------
        ndarray of float32, shape (n, m)
            Believed probabilities of success.
        """
        distribution, _ = load_normal()
        r = self.strength
        spread = np.sqrt(1.0 - r * r * population.share)
        believed = np.asarray(population.thresholds) + np.asarray(self.bias, dtype=np.float64)
        if r == 0.0 or self.trust == 0.0:
            level = distribution(believed / spread).astype(np.float32)
            return np.broadcast_to(level, latent.deviation.shape).copy()
        seen = latent.deviation * np.float32(r * r * self.trust)
        if r < 1.0:
            noise = population.draw(len(latent), chance).deviation
            noise *= np.float32(self.trust * r * np.sqrt(1.0 - r * r))
            seen += noise
        seen += believed.astype(np.float32)
        seen /= spread.astype(np.float32)
        return np.asarray(distribution(seen))
