"""The dual of several budgets by cutting planes, kept steady by stepping from the best prices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.allocation.master import Master

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray
    from router.allocation.block_many import ManyBlock, ManyPlan

__all__ = ["ManyDual", "find_prices"]

ROUNDS_MAX = 400
# The bound is valid at any prices, but where the dual is flat a looser end leaves the prices of
# budgets off by a millionth; more digits than these would only chase rounding.
TOLERANCE = 1e-12
ROUNDING = 1e-9
# A ceiling that still binds after this many raises belongs to budgets that no plan meets.
RAISES_MAX = 40
# Keeps a penalty above zero where every quality is zero.
TINY = 1e-300


@dataclass(frozen=True, slots=True)
class ManyDual:
    """Prices of all budgets, the bound they prove, and the plans that are tied there.

    Parameters
    ----------
    prices : ndarray of shape (k,), float64
        Value per micro-unit of every budget.
    bound : float
        Upper bound on every plan within all budgets.
    starts : list of ManyPlan
        The best plan at the prices, then the plans whose mix is the relaxed optimum.
    infeasible : bool
        Whether the bound proves that no plan keeps all budgets: gains are never negative.
    """

    prices: FloatArray
    bound: float
    starts: list[ManyPlan]
    infeasible: bool


def find_prices(block: ManyBlock, budgets: IntArray) -> ManyDual:
    """Minimise the dual of several budgets.

    Each round evaluates prices between the best known ones and those that the master proposes;
    when that adds nothing at the master's prices, the master's own are evaluated.

    References
    ----------
    .. [1] Ben-Ameur, W., Neto, J., "Acceleration of cutting-plane and column generation algorithms:
       applications to network design", Networks 49 (2007), 3-17: steps between in and out points.
    """
    search = _Cuts(block, budgets)
    share = 0.5
    for _ in range(ROUNDS_MAX):
        proposed, height = search.master.solve()
        if search.infeasible:
            break
        if search.bound - height <= TOLERANCE * abs(search.bound):
            if not search.raise_ceiling(proposed):
                break
            share = 1.0
            continue
        prices = search.best + share * (proposed - search.best)
        lifted = search.evaluate(prices, proposed)
        share = 0.5 if lifted > height + TOLERANCE * abs(height) else 1.0
    return search.result()


class _Cuts:
    """Evaluated plans and the best prices among them, budgets scaled to one."""

    __slots__ = (
        "best",
        "block",
        "bound",
        "budgets",
        "ceiling",
        "master",
        "plans",
        "raises",
        "scale",
    )

    def __init__(self, block: ManyBlock, budgets: IntArray) -> None:
        self.block = block
        self.budgets = budgets
        self.scale = np.maximum(budgets, 1).astype(np.float64)
        richest = block.plan(block.gain.argmax(axis=1))
        self.plans = [richest]
        self.best = np.zeros(len(budgets))
        self.bound = richest.gain
        self.ceiling = max(TINY, richest.gain)
        self.raises = 0
        self.master = Master(self.ceiling, richest.gain, self._slack(richest))

    def _slack(self, plan: ManyPlan) -> FloatArray:
        """Share of every budget that a plan leaves."""
        slack: FloatArray = (self.budgets - plan.spend) / self.scale
        return slack

    @property
    def infeasible(self) -> bool:
        """Whether the bound lies below zero by more than rounding."""
        return self.bound < -ROUNDING * self.plans[0].gain

    def evaluate(self, prices: FloatArray, proposed: FloatArray) -> float:
        """Add the best plan at some prices; return its line's height at the proposed prices."""
        plan = self.block.plan(self.block.scores(prices / self.scale).argmax(axis=1))
        slack = self._slack(plan)
        self.plans.append(plan)
        self.master.add(plan.gain, slack)
        dual = plan.gain + float(prices @ slack)
        if dual < self.bound:
            self.bound, self.best = dual, prices
        return plan.gain + float(proposed @ slack)

    def raise_ceiling(self, prices: FloatArray) -> bool:
        """Lift the ceiling where the prices press against it; say whether they did."""
        if prices.max() < self.ceiling * (1.0 - TOLERANCE) or self.raises >= RAISES_MAX:
            return False
        self.raises += 1
        self.ceiling *= 8.0
        self.master.raise_ceiling(self.ceiling)
        return True

    def result(self) -> ManyDual:
        """Put the best prices, their bound and the tied plans together."""
        prices = self.best / self.scale
        at_best = self.block.plan(self.block.scores(prices).argmax(axis=1))
        mixed = [self.plans[place] for place in self.master.mixed()]
        return ManyDual(prices, self.bound, [at_best, *mixed], self.infeasible)
