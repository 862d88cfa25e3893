"""Calibration on the shared logs: strange questions, abstention, and coverage of intervals.

Run it as ``python benchmarks/calibration.py`` (``--quick`` for two small logs). Three tables: how
well familiarity tells strange questions from a log's own; what planning them by the options' means
costs and brings; how often intervals held. It exits with 1 when a goal is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router import read_log
from router.evaluation import (
    assign_folds,
    assign_task_folds,
    build_view,
    measure_coverage,
    score_plans,
)
from router.features.encoder import TextEncoder
from router.models.abstention import ABSTAIN_BELOW
from router.models.inputs import fit_inputs
from router.models.novelty_training import fit_novelty
from router.models.training import fit_gain
from router.scoring import bootstrap_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.models.novelty import Novelty
    from router.outcomes import OutcomeLog

LOGS = (
    "exam_reasoning",
    "bbh_thinking",
    "nine_models",
    "qa_search_depth",
    "medical_rag",
    "gsm8k_verifier",
)
QUICK = ("qa_search_depth", "gsm8k_verifier")
# Logs that hold questions of one another's sources: nothing in them is strange.
RELATED = {
    "nine_models": ("gsm8k_verifier", "qa_search_depth"),
    "gsm8k_verifier": ("nine_models",),
    "qa_search_depth": ("nine_models",),
}
# Whose texts are put in the place of a log's own, so that they can say nothing of the outcomes.
FOREIGN = {
    "gsm8k_verifier": "bbh_thinking",
    "qa_search_depth": "exam_reasoning",
    "medical_rag": "qa_search_depth",
}
QUESTIONS_MAX = 2000
STRANGE_MAX = 800
ODD = (
    "",
    "?!",
    "asdkjh qwlekj zxcm aslkdj",
    "def f(x):\n    return [i for i in range(x) if i % 2]\n",
    "SELECT name FROM town WHERE age = 3;",
    "x" * 5000,
    "lorem ipsum dolor sit amet " * 400,
    "\u6771\u4eac\u306e\u4eba\u53e3\u306f\u4f55\u4eba\u3067\u3059\u304b\u3002",
)
AUROC_MIN, AUROC_REVERSED_MIN, FALSE_ALARMS_MAX, COVERAGE_MIN = 0.9, 0.85, 0.02, 0.8
# Abstention may not cost more than this on questions like those of training.
LOSS_MAX = 0.002


def find_data() -> Path:
    """Find the shared logs: where ROUTER_DATA points, or beside the repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("ROUTER_DATA", default)) / "outcomes"


