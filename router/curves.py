"""Curves: expected quality at every budget, read off the frontier of all plans."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.budgets import MICRO, from_micro

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["CurvePoint", "sample_curve"]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """Expected quality at one budget.

    Parameters
    ----------
    budget : float
        Total budget in the curve's unit.
    expected_quality : float
        Mean of a plan within it, weighted where questions are; :meth:`Router.allocate` finds one at
        least as good.
    shadow_price : float
        Total quality that one more unit would bring there.
    """

    budget: float
    expected_quality: float
    shadow_price: float


def sample_curve(
    spend: NDArray[np.int64], value: NDArray[np.float64], total_weight: float, n_points: int
) -> tuple[CurvePoint, ...]:
    """Read the frontier at even steps of quality, each of its points once.

    Even steps of the budget would put nearly all points where the curve is flat already.

    Parameters
    ----------
    spend : ndarray of int64, shape (s,)
        In micro-units, rising.
    value : ndarray of float64, shape (s,)
        Total weighted quality.
    total_weight : float
        What turns a total into a mean.
    n_points : int
        How many points at most.

    Returns
    -------
    tuple of CurvePoint

    Examples
    --------
    >>> points = sample_curve(np.array([0, 1_000_000]), np.array([0.5, 1.5]), 2.0, 2)
    >>> [(point.budget, point.expected_quality, point.shadow_price) for point in points]
    [(0.0, 0.25, 1.0), (1.0, 0.75, 0.0)]
    """
    steps = np.linspace(value[0], value[-1], n_points)
    positions = np.unique(np.minimum(np.searchsorted(value, steps), len(value) - 1))
    points = []
    for position in positions.tolist():
        following = min(position + 1, len(spend) - 1)
        step = float(spend[following] - spend[position])
        slope = float(value[following] - value[position]) / step * MICRO if step > 0 else 0.0
        points.append(
            CurvePoint(
                from_micro(int(spend[position])), float(value[position]) / total_weight, slope
            )
        )
    return tuple(points)
