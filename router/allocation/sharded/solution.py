"""What allocation over shards hands back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["ShardedSolution"]


@dataclass(frozen=True, slots=True)
class ShardedSolution:
    """A plan over all shards that never exceeds the budget, with a proven bound.

    Parameters
    ----------
    choices : tuple of (ndarray of shape (n_s,), int64)
        Option of every row, shard by shard; empty where they were written to files.
    paths : tuple of Path
        The files of the choices, shard by shard; empty where they were returned.
    value : float
        Total (weighted) quality of the choices.
    spend : int
        Total cost of the choices in micro-units.
    bound : float
        Proven upper bound on the value of every plan within the budget.
    shadow_price : float
        Value of one more micro-unit of budget.
    method : str
        ``"slack"`` (the budget does not bind), ``"dual"`` (dual price and fill) or ``"ties"`` (too
        many rows tied at the price for one machine, split in their order).
    minimum_required : int
        Cheapest total over all rows in micro-units.
    rows_read : tuple of int
        Rows looked at in every round: the sample, all rows once, then undecided ones.

    Examples
    --------
    >>> import numpy as np
    >>> plan = ShardedSolution((np.array([1]),), (), 1.5, 30, 1.6, 0.01, "dual", 10, (1,))
    >>> round(plan.gap, 4)
    0.0625
    """

    choices: tuple[NDArray[np.int64], ...]
    paths: tuple[Path, ...]
    value: float
    spend: int
    bound: float
    shadow_price: float
    method: str
    minimum_required: int
    rows_read: tuple[int, ...]

    @property
    def gap(self) -> float:
        """Relative distance from the value to the bound, never negative."""
        return max(0.0, self.bound - self.value) / max(self.bound, float(np.finfo(float).tiny))
