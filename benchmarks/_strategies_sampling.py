"""Sampling: verifiers, populations and votes, against draws, a known table and real answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._figures import Figure
from router.strategies import (
    AdaptiveVote,
    AttemptCaps,
    BestOfN,
    BetaPopulation,
    CoverageLaw,
    MajorityVote,
    PredictedAttempts,
    RewardChoice,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["measure_sampling"]

SEED = 6
MEANS = np.array([2, 4, 8, 16, 32])
# Synthetic, perfect verifier: coverage without and with stopping, and what stopping is worth.
UNIFORM = np.array([0.365, 0.481, 0.588, 0.677, 0.750])
STOPPING = np.array([0.392, 0.548, 0.682, 0.785, 0.857])
WORTH = np.array([1.20, 1.53, 2.09, 2.99, 4.42])
# The same with a predictor and giving up, by its correlation with the logit.
FORECAST = {0.5: (1.38, 1.74, 2.35, 3.36, 4.94), 0.7: (1.64, 2.04, 2.75, 3.91, 5.75)}
N_BATCHES, BATCH = 40, 500
# gpt-3.5 on a thousand exam questions: what fixed votes and stopping rules were measured to reach.
FIXED = {1: 0.596, 2: 0.608, 4: 0.635, 8: 0.649, 16: 0.660, 32: 0.664}
RULES = {
    "Beta rule, cap 16": ("confidence", 16, (0.6245, 0.6501, 0.6589)),
    "Beta rule, cap 32": ("confidence", 32, (0.6221, 0.6466, 0.6596)),
    "Dirichlet look-ahead, cap 32": ("price", 32, (0.6269, 0.6503, 0.6600)),
}
SWEEPS = {
    "confidence": (0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999),
    "price": (0.1, 0.05, 0.03, 0.02, 0.015, 0.01, 0.007, 0.005, 0.003, 0.002, 0.001),
}
# One answer a question over twenty replays of a thousand questions has a standard error of .0035,
# and so have the known figures: two such runs differ by up to this much.
TOLERANCE = 0.010


def measure_sampling(data: Path, *, quick: bool) -> Iterator[Figure]:
    """Yield the figures of the section."""
    yield from _measure_table()
    yield from _measure_forecasts()
    yield from _measure_draws(np.random.default_rng(SEED), 20_000 if quick else 200_000)
    yield from _measure_exams(data, 2 if quick else 20)


def _measure_table() -> Iterator[Figure]:
    """Compare the closed forms with a known table."""
    population = BetaPopulation(0.38, 1.13)
    for name, got, known in (
        ("coverage, uniform", population.cover(MEANS), UNIFORM),
        ("coverage, stop at success", population.cover_stopping(MEANS), STOPPING),
        ("worth of stopping", population.multiply(MEANS), WORTH),
    ):
        goal = 0.006 if name.startswith("worth") else 0.0006
        gap = float(np.abs(got - known).max())
        yield Figure(f"synthetic, perfect verifier: {name}, off by", gap, "", goal)


def _measure_forecasts() -> Iterator[Figure]:
    """Compare caps by forecast with the known table, the population known and estimated."""
    population = BetaPopulation(0.38, 1.13)
    for strength, known in FORECAST.items():
        attempts = PredictedAttempts(population, strength)
        gap = float(np.abs(attempts.multiply(MEANS) / known - 1.0).max())
        name = f"synthetic, perfect verifier: stop + predictor {strength}, off by"
        yield Figure(name, gap, "", 0.03)
        for mean, wanted in zip(MEANS.tolist(), known, strict=True):
            if mean > 2:
                covered, spent = _learn_online(attempts, float(mean))
                best = float(attempts.cover([spent])[0])
                # Where the multiplier of the table stands for this coverage; both at this spend.
                share = _count_uniform(population, covered) / _count_uniform(population, best)
                unit = f"of {wanted} at {spent:.2f} attempts"
                name = f"the same, prior estimated online, mean {mean}: reached"
                goal = 0.97 if strength == 0.5 else None
                yield Figure(name, share, unit, goal, at_most=False)


def _count_uniform(population: BetaPopulation, coverage: float) -> float:
    """Count the attempts for each question alike that solve this share."""
    numbers = np.unique(np.round(np.geomspace(1, 1e5, 6_000)).astype(int))
    return float(np.interp(coverage, population.cover(numbers), numbers))


def _learn_online(attempts: PredictedAttempts, mean: float) -> tuple[float, float]:
    """Draw batch after batch, with caps of the population that was fitted to the first of them.

    Whom a forecast gives up is not seen, so that the first batch is attempted whatever is forecast,
    at most so often as all are on average; only this one teaches, and it is paid for.
    """
    rng = np.random.default_rng(SEED)
    even = AttemptCaps(attempts.signals, np.full(len(attempts.signals), round(mean)))
    guess = attempts.population
    solved: list[NDArray[np.bool_]] = []
    made: list[NDArray[np.int64]] = []
    for number in range(N_BATCHES):
        if number == 1:
            guess = BetaPopulation.fit(solved[0].astype(int), made[0], n_resamples=1)
        caps = PredictedAttempts(guess, attempts.strength).choose_caps(mean) if number else even
        right, counts = attempts.simulate(caps, BATCH, rng)
        solved.append(right)
        made.append(counts)
    return float(np.mean(np.concatenate(solved))), float(np.mean(np.concatenate(made)))


def _measure_draws(rng: np.random.Generator, n_runs: int) -> Iterator[Figure]:
    """Compare every law with draws from its own process, in standard errors."""
    fooled = BestOfN.with_rates(0.9, 0.1, fooling=0.01)
    vote = MajorityVote(np.array([0.4]), np.array([[0.35, 0.25]]))
    shares = np.array([0.5, 0.3, 0.2])
    rule = AdaptiveVote(3, 12, confidence=0.9)
    quality, samples = rule.simulate(rng, shares, n_runs)
    told, taken = rule.predict(shares[None, :])
    law = CoverageLaw(1.347, 0.435)
    attempts = BetaPopulation(0.38, 1.13)
    solved, tried = attempts.simulate(rng, n_runs, 16)
    best = RewardChoice((1.0,), (0.5,))
    pairs = {
        "best of 20, fooled verifier": (
            fooled.simulate(rng, 0.3, 20, n_runs),
            fooled.predict(0.3, 20),
        ),
        "best of 200, fooled verifier": (
            fooled.simulate(rng, 0.3, 200, n_runs // 20),
            fooled.predict(0.3, 200),
        ),
        "vote of 9 over three answers": (vote.simulate(rng, 9, n_runs)[:, 0], vote.predict([9])),
        "adaptive vote, quality": (quality, told),
        "adaptive vote, samples": (samples, taken),
        "beta population, solved": (solved, attempts.cover(16)),
        "beta population, attempts": (tried, attempts.expect_attempts(16)),
        "power law of coverage at 10": (law.simulate(rng, n_runs) <= 10, law.predict(10)),
        "reward of the best of 8": (best.simulate(rng, 8, n_runs)[:, 0], best.predict([8])),
    }
    for name, (drawn, predicted) in pairs.items():
        values = np.asarray(drawn, dtype=np.float64)
        error = values.std() / np.sqrt(len(values))
        gap = abs(float(values.mean() - np.ravel(predicted)[0])) / float(error)
        yield Figure(f"law against draws: {name}, off by", gap, "standard errors", 4.5)


def _load_answers(data: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Read a hundred answers of each question, 0 the right one, and its number of choices."""
    import pandas as pd

    table: Any = pd.read_parquet(data / "samples" / "exam_sampling_samples.parquet")
    table = table[(table["model"] == "gpt-35-turbo") & (table["prompt"] == "chain_of_thought")]
    # Ten temperatures of ten answers each; the mixed exam repeats questions of the others.
    table = table[(table["temperature"] > 0.05) & (table["temperature"] < 1.05)]
    table = table[table["group"] != "comprehensive-100"]
    answers, choices = [], []
    for _, rows in table.groupby("query_id", sort=True):
        letters = "".join(rows.sort_values("temperature")["answers10"])
        if len(letters) != 100:
            continue
        right = rows["correct"].iloc[0]
        n_choices = 5 if rows["group"].iloc[0].startswith(("aqua", "lsat")) else 4
        order = [right, *(x for x in "ABCDE"[:n_choices] if x != right)]
        answers.append([order.index(x) if x in order else -1 for x in letters])
        choices.append(n_choices)
    return np.array(answers), np.array(choices)


