"""Cascades: a cheap option first, and a dearer one where a check says that it failed.

Where answers can be checked, two options in a row are one more option, whose cost depends on how
often the first succeeds. They join the menu of the same knapsack, so that a first try is made only
where it pays for itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.simulation.orthants import find_correlation, load_normal
from router.strategies.normal_law import compute_joint

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Cascades", "find_cascades"]

# Prices at which pairs are looked for, and pairs that are kept at each of them.
N_PRICES, N_KEPT = 12, 5
EDGE = 1e-4


@dataclass(frozen=True)
class Cascades:
    """Pairs of options, the second asked where the first has failed.

    Parameters
    ----------
    first, second : ndarray of int64, shape (p,)
        Positions of the options.
    correlation : ndarray of float64, shape (p,)
        Of their hidden variables: how far they fail together.
    second_cost : ndarray of float64, shape (p,)
        Mean cost of the second where the first has failed; hard questions are often longer.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    correlation: NDArray[np.float64]
    second_cost: NDArray[np.float64]

    def __len__(self) -> int:
        """Count the pairs."""
        return len(self.first)

    def predict(
        self, quality: NDArray[np.float64], cost: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Predict what pairs achieve and cost.

        Parameters
        ----------
        quality : ndarray of float64, shape (n, m)
            Predicted quality of single options.
        cost : ndarray of float64, shape (m,)
            Their mean cost.

        Returns
        -------
        quality : ndarray of float64, shape (n, p)
            One less the chance that both fail, at their correlation in the training questions.
        cost : ndarray of float64, shape (n, p)
            The first option's, and the second's as often as the first fails.
        """
        _, quantile = load_normal()
        level = quantile(np.clip(quality, EDGE, 1.0 - EDGE))
        both = compute_joint(-level[:, self.first], -level[:, self.second], self.correlation)
        failing = 1.0 - np.clip(quality[:, self.first], 0.0, 1.0)
        return 1.0 - both, cost[self.first] + failing * self.second_cost

    def observe(
        self, quality: NDArray[np.float64], cost: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Say what pairs would have achieved and cost, given what single options did.

        Parameters
        ----------
        quality, cost : ndarray of float64, shape (n, m)
            Observed.

        Returns
        -------
        quality : ndarray of float64, shape (n, p)
            Of the second where the first failed.
        cost : ndarray of float64, shape (n, p)
            Of both where the first failed.
        """
        right = quality[:, self.first]
        reached = right + (1.0 - right) * quality[:, self.second]
        return reached, cost[:, self.first] + (1.0 - right) * cost[:, self.second]


def find_cascades(quality: NDArray[np.float64], cost: NDArray[np.float64]) -> Cascades:
    """Find the pairs that are worth planning with.

    Parameters
    ----------
    quality, cost : ndarray of float64, shape (n, m)
        Observed on training questions.

    Returns
    -------
    Cascades
        At most 60: the best at a dozen prices, for the average question.

    Raises
    ------
    MissingExtraError
        If the extra ``[train]`` is not installed.

    Examples
    --------
    >>> chance = np.random.default_rng(0)
    >>> quality = (chance.random((200, 2)) < [0.6, 0.8]).astype(float)
    >>> found = find_cascades(quality, np.tile([1.0, 10.0], (200, 1)))
    >>> int(found.first[0]), int(found.second[0])
    (0, 1)
    """
    n_options = quality.shape[1]
    first, second = (part.ravel() for part in np.indices((n_options, n_options)))
    keep = first != second
    first, second = first[keep], second[keep]
    mean, price = quality.mean(axis=0), cost.mean(axis=0)
    failed = np.maximum(1.0 - mean, EDGE)
    together = quality.T @ quality / len(quality)
    reached = mean[first] + mean[second] - together[first, second]
    failed_cost = (cost.T @ (1.0 - quality) / len(quality))[second, first]
    paid = price[first] + failed_cost
    chosen: set[int] = set()
    span = max(float(np.ptp(price)), 1e-12)
    for scale in np.geomspace(0.02, 20.0, N_PRICES):
        chosen.update(np.argsort(-(reached - scale * paid / span), kind="stable")[:N_KEPT].tolist())
    pairs = np.array(sorted(chosen), dtype=np.int64)
    first, second = first[pairs], second[pairs]
    _, quantile = load_normal()
    level = quantile(np.clip(mean, EDGE, 1.0 - EDGE))
    correlation = find_correlation(level[first], level[second], together[first, second])
    second_cost = failed_cost[pairs] / failed[first]
    return Cascades(first, second, np.clip(correlation, 0.0, None), second_cost)
