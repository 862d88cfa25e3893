"""Value of deciding question by question over hindsight, each figure beside its goal.

Run it as ``python benchmarks/online.py`` (``--quick`` for less than a minute). It exits with 1 when
a goal is missed. All policies meet the same streams: 2,000 questions with 16 options, and a pool of
12 % of what the best options cost. Hindsight is the dual bound of the whole stream, which no policy
can pass. The fixed threshold, and mirror descent with a prior, take a price from a sample of 500
questions of the stationary kind; the others start knowing nothing.
"""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from benchmarks._figures import Figure, finish, parse_options, show
from router.allocation import (
    DualMirrorDescent,
    EvenSplit,
    FixedThreshold,
    Greedy,
    OnlinePolicy,
    Resolving,
    bound_hindsight,
    solve,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Stream = tuple[Floats, Integers, int]

N_QUESTIONS, N_OPTIONS, POOL_SHARE, N_PRIOR = 2000, 16, 0.12, 500
# Goals of the default policy, for every order; None is shown for information only.
GOALS: dict[str, float | None] = {
    "stationary": 0.995,
    "drift up, x 1.7": 0.98,
    "drift down, x 1.7": 0.98,
    "bursts": 0.90,
    "adversarial, ascending": 0.86,
    "adversarial, descending": 0.86,
    "steep drift up, x 4": None,
    "steep drift down, x 4": None,
}


def draw_questions(chance: np.random.Generator, level: Floats) -> tuple[Floats, Integers]:
    """Draw noisy concave curves of quality over integer costs, the first option free."""
    n_questions = len(level)
    cost = np.sort(chance.integers(5, 1001, (n_questions, N_OPTIONS)), axis=1)
    cost[:, 0] = 0
    top = chance.uniform(0.2, 0.95, (n_questions, 1)) * level[:, None]
    bend = chance.uniform(1.0, 8.0, (n_questions, 1))
    curve = top * (1.0 - np.exp(-bend * cost / 1000.0)) / (1.0 - np.exp(-bend))
    noise = chance.normal(0.0, 0.05, cost.shape) * top
    quality: Floats = np.round(np.clip(curve + noise, 0.0, 1.0), 6).astype(np.float64)
    return quality, cost


def find_pool(quality: Floats, cost: Integers) -> int:
    """Take twelve per cent of what the best options cost."""
    return int(POOL_SHARE * cost[np.arange(len(cost)), quality.argmax(axis=1)].sum())


def draw_stream(kind: str, seed: int) -> Stream:
    """Draw a stream of one kind and its pool."""
    chance = np.random.default_rng([seed, 7])
    place = np.arange(N_QUESTIONS)
    levels = {
        "drift up, x 1.7": np.linspace(0.5, 0.85, N_QUESTIONS),
        "drift down, x 1.7": np.linspace(0.85, 0.5, N_QUESTIONS),
        "steep drift up, x 4": np.linspace(0.25, 1.0, N_QUESTIONS),
        "steep drift down, x 4": np.linspace(1.0, 0.25, N_QUESTIONS),
        # Every fourth hundred gains 2.5 times as much.
        "bursts": np.where(place // 100 % 4 == 3, 1.0, 0.4),
    }
    quality, cost = draw_questions(chance, levels.get(kind, np.ones(N_QUESTIONS)))
    if kind.startswith("adversarial"):
        order = (quality.max(axis=1) - quality[:, 0]).argsort(kind="stable")
        order = order[::-1] if kind.endswith("descending") else order
        quality, cost = quality[order], cost[order]
    return quality, cost, find_pool(quality, cost)


def find_prior_price() -> float:
    """Price a sample of stationary questions offline."""
    quality, cost = draw_questions(np.random.default_rng(99), np.ones(N_PRIOR))
    return float(solve(quality, cost, find_pool(quality, cost), method="dual").shadow_prices[0])


def run_policy(policy: OnlinePolicy, stream: Stream) -> tuple[float, float]:
    """Send a stream through a policy; return its value and the median seconds of a decision."""
    quality, cost, _ = stream
    value, times = 0.0, []
    for quality_row, cost_row in zip(quality, cost, strict=True):
        start = time.perf_counter()
        choice = policy.decide(quality_row, cost_row)
        times.append(time.perf_counter() - start)
        value += float(quality_row[choice]) if choice >= 0 else 0.0
    if min(policy.remaining) < 0:
        raise ArithmeticError("a policy spent more than its pool")
    return value, float(np.median(times))


def list_policies() -> dict[str, Callable[[int], OnlinePolicy]]:
    """List the policies, the default first, each made for a pool."""
    price = find_prior_price()
    return {
        "mirror descent": partial(DualMirrorDescent, horizon=N_QUESTIONS),
        "with prior": partial(DualMirrorDescent, horizon=N_QUESTIONS, prior_price=price),
        "no horizon": DualMirrorDescent,
        "fixed threshold": lambda pool: FixedThreshold(pool, price),
        "even split": partial(EvenSplit, horizon=N_QUESTIONS),
        "greedy": Greedy,
        "resolving": partial(Resolving, horizon=N_QUESTIONS),
    }


def compare(n_seeds: int) -> Iterator[Figure]:
    """Run all policies on all orders, print the table and give the default's figures."""
    policies = list_policies()
    seconds: dict[str, list[float]] = {name: [] for name in policies}
    print(f"{'mean ratio to hindsight':26s}" + "".join(f"{name:>17s}" for name in policies))
    for kind, goal in GOALS.items():
        ratios: dict[str, list[float]] = {name: [] for name in policies}
        for seed in range(n_seeds):
            stream = draw_stream(kind, seed)
            best = bound_hindsight(*stream)
            for name, make in policies.items():
                value, middle = run_policy(make(stream[2]), stream)
                ratios[name].append(value / best)
                seconds[name].append(middle)
        print(f"{kind:26s}" + "".join(f"{np.mean(x):17.4f}" for x in ratios.values()), flush=True)
        for name, values in ratios.items():
            is_default = name == "mirror descent"
            label = f"{kind}: {name}"
            reach = goal if is_default else None
            yield Figure(label, float(np.mean(values)), "", reach, at_most=False)
        yield Figure(f"{kind}: worst of mirror descent", min(ratios["mirror descent"]), "")
    middles = [1e6 * float(np.median(values)) for values in seconds.values()]
    print(f"{'us, median decision':26s}" + "".join(f"{middle:17.1f}" for middle in middles))
    for name, middle in zip(policies, middles, strict=True):
        yield Figure(f"median decision: {name}", middle, "us")


def main() -> int:
    """Compare the policies, print the figures and say whether every goal was met."""
    options = parse_options("Deciding question by question.", "two streams an order, not ten")
    figures = list(compare(2 if options.quick else 10))
    print()
    show((figure for figure in figures if figure.goal is not None), width=50, measured=12)
    return finish(figures, options.json)


if __name__ == "__main__":
    sys.exit(main())
