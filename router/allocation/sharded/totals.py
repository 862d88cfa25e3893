"""Totals that do not depend on how the rows are split: gains and costs as whole numbers.

A float total depends on the order of its terms, and with it the next price, and with that the plan.
Gains are therefore rounded once, each to 41 bits below the largest weight, and added as integers.
"""

from __future__ import annotations

import math
from typing import NamedTuple

__all__ = ["Scale", "Total"]

# A block of 2**20 rows of this many bits fits 64-bit integers.
BITS = 41


class Total(NamedTuple):
    """Gain in units of a scale and spend in micro-units."""

    gain: int
    spend: int

    def plus(self, other: Total) -> Total:
        """Add another total."""
        return Total(self.gain + other.gain, self.spend + other.spend)

    def minus(self, other: Total) -> Total:
        """Subtract another total."""
        return Total(self.gain - other.gain, self.spend - other.spend)


class Scale(NamedTuple):
    """The unit of gains: two to the power of an exponent.

    Examples
    --------
    >>> scale = Scale.for_weight(1.0)
    >>> scale.value(int(0.75 * scale.units))
    0.75
    """

    exponent: int

    @classmethod
    def for_weight(cls, largest: float) -> Scale:
        """Choose the unit for gains up to a largest weight."""
        mantissa, exponent = math.frexp(largest)
        # A power of two has half for its mantissa; weights near nothing may have any unit.
        return cls(max((exponent - 1 if mantissa == 0.5 else exponent) - BITS, -1000))

    @property
    def units(self) -> float:
        """Units in a gain of one, a power of two."""
        return math.ldexp(1.0, -self.exponent)

    def value(self, units: int) -> float:
        """Turn units into value."""
        return math.ldexp(float(units), self.exponent)

    def price(self, rich: Total, lean: Total) -> float:
        """Divide the gain between two totals by the spend between them."""
        return math.ldexp((rich.gain - lean.gain) / (rich.spend - lean.spend), self.exponent)
