"""The exact search under several budgets: states of spend and gain, one row at a time.

As under one budget, a state that has already lost more at the prices than the best known plan may
still gain is dropped, and so is one that no completion can bring within all budgets. Rows that are
cheap to change come last, where they fit the states to what is left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block import INT64_MAX

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray
    from router.allocation.block_many import ManyBlock, ManyPlan
    from router.allocation.dual_many import ManyDual

__all__ = ["search_many"]

# Differences below this share of the bound are rounding, not value.
ROUNDING = 1e-12


def search_many(
    block: ManyBlock,
    budgets: IntArray,
    dual: ManyDual,
    plan: ManyPlan | None,
    *,
    states_max: int,
) -> tuple[ManyPlan | None, float]:
    """Improve a plan to the best one where the states suffice, and to a better one where not.

    Parameters
    ----------
    block : ManyBlock
        All rows.
    budgets : ndarray of shape (k,), int64
        Budgets in micro-units.
    dual : ManyDual
        Prices at which losses are measured, and their bound.
    plan : ManyPlan or None
        Best known plan.
    states_max : int
        A thousandth of it is the number of states kept from row to row.

    Returns
    -------
    ManyPlan or None
        The best plan found; None where there is none.
    float
        Proven upper bound; minus infinity where it is proven that there is no plan.
    """
    scores = block.scores(dual.prices)
    loss = scores.max(axis=1, keepdims=True) - scores
    limit = np.inf if plan is None else dual.bound * (1.0 - ROUNDING) - plan.gain
    possible = (loss < limit) & (block.gain > -np.inf)
    order = _order_rows(loss)
    states = _States(len(budgets), max(1, states_max // 1000))
    costs = block.costs()
    least = np.where(possible[:, :, None], costs, INT64_MAX).min(axis=1)[order]
    if not possible.any(axis=1).all():
        # A row without an option proves that nothing beats the plan.
        return plan, -np.inf if plan is None else plan.gain
    to_come = least[::-1].cumsum(axis=0)[::-1] - least
    for row, room in zip(order, budgets - to_come, strict=True):
        options = np.flatnonzero(possible[row])
        states.advance(options, loss[row], costs[row], limit, room)
    if len(states.lost):
        # With all rows chosen the gain is the bound less what was lost and what was left unspent.
        unspent = (budgets - states.spend) @ dual.prices
        found = block.plan(_trace(order, states.origins, int((states.lost + unspent).argmin())))
        plan = found if plan is None or found.gain > plan.gain else plan
    beyond = dual.bound - states.dropped
    return plan, beyond if plan is None else max(plan.gain, beyond)


class _States:
    """Partial plans: what they spend in every budget and what they lost at the prices."""

    __slots__ = ("dropped", "lost", "origins", "spend", "width")

    def __init__(self, n_budgets: int, width: int) -> None:
        self.spend = np.zeros((1, n_budgets), dtype=np.int64)
        self.lost = np.zeros(1)
        self.width = width
        self.origins: list[tuple[IntArray, IntArray]] = []
        # Least loss of a state that was given up for want of room.
        self.dropped = np.inf

    def advance(
        self, options: IntArray, loss: FloatArray, cost: IntArray, limit: float, room: IntArray
    ) -> None:
        """Add one row's options to all states and keep those that lost the least."""
        lost = (loss[options][:, None] + self.lost).ravel()
        near = np.flatnonzero(lost < limit)
        place, parent = np.divmod(near, max(1, len(self.lost)))
        option = options[place]
        spend = cost[option] + self.spend[parent]
        alive = np.flatnonzero((spend <= room).all(axis=1))
        if len(alive) > self.width:
            ranked = alive[lost[near[alive]].argsort(kind="stable")]
            self.dropped = min(self.dropped, float(lost[near[ranked[self.width]]]))
            alive = np.sort(ranked[: self.width])
        self.spend, self.lost = spend[alive], lost[near[alive]]
        self.origins.append((parent[alive], option[alive]))


def _order_rows(loss: FloatArray) -> IntArray:
    """Put the rows with the dearest change of option first."""
    if loss.shape[1] == 1:
        return np.arange(len(loss))
    return (-np.partition(loss, 1, axis=1)[:, 1]).argsort(kind="stable")


def _trace(order: IntArray, origins: list[tuple[IntArray, IntArray]], state: int) -> IntArray:
    """Follow a state back to one option per row."""
    choices = np.zeros(len(order), dtype=np.int64)
    for row, (parent, option) in zip(order[::-1], origins[::-1], strict=True):
        choices[row] = option[state]
        state = int(parent[state])
    return choices
