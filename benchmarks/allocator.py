"""Speed, gap and memory of the allocator, each figure beside its goal.

Run it as ``python benchmarks/allocator.py`` (``--quick`` for about a minute). It exits with 1 when
a goal is missed. HiGHS (``scipy.optimize.milp``) and the greedy rule of the literature run in the
same process on the same instances; without SciPy the comparison with HiGHS is left out.
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
import time
import tracemalloc
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from router.allocation import Hulls, solve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Case = tuple[Floats, Integers, int]

KINDS = ("concave", "noisy", "scurve", "random", "strong", "ties", "linear")


@dataclass(frozen=True)
class Figure:
    """One measured figure and what it has to reach."""

    name: str
    value: float
    unit: str
    goal: float
    at_most: bool = True

    @property
    def met(self) -> bool:
        """Whether the goal is reached."""
        return self.value <= self.goal if self.at_most else self.value >= self.goal


def draw(kind: str, n_rows: int, n_options: int, seed: int) -> Case:
    """Draw quality, integer costs with a free first option, and two fifths of a full budget."""
    chance = np.random.default_rng([seed, n_rows, n_options, KINDS.index(kind)])
    cost = np.sort(chance.integers(5, 1001, (n_rows, n_options)), axis=1)
    cost[:, 0] = 0
    part = cost / 1000.0
    top, bend = chance.uniform(0.2, 0.95, (n_rows, 1)), chance.uniform(1.0, 8.0, (n_rows, 1))
    concave = top * (1.0 - np.exp(-bend * part)) / (1.0 - np.exp(-bend))
    middle = chance.uniform(0.1, 0.9, (n_rows, 1))
    noise = chance.normal(0.0, 0.05, cost.shape)
    quality = {
        "concave": concave,
        "noisy": concave + noise,
        "scurve": top / (1.0 + np.exp(-12.0 * (part - middle))),
        "random": chance.random(cost.shape),
        "strong": np.where(cost > 0, (cost + 100) / 1100.0, 0.0),
        "ties": np.round(concave + noise, 1),
        "linear": part,
    }[kind]
    quality = np.round(np.clip(quality, 0.0, 1.0), 6)
    dearest = cost[np.arange(n_rows), quality.argmax(axis=1)].sum()
    return quality, cost, int(0.4 * dearest)


def seconds_of(work: Callable[[], object], repeats: int) -> float:
    """Measure the median time of a piece of work."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def climb_to_next(quality: Floats, cost: Integers, budget: int) -> float:
    """Buy the next option with the best ratio from a heap, the greedy rule of the literature."""
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


def small_batches(repeats: int) -> Iterator[Figure]:
    """Time dual and fill, and the proof, on the sizes of one request."""
    goals = {(8, 16): 0.4, (100, 32): 0.7, (200, 64): 1.1}
    for kind in ("concave", "noisy"):
        for (n_rows, n_options), goal in goals.items():
            times = []
            for seed in range(5):
                q, c, b = draw(kind, n_rows, n_options, seed)
                times.append(seconds_of(partial(solve, q, c, b, method="dual"), repeats))
            name = f"dual and fill, {kind} {n_rows} x {n_options}"
            yield Figure(name, 1e3 * float(np.median(times)), "ms", goal)
        times = []
        for seed in range(5):
            q, c, b = draw(kind, 8, 16, seed)
            times.append(seconds_of(partial(solve, q, c, b), repeats))
        yield Figure(f"proven plan, {kind} 8 x 16", 1e3 * float(np.median(times)), "ms", 3.0)


def gaps(n_seeds: int) -> Iterator[Figure]:
    """Measure gap and time of the default method on every kind of instance."""
    for n_rows, n_options in ((8, 16), (100, 32), (200, 64), (1000, 16)):
        for kind in KINDS:
            worst, times = 0.0, []
            for seed in range(n_seeds):
                q, c, b = draw(kind, n_rows, n_options, seed)
                start = time.perf_counter()
                plan = solve(q, c, b)
                times.append(time.perf_counter() - start)
                worst = max(worst, 0.0 if plan.proven else plan.gap)
            # Strongly correlated instances are the one kind whose proof may run out of states.
            goal = 1e-6 if kind == "strong" else 0.0
            name = f"worst gap, {kind} {n_rows} x {n_options}"
            yield Figure(name, worst, f"({1e3 * float(np.median(times)):.2f} ms)", goal)


def against_highs(n_seeds: int) -> Iterator[Figure]:
    """Compare proven plans with HiGHS on 100 x 8: the same value, how much sooner."""
    try:
        from scipy import sparse
        from scipy.optimize import Bounds, LinearConstraint, milp
    except ImportError:
        print("SciPy is not installed: no comparison with HiGHS")
        return
    for kind in ("concave", "noisy", "scurve"):
        ratios, differences = [], []
        for seed in range(n_seeds):
            q, c, b = draw(kind, 100, 8, seed)
            ours = seconds_of(partial(solve, q, c, b), 5)
            one_each = sparse.kron(sparse.eye(100), np.ones((1, 8)))
            limits = [LinearConstraint(one_each, 1, 1), LinearConstraint(c.ravel(), -np.inf, b)]
            start = time.perf_counter()
            result = milp(
                -q.ravel(),
                constraints=limits,
                bounds=Bounds(0, 1),
                integrality=np.ones(q.size),
                options={"mip_rel_gap": 0.0},
            )
            ratios.append((time.perf_counter() - start) / ours)
            differences.append(abs(solve(q, c, b).value + result.fun))
        yield Figure(f"HiGHS value differs, {kind} 100 x 8", max(differences), "", 1e-6)
        median = float(np.median(ratios))
        yield Figure(f"times faster than HiGHS, {kind} 100 x 8", median, "x", 20.0, at_most=False)


