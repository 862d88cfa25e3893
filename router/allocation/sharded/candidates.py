"""Which prices a round asks: quantiles of a sample first, then prices around the secant."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from router.allocation.frontier import Hulls
from router.allocation.sharded.totals import price_between

if TYPE_CHECKING:
    from router.allocation.problem import Problem
    from router.allocation.sharded.totals import Total

__all__ = ["sample_prices", "secant_prices", "wider_prices"]

# The spend at a price misses that of the sample by more than four standard errors once in 16
# thousand; between them the candidates stand closer where the price is likelier to be.
STANDARD_ERRORS = (-4.0, -2.5, -1.7, -1.1, -0.7, -0.35, 0.0, 0.35, 0.7, 1.1, 1.7, 2.5, 4.0)
# Where many rows are tied the sample names the very price; these prices close in on it.
NEARBY = (1e-5, 1e-7, 1e-9)
# The ends of the first bracket stand this share outside, so that a tie lies within.
MARGIN = 1e-5
# The distances of the prices around a secant fall by this factor from the ends of the bracket.
SECANT_FACTOR, SECANT_STEPS = 1.0 / 8.0, 8
# Where a bracket missed, the price is mostly close by, and seldom much beyond.
WIDER = (1.001, 1.01, 1.05, 1.2, 1.6, 2.5, 6.0, 30.0)


def sample_prices(sample: Problem, share: float) -> tuple[float, ...]:
    """Choose the prices of the first round.

    Parameters
    ----------
    sample : Problem
        Rows drawn evenly from all.
    share : float
        Their share of the budget.

    Returns
    -------
    tuple of float
        Strictly rising prices. Zero stands for the richest plan, infinity for the cheapest.
    """
    hulls = Hulls.read(sample)
    spend, _ = hulls.trace()
    slopes = np.concatenate((hulls.steps.slope, [0.0]))

    def price_at(goal: float) -> float:
        """Give the price at which the sample spends a goal."""
        if goal < spend[0]:
            return math.inf
        return float(slopes[int(spend.searchsorted(goal, side="right")) - 1])

    plan = hulls.solve(int(min(max(share, spend[0]), spend[-1])))
    cost = sample.costs()
    chosen = cost[plan.choices] if sample.shared else cost[np.arange(len(sample)), plan.choices]
    spread = float(chosen.std()) * math.sqrt(len(sample))
    prices = [price_at(share + errors * spread) for errors in STANDARD_ERRORS]
    low, middle, high = min(prices), price_at(share), max(prices)
    # A sample that nothing or everything fits into still names the price of its first or last step.
    if low == math.inf:
        low = float(slopes[0]) if len(slopes) > 1 else 0.0
    if high == 0.0:
        high = float(slopes[-2]) if len(slopes) > 1 else math.inf
    ends = [low * (1.0 - MARGIN), high * (1.0 + MARGIN)]
    near = [middle * (1.0 + sign * part) for part in NEARBY for sign in (-1.0, 1.0)]
    return _rising([*prices, *near], *ends)


def secant_prices(
    low: tuple[float, Total], high: tuple[float, Total], scale: float
) -> tuple[float, ...]:
    """Choose the prices of a later round: the crossing of two tangents and prices around it.

    The crossing is the very price where many rows are tied, and close to it where they are not.

    Parameters
    ----------
    low, high : tuple of float and Total
        Ends of the bracket: price and total there, above the budget and within it.
    scale : float
        Units in a gain of one.
    """
    (left, rich), (right, lean) = low, high
    middle = price_between(rich, lean, scale)
    reach = right if right < math.inf else 64.0 * middle
    prices = [middle]
    for step in range(SECANT_STEPS):
        factor = SECANT_FACTOR**step
        prices.append(middle - (middle - left) * factor)
        prices.append(middle + (reach - middle) * factor)
    return _rising(prices, left, right)


def wider_prices(missed: float, *, upward: bool) -> tuple[float, ...]:
    """Choose prices beyond the end of a bracket that did not hold the budget's price."""
    if upward:
        return _rising([missed * factor for factor in WIDER], missed, math.inf)
    return _rising([missed / factor for factor in WIDER], 0.0, missed)


def _rising(prices: list[float], low: float, high: float) -> tuple[float, ...]:
    """Sort prices strictly between two ends, without repetition, the ends included."""
    return (low, *sorted({price for price in prices if low < price < high}), high)
