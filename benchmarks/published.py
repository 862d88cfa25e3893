"""Published results beside ours, each with what is real data in it and what is drawn.

Run it as ``python benchmarks/published.py``. Settings are never quite the same: the table says what
was compared, and where ours falls short it says so. RouteLLM's own figures stand in
``benchmarks/labels.py``, decision quality on real logs in ``benchmarks/gain_model.py``. Batches and
the law of retrieval need the shared logs; where these are missing, it says so and goes on.

It exits with 1 where a figure that follows from a formula alone is missed.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._figures import Figure, finish, parse_options, show
from benchmarks._published_batches import measure_batches
from benchmarks._published_search import measure_search
from router.strategies import (
    AdaptiveVote,
    BetaPopulation,
    PredictedAttempts,
    RewardChoice,
    StepVoting,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = Path(os.environ.get("ROUTER_DATA", Path(__file__).parents[2] / "shared" / "data"))
# Of the population of the table in docs/strategies.md.
POPULATION = BetaPopulation(0.38, 1.13)
# How sure the most frequent answer is, on tasks from easy to hard.
SHARES = (0.99, 0.95, 0.8, 0.6)
N_QUESTIONS = 4_000


def compare_steps() -> Iterator[Figure]:
    """Find lead and votes for a million steps (MAKER: k = 3 at 2**20 - 1 steps)."""
    voting = StepVoting(0.998)
    begin = time.perf_counter()
    plan = voting.plan(2**20 - 1, 0.95)
    seconds = time.perf_counter() - begin
    yield Figure("MAKER, 2^20 - 1 steps: lead", plan.lead, "(published 3)", 3.0)
    yield Figure("MAKER: votes a step", plan.votes_per_step, "(closed form)")
    yield Figure("MAKER: planned in", 1e3 * seconds, "ms", 100.0)


def compare_votes() -> Iterator[Figure]:
    """Count samples saved by stopping (Adaptive-Consistency: up to 7.9 times of 40)."""
    rule = AdaptiveVote(4, 40, confidence=0.95)
    fixed = AdaptiveVote(4, 40, confidence=1.0 - 1e-12)
    for share in SHARES:
        rest = (1.0 - share) / 3.0
        quality, samples = (float(part[0]) for part in rule.predict([[share, rest, rest, rest]]))
        whole = float(fixed.predict([[share, rest, rest, rest]])[0][0])
        lost = f"times fewer than 40, quality {quality - whole:+.4f} (published: up to 7.9, -.001)"
        yield Figure(f"stopping, mode has {share}: samples", 40.0 / samples, lost)


def compare_attempts() -> Iterator[Figure]:
    """Compare compute at equal coverage (Damani et al.: -50 %; Snell et al.: 4 times)."""
    for strength in (0.5, 0.7):
        attempts = PredictedAttempts(POPULATION, strength)
        for mean, times in zip((4, 8, 16, 32), attempts.multiply([4, 8, 16, 32]), strict=True):
            unit = f"of uniform's attempts, {times:.2f}x (drawn, perfect verifier)"
            yield Figure(f"predictor {strength}, mean {mean}: attempts", 1.0 / float(times), unit)


def compare_rewards() -> Iterator[Figure]:
    """Find the uniform budget that rewards allotted by the question are worth (AdaBoN: +20 %).

    Each question's rewards are normal with a deviation of its own, known after two samples of it;
    the next sample goes to the question where it adds most (arXiv:2505.12050).
    """
    chance = np.random.default_rng(0)
    deviation = chance.lognormal(0.0, 0.8, N_QUESTIONS)
    choice = RewardChoice((0.0,) * N_QUESTIONS, tuple(deviation.tolist()))
    numbers = np.arange(1, 65)
    best = choice.predict(numbers)
    steps = np.diff(best, axis=1)
    budget = 8 * N_QUESTIONS - 2 * N_QUESTIONS
    gains = np.sort(steps[:, 1:].ravel())[::-1][:budget]
    reached = float(best[:, 1].sum() + gains.sum()) / N_QUESTIONS
    uniform = best.mean(axis=0)
    worth = float(np.interp(reached, uniform, numbers)) / 8.0
    yield Figure("reward, deviations known: uniform budget it equals", worth, "times (drawn)")


def all_parts(*, quick: bool) -> Iterator[Figure]:
    """Run everything."""
    yield from compare_steps()
    yield from compare_votes()
    yield from compare_attempts()
    yield from compare_rewards()
    if not (DATA / "outcomes").is_dir():
        print(f"the shared logs are not at {DATA}: batches and retrieval are left out")
        return
    yield from measure_search(DATA)
    yield from measure_batches(DATA, quick=quick)


def main() -> int:
    """Print the figures and say whether every formula was met."""
    options = parse_options("Published results beside ours.", "few batches, of one model")
    figures = show(all_parts(quick=options.quick), width=88, measured=70)
    return finish(figures, options.json)


if __name__ == "__main__":
    sys.exit(main())
