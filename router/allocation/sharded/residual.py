"""The undecided rows on one machine: their exact dual, the ties, and a fill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.allocation.dual import find_bracket
from router.allocation.fill import fill_block, split_ties

if TYPE_CHECKING:
    from router.allocation.block import Block, IntArray, Plan
    from router.allocation.sharded.tasks import Open

__all__ = ["Settlement", "fill_ties", "solve_open"]

# Entries of the rows nearest to a switch that are filled up together.
FILL_ELEMENTS = 1 << 17


@dataclass(frozen=True, slots=True)
class Settlement:
    """Choices of the undecided rows.

    Parameters
    ----------
    choices : ndarray of shape (u,), int64
        Their choices.
    price : float
        Dual price, value per micro-unit.
    bound : float
        Dual bound of these rows within their room.
    """

    choices: IntArray
    price: float
    bound: float


def solve_open(rows: Open, room: int, scale: float) -> Settlement:
    """Solve the undecided rows: exact dual price, tied rows by the cheapest step, fill.

    Parameters
    ----------
    rows : Open
        Undecided rows with their choices at both ends of a bracket that holds the price.
    room : int
        What the decided rows leave of the budget, in micro-units.
    scale : float
        Units in a gain of one.
    """
    block = rows.problem.block(scale=scale)
    bracket = find_bracket(block, room, block.plan(rows.lean), block.plan(rows.rich))
    plan = split_ties(block, bracket.lean, bracket.rich, room)
    return Settlement(_fill(block, plan, room, bracket.price), bracket.price, bracket.bound)


def fill_ties(rows: Open, room: int, price: float, scale: float) -> IntArray:
    """Move tied rows to their richer choice, the cheapest step first, and fill up."""
    block = rows.problem.block(scale=scale)
    lean, rich = block.plan(rows.lean), block.plan(rows.rich)
    plan = rich if rich.spend <= room else split_ties(block, lean, rich, room)
    return _fill(block, plan, room, price)


def _fill(block: Block, plan: Plan, room: int, price: float) -> IntArray:
    """Upgrade single rows among those nearest to a switch of option."""
    count = max(1, FILL_ELEMENTS // block.gain.shape[1])
    rows: IntArray = np.arange(len(block))
    if count < len(block) and block.gain.shape[1] > 1:
        scores = block.scores(price)
        scores.partition(scores.shape[1] - 2, axis=1)
        loss = scores[:, -1] - scores[:, -2]
        rows = np.sort(loss.argsort(kind="stable")[:count])
    inner = block.take(rows)
    inside = inner.plan(plan.choices[rows])
    filled = fill_block(inner, inside, room - (plan.spend - inside.spend))
    choices: IntArray = plan.choices.astype(np.int64)
    choices[rows] = filled.choices
    return choices
