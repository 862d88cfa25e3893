"""The deferral curve: what is chosen as the price of cost falls from infinity to zero."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.scoring.checks import check_surface
from router.scoring.ranking import KNOTS_MAX, choose_levels

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Sweep", "sweep_prices"]


@dataclass(frozen=True, slots=True)
class Sweep:
    """Choices at falling prices.

    Parameters
    ----------
    price : ndarray of float64, shape (k,)
        Quality that a unit of cost must bring; the first is infinite, and there are two at least.
    choices : ndarray of int64, shape (k, n)
        Option of every question at every price, the cheapest at the first.
    """

    price: NDArray[np.float64]
    choices: NDArray[np.int64]

    def take(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Look up what the choices have in a table.

        Parameters
        ----------
        values : ndarray of float64, shape (n, m)
            One value a question and option.

        Returns
        -------
        ndarray of float64, shape (k, n)
        """
        taken: NDArray[np.float64] = values[np.arange(len(values)), self.choices]
        return taken


def sweep_prices(
    quality: ArrayLike,
    cost: ArrayLike,
    *,
    allowed: ArrayLike | None = None,
    n_knots: int = KNOTS_MAX,
) -> Sweep:
    r"""Choose at every price :math:`\lambda \ge 0` what maximises predicted quality less cost.

    A question takes :math:`\arg\max_j \hat q_{ij} - \lambda c_{ij}`. As the price falls it climbs
    its upper hull, so all its choices follow from the hull's few slopes. Prices are the slopes
    themselves, thinned so that about equally many steps and equal spending lie between two.

    Parameters
    ----------
    quality : array_like of float, shape (n, m)
        Predicted quality.
    cost : array_like of float, shape (n, m) or (m,)
        Cost, not negative.
    allowed : array_like of bool, shape (n, m), optional
        Options that a question may take; all by default.
    n_knots : int, default=100
        At most so many prices below infinity.

    Returns
    -------
    Sweep

    Raises
    ------
    InputError
        If shapes disagree, a number is not finite, or a question is allowed nothing.

    Examples
    --------
    >>> sweep = sweep_prices([[0.1, 0.9], [0.5, 0.6]], [1.0, 3.0])
    >>> sweep.price.round(3).tolist(), sweep.choices.tolist()
    ([inf, 0.4, 0.05], [[0, 0], [1, 0], [1, 1]])
    """
    predicted, costs, open_options = check_surface(quality, cost, allowed)
    steps = _climb(predicted, np.where(open_options, costs, np.inf))
    start, slopes, spends = steps[0][1], [s for s, _, _ in steps[1:]], [c for _, _, c in steps[1:]]
    if not slopes:
        return Sweep(np.array([np.inf, 0.0]), np.repeat(start[None], 2, axis=0))
    slope, spend = np.concatenate(slopes), np.concatenate(spends)
    taken = slope > 0
    slope, spend = slope[taken], spend[taken]
    prices = choose_levels(slope, 1 / len(slope) + spend / spend.sum(), n_knots=n_knots)
    choices = np.repeat(start[None], len(prices) + 1, axis=0)
    for steepness, option, _ in steps[1:]:
        ready = (steepness > 0) & (steepness >= prices[:, None])
        choices[1:] = np.where(ready, option, choices[1:])
    return Sweep(np.concatenate([[np.inf], prices]), choices)


Step = tuple["NDArray[np.float64]", "NDArray[np.int64]", "NDArray[np.float64]"]


def _climb(predicted: NDArray[np.float64], open_cost: NDArray[np.float64]) -> list[Step]:
    """Climb all hulls together; a round is slope, option and spend by question, slope 0 for none.

    The first entry is the cheapest option, which has an infinite slope.
    """
    rows = np.arange(len(predicted))
    cheapest = open_cost == open_cost.min(1, keepdims=True)
    current = np.where(cheapest, predicted, -np.inf).argmax(1)
    before = np.full(len(rows), np.inf)
    steps: list[Step] = [(before, current, np.zeros(len(rows)))]
    while True:
        extra = open_cost - open_cost[rows, current][:, None]
        gain = predicted - predicted[rows, current][:, None]
        slopes = np.zeros(predicted.shape)
        np.divide(gain, extra, out=slopes, where=(gain > 0) & (extra > 0) & np.isfinite(extra))
        following = slopes.argmax(1)
        # Hull slopes fall; rounding of nearly straight pieces must not make a later one steeper.
        slope = np.minimum(slopes[rows, following], before)
        if not (slope > 0).any():
            return steps
        following = np.where(slope > 0, following, current)
        spend = np.where(slope > 0, extra[rows, following], 0.0)
        steps.append((slope, following, spend))
        current, before = following, slope
