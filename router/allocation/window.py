"""Narrowing a large problem to the few rows that the price of its budget is about.

Between two prices a row whose best option is the same at both keeps it. So every pass over the rows
in view, at prices closer to the one sought, leaves fewer of them to read, typically a tenth. Where
many rows are tied at one price no pass leaves fewer; the crossing of the two tangents then finds
that price, and finds it to be the minimum of the dual, as in :mod:`router.allocation.dual`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation.block import Plan
from router.allocation.dual import ROUNDING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.allocation.block import IntArray
    from router.allocation.reader import Reader

__all__ = ["Window"]

# Share of the bracket of prices on either side of the price aimed at.
MARGIN = 0.05
# While a pass decides at least this share of the rows, the next one aims at the price, too.
WORTH = 0.125


@dataclass(slots=True)
class Window:
    """The rows on which a plan within the budget and one above it differ.

    Parameters
    ----------
    reader : Reader
        Reads the rows.
    budget : int
        Budget of all rows in micro-units.
    lean : Plan
        Plan within the budget: choices of the rows in view, totals of all rows.
    rich : Plan
        Plan above the budget, likewise.
    high : float
        Price at which the lean plan is optimal.
    low : float
        Price at which the rich plan is optimal.
    choices : ndarray of shape (n,)
        Options of all rows, decided on the rows that are no longer in view.
    rows : ndarray of shape (r,), int64, or None
        Rows in view; None for all of them.
    wider : ndarray, int64, or None
        Rows that were in view before the last ones went.
    price : float
        Minimum of the dual, once it is found.
    bound : float
        Value of the dual at its minimum, once it is found.
    """

    reader: Reader
    budget: int
    lean: Plan
    rich: Plan
    high: float
    low: float
    choices: NDArray[Any]
    rows: IntArray | None = None
    wider: IntArray | None = None
    price: float = math.nan
    bound: float = math.nan

    @classmethod
    def open(
        cls, reader: Reader, budget: int, lean: tuple[float, Plan], rich: tuple[float, Plan]
    ) -> Window:
        """Start with two plans of all rows and the prices at which they are optimal."""
        return cls(reader, budget, lean[1], rich[1], lean[0], rich[0], lean[1].choices.copy())

    def __len__(self) -> int:
        """Count the rows in view."""
        return len(self.lean.choices)

    @property
    def found(self) -> bool:
        """Whether the minimum of the dual is found."""
        return not math.isnan(self.bound)

    def narrow(self, n_rows: int) -> None:
        """Leave at most some rows in view, or find the minimum of the dual with more of them."""
        worth = self._drop_decided()
        while len(self) > n_rows and not self.found:
            prices = self._aim() if worth else []
            if prices:
                for price, best in zip(prices, self._read(prices), strict=True):
                    self._tighten(price, best)
            else:
                self._cross()
            if not self.found:
                worth = self._drop_decided()

    def decide(self, choices: NDArray[Any]) -> None:
        """Write the choices of the rows in view."""
        if self.rows is None:
            self.choices[:] = choices
        else:
            self.choices[self.rows] = choices

    def _drop_decided(self) -> bool:
        """Drop the rows on which both plans agree and say whether they were worth the pass."""
        still_open = np.flatnonzero(self.lean.choices != self.rich.choices)
        worth = len(self) - len(still_open) >= WORTH * len(self)
        self.decide(self.lean.choices)
        self.wider = self.rows
        self.rows = still_open if self.rows is None else self.rows[still_open]
        self.lean = self.lean._replace(choices=self.lean.choices[still_open])
        self.rich = self.rich._replace(choices=self.rich.choices[still_open])
        return worth

    def _aim(self) -> list[float]:
        """Pick two prices around the one at which the spend, were it linear, met the budget."""
        if not math.isfinite(self.high):
            return []
        share = (self.rich.spend - self.budget) / (self.rich.spend - self.lean.spend)
        width = self.high - self.low
        aim = self.low + share * width
        prices = (aim - MARGIN * width, aim + MARGIN * width)
        return [price for price in prices if self.low < price < self.high]

    def _read(self, prices: list[float]) -> list[Plan]:
        """Choose the options of the rows in view and total those of all rows."""
        plans, total = self.reader.choose(prices, self.rows, self.lean.choices)
        units, spend = self.lean.units - total.units[-1], self.lean.spend - total.spends[-1]
        return [Plan(x.choices, x.units + units, x.spend + spend) for x in plans]

    def _tighten(self, price: float, best: Plan) -> bool:
        """Take a plan that lies between the two and say whether it did."""
        if self.budget < best.spend < self.rich.spend:
            self.rich, self.low = best, price
        elif self.lean.spend < best.spend <= self.budget:
            self.lean, self.high = best, price
        else:
            return False
        return True

    def _cross(self) -> None:
        """Evaluate the crossing of the two tangents and see whether it is the minimum."""
        lean, scale = self.lean, self.reader.scale
        rise, step = self.rich.units - lean.units, self.rich.spend - lean.spend
        price = max(0.0, rise / scale / step)
        (best,) = self._read([price])
        excess = (best.units - lean.units) / scale - price * (best.spend - lean.spend)
        noise = ROUNDING * (abs(best.units) / scale + price * best.spend)
        if not self._tighten(price, best) or excess <= noise:
            self.price = price
            self.bound = best.units / scale + price * (self.budget - best.spend)
