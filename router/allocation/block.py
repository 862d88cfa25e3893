"""Dense rows of a problem and the few primitives every algorithm is made of."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.allocation.units import count_units, find_scale

__all__ = ["Block", "Plan"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

INT64_MAX = int(np.iinfo(np.int64).max)
UINT64_MAX = np.iinfo(np.uint64).max
INT64_MIN = int(np.iinfo(np.int64).min)


class Plan(NamedTuple):
    """One option per row with its exact totals.

    Parameters
    ----------
    choices : ndarray of shape (n,), integer
        Option of every row.
    units : int
        Total gain in whole units; divided by the scale of the rows it is the value.
    spend : int
        Total cost in micro-units.
    """

    choices: NDArray[Any]
    units: int
    spend: int


class Block:
    """Rows held as float64 gains and int64 costs, with forbidden options at minus infinity.

    Parameters
    ----------
    gain : ndarray of shape (n, m), float64
        Weighted quality; minus infinity where an option is forbidden.
    cost : ndarray of shape (n, m) or (m,), int64
        Cost in micro-units; one-dimensional when all rows share it.
    masked : bool
        Whether any option is forbidden.
    scale : float, optional
        Units in a gain of one; the finest that the rows allow by default.
    leveled : bool, default=False
        Whether scores count each row's costs from its least one. The same amount off all options of
        a row changes no choice, but large costs that lie close together differ in floats, too.
    """

    __slots__ = ("cost", "cost_float", "gain", "masked", "offsets", "scale", "shared", "size")

    def __init__(
        self,
        gain: FloatArray,
        cost: IntArray,
        *,
        masked: bool = False,
        scale: float | None = None,
        leveled: bool = False,
    ) -> None:
        self.gain = gain
        self.cost = cost
        self.masked = masked
        self.size = gain.size
        self.shared = cost.ndim == 1
        self.scale = find_scale(len(gain), float(gain.max())) if scale is None else scale
        self.cost_float: FloatArray = (self._level() if leveled else cost).astype(np.float64)
        self.offsets: IntArray = np.arange(0, gain.size, gain.shape[1])

    def __len__(self) -> int:
        """Count the rows."""
        return int(self.gain.shape[0])

    def costs(self) -> IntArray:
        """View the costs as one row per question, shared or not."""
        return np.broadcast_to(self.cost, self.gain.shape) if self.shared else self.cost

    def gain_of(self, choices: NDArray[Any]) -> FloatArray:
        """Gather the gain of each row's choice."""
        gains: FloatArray = self.gain.ravel().take(self.offsets + choices)
        return gains

    def cost_of(self, choices: NDArray[Any]) -> IntArray:
        """Gather the cost of each row's choice."""
        flat, places = self.cost.ravel(), choices if self.shared else self.offsets + choices
        costs: IntArray = flat.take(places)
        return costs

    def plan(self, choices: NDArray[Any]) -> Plan:
        """Total up a plan from its indices, gain and spend in integers."""
        units = count_units(self.gain_of(choices), self.scale)
        return Plan(choices, int(units.sum()), int(self.cost_of(choices).sum()))

    def scores(self, price: float) -> FloatArray:
        """Compute gain minus price times cost for every option, up to a constant per row."""
        scores: FloatArray = self.gain - self.cost_float * price
        return scores

    def best_at(self, price: float) -> IntArray:
        """Choose the best score of each row at a positive price."""
        choices: IntArray = self.scores(price).argmax(axis=1)
        return choices

    def plan_at(self, price: float) -> Plan:
        """Choose the best score of each row at a positive price and total the plan."""
        return self.plan(self.best_at(price))

    def cheapest(self) -> IntArray:
        """Choose the cheapest option of each row, the best of equally cheap ones."""
        if self.shared and not self.masked:
            # One shared row of costs: only the columns at its minimum can be cheapest.
            columns = np.flatnonzero(self.cost == self.cost.min())
            choices: IntArray = columns[self.gain[:, columns].argmax(axis=1)]
            return choices
        cost = np.where(self.gain == -np.inf, INT64_MAX, self.cost) if self.masked else self.cost
        lowest = cost.min(axis=1, keepdims=True)
        best: IntArray = np.where(cost == lowest, self.gain, -np.inf).argmax(axis=1)
        return best

    def richest(self) -> IntArray:
        """Choose the highest gain of each row, the cheapest of equally good ones."""
        highest = self.gain.max(axis=1, keepdims=True)
        # Costs are not negative, so as unsigned ones they all lie below what marks the others.
        cost = self.cost.view(np.uint64)
        choices: IntArray = np.where(self.gain == highest, cost, UINT64_MAX).argmin(axis=1)
        return choices

    def take(self, rows: IntArray) -> Block:
        """Copy some rows into a smaller block."""
        cost = self.cost if self.shared else self.cost[rows]
        taken = Block(self.gain[rows], cost, masked=self.masked, scale=self.scale)
        taken.cost_float = self.cost_float if self.shared else self.cost_float[rows]
        return taken

    def _level(self) -> IntArray:
        """Count costs from each row's least one, or where rows share them from the least of all."""
        # Options that some rows may not take count as well where rows share their costs.
        closed = self.masked and not (self.shared and len(self) > 1)
        cost = np.where(self.gain == -np.inf, INT64_MAX, self.cost) if closed else self.cost
        leveled: IntArray = self.cost - cost.min(axis=-1, keepdims=True)
        return leveled.reshape(self.cost.shape)
