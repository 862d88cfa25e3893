"""Figures of curves of quality over cost: AIQ, QNC and the arena's score.

References
----------
.. [1] Q. J. Hu et al., "RouterBench: A Benchmark for Multi-LLM Routing System", 2024,
   arXiv:2403.12031.
.. [2] "R2-Router", 2026, arXiv:2602.02823 (quality-neutral cost).
.. [3] "RouterArena", 2026 (arena score).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from router.exceptions import InputError
from router.scoring.multiplier import build_frontier
from router.scoring.routing import check_curves

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["compute_aiq", "compute_arena_score", "compute_qnc"]

# Costs of 1,000 queries in dollars at which the arena's cost score is 0 and 1.
ARENA_USD_MAX, ARENA_USD_MIN = 200.0, 0.0044
ARENA_BETA = 0.1
# Means carry rounding of this size; a quality below the goal by less has reached it.
ROUNDING = 1e-12


def compute_aiq(
    cost: ArrayLike,
    quality: ArrayLike,
    *,
    cost_min: float,
    cost_max: float,
    normalisation: Literal["paper", "code"] = "paper",
) -> float:
    r"""Compute the average improvement in quality: the mean height of the concave hull.

    .. math:: \mathrm{AIQ} = \frac{1}{c_{\max} - c_{\min}} \int_{c_{\min}}^{c_{\max}} F(c)\, dc

    where :math:`F` is the non-decreasing concave hull of the points, flat behind its best point.
    That is the paper's form. The script published beside the paper divides the integral from 0 by
    :math:`c_{\max}` instead; ``"code"`` does so, with nothing below the cheapest point.

    Parameters
    ----------
    cost, quality : array_like of float, shape (k,)
        Points that can be reached, in any order.
    cost_min, cost_max : float
        Range of costs that all compared routers share: cheapest and dearest option.
    normalisation : {"paper", "code"}, default="paper"
        See above.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If points are not finite, or `cost_max` is not above `cost_min` and 0.

    References
    ----------
    .. [1] Q. J. Hu et al., "RouterBench", 2024, arXiv:2403.12031.

    Examples
    --------
    >>> compute_aiq([1.0, 3.0], [0.25, 0.75], cost_min=1.0, cost_max=5.0)
    0.625
    >>> compute_aiq([1.0, 3.0], [0.25, 0.75], cost_min=1.0, cost_max=5.0, normalisation="code")
    0.5
    """
    if not (np.isfinite(cost_min) and np.isfinite(cost_max) and cost_max > max(cost_min, 0.0)):
        msg = f"costs from {cost_min} to {cost_max}: two rising finite numbers are needed"
        raise InputError(msg)
    frontier = build_frontier(cost, quality)
    low = cost_min if normalisation == "paper" else 0.0
    start = float(np.clip(frontier.cost[0], low, cost_max))
    inside = frontier.cost[(frontier.cost > start) & (frontier.cost < cost_max)]
    corners = np.array([start, *inside, cost_max])
    heights = np.interp(corners, frontier.cost, frontier.quality)
    area = float((np.diff(corners) * (heights[1:] + heights[:-1])).sum()) / 2
    return area / (cost_max - low)


def compute_qnc(
    cost: ArrayLike, quality: ArrayLike, *, goal: ArrayLike, goal_cost: ArrayLike
) -> NDArray[np.float64]:
    r"""Compute the quality-neutral cost: the least cost of the best option's quality.

    .. math:: \mathrm{QNC} = \frac{\min\{c : A(c) \ge A_\text{best}\}}{c_\text{best}}

    Parameters
    ----------
    cost, quality : array_like of float, shape (..., k)
        A deferral curve, its knots in order of falling price; linear in between.
    goal, goal_cost : array_like of float, shape (...)
        Mean quality and mean cost of the best single option.

    Returns
    -------
    ndarray of float64, shape (...)
        Below 1 where the router saves; infinite where it never reaches the goal, NaN where the
        best option is free.

    Raises
    ------
    InputError
        If the shapes differ or a curve has fewer than two knots.

    References
    ----------
    .. [1] "R2-Router", 2026, arXiv:2602.02823.

    Examples
    --------
    >>> float(compute_qnc([1.0, 3.0], [0.25, 0.75], goal=0.5, goal_cost=4.0))
    0.5
    >>> float(compute_qnc([1.0, 3.0], [0.25, 0.75], goal=0.8, goal_cost=4.0))
    inf
    """
    spent, height = check_curves(cost, quality)
    wanted = np.asarray(goal, dtype=np.float64)[..., None]
    reached = height >= wanted - ROUNDING
    at_knots = np.where(reached, spent, np.inf)
    low, high = height[..., :-1], height[..., 1:]
    rises = ~reached[..., :-1] & reached[..., 1:]
    part = np.minimum((wanted - low) / np.where(rises, high - low, 1.0), 1.0)
    between = np.where(rises, spent[..., :-1] + part * np.diff(spent), np.inf)
    least = np.minimum(at_knots.min(-1), between.min(-1))
    paid = np.asarray(goal_cost, dtype=np.float64)
    ratio: NDArray[np.float64] = least / np.where(paid > 0, paid, np.nan)
    return ratio


def compute_arena_score(quality: ArrayLike, usd_per_1000: ArrayLike) -> NDArray[np.float64]:
    r"""Compute the arena's score of accuracy and cost.

    .. math::

        C = \frac{\log_2 200 - \log_2 c}{\log_2 200 - \log_2 0.0044}, \qquad
        S = \frac{(1 + \beta) A C}{\beta A + C}, \quad \beta = 0.1

    Parameters
    ----------
    quality : array_like of float, shape (...)
        Mean quality A, from 0 to 1.
    usd_per_1000 : array_like of float, shape (...)
        Cost c of 1,000 queries in dollars; outside of 0.0044 to 200 it is moved to the nearer end,
        so that C stays from 0 to 1.

    Returns
    -------
    ndarray of float64, shape (...)
        From 0 to 1.

    References
    ----------
    .. [1] "RouterArena", 2026.

    Examples
    --------
    >>> round(float(compute_arena_score(0.7597, 0.11)), 4)
    0.7538
    """
    accuracy = np.asarray(quality, dtype=np.float64)
    usd = np.clip(np.asarray(usd_per_1000, dtype=np.float64), ARENA_USD_MIN, ARENA_USD_MAX)
    cheap = np.log2(ARENA_USD_MAX / usd) / np.log2(ARENA_USD_MAX / ARENA_USD_MIN)
    below = ARENA_BETA * accuracy + cheap
    score: NDArray[np.float64] = (
        (1 + ARENA_BETA) * accuracy * cheap / np.where(below > 0, below, 1.0)
    )
    return score
