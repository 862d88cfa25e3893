"""A first bracket for large problems from the prices of a sample of rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block import Block, Plan
from router.allocation.dual import find_bracket

if TYPE_CHECKING:
    from router.allocation.problem import Problem, Rule, Table

__all__ = ["open_bracket"]

SAMPLE_ROWS = 4096
SAMPLE_ELEMENTS = 1 << 18
# The total's price misses the sample's by more than four standard errors once in 16 thousand.
STANDARD_ERRORS = 4.0


def open_bracket(table: Table, budget: int) -> tuple[Plan, Plan, Plan, Plan]:
    """Evaluate the cheapest, the richest and two sampled prices in one pass over a large table.

    Returns
    -------
    tuple of Plan
        Cheapest and richest plan, then the tightest plan within the budget and the tightest plan
        above it. Every evaluated plan is optimal at its price, so a sample that misses costs
        rounds, never correctness.
    """
    rules: list[Rule] = [Block.cheapest, Block.richest]
    rules += [_at(price) for price in _sample_prices(table.problem, budget)]
    plans = table.plans(rules)
    lean = max((plan for plan in plans if plan.spend <= budget), default=plans[0], key=_spend)
    rich = min((plan for plan in plans if plan.spend > budget), default=plans[1], key=_spend)
    return plans[0], plans[1], lean, rich


def _sample_prices(problem: Problem, budget: int) -> list[float]:
    """Estimate two prices between which the budget's price lies, from evenly spaced rows."""
    n_rows = max(1, min(SAMPLE_ROWS, SAMPLE_ELEMENTS // problem.n_options, len(problem)))
    rows = np.linspace(0, len(problem) - 1, n_rows).astype(np.int64)
    block = problem.block(rows)
    share = budget * len(rows) / len(problem)
    cheapest, richest = block.plan(block.cheapest()), block.plan(block.richest())
    if not cheapest.spend <= share < richest.spend:
        return []
    middle = find_bracket(block, int(share), cheapest, richest)
    spread = float(block.cost_of(middle.lean.choices).std()) * math.sqrt(len(rows))
    prices = []
    for sign in (-1.0, 1.0):
        goal = int(share + sign * STANDARD_ERRORS * spread)
        if cheapest.spend <= goal < richest.spend:
            price = find_bracket(block, goal, cheapest, richest).price
            if price > 0.0:
                prices.append(price)
    return prices


def _at(price: float) -> Rule:
    """Bind a price into a rule."""
    return lambda block: block.best_at(price)


def _spend(plan: Plan) -> int:
    """Order plans by what they spend."""
    return plan.spend
