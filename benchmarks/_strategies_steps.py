"""Many steps, calls side by side and agents that share a pool, beside runs of each process."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._figures import Figure
from router.strategies import AgentSplit, CallLatency, PartCurve, StepVoting, WidthDepth

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["measure_steps"]

SEED = 8
N_STEPS = 10_000
SHAPES = ((1, 8), (8, 1), (16, 4), (64, 2))


def measure_steps(data: Path, *, quick: bool) -> Iterator[Figure]:
    """Yield the figures of the section."""
    del data
    rng, n_rounds = np.random.default_rng(SEED), 20 if quick else 100
    yield from _measure_voting(rng, n_rounds)
    yield from _measure_latency(rng, 5000 if quick else 20_000)
    yield from _measure_agents(rng, 5000 if quick else 50_000)


def _measure_voting(rng: np.random.Generator, n_rounds: int) -> Iterator[Figure]:
    """Plan a million steps, and vote on ten thousand."""
    start = time.perf_counter()
    StepVoting(0.998).plan(2**20 - 1, target=0.95)
    elapsed = (time.perf_counter() - start) * 1e3
    yield Figure("voting: 2^20 - 1 steps planned", elapsed, "ms", 10.0)
    for voting in (StepVoting(0.9), StepVoting(0.8, flagged=0.1)):
        plan = voting.plan(N_STEPS, target=0.95)
        name = f"voting at p = {voting.p}, lead {plan.lead}, 10^4 steps"
        success, n_samples = _vote(voting, rng, plan.lead, n_rounds)
        yield Figure(f"{name}: success off by", abs(plan.success - success), "", 0.01)
        off = abs(plan.samples / (n_samples * N_STEPS) - 1.0)
        yield Figure(f"{name}: samples off by", off, "parts", 0.01)
        short, _ = _vote(voting, rng, plan.lead - 1, n_rounds)
        yield Figure(f"{name}: success of a lead less", short, "", 0.95)


def _vote(
    voting: StepVoting, rng: np.random.Generator, lead: int, n_rounds: int
) -> tuple[float, float]:
    """Vote on a hundred tasks a round: success of a task and samples of a step."""
    shares, samples = [], []
    for _ in range(n_rounds):
        is_right, n_samples = voting.simulate(rng, lead, 100 * N_STEPS)
        shares.append(is_right.mean())
        samples.append(n_samples.mean())
    return float(np.mean(shares)) ** N_STEPS, float(np.mean(samples))


def _measure_latency(rng: np.random.Generator, n_runs: int) -> Iterator[Figure]:
    """Compare expected latencies with runs, without limits and with them."""
    for name, limits in (("", {}), (", steps waiting", {"waits_each_step": True})):
        for spread in (0.5, 1.0):
            runs = WidthDepth(CallLatency(1.0, spread), **limits)
            off = max(
                abs(float(runs.predict(w, d)) / runs.simulate(rng, w, d, n_runs).mean() - 1.0)
                for w, d in SHAPES
            )
            yield Figure(f"width and depth, spread {spread}{name}: off by", off, "parts", 0.05)


def _measure_agents(rng: np.random.Generator, n_tasks: int) -> Iterator[Figure]:
    """Compare the split of a pool with the equal one, in runs of both."""
    parts = [PartCurve(0.9, 1000.0), PartCurve(0.5, 6000.0), PartCurve(1.0, 3000.0)] * 2
    split = AgentSplit(parts, 1500.0, 0.1, 400.0, 900.0, reread=1e-4, kept=0.95)
    for pool in (8_000.0, 25_000.0, 100_000.0):
        best = split.plan_best(pool, agents_max=6)
        solved = split.simulate(rng, best, n_tasks).mean()
        equal = split.simulate(rng, split.plan_equal(pool, 3), n_tasks).mean()
        name = f"pool of {pool:,.0f} tokens, {best.n_agents} agents"
        yield Figure(f"{name}: off by", abs(best.solved / float(solved) - 1), "parts", 0.02)
        gain = float(solved - equal)
        yield Figure(f"{name}: more parts than 3 equal", gain, "parts solved", 0.0, at_most=False)
