"""Speed, gap and memory of the allocator, each figure beside its goal.

Run it as ``python benchmarks/allocator.py`` (``--quick`` for about a minute). It exits with 1 when
a goal is missed. HiGHS (``scipy.optimize.milp``), the textbook table and the greedy rule of the
literature run in the same process on the same instances. Without the extra ``[fast]`` what is
compiled is left out, and without SciPy the comparison with HiGHS.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from functools import partial
from importlib.util import find_spec
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._figures import Figure, finish, parse_options, show
from benchmarks._peers import (
    KINDS,
    UNITS,
    Case,
    best_units,
    climb_to_next,
    draw,
    run_highs,
    seconds_of,
)
from router.allocation import Hulls, solve, warm_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.allocation.engines import Engine
    from router.allocation.solve import Method

# HiGHS is stopped after this long; its time then counts as this, so ratios are lower bounds.
HIGHS_LIMIT_S = 60.0


def engines() -> list[Engine]:
    """List the engines that are installed."""
    return ["numpy", "numba"] if warm_up() else ["numpy"]


def small_batches(repeats: int) -> Iterator[Figure]:
    """Time dual and fill, and the proof, on the sizes of one request."""
    goals = {(8, 16): (0.4, 40.0), (100, 32): (0.7, 150.0), (200, 64): (1.1, 500.0)}
    for kind in ("concave", "noisy"):
        for (n_rows, n_options), (goal_ms, goal_us) in goals.items():
            name = f"{kind} {n_rows} x {n_options}"
            cases = [draw(kind, n_rows, n_options, seed) for seed in range(5)]
            seconds = _median_seconds(cases, "numpy", repeats, method="dual")
            yield Figure(f"dual and fill, NumPy, {name}", 1e3 * seconds, "ms", goal_ms)
            if (n_rows, n_options) == (8, 16):
                seconds = _median_seconds(cases, "numpy", repeats)
                yield Figure(f"proven plan, NumPy, {name}", 1e3 * seconds, "ms", 3.0)
            if "numba" in engines():
                seconds = _median_seconds(cases, "numba", 5 * repeats)
                yield Figure(f"proven plan, Numba, {name}", 1e6 * seconds, "us", goal_us)


def _median_seconds(
    cases: list[Case], engine: Engine, repeats: int, method: Method = "auto"
) -> float:
    """Take the median time over cases of the median time of each."""
    works = [partial(solve, *case, engine=engine, method=method) for case in cases]
    return float(np.median([seconds_of(work, repeats) for work in works]))


def exactness(n_cases: int) -> Iterator[Figure]:
    """Compare both engines with the textbook table on small instances of every kind."""
    wrong = {"values differ from the table": 0, "overspent plans": 0, "bounds below the best": 0}
    differing = 0
    chance = np.random.default_rng(0)
    for seed in range(n_cases):
        n_rows, n_options = int(chance.integers(1, 13)), int(chance.integers(1, 9))
        case = draw(KINDS[seed % len(KINDS)], n_rows, n_options, seed, chance.uniform(0.02, 0.98))
        if seed % 3 == 0:
            # Coarse costs: many equal ones within a row, many that are free.
            case = case._replace(cost=case.cost // 40 % 23, budget=case.budget // 40)
            case = case._replace(budget=case.budget + int(case.cost.min(axis=1).sum()))
        best = best_units(case)
        plans = [solve(*case, engine=engine) for engine in engines()]
        for plan in plans:
            wrong["values differ from the table"] += round(plan.value * UNITS) != best
            spend = int(case.cost[np.arange(n_rows), plan.choices].sum())
            wrong["overspent plans"] += spend > case.budget or spend != plan.spends[0]
            wrong["bounds below the best"] += plan.bound * UNITS < best * (1.0 - 1e-12)
        differing += any(
            plan.choices.tolist() != plans[0].choices.tolist() or plan.bound != plans[0].bound
            for plan in plans
        )
    for name, count in wrong.items():
        yield Figure(f"{name}, of {n_cases}", count, "", 0.0)
    yield Figure(f"plans on which the engines differ, of {n_cases}", differing, "", 0.0)


def gaps(n_seeds: int) -> Iterator[Figure]:
    """Measure gap and time of the default method on every kind of instance."""
    for n_rows, n_options in ((8, 16), (100, 32), (200, 64), (1000, 16)):
        for kind in KINDS:
            worst, times = 0.0, []
            for seed in range(n_seeds):
                case, taken = draw(kind, n_rows, n_options, seed), []
                for engine in engines():
                    start = time.perf_counter()
                    plan = solve(*case, engine=engine)
                    taken.append(1e3 * (time.perf_counter() - start))
                    worst = max(worst, 0.0 if plan.proven else plan.gap)
                times.append(taken)
            # Strongly correlated instances are the one kind whose proof may run out of states.
            goal = 1e-6 if kind == "strong" else 0.0
            unit = " / ".join(f"{ms:.3g}" for ms in np.median(times, axis=0))
            yield Figure(f"worst gap, {kind} {n_rows} x {n_options}", worst, f"({unit} ms)", goal)


def against_peers(n_seeds: int) -> Iterator[Figure]:
    """Compare proven plans with HiGHS and with the greedy rule: value, and how much sooner."""
    if find_spec("scipy") is None:
        print("SciPy is not installed: no comparison with HiGHS")
        return
    goals: dict[Engine, float] = {"numpy": 100.0, "numba": 1000.0}
    for n_rows, n_options in ((100, 8), (1000, 16)):
        for kind in ("concave", "noisy", "scurve"):
            name = f"{kind} {n_rows} x {n_options}"
            different, loss, highs = 0.0, [], []
            ratios: dict[Engine, list[float]] = {engine: [] for engine in engines()}
            for seed in range(n_seeds if n_rows == 100 else min(n_seeds, 3)):
                case = draw(kind, n_rows, n_options, seed)
                seconds, value, proven = run_highs(case, HIGHS_LIMIT_S)
                highs.append(seconds)
                plan = solve(*case)
                # Stopped early, HiGHS knows no better plan; stopped or not, it has no better one.
                below = plan.value - value
                different = max(different, abs(below) if proven else -below)
                loss.append(1.0 - climb_to_next(case) / plan.value)
                for engine, found in ratios.items():
                    found.append(seconds / seconds_of(partial(solve, *case, engine=engine), 31))
            yield Figure(f"HiGHS value differs, {name}", different, "", 1e-6)
            yield from _show_ratios(name, ratios, goals, float(np.median(highs)))
            median = float(np.median(loss))
            yield Figure(f"loss of the next-option greedy, {name}", median, "", 0.0, at_most=False)


def _show_ratios(
    name: str, ratios: dict[Engine, list[float]], goals: dict[Engine, float], highs_s: float
) -> Iterator[Figure]:
    """Show how much sooner each engine is than HiGHS, beside the least of all and HiGHS' median."""
    for engine, found in ratios.items():
        unit = f"x (least {min(found):.0f}; {1e3 * highs_s:.0f} ms)"
        title = f"sooner than HiGHS, {engine}, {name}"
        yield Figure(title, float(np.median(found)), unit, goals[engine], at_most=False)


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
    whole = seconds_of(partial(solve, q, c, b, method="dual", engine="numpy"), repeats)
    name = "cached hulls sooner than dual and fill, 1000 x 32"
    yield Figure(name, whole / cached, "x", 5.0, at_most=False)


def main() -> int:
    """Run all parts, print the figures and say whether every goal was met."""
    options = parse_options("Speed, gap and memory of the allocator.", "fewer, about a minute")
    few = options.quick
    parts = (
        small_batches(7 if few else 31),
        exactness(200 if few else 2000),
        gaps(3 if few else 15),
        against_peers(1 if few else 15),
        several_budgets(),
        large_batches(100_000 if few else 1_000_000),
        cached_hulls(7 if few else 31),
    )
    figures = show(chain.from_iterable(parts), width=58)
    return finish(figures, options.json)


if __name__ == "__main__":
    sys.exit(main())
