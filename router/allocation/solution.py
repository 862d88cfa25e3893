"""What the allocator hands back: a plan, its totals and the proof of how good it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Solution"]

# A total of n float64 terms carries a rounding error of a few units in the last place; a gap below
# this share of the bound cannot be told from zero.
ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Solution:
    """A plan that never exceeds its budget, with a proven bound on the best possible one.

    Parameters
    ----------
    choices : ndarray of shape (n,), int64
        Option of every row; -1 marks a row that was not funded.
    value : float
        Total (weighted) quality of the choices.
    spend : int or tuple of int
        Total cost of the choices in micro-units, one figure per budget.
    bound : float
        Proven upper bound on the value of every plan within the budget.
    shadow_price : float or tuple of float
        Value of one more micro-unit of budget, one figure per budget.
    method : str
        What produced the plan: ``"slack"`` (the budget does not bind), ``"dual"`` (dual price and
        fill), ``"core"`` (the exact search as well), ``"hull"`` or ``"milp"``.
    minimum_required : int or tuple of int
        Cheapest total over all rows in micro-units, funded or not; rows that have no option left
        are not counted.
    cost_bound : int or None
        Where a target was reached, proven lower bound on what reaching it costs in micro-units, of
        the first budget where there are several; None without a target, and where it was missed.

    Examples
    --------
    >>> import numpy as np
    >>> plan = Solution(np.array([1, 0]), 1.5, 30, 1.6, 0.01, "dual", 10)
    >>> round(plan.gap, 4), plan.proven
    (0.0625, False)
    """

    choices: NDArray[np.int64]
    value: float
    spend: int | tuple[int, ...]
    bound: float
    shadow_price: float | tuple[float, ...]
    method: str
    minimum_required: int | tuple[int, ...]
    cost_bound: int | None = None

    @property
    def spends(self) -> tuple[int, ...]:
        """Spend of every budget, also where there is one."""
        return self.spend if isinstance(self.spend, tuple) else (self.spend,)

    @property
    def shadow_prices(self) -> tuple[float, ...]:
        """Shadow price of every budget, also where there is one."""
        price = self.shadow_price
        return price if isinstance(price, tuple) else (price,)

    @property
    def gap(self) -> float:
        """Relative distance from the value to the bound, never negative.

        With a target that was reached it is that from the spend to the bound on the cost.
        """
        if self.cost_bound is not None:
            return (self.spends[0] - self.cost_bound) / max(self.spends[0], 1)
        return max(0.0, self.bound - self.value) / max(self.bound, float(np.finfo(float).tiny))

    @property
    def proven(self) -> bool:
        """Whether the bound equals the value within float rounding, so the plan is optimal.

        With a target that was reached: whether it costs as little as is possible.
        """
        if self.cost_bound is not None:
            return self.spends[0] - self.cost_bound <= ROUNDING * self.spends[0]
        return self.bound - self.value <= ROUNDING * abs(self.bound)
