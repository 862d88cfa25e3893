"""Rows under several budgets: the primitives of :mod:`router.allocation.block` with k costs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.allocation.block import FloatArray, IntArray
    from router.allocation.problem import Problem

__all__ = ["ManyBlock", "ManyPlan"]


class ManyPlan(NamedTuple):
    """One option per row with its exact spend per budget and its gain."""

    choices: IntArray
    gain: float
    spend: IntArray


class ManyBlock:
    """Rows with k costs per option.

    Parameters
    ----------
    gain : ndarray of shape (n, m), float64
        Weighted quality; minus infinity where an option is out.
    cost : ndarray of shape (n, m, k) or (m, k), int64
        Costs in micro-units.
    """

    __slots__ = ("cost", "cost_float", "gain", "shared")

    def __init__(self, gain: FloatArray, cost: IntArray) -> None:
        self.gain = gain
        self.cost = cost
        self.shared = cost.ndim == 2
        self.cost_float: FloatArray = cost.astype(np.float64)

    @classmethod
    def read(cls, problem: Problem) -> ManyBlock:
        """Read a whole problem."""
        return cls(problem.gains(), problem.costs())

    def __len__(self) -> int:
        """Count the rows."""
        return int(self.gain.shape[0])

    def costs(self) -> IntArray:
        """View the costs as (n, m, k), shared or not."""
        return np.broadcast_to(self.cost, (*self.gain.shape, self.cost.shape[-1]))

    def scores(self, prices: FloatArray) -> FloatArray:
        """Compute gain minus the priced costs of every option."""
        scores: FloatArray = self.gain - self.cost_float @ prices
        return scores

    def cost_of(self, choices: NDArray[Any]) -> IntArray:
        """Gather the costs of each row's choice, shape (n, k)."""
        cost: IntArray = (
            self.cost[choices] if self.shared else self.cost[np.arange(len(self)), choices]
        )
        return cost

    def gain_of(self, choices: NDArray[Any]) -> FloatArray:
        """Gather the gain of each row's choice."""
        gain: FloatArray = self.gain[np.arange(len(self)), choices]
        return gain

    def plan(self, choices: NDArray[Any]) -> ManyPlan:
        """Total up a plan from its indices, the spend in integers."""
        return ManyPlan(
            choices, float(self.gain_of(choices).sum()), self.cost_of(choices).sum(axis=0)
        )

    def take(self, rows: IntArray) -> ManyBlock:
        """Copy some rows into a smaller block."""
        return ManyBlock(self.gain[rows], self.cost if self.shared else self.cost[rows])
