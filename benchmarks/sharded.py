"""Allocation over shards on two worker processes: rounds, time, memory and gap beside their goals.

Run it as ``python benchmarks/sharded.py`` (``--quick`` for about a minute): 12 million rows of 16
options in single precision, 0.77 GB in 48 files, on loky and on a Dask cluster of two processes.
It exits with 1 when a goal is missed. Beside the times stand one read of the same files and `solve`
on the same rows where they fit one process.
"""

from __future__ import annotations

import resource
import sys
import time
from functools import partial
from operator import itemgetter
from os import getpid
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from distributed import Client, LocalCluster

from benchmarks._figures import Figure, finish, parse_options, show
from router.allocation import allocate_sharded, solve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from router.allocation import ShardedSolution

N_OPTIONS = 16
N_WORKERS = 2
BUDGET_PER_ROW = 150


def draw_cost() -> NDArray[np.int64]:
    """Draw the costs that all rows share, the first option free."""
    cost = np.sort(np.random.default_rng(0).integers(5, 1001, N_OPTIONS))
    cost[0] = 0
    return cost


def write_shards(directory: Path, n_shards: int, n_rows: int, *, grid: bool) -> list[Path]:
    """Write shards of noisy concave rows, on a grid of tenths where ties are wanted."""
    curve = (1.0 - np.exp(-4.0 * draw_cost() / 1000.0)).astype(np.float32)
    paths = []
    for number in range(n_shards):
        chance = np.random.default_rng([1, number])
        quality = chance.uniform(0.2, 0.95, (n_rows, 1)).astype(np.float32) * curve
        quality += 0.05 * chance.standard_normal(quality.shape, dtype=np.float32)
        np.clip(quality, 0.0, 1.0, out=quality)
        if grid:
            np.round(quality, 1, out=quality)
        paths.append(directory / f"{'ties' if grid else 'noisy'}-{number:02d}.npy")
        np.save(paths[-1], quality)
    return paths


def measure_process() -> tuple[int, int, float]:
    """Give this process, its peak memory in bytes and its processor time in seconds."""
    return getpid(), peak_memory(), time.process_time()


def peak_memory() -> int:
    """Give the peak memory of this process in bytes."""
    status = Path("/proc/self/status")
    if status.exists():
        # Unlike the system call's figure this one does not start at the peak of the parent.
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def measure_workers() -> tuple[int, float]:
    """Give the highest peak memory of the workers in use, and their processor time together."""
    calls = [joblib.delayed(measure_process)() for _ in range(16 * N_WORKERS)]
    found = {
        process: (peak, spent) for process, peak, spent in joblib.Parallel(batch_size=1)(calls)
    }
    peaks, times = zip(*found.values(), strict=True)
    return max(peaks), sum(times)


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Give the seconds that a piece of work took, and what it returned."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def processor_time(work: Callable[[], Any]) -> float:
    """Measure the processor time of a piece of work in this process."""
    start = time.process_time()
    work()
    return time.process_time() - start


def read_once(paths: list[Path]) -> float:
    """Read all shards once in this process and give the largest entry."""
    return max(float(np.max(np.load(path, mmap_mode="r"))) for path in paths)


def check_plan(plan: ShardedSolution, paths: list[Path], budget: int) -> float:
    """Recount a plan from its files and give the share of the budget left over."""
    cost, spend, value = draw_cost(), 0, 0.0
    for path, written in zip(paths, plan.paths, strict=True):
        choices = np.load(written)
        spend += int(cost[choices].sum())
        quality = np.load(path, mmap_mode="r")
        value += float(quality[np.arange(len(choices)), choices].sum(dtype=np.float64))
    if spend != plan.spend or spend > budget or abs(value - plan.value) > 1e-9 * value:
        raise AssertionError(f"the plan spends {spend} of {budget} and says {plan.spend}")
    return (budget - spend) / budget


