"""A last pass under several budgets: nothing is spent that brings nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from router.allocation.block import IntArray
    from router.allocation.block_many import ManyBlock, ManyPlan

__all__ = ["spare_many"]


def spare_many(block: ManyBlock, plan: ManyPlan, budgets: IntArray) -> ManyPlan:
    """Replace every choice by one that is at least as good and nowhere dearer, where there is one.

    Of several the best is taken, then the one that uses the smallest share of the budgets, then the
    first. Each row is looked at on its own: costs only fall, so the plan stays within its budgets.
    """
    rows = np.arange(len(block))
    costs, own = block.costs(), block.cost_of(plan.choices)
    gain = block.gain_of(plan.choices)
    candidates = (block.gain >= gain[:, None]) & (costs <= own[:, None, :]).all(axis=2)
    share = (costs / np.maximum(budgets, 1)).sum(axis=2)
    best = np.where(candidates, block.gain, -np.inf).max(axis=1)
    share[~candidates | (block.gain < best[:, None])] = np.inf
    choices = share.argmin(axis=1)
    # Options alike in gain and share stay as they were chosen.
    keep = share[rows, choices] >= share[rows, plan.choices]
    return block.plan(np.where(keep, plan.choices, choices))
