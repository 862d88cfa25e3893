"""How far the gain model's figures can be trusted: other folds, shuffled labels, sparse logs.

Run it as ``python benchmarks/robustness.py`` (``--quick`` for two small logs). It exits with 1 when
a learner that has nothing to learn is clearly behind the best fixed mix (by more than .003, with a
95 % lower bound below -.010), or when a sparse log is planned worse than by its observed means
alone by more than .003.

refold     the protocol on random folds, twins of a text together; no choice was made on them
shuffled   outcomes dealt to other questions, so that nothing can be learned (negative control)
sparse-k   every training question keeps k random options; scored on all

``--chance N`` tells how often chance alone breaks the rule for shuffled outcomes: N plans that know
nothing but the options' means and choose at random which questions get more.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from router import read_log
from router.evaluation import build_view, cross_fit, score_plans
from router.evaluation.baselines import predict_baselines
from router.evaluation.protocol import iterate_folds
from router.models.training import fit_gain_model
from router.scoring import bootstrap_interval

if TYPE_CHECKING:
    from router.outcomes import OutcomeLog

LOGS = (
    "exam_reasoning",
    "bbh_thinking",
    "nine_models",
    "qa_search_depth",
    "medical_rag",
    "gsm8k_verifier",
    "evidence_search_hotpotqa",
    "evidence_search_2wikimultihopqa",
    "rag_architectures",
    "search_x_reasoning_attempts",
)
QUICK = ("gsm8k_verifier", "search_x_reasoning_attempts")
MODES = ("refold", "shuffled", "sparse-1", "sparse-3")
VERDICTS = {True: "yes", False: "NO", None: "-"}
TOLERANCE, LOWER_BOUND = 0.003, -0.010


@dataclass(frozen=True)
class Row:
    """One log under one mode and seed: means over the five budgets."""

    name: str
    mode: str
    seed: int
    blind: float
    task: float
    ridge: float
    router: float
    means: float | None
    low: float
    high: float

    @property
    def met(self) -> bool | None:
        """Whether the mode's goal is reached; None for random folds, which have none."""
        if self.mode == "shuffled":
            return self.router >= self.blind - TOLERANCE or self.low >= LOWER_BOUND
        if self.means is not None:
            return self.router >= self.means - TOLERANCE
        return None