def on_engine(name: str, paths: list[Path], n_rows: int, output: Path) -> Iterator[Figure]:
    """Measure one engine: a quarter of the shards first, then all of them."""
    size = sum(path.stat().st_size for path in paths)
    cost, budget = draw_cost(), BUDGET_PER_ROW * n_rows
    idle, _ = measure_workers()
    quarter = paths[: len(paths) // 4]
    run = partial(allocate_sharded, cost=cost, output_directory=output)
    run(quarter, budget // 4)
    early, before = measure_workers()
    reading = min(processor_time(partial(read_once, paths)) for _ in range(3))
    own = time.process_time()
    seconds, plan = timed(partial(run, paths, budget))
    own = time.process_time() - own
    peak, after = measure_workers()
    # Seconds on the clock are those of everything else on the machine as well.
    spent = after - before + own
    unused = check_plan(plan, paths, budget)
    share = sum(plan.rows_read) / n_rows
    yield Figure(f"{name}: rounds", len(plan.rows_read), f"({share:.3f} reads)", 4)
    yield Figure(f"{name}: budget left over", unused, "", 1e-6)
    yield Figure(f"{name}: gap", plan.gap, "", 1e-8)
    unit = f"({spent:.2f} s, clock {seconds:.2f} s)"
    yield Figure(f"{name}: processor time over one read", spent / reading, unit, 100.0)
    yield Figure(f"{name}: peak of a worker over the data", peak / size, f"({peak >> 20} MiB)", 1.0)
    mebibytes = (early - idle) / 2**20, (peak - idle) / 2**20
    unit = f"({mebibytes[0]:.0f} -> {mebibytes[1]:.0f} MiB)"
    yield Figure(f"{name}: growth of peaks, 4 times the shards", peak / early, unit, 1.1)


def beside_solve(paths: list[Path], output: Path) -> Iterator[Figure]:
    """Compare with the solver of one process on shards that it can hold."""
    quality = np.concatenate([np.load(path) for path in paths])
    cost, budget = draw_cost(), BUDGET_PER_ROW * len(quality)
    work = partial(solve, quality, cost, budget, method="dual")
    whole_s, whole = min((timed(work) for _ in range(3)), key=itemgetter(0))
    run = partial(allocate_sharded, cost=cost, output_directory=output)
    seconds, plan = min((timed(partial(run, paths, budget)) for _ in range(3)), key=itemgetter(0))
    check_plan(plan, paths, budget)
    size = f"{len(quality)} rows"
    unit = f"({seconds:.2f} and {whole_s:.2f} s)"
    yield Figure(f"seconds over solve, {size}", seconds / whole_s, unit, 4.0)
    difference = abs(plan.bound - whole.bound) / whole.bound
    yield Figure(f"bound differs from solve, {size}", difference, "", 1e-11)
    yield Figure(f"value below solve, {size}", 1.0 - plan.value / whole.value, "", 1e-7)


def all_parts(directory: Path, n_shards: int, n_rows: int) -> Iterator[Figure]:
    """Run all parts on shards in a directory."""
    output = directory / "choices"
    paths = write_shards(directory, n_shards, n_rows, grid=False)
    total = n_shards * n_rows
    with joblib.parallel_config("loky", n_jobs=N_WORKERS):
        yield from on_engine("loky", paths, total, output)
        yield from beside_solve(paths[: max(1, n_shards // 12)], output)
    cluster = LocalCluster(
        n_workers=N_WORKERS, threads_per_worker=1, processes=True, dashboard_address=None
    )
    with cluster, Client(cluster), joblib.parallel_config("dask"):
        yield from on_engine("Dask", paths, total, output)
        grid = write_shards(directory, n_shards // 4, n_rows, grid=True)
        budget = BUDGET_PER_ROW * n_rows * len(grid)
        plan = allocate_sharded(grid, budget, cost=draw_cost(), output_directory=output)
        unused = check_plan(plan, grid, budget)
        share = sum(plan.rows_read) / (n_rows * len(grid))
        yield Figure("Dask, ties: rounds", len(plan.rows_read), f"({share:.3f} reads)", 4)
        yield Figure("Dask, ties: budget left over", unused, "", 1e-6)
        yield Figure("Dask, ties: gap", plan.gap, "", 1e-6)


def main() -> int:
    """Run all parts, print the figures and say whether every goal was met."""
    options = parse_options("Allocation over shards on two processes.", "a twelfth of the rows")
    n_shards, n_rows = (16, 62_500) if options.quick else (48, 250_000)
    with TemporaryDirectory() as directory:
        figures = show(all_parts(Path(directory), n_shards, n_rows), width=50)
    return finish(figures, options.json)


if __name__ == "__main__":
    sys.exit(main())
