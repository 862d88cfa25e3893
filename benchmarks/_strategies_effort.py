"""Thinking: curves against draws, the best split of tokens, and two models' responsiveness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks._figures import Figure
from router.logs import read_log
from router.strategies import EffortCurve, TokenSplit, compare_responsiveness

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["measure_effort"]

SEED = 6
EFFORTS = ("baseline", "concise", "chain_of_thought", "composite")
MODELS = ("gpt-35-turbo", "gpt-4")


def measure_effort(data: Path, *, quick: bool) -> Iterator[Figure]:
    """Yield the figures of the section."""
    rng, n_runs = np.random.default_rng(SEED), 20_000 if quick else 200_000
    curve = EffortCurve(0.3, 0.6, 300.0, 1500.0)
    tokens = np.array([0.0, 100.0, 300.0, 600.0, 2000.0, 5000.0])
    told = curve.predict(tokens)
    gap = np.abs(curve.simulate(rng, tokens, n_runs).mean(axis=0) - told)
    worst = float((gap / np.sqrt(told * (1 - told) / n_runs)).max())
    yield Figure("law against draws: overthinking curve, off by", worst, "standard errors", 4.5)
    fitted = EffortCurve.fit(tokens, curve.simulate(rng, tokens, 5000), n_resamples=50)
    error = abs(fitted.peak_tokens / curve.peak_tokens - 1)
    yield Figure("overthinking curve fitted to 5,000 questions: peak off by", error, "parts", 0.25)
    split = TokenSplit((2.0, 12.0, 5.0), (0.5, 0.8, 0.4))
    best, even = split.divide(3000.0), np.full(3, 1000.0)
    drawn = split.simulate(rng, best, n_runs).mean(axis=0)
    off = float((np.abs(drawn - split.predict(best)) / np.sqrt(drawn * (1 - drawn) / n_runs)).max())
    yield Figure("law against draws: split of tokens, off by", off, "standard errors", 4.5)
    ratio = float(split.predict(best).sum() / split.predict(even).sum())
    yield Figure("split of 3,000 tokens: errors over those of an even split", ratio, "", 1.0)
    yield from _measure_models(data, 20 if quick else 200)


def _measure_models(data: Path, n_resamples: int) -> Iterator[Figure]:
    """Compare how much one model and another gain from thinking in the same exams."""
    log = read_log(data / "outcomes" / "exam_reasoning.parquet")
    names = [option.name for option in log.options]
    quality = log.to_matrix(log.quality)
    for votes in (1, 10):
        columns = [[names.index(f"{m}|{effort}|maj@{votes}") for effort in EFFORTS] for m in MODELS]
        tokens = np.array(
            [[log.options[c].reasoning_tokens or 0.0 for c in row] for row in columns]
        )
        tables = np.stack([quality[:, row] for row in columns])
        found = compare_responsiveness(tokens, tables, n_resamples=n_resamples)
        for model, estimate in zip(MODELS, found, strict=True):
            label = f"exam_reasoning, maj@{votes}: responsiveness of {model}"
            yield Figure(label, estimate.value, "of the best")
            yield Figure("    its 95 % interval, low", estimate.low, "")
            yield Figure("    its 95 % interval, high", estimate.high, "")
