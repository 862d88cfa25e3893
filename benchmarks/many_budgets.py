"""Several budgets at once: gap and time beside HiGHS on the same instances, with goals.

Run it as ``python benchmarks/many_budgets.py`` (``--quick`` for about a minute; SciPy is needed).
It exits with 1 when a goal is missed. Each instance of 200 rows and 32 options is solved by this
allocator and by the mixed-integer solver HiGHS with a limit of 15 s, one after the other in one
process. Both gaps are measured against the same bound, the dual's.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

from benchmarks._figures import Figure, finish, parse_options, show
from benchmarks._peers import shape_quality
from router.allocation import solve

if TYPE_CHECKING:
    from collections.abc import Iterator

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Case = tuple[Floats, Integers, list[int]]

KINDS = ("noisy", "concave", "scurve", "random", "ties")
N_ROWS, N_OPTIONS = 200, 32
SECONDS_MAX = 15.0
RATIO_GOAL, SPEED_GOAL = 2.0, 20.0
# Below this share of the bound HiGHS itself takes a plan for the best.
GAP_LEAST = 1e-9


@dataclass(frozen=True)
class Run:
    """Both solvers on one instance."""

    gap: float
    seconds: float
    highs_gap: float
    highs_seconds: float
    overspent: bool
    price_error: float


def draw(kind: str, n_budgets: int, seed: int, *, correlated: bool) -> Case:
    """Draw an instance with a free first option and two fifths of what the best options cost.

    Qualities follow the mean cost as in ``benchmarks/allocator.py``. The columns of cost are drawn
    on their own, or as half to one and a half times one common sorted column.
    """
    chance = np.random.default_rng([seed, n_budgets, KINDS.index(kind), int(correlated)])
    shape = (N_ROWS, N_OPTIONS, n_budgets)
    if correlated:
        common = np.sort(chance.integers(5, 1001, shape[:2]), axis=1)[:, :, None]
        cost = np.rint(common * chance.uniform(0.5, 1.5, shape)).clip(1, 1000).astype(np.int64)
    else:
        cost = chance.integers(5, 1001, shape)
    cost[:, 0] = 0
    quality = shape_quality(kind, cost.mean(axis=2) / 1000.0, chance)
    dearest = cost[np.arange(N_ROWS), quality.argmax(axis=1)].sum(axis=0)
    return quality, cost, (0.4 * dearest).astype(np.int64).tolist()


def solve_with_highs(case: Case) -> tuple[float, float]:
    """Solve the integer program; return the value found and the seconds taken."""
    quality, cost, budgets = case
    one_each = sparse.kron(sparse.eye(N_ROWS), np.ones((1, N_OPTIONS)))
    spend = cost.reshape(quality.size, -1).T.astype(np.float64)
    start = time.perf_counter()
    result = milp(
        -quality.ravel(),
        constraints=[LinearConstraint(one_each, 1, 1), LinearConstraint(spend, -np.inf, budgets)],
        bounds=Bounds(0, 1),
        integrality=np.ones(quality.size),
        options={"mip_rel_gap": 0.0, "time_limit": SECONDS_MAX},
    )
    seconds = time.perf_counter() - start
    return (0.0 if result.x is None else -float(result.fun)), seconds


def price_with_highs(case: Case) -> Floats:
    """Solve the relaxed program and return the dual value of every budget."""
    quality, cost, budgets = case
    result = linprog(
        -quality.ravel(),
        A_ub=cost.reshape(quality.size, -1).T.astype(np.float64),
        b_ub=budgets,
        A_eq=sparse.kron(sparse.eye(N_ROWS), np.ones((1, N_OPTIONS))),
        b_eq=np.ones(N_ROWS),
    )
    prices: Floats = -result.ineqlin.marginals
    return prices


def compare(case: Case) -> Run:
    """Run both solvers on one instance, this allocator before and after the other."""
    quality, cost, budgets = case
    bound = solve(quality, cost, budgets, method="dual").bound
    times = []

    def time_once() -> float:
        """Solve and time it; return the value."""
        start = time.perf_counter()
        value = solve(quality, cost, budgets).value
        times.append(time.perf_counter() - start)
        return value

    time_once()
    highs_value, highs_seconds = solve_with_highs(case)
    time_once()
    value = time_once()
    plan = solve(quality, cost, budgets)
    spend = cost[np.arange(N_ROWS), plan.choices].sum(axis=0)
    prices = price_with_highs(case)
    error = np.abs(np.array(plan.shadow_prices) - prices).max() / prices.max()
    return Run(
        (bound - value) / bound,
        float(np.median(times)),
        (bound - highs_value) / bound,
        highs_seconds,
        bool((spend > budgets).any()) or tuple(spend.tolist()) != plan.spends,
        float(error),
    )


def measure(*, few: bool) -> Iterator[Figure]:
    """Compare both solvers on every kind of instance."""
    runs: list[Run] = []
    for n_budgets in (2, 3, 4):
        for kind in ("noisy", "ties") if few else KINDS:
            for correlated in (False,) if few else (False, True):
                cases = [
                    draw(kind, n_budgets, seed, correlated=correlated)
                    for seed in range(1 if few else 3)
                ]
                found = [compare(case) for case in cases]
                runs += found
                name = f"{n_budgets} budgets, {kind}, {'one column' if correlated else 'own'}"
                yield from summarise(name, found)
    # Medians hide single instances, so that all of them are counted as well.
    near = float(np.mean([_ratio(run) <= RATIO_GOAL for run in runs]))
    fast = float(np.mean([run.highs_seconds / run.seconds >= SPEED_GOAL for run in runs]))
    worst_ratio = max(_ratio(run) for run in runs)
    unit = f"(worst {worst_ratio:.2g})"
    yield Figure("share of instances within twice the gap", near, unit, 0.95, at_most=False)
    yield Figure("share of instances 20 times faster", fast, "", 0.9, at_most=False)
    yield Figure("plans above a budget", sum(run.overspent for run in runs), "", 0.0)
    worst = max(run.price_error for run in runs)
    yield Figure("shadow prices beside the relaxed program's", worst, "", 1e-6)


def _ratio(run: Run) -> float:
    """Divide the gap by that of HiGHS."""
    return max(run.gap, GAP_LEAST) / max(run.highs_gap, GAP_LEAST)


def summarise(name: str, runs: list[Run]) -> Iterator[Figure]:
    """Put the medians of some instances into two figures."""
    ratio = np.median([_ratio(run) for run in runs])
    speed = np.median([run.highs_seconds / run.seconds for run in runs])
    gap, highs_gap = (np.median([getattr(r, n) for r in runs]) for n in ("gap", "highs_gap"))
    yield Figure(
        f"gap over HiGHS's, {name}", float(ratio), f"({gap:.1e} / {highs_gap:.1e})", RATIO_GOAL
    )
    ours = 1e3 * np.median([run.seconds for run in runs])
    highs = np.median([run.highs_seconds for run in runs])
    unit = f"x ({ours:.0f} ms / {highs:.1f} s)"
    yield Figure(f"times faster, {name}", float(speed), unit, SPEED_GOAL, at_most=False)


def main() -> int:
    """Run all parts, print the figures and say whether every goal was met."""
    options = parse_options("Several budgets beside HiGHS.", "fewer instances, about a minute")
    figures = show(measure(few=options.quick), width=50)
    return finish(figures, options.json)


if __name__ == "__main__":
    sys.exit(main())
