"""A first bracket for large problems from the prices of a sample of rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from router.allocation.reader import CHEAPEST, RICHEST

if TYPE_CHECKING:
    from router.allocation.block import IntArray
    from router.allocation.problem import Problem
    from router.allocation.reader import Reader

__all__ = ["pick_rows", "sample_prices"]

SAMPLE_ROWS = 4096
SAMPLE_ELEMENTS = 1 << 18
# The total's price misses the sample's by more than three standard errors once in 370 times, which
# costs a further pass; every further standard error would leave a third more rows to read again.
STANDARD_ERRORS = 3.0
# Away from a price at which many rows are tied, they agree on which side they are.
TIE_MARGIN = 1e-9


def pick_rows(problem: Problem) -> IntArray:
    """Pick evenly spaced rows to represent all of them."""
    n_rows = max(1, min(SAMPLE_ROWS, SAMPLE_ELEMENTS // problem.n_options, len(problem)))
    return np.linspace(0, len(problem) - 1, n_rows).astype(np.int64)


def sample_prices(reader: Reader, rows: IntArray, budget: int) -> tuple[float, float]:
    """Estimate a price below the budget's and one above it.

    Every plan is optimal at its price, so a sample that misses costs rounds, never correctness.
    Where the sample leaves a side open its end of the scale stands there.

    Parameters
    ----------
    reader : Reader
        The whole problem.
    rows : ndarray of shape (r,), int64
        The sample.
    budget : int
        Budget of all rows in micro-units.
    """
    block = reader.problem.block(rows)
    share = budget * len(rows) / len(reader.problem)
    cheapest, richest = block.plan(block.cheapest()), block.plan(block.richest())
    if not cheapest.spend <= share < richest.spend:
        return RICHEST, CHEAPEST
    middle = reader.meet(block, int(share), cheapest, richest)
    spread = float(block.cost_of(middle.lean.choices).std()) * math.sqrt(len(rows))
    low, high = RICHEST, CHEAPEST
    goal = int(share + STANDARD_ERRORS * spread)
    if goal < richest.spend:
        low = reader.meet(block, goal, middle.lean, richest).price * (1.0 - TIE_MARGIN)
    goal = int(share - STANDARD_ERRORS * spread)
    if goal >= cheapest.spend:
        high = reader.meet(block, goal, cheapest, middle.rich).price * (1.0 + TIE_MARGIN)
    # A price of zero on the high side comes from a sample in which nothing is worth its cost.
    return low, high if high > low else CHEAPEST