def against_greedy() -> Iterator[Figure]:
    """Measure what climbing to the next option only leaves behind."""
    for kind, goal in (("concave", 0.0), ("noisy", 0.02), ("scurve", 0.05)):
        losses = []
        for seed in range(5):
            q, c, b = draw(kind, 1000, 16, seed)
            value = solve(q, c, b).value
            losses.append(1.0 - climb_to_next(q, c, b) / value)
        name = f"loss of the next-option greedy, {kind} 1000 x 16"
        yield Figure(name, float(np.median(losses)), "", goal, at_most=False)


def several_budgets() -> Iterator[Figure]:
    """Measure gap and time with two to four budgets."""
    for n_rows, n_options, n_budgets, goal in (
        (200, 32, 2, 5e-4),
        (200, 32, 3, 1.5e-3),
        (200, 32, 4, 2e-3),
        (1000, 16, 3, 3e-4),
    ):
        found, times = [], []
        for seed in range(5):
            chance = np.random.default_rng([seed, n_rows, n_budgets])
            cost = chance.integers(0, 1001, (n_rows, n_options, n_budgets))
            cost[:, 0] = 0
            noise = chance.normal(0.1, 0.1, (n_rows, n_options))
            quality = np.clip(cost.mean(axis=2) / 1000 * 0.6 + noise, 0.0, 1.0)
            budgets = (cost.max(axis=1).sum(axis=0) * 0.2).astype(np.int64).tolist()
            start = time.perf_counter()
            found.append(solve(quality, cost, budgets).gap)
            times.append(time.perf_counter() - start)
        name = f"gap with {n_budgets} budgets, {n_rows} x {n_options}"
        unit = f"({1e3 * float(np.median(times)):.0f} ms)"
        yield Figure(name, float(np.median(found)), unit, goal)


def large_batches(n_rows: int) -> Iterator[Figure]:
    """Measure time, gap and extra memory on one large float32 surface with shared costs."""
    chance = np.random.default_rng(0)
    cost = np.sort(chance.integers(5, 1001, 32))
    cost[0] = 0
    curve = (1.0 - np.exp(-4.0 * cost / 1000.0)).astype(np.float32)
    quality = chance.uniform(0.2, 0.95, (n_rows, 1)).astype(np.float32) * curve
    quality += chance.normal(0.0, 0.05, quality.shape).astype(np.float32)
    np.clip(quality, 0.0, 1.0, out=quality)
    start = time.perf_counter()
    plan = solve(quality, cost, 150 * n_rows)
    seconds = time.perf_counter() - start
    tracemalloc.start()
    solve(quality, cost, 150 * n_rows)
    extra = tracemalloc.get_traced_memory()[1] / quality.nbytes
    tracemalloc.stop()
    size = f"{n_rows} x 32 float32"
    yield Figure(f"time, {size}", seconds, "s", 8.0 * n_rows / 1e6)
    yield Figure(f"gap, {size}", plan.gap, "", 1e-8)
    yield Figure(f"extra memory over input, {size}", extra, "", 1.0)


def cached_hulls(repeats: int) -> Iterator[Figure]:
    """Compare a new budget on cached hulls with solving from the arrays."""
    q, c, b = draw("noisy", 1000, 32, 0)
    hulls = Hulls.build(q, c)
    cached = seconds_of(partial(hulls.solve, b), repeats)
    whole = seconds_of(partial(solve, q, c, b, method="dual"), repeats)
    name = "cached hulls sooner than dual and fill, 1000 x 32"
    yield Figure(name, whole / cached, "x", 5.0, at_most=False)


def main() -> int:
    """Run all parts, print the figures and say whether every goal was met."""
    parser = argparse.ArgumentParser(description="Speed, gap and memory of the allocator.")
    parser.add_argument("--quick", action="store_true", help="fewer repeats, about a minute")
    parser.add_argument("--json", type=Path, metavar="PATH", help="write the figures here")
    options = parser.parse_args()
    few = options.quick
    parts = (
        small_batches(7 if few else 31),
        gaps(3 if few else 15),
        against_highs(2 if few else 7),
        against_greedy(),
        several_budgets(),
        large_batches(100_000 if few else 1_000_000),
        cached_hulls(7 if few else 31),
    )
    figures = []
    print(f"{'figure':58s} {'measured':>22s} {'goal':>12s}")
    for part in parts:
        for figure in part:
            figures.append(figure)
            sign = "<=" if figure.at_most else ">="
            mark = "" if figure.met else "  MISSED"
            measured = f"{figure.value:.4g} {figure.unit}"
            print(f"{figure.name:58s} {measured:>22s} {sign} {figure.goal:<9.3g}{mark}", flush=True)
    if options.json is not None:
        rows = [{**asdict(figure), "met": figure.met} for figure in figures]
        options.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    return 0 if all(figure.met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
