"""Totals of rows as whole numbers, so that they do not depend on how the rows are split."""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["Total", "price_between"]


class Total(NamedTuple):
    """Gain in whole units (:mod:`router.allocation.units`) and spend in micro-units."""

    units: int
    spend: int

    def plus(self, other: Total) -> Total:
        """Add another total."""
        return Total(self.units + other.units, self.spend + other.spend)

    def minus(self, other: Total) -> Total:
        """Subtract another total."""
        return Total(self.units - other.units, self.spend - other.spend)


def price_between(rich: Total, lean: Total, scale: float) -> float:
    """Divide the gain between two totals by the spend between them.

    Examples
    --------
    >>> price_between(Total(12, 9), Total(4, 5), scale=2.0)
    1.0
    """
    return (rich.units - lean.units) / scale / (rich.spend - lean.spend)
