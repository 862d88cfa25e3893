"""The effective-compute multiplier: how much compute a fixed mix needs to do as well.

The frontier is the concave hull of the options' mean quality over mean cost: what the best fixed
mix reaches at every mean cost.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from router.exceptions import InputError
from router.scoring.mixture import check_means

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Frontier",
    "Multiplier",
    "build_frontier",
    "compute_capped_ratios",
    "compute_multiplier",
]

# Means of thousands of scores carry rounding of this size; a quality above the frontier by less
# has reached it.
ROUNDING = 1e-12


class Frontier(NamedTuple):
    """Corners of the best fixed mixes, both arrays strictly increasing.

    Parameters
    ----------
    cost : ndarray of float64, shape (h,)
        Mean cost of every corner.
    quality : ndarray of float64, shape (h,)
        Mean quality of every corner.
    """

    cost: NDArray[np.float64]
    quality: NDArray[np.float64]


class Multiplier(NamedTuple):
    """How many times the router's cost the best fixed mix needs for the router's quality.

    Parameters
    ----------
    value : float or None
        The multiplier; a lower bound where `status` is ``"beyond"``, None where it is ``"below"``
        or ``"free"``.
    status : {"reached", "beyond", "below", "free"}
        ``reached``: the frontier has this quality. ``beyond``: no fixed mix reaches it, so `value`
        is the cost of the frontier's best corner over the router's cost, and the multiplier itself
        is infinite. ``below``: even the cheapest corner is better. ``free``: the router's cost is
        zero, so there is no ratio.
    """

    value: float | None
    status: Literal["reached", "beyond", "below", "free"]


def build_frontier(cost: ArrayLike, quality: ArrayLike) -> Frontier:
    """Build the concave hull of options, from the cheapest to the best.

    Parameters
    ----------
    cost : array_like of float, shape (m,)
        Mean cost of every option.
    quality : array_like of float, shape (m,)
        Mean quality of every option.

    Returns
    -------
    Frontier
        Its h corners, at most m.

    Raises
    ------
    InputError
        If the arrays are not two equally long rows of finite numbers.

    Examples
    --------
    >>> build_frontier([1.0, 2.0, 3.0, 4.0], [0.2, 0.3, 0.6, 0.5]).cost.tolist()
    [1.0, 3.0]
    """
    costs, qualities = check_means(cost, quality)
    corners: list[tuple[float, float]] = []
    for position in np.lexsort((-qualities, costs)):
        point = (float(costs[position]), float(qualities[position]))
        if corners and point[1] <= corners[-1][1]:
            continue
        while len(corners) > 1 and _is_under(corners[-2], corners[-1], point):
            corners.pop()
        corners.append(point)
    hull = np.array(corners)
    return Frontier(hull[:, 0], hull[:, 1])


def _is_under(
    left: tuple[float, float], middle: tuple[float, float], right: tuple[float, float]
) -> bool:
    """Tell whether the middle point lies on or under the line between the other two."""
    rise = (middle[1] - left[1]) * (right[0] - left[0])
    return rise <= (right[1] - left[1]) * (middle[0] - left[0])


def compute_multiplier(frontier: Frontier, quality: float, cost: float) -> Multiplier:
    r"""Compute how much compute the best fixed mix needs for a router's quality.

    .. math:: k = \frac{\min\{c : F(c) \ge q\}}{c_{\text{router}}}

    where :math:`F` is the frontier. The frontier's corners are chosen on the very questions that
    are scored, which favours the fixed mixes.

    Parameters
    ----------
    frontier : Frontier
        The best fixed mixes.
    quality : float
        The router's mean quality.
    cost : float
        The router's mean cost, in the frontier's unit.

    Returns
    -------
    Multiplier

    Raises
    ------
    InputError
        If a number is not finite, or the cost negative.

    Examples
    --------
    >>> frontier = build_frontier([1.0, 3.0], [0.25, 0.75])
    >>> compute_multiplier(frontier, 0.5, 1.6)
    Multiplier(value=1.25, status='reached')
    >>> compute_multiplier(frontier, 0.8, 1.5)
    Multiplier(value=2.0, status='beyond')
    >>> compute_multiplier(frontier, 0.2, 1.0)
    Multiplier(value=None, status='below')
    """
    if not (np.isfinite(quality) and np.isfinite(cost) and cost >= 0):
        msg = f"quality {quality} and cost {cost} must be finite, and the cost not negative"
        raise InputError(msg)
    if quality < frontier.quality[0] - ROUNDING:
        return Multiplier(None, "below")
    if cost == 0:
        return Multiplier(None, "free")
    ratio = compute_capped_ratios(frontier, np.array([quality]), np.array([cost]))
    beyond = quality > frontier.quality[-1] + ROUNDING
    return Multiplier(float(ratio[0]), "beyond" if beyond else "reached")


def compute_capped_ratios(
    frontier: Frontier, quality: NDArray[np.float64], cost: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Compute multipliers with qualities outside the frontier moved to its nearer end.

    Bootstrap draws need a number every time: at the upper end it is a lower bound of the
    multiplier, at the lower end an upper bound.

    Parameters
    ----------
    frontier : Frontier
        The best fixed mixes.
    quality, cost : ndarray of float64, shape (k,)
        Mean qualities and mean costs, the costs positive.

    Returns
    -------
    ndarray of float64, shape (k,)

    Examples
    --------
    >>> frontier = build_frontier([1.0, 3.0], [0.25, 0.75])
    >>> compute_capped_ratios(frontier, np.array([0.1, 0.5, 0.9]), np.ones(3)).tolist()
    [1.0, 2.0, 3.0]
    """
    # np.interp holds the ends constant, which is exactly the cap.
    ratios: NDArray[np.float64] = np.interp(quality, frontier.quality, frontier.cost) / cost
    return ratios
