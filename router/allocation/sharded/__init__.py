"""Allocation past one machine: shards in, choices per shard out.

The dual price couples the rows of a problem by one number only, so the work splits into shards that
each answer a few prices with their total gain and spend (map) and a driver that adds the totals up
and narrows the price (reduce). A sample brackets the price, one round over all rows leaves the few
undecided ones, and these are narrowed and finally solved exactly where they fit one machine.
"""

from __future__ import annotations

from router.allocation.sharded.allocate import allocate_sharded
from router.allocation.sharded.shard import Shard
from router.allocation.sharded.solution import ShardedSolution

__all__ = ["Shard", "ShardedSolution", "allocate_sharded"]