def load(name: str) -> OutcomeLog:
    """Load a log, of a large one an even selection of questions."""
    log = read_log(find_data() / f"{name}.parquet")
    step = -(-log.n_questions // QUESTIONS_MAX)
    return log.select(np.arange(log.n_questions) % step == 0)


def fit_text(texts: Sequence[str]) -> tuple[TextEncoder, Novelty]:
    """Fit features and novelty, without any outcome."""
    tables, _ = fit_inputs(texts)
    encoder = TextEncoder(tables.vocabularies, tables.projections)
    features = encoder.encode(texts)
    return encoder, fit_novelty(encoder, texts, features, n_components=tables.n_components)


def compute_auroc(own: NDArray[np.float64], strange: NDArray[np.float64]) -> float:
    """Compute how often a strange question is less familiar than one of the log's own."""
    ranked = np.sort(own)
    below, upto = (np.searchsorted(ranked, strange, side=side) for side in ("left", "right"))
    return float(1.0 - (below + upto).mean() / (2 * len(own)))


def reverse_words(text: str) -> str:
    """Turn every word over: the shape of the text stays, its words are those of no language."""
    return re.sub(r"\w+", lambda match: match.group()[::-1], text)


def measure_strangers(name: str, logs: dict[str, OutcomeLog]) -> dict[str, Any]:
    """Measure false alarms on held-out questions and AUROC against every kind of strange ones."""
    log = logs[name]
    texts, folds = np.array(log.texts, dtype=object), assign_folds(log.texts)
    start = time.perf_counter()
    encoder, novelty = fit_text(list(texts[folds != 0]))
    seconds = time.perf_counter() - start

    def rank(items: Sequence[str]) -> NDArray[np.float64]:
        # Scores rather than p-values, which tie where all of them are lowest.
        return -novelty.score(encoder.encode(items[:STRANGE_MAX])).astype(np.float64)

    held_out = list(texts[folds == 0])
    familiarity = novelty.rank(encoder.encode(held_out))
    own = rank(held_out)
    others = {
        other: compute_auroc(own, rank(content.texts))
        for other, content in logs.items()
        if other != name and other not in RELATED.get(name, ())
    }
    return {
        "log": name,
        "below_01": float((familiarity < 0.01).mean()),
        "below_05": float((familiarity < 0.05).mean()),
        "auroc": others,
        "auroc_reversed": compute_auroc(own, rank([reverse_words(text) for text in held_out])),
        "auroc_odd": compute_auroc(own, rank(ODD)),
        "auroc_unseen_tasks": measure_unseen_tasks(log),
        "seconds": seconds,
    }


def measure_unseen_tasks(log: OutcomeLog) -> float | None:
    """Measure the AUROC of left-out tasks against held-out questions of the tasks that stay."""
    if len({group for group in log.groups if group is not None}) < 2:
        return None
    texts = np.array(log.texts, dtype=object)
    by_text, by_task = assign_folds(log.texts), assign_task_folds(log)
    values = []
    for fold in range(5):
        strange = by_task == fold
        own, rest = ~strange & (by_text == fold), ~strange & (by_text != fold)
        if strange.any() and own.any():
            encoder, novelty = fit_text(list(texts[rest]))
            scores = [-novelty.score(encoder.encode(list(texts[m]))) for m in (own, strange)]
            values.append(compute_auroc(*(score.astype(np.float64) for score in scores)))
    return float(np.mean(values))


def measure_plans(
    log: OutcomeLog, labels: str, *, seed: int, foreign: Sequence[str] = ()
) -> dict[str, Any]:
    """Cross-fit a log and plan it with and without abstention; also measure coverage."""
    folds = assign_task_folds(log) if labels == "unseen" else assign_folds(log.texts)
    view = build_view(log, folds=folds)
    texts, groups = view.texts, view.groups
    if foreign:
        texts = np.array([foreign[i % len(foreign)] for i in range(len(texts))], dtype=object)
        groups = np.full(len(texts), None, dtype=object)
    text = np.array([item.strip().lower() for item in log.texts])
    surface, means = np.zeros_like(view.quality), np.zeros_like(view.quality)
    familiarity = np.zeros(len(surface))
    for fold in np.unique(view.folds):
        test = view.folds == fold
        part = log.select(~np.isin(text, text[folds == fold]))
        model = fit_gain(part, seed=seed).model
        features = model.encoder.encode(part.texts)
        n_components = model.standard.n_components
        novelty = fit_novelty(model.encoder, part.texts, features, n_components=n_components)
        asked = model.encoder.encode(list(texts[test]))
        familiarity[test] = novelty.rank(asked)
        surface[test] = model.predict_features(asked, model.assign(list(groups[test])))
        means[test] = np.clip(model.head.option_means, 0.0, 1.0)
    strange = familiarity < ABSTAIN_BELOW
    # Equal rows are planned in the order of the log, which is that of its tasks: noise breaks ties.
    noise = 1e-6 * np.random.default_rng(seed).normal(size=means.shape)
    careful = np.where(strange[:, None], means + noise, surface)
    scores = {}
    for label, values in (("without", surface), ("with", careful)):
        surfaces = {"router_knapsack": values, "task": values, "ridge": values}
        scores[label] = score_plans(view, surfaces, router=values).quality
    plain, wary = (scores[label]["router"].mean(0) for label in ("without", "with"))
    return {
        "log": log.dataset,
        "labels": labels,
        "abstained": float(strange.mean()),
        "blind": float(scores["with"]["blind"].mean()),
        "without": float(plain.mean()),
        "with": float(wary.mean()),
        "difference": bootstrap_interval(wary, plain, seed=seed)._asdict(),
        "brier_without": measure_brier(surface[strange], view.quality[strange]),
        "brier_with": measure_brier(means[strange], view.quality[strange]),
        "brier": measure_brier(surface, view.quality),
        "brier_recalibrated": measure_brier(
            recalibrate(surface, view.quality, view.folds), view.quality
        ),
        **asdict(measure_coverage(view, surface)),
    }


def measure_brier(predicted: NDArray[np.float64], observed: NDArray[np.float64]) -> float | None:
    """Compute the mean squared error, of nothing None."""
    return float(((predicted - observed) ** 2).mean()) if predicted.size else None


def recalibrate(
    surface: NDArray[np.float64], quality: NDArray[np.float64], folds: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Put a line through each question's mean level, fitted on the other folds; contrasts stay."""
    level = surface.mean(1)
    shifted = surface.copy()
    for fold in np.unique(folds):
        test = folds == fold
        slope, intercept = np.polyfit(level[~test], quality[~test].mean(1), 1)
        shifted[test] += (intercept + (slope - 1.0) * level[test])[:, None]
    return np.clip(shifted, 0.0, 1.0)


def write(value: float | None, form: str = "{:.3f}") -> str:
    """Write a number that may be absent."""
    return "-" if value is None else form.format(value)


def print_strangers(rows: Sequence[dict[str, Any]]) -> None:
    """Print the table of strange questions."""
    print(
        "| log | below .01 | below .05 | other logs: least, mean | words reversed | odd texts "
        "| unseen tasks | fit, s |\n" + "|---" * 8 + "|"
    )
    for row in rows:
        others = list(row["auroc"].values())
        cells = [
            row["log"],
            f"{row['below_01']:.1%}",
            f"{row['below_05']:.1%}",
            f"{min(others):.3f}, {np.mean(others):.3f}",
            *(write(row[f"auroc_{kind}"]) for kind in ("reversed", "odd", "unseen_tasks")),
            f"{row['seconds']:.1f}",
        ]
        print("| " + " | ".join(cells) + " |", flush=True)


def print_plans(rows: Sequence[dict[str, Any]]) -> None:
    """Print the tables of abstention and of coverage."""
    print(
        "\n| log | labels | abstained | blind | without | with | difference [95 %] "
        "| Brier there: without | with |\n" + "|---" * 9 + "|"
    )
    for row in rows:
        gain = row["difference"]
        cells = [
            row["log"],
            row["labels"],
            f"{row['abstained']:.1%}",
            *(f"{row[name]:.4f}" for name in ("blind", "without", "with")),
            f"{gain['mean']:+.4f} [{gain['low']:+.4f}, {gain['high']:+.4f}]",
            *(write(row[name]) for name in ("brier_without", "brier_with")),
        ]
        print("| " + " | ".join(cells) + " |")
    print(
        "\n| log | labels | cells held, of 90 % | half-width | plans held, of 90 % | half-width "
        "| Brier | level recalibrated |\n" + "|---" * 8 + "|"
    )
    for row in rows:
        cells = [
            row["log"],
            row["labels"],
            f"{write(row['cells'], '{:.1%}')} of {row['n_cells']}",
            write(row["width"]),
            f"{write(row['plans'], '{:.1%}')} of {row['n_plans']}",
            write(row["plan_width"]),
            *(write(row[name], "{:.4f}") for name in ("brier", "brier_recalibrated")),
        ]
        print("| " + " | ".join(cells) + " |")


def check_goals(strangers: Sequence[dict[str, Any]], plans: Sequence[dict[str, Any]]) -> list[str]:
    """Name the goals that were missed."""
    missed = []
    for row in strangers:
        goals = [(other, value, AUROC_MIN) for other, value in row["auroc"].items()]
        goals.append(("reversed words", row["auroc_reversed"], AUROC_REVERSED_MIN))
        missed += [
            f"{row['log']}: AUROC {value:.3f} against {other}"
            for other, value, goal in goals
            if value < goal
        ]
    for row in plans:
        given = row["labels"] == "given"
        if given and row["abstained"] > FALSE_ALARMS_MAX:
            missed.append(f"{row['log']}: {row['abstained']:.1%} false alarms")
        if given and row["difference"]["mean"] < -LOSS_MAX:
            missed.append(f"{row['log']}: abstention costs {-row['difference']['mean']:.4f}")
        shares = [(name, row[name]) for name in ("cells", "plans") if given]
        missed += [
            f"{row['log']}: intervals held {share:.1%} of {name}"
            for name, share in shares
            if share is not None and share < COVERAGE_MIN
        ]
    return missed


def main() -> int:
    """Measure the logs that were asked for and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="*", help="names of logs; all by default")
    parser.add_argument("--quick", action="store_true", help="two small logs only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    if not find_data().is_dir():
        print(f"the shared logs are not at {find_data()}: nothing to measure")
        return 0
    names = arguments.logs or (QUICK if arguments.quick else LOGS)
    logs = {name: load(name) for name in (*names, *(log for log in LOGS if log not in names))}
    strangers = [measure_strangers(name, logs) for name in names]
    print_strangers(strangers)
    plans = [measure_plans(logs[name], "given", seed=arguments.seed) for name in names]
    if not arguments.quick:
        plans += [
            measure_plans(logs[name], "unseen", seed=arguments.seed)
            for name in names
            if len(set(logs[name].groups)) > 1
        ]
        plans += [
            measure_plans(
                logs[name], "foreign", seed=arguments.seed, foreign=logs[FOREIGN[name]].texts
            )
            for name in names
            if name in FOREIGN
        ]
    print_plans(plans)
    missed = check_goals(strangers, plans)
    print("\n" + ("\n".join(f"missed: {line}" for line in missed) or "every goal is met"))
    if arguments.json is not None:
        figures = {"strangers": strangers, "plans": plans, "missed": missed}
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
