"""Gains counted in whole units, so that totals are exact and do not depend on the order of adding.

Sums of floats in another order differ in their last digits, and on ties a last digit decides which
plan is taken. So every total of gains that anything is decided by is a 64-bit integer: each gain is
rounded once to a whole number of units, and a unit is the power of two that is as small as the
number of rows allows. What is left in floats are operations on single options (a gain minus a price
times a cost), which IEEE 754 defines to the last bit.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray

__all__ = ["count_units", "find_scale"]

# A plan's gain takes at most this many bits; two of them subtract without overflow.
TOTAL_BITS = 62
# Gains may be so small that the scale itself would be no float.
SCALE_BITS_MAX = 1000


def find_scale(n_rows: int, highest: float) -> float:
    """Find how many units a gain of one has, so that all rows together stay below 2**62.

    Parameters
    ----------
    n_rows : int
        Number of rows that are added up.
    highest : float
        Largest gain of a row, or anything above it.

    Returns
    -------
    float
        A power of two, so that scaling is exact.

    Examples
    --------
    >>> find_scale(200, 0.95) == 2.0**54, find_scale(1_000_000, 1.0) == 2.0**41
    (True, True)
    """
    bits = TOTAL_BITS - n_rows.bit_length() - math.frexp(highest)[1]
    return math.ldexp(1.0, min(bits, SCALE_BITS_MAX))


def count_units(gain: FloatArray, scale: float) -> IntArray:
    """Round gains to whole units.

    Examples
    --------
    >>> count_units(np.array([0.5, 0.1]), 8.0)
    array([4, 1])
    """
    units: IntArray = np.rint(gain * scale).astype(np.int64)
    return units
