"""Gains on a grid, such as shares of ten votes: plans then differ by whole steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from router.allocation.block import FloatArray

__all__ = ["GRID_ROUNDING", "find_step", "lies_on_grid"]

# Grids are looked for among multiples of this unit; a finer one would prune next to nothing.
UNITS = 1000.0
# Multiplying a decimal by the unit is off by a few units in the last place of a thousand.
ROUNDING = 1e-12
# Totals may be off the grid by this share of a step.
GRID_ROUNDING = 1e-6


def find_step(gain: FloatArray) -> float:
    """Find the largest step of which all gains are whole multiples.

    Parameters
    ----------
    gain : ndarray of shape (n, m), float64
        Gains, minus infinity where an option is forbidden.

    Returns
    -------
    float
        The step, or zero where there is none down to a thousandth.

    Examples
    --------
    >>> import numpy as np
    >>> find_step(np.array([[0.2, 0.8], [0.4, 0.0]])), find_step(np.array([[0.1234567]]))
    (0.2, 0.0)
    """
    # The first row answers for nearly every surface that lies on no grid.
    if not _on_grid(gain[:1]) or not _on_grid(gain):
        return 0.0
    units = np.rint(gain[gain > -np.inf] * UNITS).astype(np.int64)
    return float(np.gcd.reduce(units)) / UNITS


def lies_on_grid(gain: FloatArray, step: float) -> bool:
    """Tell whether all gains are whole multiples of a step."""
    scaled, units = gain[gain > -np.inf] * UNITS, float(round(step * UNITS))
    return bool((np.abs(scaled - np.rint(scaled / units) * units) <= ROUNDING).all())


def _on_grid(gain: FloatArray) -> bool:
    """Tell whether all finite gains are multiples of the unit."""
    scaled = gain[gain > -np.inf] * UNITS
    return bool((np.abs(scaled - np.rint(scaled)) <= ROUNDING).all())
