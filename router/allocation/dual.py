"""The exact dual of one budget by intersecting tangents.

The dual function g(price) = price * budget + sum of each row's best gain - price * cost is convex
and piecewise linear. Two plans, one above the budget (rich) and one within it (lean), are two of
its tangents; where they cross is the next price. The crossing is the minimum exactly when no plan
lies above both lines there, so the search ends after finitely many rounds without a tolerance on
the price.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from router.allocation.block import Block, IntArray, Plan

__all__ = ["Bracket", "find_bracket"]

# Scores at one price carry the rounding of their product; smaller differences are no new tangent.
ROUNDING = 1e-15
# Below this many elements a round is cheaper than dropping the rows that are already decided.
COMPACT_ELEMENTS = 4096


@dataclass(frozen=True, slots=True)
class Bracket:
    """The minimum of the dual: its price, its value and the two plans that meet there.

    Parameters
    ----------
    lean : Plan
        Plan within the budget, optimal at the price.
    rich : Plan
        Plan above the budget, optimal at the price; the same plan where the budget is slack.
    price : float
        Value per micro-unit.
    bound : float
        Least value of the dual, an upper bound on every plan within the budget.
    """

    lean: Plan
    rich: Plan
    price: float
    bound: float


@dataclass(slots=True)
class _Window:
    """The rows on which the two plans still differ, and what the decided rows add."""

    surface: Block
    lean: Plan
    rich: Plan
    room: int
    full_lean: IntArray
    full_rich: IntArray
    rows: IntArray | None = None
    fixed_units: int = 0
    bound: float = np.inf

    def step(self) -> tuple[float, bool]:
        """Evaluate the crossing of the two tangents and say whether it is the minimum."""
        lean, rich, scale = self.lean, self.rich, self.surface.scale
        # Rounding of nearly equal scores must not turn the price negative.
        price = max(0.0, (rich.units - lean.units) / scale / (rich.spend - lean.spend))
        best = self.surface.plan_at(price)
        self.bound = (self.fixed_units + best.units) / scale + price * (self.room - best.spend)
        # How far the best plan at this price lies above the line through the other two.
        excess = (best.units - lean.units) / scale - price * (best.spend - lean.spend)
        inside = lean.spend < best.spend < rich.spend
        if inside and best.spend > self.room:
            self.rich = best
        elif inside:
            self.lean = best
        noise = ROUNDING * (best.units / scale + price * best.spend)
        return price, excess <= noise or not inside

    def flush(self) -> None:
        """Write the two plans of the rows in view into the plans of all rows."""
        if self.rows is None:
            self.full_lean, self.full_rich = self.lean.choices.copy(), self.rich.choices.copy()
        else:
            self.full_lean[self.rows] = self.lean.choices
            self.full_rich[self.rows] = self.rich.choices

    def compact(self) -> None:
        """Drop the rows on which both plans agree: no price in between moves them."""
        open_rows = np.flatnonzero(self.lean.choices != self.rich.choices)
        if 2 * len(open_rows) >= len(self.surface):
            return
        self.flush()
        outer = self.lean
        self.surface = self.surface.take(open_rows)
        self.rows = open_rows if self.rows is None else self.rows[open_rows]
        self.lean = self.surface.plan(self.lean.choices[open_rows])
        self.rich = self.surface.plan(self.rich.choices[open_rows])
        self.fixed_units += outer.units - self.lean.units
        self.room -= outer.spend - self.lean.spend


def find_bracket(surface: Block, budget: int, lean: Plan, rich: Plan) -> Bracket:
    """Find the dual minimum between a plan within the budget and a plan above it.

    Both plans must be optimal at some price, and no row may be above its rich choice at the price
    sought: the cheapest and the richest plan always qualify.

    References
    ----------
    .. [1] Kelley, J. E., "The cutting-plane method for solving convex programs", Journal of the
       Society for Industrial and Applied Mathematics 8 (1960), 703-712: here in one dimension.
    """
    window = _Window(surface, lean, rich, budget, lean.choices, rich.choices)
    price, done = window.step()
    while not done:
        if window.surface.size > COMPACT_ELEMENTS:
            window.compact()
        price, done = window.step()
    window.flush()
    spent = budget - window.room
    return Bracket(
        Plan(window.full_lean, window.fixed_units + window.lean.units, spent + window.lean.spend),
        Plan(window.full_rich, window.fixed_units + window.rich.units, spent + window.rich.spend),
        price,
        window.bound,
    )
