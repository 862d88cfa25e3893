"""A better plan under several budgets by meeting in the middle.

Among hundreds of rows many sets of small changes to the plan at the prices exist, and some set
uses up what is left of all budgets at once nearly to the last unit. Two lists of n changes, one of
each half of the rows, hold n * n pairs, of which only those that fit are ever looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.allocation.grid import GRID_ROUNDING
from router.allocation.halves_many import Half, Moves, list_half
from router.allocation.pairs_many import Match, match_halves

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray
    from router.allocation.block_many import ManyBlock, ManyPlan

__all__ = ["meet_many"]

# Differences below this share of the bound are rounding, not value.
ROUNDING = 1e-12
# Rows with the least loss that are changed at most.
ROWS_MAX = 512
# Pairs compared at most: for each change listed, and where few are.
COMPARED_PER_STATE = 30
COMPARED_MIN = 1 << 20
# Limits on the loss tried at most.
TRIES_MAX = 24
# The first of them is no smaller than the limit over this.
LEAST_SHARE = 1e6


def meet_many(
    block: ManyBlock,
    budgets: IntArray,
    prices: FloatArray,
    plan: ManyPlan,
    *,
    states_max: int,
    grid: float = 0.0,
) -> tuple[ManyPlan, float]:
    """Look for a plan better than a known one near the plan that is best at some prices.

    Parameters
    ----------
    block : ManyBlock
        All rows.
    budgets : ndarray of shape (k,), int64
        Budgets in micro-units.
    prices : ndarray of shape (k,), float64
        Any prices; the nearer to the optimal ones, the better the bound.
    plan : ManyPlan
        Best known plan within the budgets.
    states_max : int
        About how many changes to list for each half of the rows.
    grid : float, default=0.0
        Step of which all gains are whole multiples; zero where there is none.

    Returns
    -------
    ManyPlan
        The best plan found, or the known one.
    float
        Proven upper bound.
    """
    scores = block.scores(prices)
    base = block.plan(scores.argmax(axis=1))
    room = budgets - base.spend
    dual = base.gain + float(prices @ room)
    # A better plan is better by a whole step.
    limit = dual * (1.0 - ROUNDING) - plan.gain - grid * (1.0 - GRID_ROUNDING)
    if limit <= 0.0:
        return plan, plan.gain
    loss = scores.max(axis=1, keepdims=True) - scores
    rows, reach = _pick_rows(loss, limit)
    moves = Moves(loss, block.costs() - block.cost_of(base.choices)[:, None, :])
    halves = (
        list_half(moves, rows[::2], limit, states_max),
        list_half(moves, rows[1::2], limit, states_max),
    )
    reach = min(reach, halves[0].reach, halves[1].reach)
    match, searched = _match_step_by_step(halves, room, prices, min(limit, reach), limit)
    if match is not None and match.pair is not None:
        choices = base.choices.copy()
        for half, state in zip(halves, match.pair, strict=True):
            half.apply(state, choices, loss.shape[1])
        found = block.plan(choices)
        plan = found if found.gain > plan.gain else plan
    if min(reach, searched) >= limit:
        return plan, plan.gain
    return plan, max(plan.gain, dual - min(reach, searched))


def _match_step_by_step(
    halves: tuple[Half, Half], room: IntArray, prices: FloatArray, start: float, limit: float
) -> tuple[Match | None, float]:
    """Raise the limit on the loss until a pair is found; say below which loss there is no other."""
    listed = len(halves[0].lost) + len(halves[1].lost)
    compared_max = max(COMPARED_MIN, COMPARED_PER_STATE * listed)
    # The lists may be too short to hold even all changes that lose nothing.
    searched, tried, ceiling = 0.0, max(start / 2.0, limit / LEAST_SHARE), limit
    for _ in range(TRIES_MAX):
        match = match_halves(halves, room, prices, tried, compared_max)
        if match.pair is not None:
            return match, match.lost
        if match.compared > compared_max:
            ceiling = tried
            tried = max(tried / 4.0, np.sqrt(searched * tried))
            if tried > 0.9 * ceiling:
                break
            continue
        searched = tried
        if tried >= limit:
            break
        # Pairs grow with the volume of a cell, and once more with the lists while these grow.
        growth = (compared_max / 10.0 / max(match.compared, 1)) ** (1.0 / len(prices))
        growth = min(max(growth, 1.5), 4.0 if tried >= start else 2.0)
        tried = min(tried * growth, limit if ceiling == limit else np.sqrt(tried * ceiling))
        if tried > 0.9 * ceiling and ceiling < limit:
            break
    return None, searched


def _pick_rows(loss: FloatArray, limit: float) -> tuple[IntArray, float]:
    """Pick the rows that can change, the dearest first, and say what changing others loses."""
    if loss.shape[1] == 1:
        return np.zeros(0, dtype=np.int64), limit
    second = np.partition(loss, 1, axis=1)[:, 1]
    order = second.argsort(kind="stable")
    order = order[: int(np.searchsorted(second[order], limit))]
    reach = float(second[order[ROWS_MAX]]) if len(order) > ROWS_MAX else limit
    return order[:ROWS_MAX][::-1].copy(), reach
