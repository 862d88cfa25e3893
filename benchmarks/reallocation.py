"""Planning the rest of a batch again, beside fresh solves of the same rows in the same run.

Run it as ``python benchmarks/reallocation.py`` (``--quick`` for some seconds). It exits with 1 when
a goal is missed. Of 200 questions with 64 options every other one is closed at what it was planned
to cost, a tenth more or a tenth less; the other half is then planned anew from the cached hulls.
Building the batch is not in the time, taking the closed rows out of it is. NumPy is compared with
NumPy, and, with the extra ``[fast]``, the kernel with the compiled solver.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks._figures import Figure, finish, parse_options, show
from benchmarks._peers import draw
from router.allocation import Reallocation, solve, warm_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router.allocation.engines import Engine

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Work = tuple["Callable[[], object]", "Callable[[object], object]"]

KINDS = ("concave", "noisy", "scurve", "ties", "strong", "linear")
GOAL_KINDS = ("concave", "noisy", "scurve")
N_ROWS, N_OPTIONS = 200, 64


def close_half(
    quality: Floats, cost: Integers, budget: int, engine: Engine = "numpy"
) -> Reallocation:
    """Plan a batch, and close every other row at its planned cost give or take a tenth."""
    batch = Reallocation(quality, cost, budget, engine=engine)
    choices = batch.solve().choices
    for row in range(0, N_ROWS, 2):
        planned = int(cost[row, choices[row]])
        batch.close(row, planned * (11 if row % 4 else 9) // 10)
    return batch


def microseconds_of(prepare: Callable[[], object], work: Callable[[object], object]) -> float:
    """Time one piece of work on something prepared outside of the time."""
    prepared = prepare()
    start = time.perf_counter()
    work(prepared)
    return 1e6 * (time.perf_counter() - start)


def change_and_solve(batch: object, n_rows: int, quality: Floats) -> object:
    """Report new surfaces of some rows and plan again."""
    if not isinstance(batch, Reallocation):
        raise TypeError(f"{batch!r} is no batch")
    if n_rows:
        rows = batch.open_rows[:n_rows]
        batch.update(rows.tolist(), quality[rows])
    return batch.solve()


def list_works(kind: str, seed: int, *, compiled: bool) -> tuple[dict[str, Work], float]:
    """List what is timed, fresh solves of the open half first, and compare the bounds."""
    quality, cost, budget = draw(kind, N_ROWS, N_OPTIONS, seed)
    half = partial(close_half, quality, cost, budget)
    batch = half()
    rows, left = batch.open_rows, batch.remaining
    fresh = partial(solve, quality[rows], cost[rows], left)
    dual = fresh(method="dual", engine="numpy")
    difference = abs(batch.solve().bound - dual.bound) / dual.bound
    works: dict[str, Work] = {
        "fresh": (half, lambda _: fresh(engine="numpy")),
        "fresh dual": (half, lambda _: fresh(method="dual", engine="numpy")),
        "fresh, whole batch": (half, lambda _: solve(quality, cost, budget, engine="numpy")),
        "again": (half, lambda x: change_and_solve(x, 0, quality)),
        "1 row new": (half, lambda x: change_and_solve(x, 1, quality)),
        "20 rows new": (half, lambda x: change_and_solve(x, 20, quality)),
    }
    if compiled:
        half_compiled = partial(half, "numba")
        works["again compiled"] = (half_compiled, lambda x: change_and_solve(x, 0, quality))
        works["fresh compiled"] = (half, lambda _: fresh(engine="numba"))
        works["fresh compiled dual"] = (half, lambda _: fresh(method="dual", engine="numba"))
    return works, difference


def compare(n_seeds: int, repeats: int) -> Iterator[Figure]:
    """Time all works side by side and give ratios to the fresh solves of the open half."""
    compiled = warm_up()
    for kind in KINDS:
        times: dict[str, list[float]] = {}
        worst = 0.0
        for seed in range(n_seeds):
            works, difference = list_works(kind, seed, compiled=compiled)
            worst = max(worst, difference)
            series: dict[str, list[float]] = {name: [] for name in works}
            for _ in range(repeats):
                for name, (prepare, work) in works.items():
                    series[name].append(microseconds_of(prepare, work))
            for name, values in series.items():
                times.setdefault(name, []).append(float(np.median(values)))
        medians = {name: float(np.median(values)) for name, values in times.items()}
        goal = 0.1 if kind in GOAL_KINDS else None
        for name, middle in medians.items():
            yield Figure(f"{kind}: {name}", middle, "us")
        for name, middle in medians.items():
            if name.startswith("fresh"):
                again = "again compiled" if "compiled" in name else "again"
                reach = goal if name in {"fresh", "fresh compiled"} else None
                yield Figure(f"{kind}: {again} / {name}", medians[again] / middle, "", reach)
        yield Figure(f"{kind}: bound differs from the dual's", worst, "", 1e-12)


def main() -> int:
    """Compare, print the figures and say whether every goal was met."""
    options = parse_options("Planning the rest of a batch again.", "fewer batches and repeats")
    few = options.quick
    figures = show(compare(2 if few else 5, 5 if few else 31), width=48, measured=16)
    return finish(figures, options.json)


if __name__ == "__main__":
    sys.exit(main())
