"""The allocator: arrays in, choices out.

Given the quality and the cost of every option of every row, and a budget, choose one option per row
so that the total quality is highest: the multiple-choice knapsack problem. The price of a
micro-unit comes from the exact dual, a fill uses up what rounding leaves, and an exact search over
the few rows left in doubt proves the plan or bounds its distance to the best one. Questions that
arrive one at a time are decided against what is left of a pool, by a price that follows the spend.
"""

from __future__ import annotations

from router.allocation.engines import warm_up
from router.allocation.frontier import Hulls, trace_frontier
from router.allocation.online import DualMirrorDescent, OnlinePolicy
from router.allocation.online_baselines import (
    EvenSplit,
    FixedThreshold,
    Greedy,
    Resolving,
    bound_hindsight,
)
from router.allocation.reallocation import Reallocation
from router.allocation.sharded import Shard, ShardedSolution, allocate_sharded
from router.allocation.solution import Solution
from router.allocation.solve import solve

__all__ = [
    "DualMirrorDescent",
    "EvenSplit",
    "FixedThreshold",
    "Greedy",
    "Hulls",
    "OnlinePolicy",
    "Reallocation",
    "Resolving",
    "Shard",
    "ShardedSolution",
    "Solution",
    "allocate_sharded",
    "bound_hindsight",
    "solve",
    "trace_frontier",
    "warm_up",
]
