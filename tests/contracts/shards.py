"""Problems cut into shards, and what a plan over shards has to keep."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation import Shard, ShardedSolution
from router.allocation.sharded.allocate import allocate_described
from router.allocation.sharded.search import Limits
from router.allocation.sharded.shard import describe_shards

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["NARROW", "TIED", "allocate_within", "check_sharded", "cut", "float_rows", "shared_rows"]

# Limits that make a few thousand rows behave like many millions: a sample that is a part, a few
# hundred rows for the driver, and none at all, so that the ties are split.
NARROW = Limits(sample_rows=200, gather_elements=900, window_rows=32)
TIED = Limits(sample_rows=200, gather_elements=0, window_rows=32)


def cut(
    quality: NDArray[Any],
    cost: NDArray[Any],
    n_shards: int,
    *,
    weights: NDArray[Any] | None = None,
    allowed: NDArray[Any] | None = None,
) -> list[Shard]:
    """Cut the rows of a problem into shards of about the same size."""
    ends = np.linspace(0, len(quality), n_shards + 1).astype(np.int64).tolist()
    return [
        Shard(
            quality[start:stop],
            cost if cost.ndim == 1 else cost[start:stop],
            None if weights is None else weights[start:stop],
            None if allowed is None else allowed[start:stop],
        )
        for start, stop in pairwise(ends)
    ]


def allocate_within(
    shards: list[Any],
    budget: int,
    limits: Limits,
    cost: NDArray[Any] | None = None,
    output_directory: str | None = None,
) -> ShardedSolution:
    """Allocate over shards in this process, with other limits than a user's."""
    return allocate_described(
        describe_shards(shards, cost), budget, limits=limits, output_directory=output_directory
    )


def float_rows(n_rows: int, n_options: int, *, seed: int) -> NDArray[np.float32]:
    """Draw concave rows in single precision for the shared costs below."""
    chance = np.random.default_rng([seed, n_rows, n_options])
    curve = 1.0 - np.exp(-4.0 * shared_rows(n_options) / 1000.0)
    quality = chance.uniform(0.2, 0.95, (n_rows, 1)) * curve
    quality += chance.normal(0.0, 0.05, quality.shape)
    narrow: NDArray[np.float32] = np.clip(quality, 0.0, 1.0).astype(np.float32)
    return narrow


def shared_rows(n_options: int) -> NDArray[np.int64]:
    """Draw one row of costs, the first free."""
    cost = np.sort(np.random.default_rng(n_options).integers(5, 1001, n_options))
    cost[0] = 0
    return cost


def check_sharded(
    plan: ShardedSolution,
    quality: NDArray[Any],
    cost: NDArray[Any],
    budget: int,
    weights: NDArray[Any] | None = None,
) -> NDArray[np.int64]:
    """Assert that a plan keeps its budget to the unit and that its totals are its choices'."""
    choices = np.concatenate(plan.choices)
    rows = np.arange(len(quality))
    assert choices.dtype == np.int64
    assert choices.shape == rows.shape
    wide = np.broadcast_to(cost, quality.shape)
    assert sum(wide[rows, choices].tolist()) == plan.spend <= budget
    gain = quality[rows, choices].astype(np.float64)
    value = float((gain if weights is None else gain * weights).sum())
    assert abs(plan.value - value) <= 1e-9 * max(1.0, value)
    assert plan.bound >= plan.value
    return choices
