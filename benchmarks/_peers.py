"""Instances for the allocator's benchmarks, and what it is compared with."""

from __future__ import annotations

import heapq
import os
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "KINDS",
    "UNITS",
    "Case",
    "best_units",
    "climb_to_next",
    "draw",
    "run_highs",
    "seconds_of",
    "shape_quality",
]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

KINDS = ("concave", "noisy", "scurve", "random", "strong", "ties", "linear")
# Qualities are whole numbers of millionths, so that every solver sees the same exact figures.
UNITS = 1_000_000


class Case(NamedTuple):
    """Quality, cost and budget of one batch."""

    quality: Floats
    cost: Integers
    budget: int


def draw(kind: str, n_rows: int, n_options: int, seed: int, share: float = 0.4) -> Case:
    """Draw quality, integer costs with a free first option, and a share of a full budget."""
    chance = np.random.default_rng([seed, n_rows, n_options, KINDS.index(kind)])
    cost = np.sort(chance.integers(5, 1001, (n_rows, n_options)), axis=1)
    cost[:, 0] = 0
    quality = shape_quality(kind, cost / 1000.0, chance)
    dearest = cost[np.arange(n_rows), quality.argmax(axis=1)].sum()
    return Case(quality, cost, int(share * dearest))


def shape_quality(kind: str, part: Floats, chance: np.random.Generator) -> Floats:
    """Draw quality that follows the cost as a part of the largest one, in the manner of a kind."""
    column = (len(part), 1)
    top, bend = chance.uniform(0.2, 0.95, column), chance.uniform(1.0, 8.0, column)
    concave = top * (1.0 - np.exp(-bend * part)) / (1.0 - np.exp(-bend))
    middle = chance.uniform(0.1, 0.9, column)
    noise = chance.normal(0.0, 0.05, part.shape)
    quality = {
        "concave": concave,
        "noisy": concave + noise,
        "scurve": top / (1.0 + np.exp(-12.0 * (part - middle))),
        "random": chance.random(part.shape),
        "strong": np.where(part > 0, (1000.0 * part + 100) / 1100.0, 0.0),
        "ties": np.round(concave + noise, 1),
        "linear": part,
    }[kind]
    rounded: Floats = np.round(np.clip(quality, 0.0, 1.0), 6)
    return rounded


def seconds_of(work: Callable[[], object], repeats: int) -> float:
    """Measure the median time of a piece of work."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def climb_to_next(case: Case) -> float:
    """Buy the next option with the best ratio from a heap, the greedy rule of the literature."""
    quality, cost, budget = case
    at = [0] * len(quality)
    left, value = budget - int(cost[:, 0].sum()), float(quality[:, 0].sum())

    def push(row: int) -> None:
        """Offer a row's next option if it gains."""
        option = at[row] + 1
        if option < quality.shape[1]:
            gain = float(quality[row, option] - quality[row, option - 1])
            step = int(cost[row, option] - cost[row, option - 1])
            if gain > 0.0:
                heapq.heappush(heap, (-gain / max(step, 1e-9), row, gain, step))

    heap: list[tuple[float, int, float, int]] = []
    for row in range(len(quality)):
        push(row)
    while heap:
        _, row, gain, step = heapq.heappop(heap)
        if step <= left:
            left, value = left - step, value + gain
            at[row] += 1
            push(row)
    return value


def run_highs(case: Case, limit_s: float) -> tuple[float, float, bool]:
    """Solve with HiGHS; return seconds, value and whether it proved that value in time."""
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    quality, cost, budget = case
    n_rows, n_options = quality.shape
    one_each = sparse.kron(sparse.eye(n_rows), np.ones((1, n_options)))
    limits = [LinearConstraint(one_each, 1, 1), LinearConstraint(cost.ravel(), -np.inf, budget)]
    start = time.perf_counter()
    with _silence():
        result = milp(
            -quality.ravel(),
            constraints=limits,
            bounds=Bounds(0, 1),
            integrality=np.ones(quality.size),
            options={"mip_rel_gap": 0.0, "time_limit": limit_s},
        )
    seconds = time.perf_counter() - start
    return seconds, np.nan if result.fun is None else -float(result.fun), result.status == 0


@contextmanager
def _silence() -> Iterator[None]:
    """Keep a library's own messages away from standard output."""
    sys.stdout.flush()
    kept, nothing = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nothing)


def best_units(case: Case) -> int:
    """Find the best value in millionths by the textbook table over every budget, in integers."""
    units = np.rint(case.quality * UNITS).astype(np.int64)
    best = np.zeros(case.budget + 1, dtype=np.int64)
    for row in range(len(units)):
        longer = np.full(case.budget + 1, -1)
        for price, gain in zip(case.cost[row].tolist(), units[row].tolist(), strict=True):
            if price <= case.budget:
                reached = best[: case.budget + 1 - price]
                np.maximum(
                    longer[price:], np.where(reached >= 0, reached + gain, -1), out=longer[price:]
                )
        best = longer
    return int(best.max())
