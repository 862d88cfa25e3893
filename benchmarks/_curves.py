"""Curves of quality against mean cost, read off at equal cost, with paired bootstrap intervals."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks._figures import Figure

__all__ = ["DATA", "N_FOLDS", "Curve", "Floats", "state", "weigh_questions"]

Floats = NDArray[np.float64]

DATA = Path(os.environ.get("ROUTER_DATA", Path(__file__).parents[2] / "shared" / "data"))
N_FOLDS, N_RESAMPLES = 5, 2000


@dataclass(frozen=True)
class Curve:
    """Quality and cost of every question at every setting of a policy, shape (settings, n)."""

    quality: Floats
    cost: Floats

    def resample(self, weights: Floats) -> tuple[Floats, Floats]:
        """Average over resampled questions, in the order of mean cost."""
        order = self.cost.mean(axis=1).argsort()
        return weights @ self.quality[order].T, weights @ self.cost[order].T

    def read_quality(self, weights: Floats, cost: Floats) -> Floats:
        """Read off the quality at a cost, in every resample."""
        quality, paid = self.resample(weights)
        rows = zip(cost, paid, quality, strict=True)
        return np.array([np.interp(at, x, y) for at, x, y in rows])

    def read_cost(self, weights: Floats, quality: Floats) -> Floats:
        """Read off the cost at which a quality is first reached; not a number where it never is."""
        reached, paid = self.resample(weights)
        top = np.maximum.accumulate(reached, axis=1)
        rows = zip(quality, top, paid, strict=True)
        return np.array([np.interp(at, x, y, right=np.nan) for at, x, y in rows])


def weigh_questions(n_questions: int) -> Floats:
    """Weights of the questions in the sample itself, and in every resample."""
    chance = np.random.default_rng(1)
    even = np.full((1, n_questions), 1.0 / n_questions)
    drawn = chance.multinomial(n_questions, even[0], N_RESAMPLES) / n_questions
    return np.vstack((even, drawn))


def state(name: str, values: Floats, goal: float | None = None, *, at_most: bool = False) -> Figure:
    """Give a figure with its interval in its name."""
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return Figure(f"{name} [{low:+.3f}, {high:+.3f}]", float(values[0]), "", goal, at_most=at_most)
