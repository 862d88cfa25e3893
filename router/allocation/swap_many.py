"""Pairs of changes that together gain value and keep all budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray
    from router.allocation.block_many import ManyBlock, ManyPlan

__all__ = ["swap_many"]

# Changes of single options looked at, those with the least loss at the prices first.
MOVES_MAX = 256
SWAPS_MAX = 200
ROUNDING = 1e-12


def swap_many(block: ManyBlock, plan: ManyPlan, budgets: IntArray, prices: FloatArray) -> ManyPlan:
    """Apply the best pair of changes in two rows until no pair gains any more."""
    scores = np.where(block.gain > -np.inf, block.scores(prices), -np.inf)
    # Options far below a row's best score waste more than any pair could win back.
    loss = scores.max(axis=1, keepdims=True) - scores
    near = np.sort(loss.ravel().argsort(kind="stable")[: len(block) + MOVES_MAX])
    row, option = np.divmod(near, block.gain.shape[1])
    gain, cost = block.gain[row, option], block.costs()[row, option]
    choices, slack = plan.choices.copy(), budgets - plan.spend
    for _ in range(SWAPS_MAX):
        rise = gain - block.gain_of(choices)[row]
        step = cost - block.cost_of(choices)[row]
        moves = np.flatnonzero((choices[row] != option) & (rise > -np.inf))
        pair = _best_pair(row[moves], rise[moves], step[moves], slack)
        # A rise within rounding could be undone by the next pair, for ever.
        if pair is not None and rise[moves[list(pair)]].sum() <= ROUNDING * plan.gain:
            break
        if pair is None:
            break
        for move in moves[list(pair)]:
            choices[row[move]] = option[move]
            slack = slack - step[move]
    return block.plan(choices)


def _best_pair(
    row: IntArray, rise: FloatArray, step: IntArray, slack: IntArray
) -> tuple[int, int] | None:
    """Find the pair of moves in different rows with the highest total rise that fits."""
    if not len(row):
        return None
    total = rise[:, None] + rise
    open_pairs = row[:, None] != row
    for dimension, room in enumerate(slack):
        spend = step[:, dimension]
        open_pairs &= spend[:, None] + spend <= room
    total[~open_pairs] = 0.0
    first, second = divmod(int(total.argmax()), len(row))
    return (first, second) if total[first, second] > 0.0 else None
