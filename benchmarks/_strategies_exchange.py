"""A small model with more compute against a large one: who wins on questions of each difficulty."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchmarks._figures import Figure
from router.logs import read_log
from router.strategies import ModelExchange

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["measure_exchange"]

SEED = 6
CLASSES = ("hard", "middle", "easy")
# Dollars of a question, on the way from the cheapest option to the dearest.
BUDGETS = np.array([0.001, 0.002, 0.004, 0.008, 0.015, 0.03, 0.06])


def measure_exchange(data: Path, *, quick: bool) -> Iterator[Figure]:
    """Yield the figures of the section."""
    n_resamples = 100 if quick else 1000
    yield from _measure_verifier(data, n_resamples)
    yield from _measure_exams(data, 20 if quick else 100)


def _measure_verifier(data: Path, n_resamples: int) -> Iterator[Figure]:
    """Set 6B with 100 samples and a verifier against one sample of 175B.

    Difficulty is how many of two other runs solved the question, so that neither side made it.
    """
    log = read_log(data / "outcomes" / "gsm8k_verifier.parquet")
    names = [option.name for option in log.options]
    quality = log.to_matrix(log.quality)
    others = quality[:, [names.index("6b_finetuning"), names.index("175b_verification")]].sum(1)
    small, large = (quality[:, [names.index(n)]] for n in ("6b_verification", "175b_finetuning"))
    found = ModelExchange.fit(
        (np.full_like(small, 600.0), small),
        (np.full_like(large, 175.0), large),
        others.astype(int),
        budgets=[600.0],
        n_resamples=n_resamples,
    )
    # Won clearly where the interval says so, and no side wins the hardest third.
    for place, name in enumerate(CLASSES):
        lead = found.estimates[f"lead_{place}_0"]
        label = f"gsm8k_verifier, {name}: 6B x 100 + verifier over 175B x 1"
        yield Figure(label, lead.value, "", 0.0 if place else None, at_most=False)
        yield Figure(
            "    its 95 % interval, low", lead.low, "", 0.0 if place else None, at_most=False
        )
        yield Figure("    its 95 % interval, high", lead.high, "")
        for side, cost in ((found.small, 600.0), (found.large, 175.0)):
            price = cost / float(side.quality[place, 0])
            yield Figure(f"    billions of parameters a success, at {cost:g}", price, "")


def _measure_exams(data: Path, n_halvings: int) -> Iterator[Figure]:
    """Set gpt-3.5 with thought and votes against gpt-4, and see whether winners hold.

    Difficulty is how often gpt-3.5 is right without thinking, in answers that are not compared.
    Winners are named on one half of the questions and looked for on the other, over many halvings.
    """
    log = read_log(data / "outcomes" / "exam_reasoning.parquet")
    names = [option.name for option in log.options]
    quality, cost = log.to_matrix(log.quality), log.to_matrix(log.cost)
    base = quality[:, names.index("gpt-35-turbo|baseline|maj@1")]
    groups = np.digitize(base, [0.3, 0.8])
    sides = [
        np.array([i for i, n in enumerate(names) if n.startswith(model) and "|baseline|" not in n])
        for model in ("gpt-35-turbo", "gpt-4")
    ]

    def fit(rows: NDArray[np.int64], n_resamples: int) -> ModelExchange:
        """Fit to some questions."""
        pairs = [(cost[np.ix_(rows, side)], quality[np.ix_(rows, side)]) for side in sides]
        return ModelExchange.fit(
            pairs[0], pairs[1], groups[rows], budgets=BUDGETS, n_resamples=n_resamples
        )

    whole = fit(np.arange(len(quality)), n_halvings)
    crossings = whole.find_crossings()
    rng = np.random.default_rng(SEED)
    agreed = np.zeros((n_halvings, len(CLASSES), len(BUDGETS)))
    for turn in range(n_halvings):
        order = rng.permutation(len(quality))
        halves = [fit(part, 1).compare(BUDGETS) for part in np.array_split(order, 2)]
        agreed[turn] = np.sign(halves[0]) == np.sign(halves[1])
    clear = _find_clear(whole)
    for place, name in enumerate(CLASSES):
        found = crossings[place]
        last = found[-1] if found else float("nan")
        yield Figure(f"exam_reasoning, {name}: gpt-4 passes gpt-3.5 at", last, "usd a question")
        for budget, side in ((0.004, whole.small), (0.03, whole.large)):
            price = float(side.price_success([budget])[place, 0])
            word = "gpt-3.5" if side is whole.small else "gpt-4"
            yield Figure(f"    one more success of {word} at {budget:g}", price, "usd")
    share = float(agreed[:, clear].mean())
    yield Figure(
        "exam_reasoning: clear winners found again on the other half",
        share,
        "of them",
        0.95,
        at_most=False,
    )
    yield Figure("    classes and budgets with a clear winner", float(clear.mean()), "of all")


def _find_clear(whole: ModelExchange) -> NDArray[np.bool_]:
    """Say in which classes and at which budgets one side clearly wins."""
    clear = np.zeros((len(CLASSES), len(BUDGETS)), dtype=bool)
    for group, place in np.ndindex(clear.shape):
        lead = whole.estimates[f"lead_{group}_{place}"]
        clear[group, place] = lead.low > 0 or lead.high < 0
    return clear
