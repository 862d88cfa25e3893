"""What the shipped prior is worth to a small log: own outcomes with it, twice as many without.

Run it as ``python benchmarks/prior.py`` (``--quick`` for two small logs). Each log is left out of
the prior, with its questions in all other logs; its own questions are dealt anew several times into
100 to train on, 100 more for the comparison, and up to 1,500 to plan. A row of the table is a mean
over deals and the protocol's five budgets; *n* is a quarter of a log with fewer than 400 questions.
It exits with 1 when 100 questions with the prior are clearly behind 100 without (the interval of
the difference below -.003).

uniform   questions drawn at random to get the best option, as many as the budget allows
mix       the best fixed mix by the own outcomes
task      task means per option, shrunk by ten questions
ridge     the same and a TF-IDF ridge on what they leave over
mixed     the mixed model alone, with a prior that says nothing
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router import read_log
from router.models.pooled import leave_out
from router.models.prior import Prior
from router.models.prior_figures import deal_questions
from router.models.strengths import load_strengths
from router.models.training import fit_gain_model

if TYPE_CHECKING:
    from collections.abc import Iterable

    from router.models.prior_figures import Deal
    from router.outcomes import OutcomeLog

    Array = np.ndarray[Any, np.dtype[np.float64]]

# These measure the recall of passages, not answers, and are no part of the shipped prior.
OTHERS = ("evidence_search_2wikimultihopqa", "evidence_search_hotpotqa")
QUICK = ("qa_search_depth", "gsm8k_verifier")
# Student's t for 95 % by degrees of freedom.
T_QUANTILES = {4: 2.776, 9: 2.262, 19: 2.093}
SHRINK_QUESTIONS, RIDGE_ALPHA, TOLERANCE = 10.0, 5.0, 0.003
COLUMNS = (
    "prior alone",
    "uniform",
    "mix n",
    "task n",
    "ridge n",
    "mixed n",
    "n",
    "n + prior",
    "ridge 2n",
    "2n",
    "2n + prior",
)


def predict_simply(own: OutcomeLog, test: OutcomeLog) -> tuple[Array, Array]:
    """Predict by shrunk task means, and by a TF-IDF ridge on top."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import Ridge

    quality, mean = own.to_matrix(own.quality), own.to_matrix(own.quality).mean(axis=0)
    table: dict[str | None, Array] = {}
    for group in set(own.groups):
        rows = quality[[label == group for label in own.groups]]
        table[group] = (rows.sum(axis=0) + SHRINK_QUESTIONS * mean) / (len(rows) + SHRINK_QUESTIONS)
    inside, task = (np.array([table.get(g, mean) for g in log.groups]) for log in (own, test))
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    words = vectorizer.fit_transform(own.texts)
    ridge = Ridge(alpha=RIDGE_ALPHA).fit(words, quality - inside)
    return task, task + ridge.predict(vectorizer.transform(test.texts)).reshape(task.shape)


def spend_uniformly(deal: Deal) -> float:
    """Give the best option to as many questions as the budget allows, the cheapest to the rest."""
    truth = deal.test.to_matrix(deal.test.quality).mean(axis=0)
    best = int(deal.own.to_matrix(deal.own.quality).mean(axis=0).argmax())
    cheapest = int(deal.cost.argmin())
    span = max(float(deal.cost[best] - deal.cost[cheapest]), 1e-12)
    shares = [min((budget - deal.cost[cheapest]) / span, 1.0) for budget in deal.budgets]
    return float(np.mean([(1 - t) * truth[cheapest] + t * truth[best] for t in shares]))


def measure_deal(deal: Deal, prior: Prior, alone: Array) -> list[float]:
    """Score every way to plan the test questions, in the order of the columns."""
    test = deal.test

    def value(own: OutcomeLog, prior: Prior | None) -> float:
        model = fit_gain_model(own, prior=prior)
        return deal.value(model.predict(test.texts, test.groups))

    task, ridge = predict_simply(deal.own, test)
    return [
        deal.value(alone),
        spend_uniformly(deal),
        deal.mix(deal.own.to_matrix(deal.own.quality).mean(axis=0)),
        deal.value(task),
        deal.value(ridge),
        value(deal.own, Prior()),
        value(deal.own, None),
        value(deal.own, prior),
        deal.value(predict_simply(deal.twice, test)[1]),
        value(deal.twice, None),
        value(deal.twice, prior),
    ]


def compare(values: Array, left: str, right: str) -> tuple[float, float, float]:
    """Give the mean difference of two columns with its interval over deals."""
    difference = values[:, COLUMNS.index(left)] - values[:, COLUMNS.index(right)]
    n = len(difference)
    half = T_QUANTILES.get(n - 1, 2.0) * difference.std(ddof=1) / np.sqrt(n)
    mean = float(difference.mean())
    return mean, mean - float(half), mean + float(half)


def measure(logs: list[OutcomeLog], log: OutcomeLog, n_deals: int) -> Array | None:
    """Measure one log; None where it has too few questions that saw every option."""
    surface, prior = leave_out(logs, log, load_strengths())
    position = {name: row for row, name in enumerate(log.query_ids)}
    rows = [
        measure_deal(deal, prior, surface[[position[name] for name in deal.test.query_ids]])
        for deal in deal_questions(log, n_deals)
    ]
    return np.array(rows) if rows else None


def write_row(name: str, cells: Iterable[str]) -> None:
    """Print a row of the table."""
    print("| " + " | ".join((name, *cells)) + " |", flush=True)


def main() -> int:
    """Measure what was asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="*", help="names of logs; all by default")
    parser.add_argument("--deals", type=int, default=10, choices=(5, 10, 20))
    parser.add_argument("--quick", action="store_true", help="two small logs, five deals")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ROUTER_DATA", default)) / "outcomes"
    if not folder.is_dir():
        print(f"the shared logs are not at {folder}: nothing to measure")
        return 0
    every = {path.stem: read_log(path) for path in sorted(folder.glob("*.parquet"))}
    pooled = [log for name, log in every.items() if name not in OTHERS]
    n_deals = 5 if arguments.quick else arguments.deals
    write_row("log", (*COLUMNS, "n + prior - n [95 %]", "n + prior - 2n [95 %]", "reached"))
    write_row("---", ["---"] * (len(COLUMNS) + 3))
    figures: dict[str, Any] = {}
    behind = False
    for name in arguments.logs or (QUICK if arguments.quick else every):
        values = measure(pooled, every[name], n_deals)
        if values is None:
            continue
        gain, gap = (compare(values, "n + prior", other) for other in ("n", "2n"))
        behind |= gain[2] < -TOLERANCE
        cells = [f"{value:.4f}" for value in values.mean(axis=0)]
        intervals = [f"{mid:+.4f} [{low:+.4f}, {high:+.4f}]" for mid, low, high in (gain, gap)]
        write_row(name, (*cells, *intervals, "yes" if gap[0] >= 0.0 else "no"))
        figures[name] = {"columns": COLUMNS, "deals": values.tolist(), "gain": gain, "gap": gap}
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