def draw_folds(texts: Any, seed: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Deal questions into five random folds, equal texts together."""
    folded = [text.strip().lower() for text in texts]
    _, inverse = np.unique(np.array(folded, dtype=object).astype(str), return_inverse=True)
    return np.asarray(np.random.default_rng(seed).integers(0, 5, inverse.max() + 1)[inverse])


def shuffle_outcomes(log: OutcomeLog, seed: int) -> OutcomeLog:
    """Deal whole rows of outcomes to other questions."""
    order = np.random.default_rng(seed).permutation(log.n_questions)
    return replace(log, question_index=order[log.question_index])


def thin(log: OutcomeLog, n_kept: int, seed: int) -> OutcomeLog:
    """Keep some random options of every question."""
    chance = np.random.default_rng(seed).random(len(log.quality))
    order = np.lexsort((chance, log.question_index))
    place = np.empty(len(order), dtype=np.int64)
    starts = np.searchsorted(log.question_index[order], log.question_index[order])
    place[order] = np.arange(len(order)) - starts
    kept = place < n_kept
    return replace(
        log,
        question_index=log.question_index[kept],
        option_index=log.option_index[kept],
        quality=log.quality[kept],
        cost=log.cost[kept],
        trials=log.trials[kept],
        unit_costs={unit: column[kept] for unit, column in log.unit_costs.items()},
    )


def learn_sparse(n_kept: int, seed: int, log: OutcomeLog) -> Any:
    """Train the gain model on a thinned log."""
    return fit_gain_model(thin(log, n_kept, seed), seed=seed)


def learn_means(n_kept: int, seed: int, log: OutcomeLog) -> Any:
    """Take the observed means of a thinned log for everything."""
    thinned = thin(log, n_kept, seed)
    tried = ~np.isnan(quality := thinned.to_matrix(thinned.quality))
    count = tried.sum(axis=0)
    # An option that the thinned log never tried is as good as the others are on average.
    means = np.where(
        count > 0, np.nansum(quality, axis=0) / np.maximum(count, 1), np.nanmean(quality)
    )
    return SimpleNamespace(predict=partial(_repeat, means))


def _repeat(means: Any, texts: Any, groups: Any) -> Any:
    """Predict the same for every question."""
    del groups
    return np.tile(means, (len(texts), 1))


def measure(log: OutcomeLog, name: str, mode: str, seed: int) -> Row:
    """Score one log under one mode."""
    scored = shuffle_outcomes(log, seed) if mode == "shuffled" else log
    folds = draw_folds(log.texts, seed) if mode == "refold" else None
    view = build_view(scored, folds=folds)
    surfaces = predict_baselines(view, n_jobs=2)
    learner = partial(fit_gain_model, seed=seed)
    if mode.startswith("sparse"):
        n_kept = int(mode.rpartition("-")[2])
        learner = partial(learn_sparse, n_kept, seed)
        surfaces["means"] = cross_fit(scored, partial(learn_means, n_kept, seed), view)
    surface = cross_fit(scored, learner, view, folds=folds, n_jobs=2)
    quality = score_plans(view, surfaces, router=surface).quality
    mean = {plan: np.asarray(values).mean(axis=0) for plan, values in quality.items()}
    gain = bootstrap_interval(mean["router"], mean["blind"], seed=0)
    return Row(
        name,
        mode,
        seed,
        blind=float(mean["blind"].mean()),
        task=float(mean["task"].mean()),
        ridge=float(mean["ridge"].mean()),
        router=float(mean["router"].mean()),
        means=float(mean["means"].mean()) if "means" in mean else None,
        low=gain.low,
        high=gain.high,
    )


def measure_chance(log: OutcomeLog, n_plans: int) -> tuple[float, float, float]:
    """Plan by means with questions in random order; give mean and deviation to blind, and breaks.

    The best fixed mix is scored as an expectation, a plan by the very questions that it picks.
    """
    view = build_view(log)
    differences, broken = [], 0
    for seed in range(n_plans):
        order = 1e-6 * np.random.default_rng(seed).random((len(view.quality), 1))
        surface = np.zeros_like(view.quality)
        for fold in iterate_folds(view):
            # A question's place in the order tilts all its gains alike, by next to nothing.
            surface[fold.test] = fold.mean_quality * (1.0 + order[fold.test])
        quality = score_plans(view, {"random": surface}).quality
        plan, blind = quality["random"].mean(axis=0), quality["blind"].mean(axis=0)
        gain = bootstrap_interval(plan, blind, seed=0)
        differences.append(float((plan - blind).mean()))
        broken += differences[-1] < -TOLERANCE and gain.low < LOWER_BOUND
    return float(np.mean(differences)), float(np.std(differences)), broken / n_plans


def main() -> int:
    """Measure what was asked for and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="*", help="names of logs; most by default")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=MODES)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1])
    parser.add_argument("--quick", action="store_true", help="two small logs only")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    parser.add_argument("--chance", type=int, metavar="N", help="only what chance does, N plans")
    arguments = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ROUTER_DATA", default)) / "outcomes"
    if not folder.is_dir():
        print(f"the shared logs are not at {folder}: nothing to measure")
        return 0
    if arguments.chance is not None:
        for name in arguments.logs or QUICK:
            log = read_log(folder / f"{name}.parquet")
            shift, deviation, broken = measure_chance(log, arguments.chance)
            print(f"{name}: {shift:+.4f}, deviation {deviation:.4f}, rule broken by {broken:.1%}")
        return 0
    print(
        "| log | mode | seed | blind | means | task | ridge | **router** "
        "| router - blind [95 %] | met |"
    )
    print("|---" * 10 + "|", flush=True)
    rows = []
    for name in arguments.logs or (QUICK if arguments.quick else LOGS):
        log = read_log(folder / f"{name}.parquet")
        for mode in arguments.modes:
            for seed in arguments.seeds:
                row = measure(log, name, mode, seed)
                rows.append(row)
                means = "-" if row.means is None else f"{row.means:.4f}"
                print(
                    f"| {name} | {mode} | {seed} | {row.blind:.4f} | {means} | {row.task:.4f} "
                    f"| {row.ridge:.4f} | {row.router:.4f} | {row.router - row.blind:+.4f} "
                    f"[{row.low:+.4f}, {row.high:+.4f}] | {VERDICTS[row.met]} |",
                    flush=True,
                )
    if arguments.json is not None:
        figures = [vars(row) | {"met": row.met} for row in rows]
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 1 if any(row.met is False for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
