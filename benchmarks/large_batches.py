"""Large batches: time over one reading of the arrays, extra memory and gap, both engines.

Run it as ``python -m benchmarks.large_batches`` (``--quick`` for about a minute). It exits with 1
when a goal is missed. The reading is the largest entry of both arrays, found by two threads; it and
the engines take turns, and the shortest of each are divided.
"""

from __future__ import annotations

import gc
import sys
import time
import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._figures import Figure, finish, parse_options, show
from benchmarks._peers import KINDS, draw
from router.allocation import solve, warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from router.allocation import Solution
    from router.allocation.engines import Engine

N_OPTIONS = 32
PART_ROWS = 1 << 14
# What the peak of resident memory is read from, and what starts it afresh.
STATUS, AFRESH = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def read(quality: NDArray[Any], cost: NDArray[Any]) -> None:
    """Read both arrays once, by two threads."""
    parts = [slice(start, start + PART_ROWS) for start in range(0, len(quality), PART_ROWS)]
    per_row = cost.ndim == 2
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda part: (quality[part].max(), per_row and cost[part].max()), parts))


def seconds_of(work: Callable[[], object]) -> float:
    """Measure one run of a piece of work."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def extra_bytes(work: Callable[[], object]) -> int:
    """Measure how much memory a piece of work needs beside what this process holds already.

    The larger of two figures: what Python and NumPy allocate, and, where the system tells, how far
    resident memory rises, which counts what compiled code allocates by itself.
    """
    tracemalloc.start()
    work()
    allocated = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    gc.collect()
    try:
        AFRESH.write_text("5", encoding="ascii")
    except OSError:
        return allocated
    before = _resident_bytes("VmRSS")
    work()
    return max(allocated, _resident_bytes("VmHWM") - before)


def _resident_bytes(name: str) -> int:
    """Read one line of the process's status."""
    lines = STATUS.read_text(encoding="ascii").splitlines()
    return 1024 * int(next(line for line in lines if line.startswith(name)).split()[1])


def measure(
    arrays: tuple[NDArray[Any], NDArray[Any], int], name: str, goals: dict[str, float], turns: int
) -> Iterator[Figure]:
    """Measure every engine on one instance."""
    quality, cost, budget = arrays
    size = quality.nbytes + (cost.nbytes if cost.ndim == 2 else 0)
    plans: dict[Engine, Solution] = {}
    times: dict[str, list[float]] = {"read": []}
    engines: tuple[Engine, ...] = ("numba", "numpy") if warm_up() else ("numpy",)
    for engine in engines:
        plans[engine] = solve(quality, cost, budget, engine=engine)
        times[engine] = []
    for turn in range(turns):
        times["read"].append(seconds_of(partial(read, quality, cost)))
        for engine in engines:
            if engine == "numba" or turn < max(2, turns // 3):
                times["read"].append(seconds_of(partial(read, quality, cost)))
                work = partial(solve, quality, cost, budget, engine=engine)
                times[engine].append(seconds_of(work))
    shortest = min(times["read"])
    for engine in engines:
        seconds = min(times[engine])
        unit = f"({1e3 * seconds:.0f} of {1e3 * shortest:.0f} ms)"
        yield Figure(f"{engine} over reading, {name}", seconds / shortest, unit, goals[engine])
        extra = extra_bytes(partial(solve, quality, cost, budget, engine=engine)) / size
        yield Figure(f"{engine} extra memory, {name}", extra, "", goals[f"{engine} memory"])
    plan = plans["numpy"]
    goal = np.inf if "ties" in name else 1e-8
    yield Figure(f"gap, {name}", plan.gap, "", goal)
    differing = sum(
        int((other.choices != plan.choices).sum()) + (other.bound != plan.bound)
        for other in plans.values()
    )
    yield Figure(f"rows on which the engines differ, {name}", differing, "", 0.0)


def double_precision(n_rows: int, kinds: tuple[str, ...], turns: int) -> Iterator[Figure]:
    """Measure float64 qualities with costs per row."""
    goals = {"numba": 2.0, "numpy": 25.0, "numba memory": 0.3, "numpy memory": 1.0}
    for kind in kinds:
        name = f"{kind} {n_rows:,} x {N_OPTIONS}"
        yield from measure(draw(kind, n_rows, N_OPTIONS, 0), name, goals, turns)


def single_precision(n_rows: int, turns: int) -> Iterator[Figure]:
    """Measure float32 qualities, with 32-bit costs per row and with shared ones."""
    goals = {"numba": 4.0, "numpy": np.inf, "numba memory": 0.3, "numpy memory": 1.0}
    quality, cost, budget = draw("noisy", n_rows, N_OPTIONS, 0)
    single, narrow = quality.astype(np.float32), cost.astype(np.int32)
    shared = cost[0].copy()
    del quality, cost
    name = f"noisy {n_rows:,} x {N_OPTIONS} float32"
    yield from measure((single, narrow, budget), name, goals, turns)
    goals["numba"] = np.inf
    yield from measure((single, shared, budget), f"{name}, shared costs", goals, turns)


def gaps(n_seeds: int) -> Iterator[Figure]:
    """Measure the worst gap where a problem is just large enough not to be held densely."""
    for n_rows, n_options, goal in ((1000, 16, 1e-5), (10_000, N_OPTIONS, 1e-5)):
        for kind in KINDS:
            worst = max(solve(*draw(kind, n_rows, n_options, seed)).gap for seed in range(n_seeds))
            name = f"worst gap, {kind} {n_rows:,} x {n_options}"
            yield Figure(name, worst, "", None if kind == "ties" else goal)


def main() -> int:
    """Run all parts, print the figures and say whether every goal was met."""
    options = parse_options("Time, memory and gap of large batches.", "fewer, about a minute")
    few = options.quick
    n_rows, kinds = (300_000, ("noisy", "ties")) if few else (1_000_000, KINDS)
    parts = (
        gaps(2 if few else 5),
        double_precision(n_rows, kinds, 5 if few else 9),
        single_precision(n_rows, 5 if few else 9),
    )
    figures = show(chain.from_iterable(parts), width=66, measured=24)
    return finish(figures, options.json)


if __name__ == "__main__":
    sys.exit(main())