def _replay(
    rules: dict[int, AdaptiveVote], orders: list[NDArray[np.int64]], choices: NDArray[np.int64]
) -> tuple[float, float]:
    """Average quality and samples over replays."""
    quality, samples = [], []
    for answers in orders:
        for n_choices, rule in rules.items():
            right, taken = rule.replay(answers[choices == n_choices])
            quality.append(right)
            samples.append(taken)
    return float(np.concatenate(quality).mean()), float(np.concatenate(samples).mean())


def _measure_exams(data: Path, n_replays: int) -> Iterator[Figure]:
    """Replay real answers under fixed votes and under each rule, at equal mean samples."""
    answers, choices = _load_answers(data)
    rng = np.random.default_rng(SEED)
    orders = [rng.permuted(answers, axis=1)[:, :32] for _ in range(n_replays)]
    sizes = np.unique(choices).tolist()
    slack = TOLERANCE * (2.0 if n_replays < 10 else 1.0)
    for n, known in FIXED.items():
        rules = {c: AdaptiveVote(c, n, lead=n + 1) for c in sizes}
        got, _ = _replay(rules, orders, choices)
        yield Figure(f"gpt-3.5 exams: maj@{n} ({known:.3f}), off by", abs(got - known), "", slack)
    for name, (word, cap, known_rule) in RULES.items():
        curve = []
        for value in SWEEPS[word]:
            level, price = (value, None) if word == "confidence" else (None, value)
            rules = {c: AdaptiveVote(c, cap, confidence=level, price=price) for c in sizes}
            curve.append(_replay(rules, orders, choices))
        curve.sort(key=lambda point: point[1])
        points = np.array(curve)
        for mean, goal in zip((2, 4, 8), known_rule, strict=True):
            got = float(np.interp(mean, points[:, 1], points[:, 0]))
            label = f"gpt-3.5 exams: {name}, quality at mean {mean}"
            yield Figure(label, got, "", goal - slack, at_most=False)
