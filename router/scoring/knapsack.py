"""The protocol's plan: one option a question, the mean cost within a budget.

This is the yardstick that every claim is measured with, kept identical to the published protocol;
plans for users come from ``router.allocation``, which proves how good they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BudgetError
from router.scoring.checks import check_surface

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["knapsack"]

BISECTIONS_MAX = 200
# Below this a difference in cost is taken for none.
COST_MIN = 1e-12


def knapsack(
    quality: ArrayLike, cost: ArrayLike, budget: float, *, allowed: ArrayLike | None = None
) -> NDArray[np.int64]:
    r"""Choose one option a question by bisection on the price, then fill by gain per cost.

    At a price :math:`\lambda` a question takes :math:`\arg\max_j q_{ij} - \lambda c_{ij}`. The
    price is halved on a logarithmic scale until the mean cost is just within the budget; what is
    left then buys single upgrades, the highest gain per cost first.

    Parameters
    ----------
    quality : array_like of float, shape (n, m)
        Predicted quality.
    cost : array_like of float, shape (n, m) or (m,)
        Cost, not negative.
    budget : float
        Mean cost a question that the plan may have.
    allowed : array_like of bool, shape (n, m), optional
        Options that a question may take; all by default.

    Returns
    -------
    ndarray of int64, shape (n,)
        Choices.

    Raises
    ------
    InputError
        If shapes disagree, a number is not finite, or a question is allowed nothing.
    BudgetError
        If the cheapest plan is above the budget.

    Examples
    --------
    >>> knapsack([[0.1, 0.9], [0.5, 0.6]], [1.0, 3.0], 2.0).tolist()
    [1, 0]
    >>> knapsack([[0.1, 0.9]], [1.0, 3.0], 3.0, allowed=[[True, False]]).tolist()
    [0]
    """
    surface, costs, mask = check_surface(quality, cost, allowed)
    predicted = np.where(mask, surface, -np.inf)
    cheapest = np.where(mask, costs, np.inf).argmin(1)
    rows = np.arange(len(predicted))
    # A budget computed as the mean of these very costs may differ from it in the last digit.
    least = costs[rows, cheapest].mean()
    if least > budget + 1e-9 * max(abs(budget), COST_MIN):
        msg = f"budget {budget} is below the cheapest plan's mean cost {least}"
        raise BudgetError(msg)
    pick = _bisect(predicted, costs, budget, cheapest)
    return _fill(predicted, costs, budget, pick)


def _bisect(
    predicted: NDArray[np.float64],
    cost: NDArray[np.float64],
    budget: float,
    cheapest: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Find the lowest price whose choices are within the budget, and return these choices."""
    rows = np.arange(len(predicted))
    scale = max(float(cost.max()), COST_MIN)
    low, high, pick, previous = 1e-9 / scale, 1e6 / scale, cheapest, -1.0
    for _ in range(BISECTIONS_MAX):
        price = float(np.sqrt(low * high))
        # Once float64 has no price in between, every further round repeats this one.
        if price == previous:
            break
        previous = price
        choice = (predicted - price * cost).argmax(1)
        if cost[rows, choice].mean() <= budget:
            high, pick = price, choice
        else:
            low = price
    return pick.copy()


def _fill(
    predicted: NDArray[np.float64],
    cost: NDArray[np.float64],
    budget: float,
    pick: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Spend what is left on single upgrades, the highest gain per cost first."""
    rows = np.arange(len(predicted))
    slack = budget * len(rows) - cost[rows, pick].sum()
    gain = predicted - predicted[rows, pick][:, None]
    extra = cost - cost[rows, pick][:, None]
    rate = np.where((extra > 0) & (gain > 0), gain / np.maximum(extra, COST_MIN), -1.0)
    upgrade = rate.argmax(1)
    # The default sort is the protocol's: a stable one would order ties differently and no longer
    # reproduce its figures digit by digit.
    for row in np.argsort(-rate[rows, upgrade]):
        option = upgrade[row]
        if rate[row, option] <= 0:
            break
        if extra[row, option] <= slack:
            slack -= extra[row, option]
            pick[row] = option
    return pick
