"""What tasks' labels are worth: given, absent, and tasks that no training question had.

Run it as ``python benchmarks/labels.py`` (``--quick`` takes one small log). *given* is the protocol
of ``benchmarks/gain_model.py``; *absent* hides the labels of the questions that are planned, so
that the task is inferred from the text, and of the baselines' training; *unseen* leaves whole tasks
out, in folds by task. On a two-option log, and on each of the two sources of
``mmlu_gsm8k_two_models``, APGR, CPT(50) and CPT(80) are given too, as RouteLLM defines them. It
exits with 1 when a plan is clearly behind the best fixed mix: by more than .003, with a 95 % lower
bound below -.010.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router import read_log
from router.evaluation import (
    assign_task_folds,
    build_view,
    cross_fit,
    measure_routing,
    score_plans,
)
from router.evaluation.baselines import predict_baselines
from router.evaluation.labels import hide_labels
from router.models.training import fit_gain_model
from router.scoring import bootstrap_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.evaluation import DenseView
    from router.outcomes import OutcomeLog

LOGS = (
    "exam_reasoning",
    "bbh_thinking",
    "nine_models",
    "qa_search_depth",
    "medical_rag",
    "mmlu_gsm8k_two_models",
)
QUICK = ("qa_search_depth",)
LABELS = ("given", "absent", "unseen")
PLANS = ("uniform", "blind", "task", "ridge", "router", "oracle")
FIGURES = ("apgr", "cpt_50", "cpt_80")
# Questions of these sources carry tasks that begin with this word.
SOURCES = {"mmlu_gsm8k_two_models": ("mmlu", "gsm8k")}
TOLERANCE, LOWER_BOUND = 0.003, -0.010


def select(view: DenseView, rows: NDArray[np.bool_]) -> DenseView:
    """Take some questions of a view."""
    names = ("rows", "texts", "groups", "folds", "quality", "cost", "allowed")
    return replace(view, **{name: getattr(view, name)[rows] for name in names})


def measure_curves(
    log: OutcomeLog, view: DenseView, surfaces: dict[str, NDArray[np.float64]]
) -> dict[str, dict[str, list[float]]]:
    """Measure APGR and CPT of every surface, source by source."""
    if log.n_options != 2:
        return {}
    options = tuple(option.name for option in log.options)
    groups = np.array([log.groups[row] or "" for row in view.rows])
    parts = {"all": np.ones(len(groups), dtype=bool)}
    parts |= {name: np.char.startswith(groups, name) for name in SOURCES.get(log.dataset, ())}
    found: dict[str, dict[str, list[float]]] = {}
    for part, rows in parts.items():
        for plan, surface in surfaces.items():
            report = measure_routing(select(view, rows), surface[rows], options, n_resamples=2)
            values = [report.figures[name] for name in FIGURES]
            found.setdefault(part, {})[plan] = [
                float("nan") if value is None or value.value is None else float(value.value)
                for value in values
            ]
    return found


def measure(log: OutcomeLog, labels: str, seed: int) -> dict[str, Any]:
    """Score one log with labels given, absent or unseen."""
    folds = assign_task_folds(log) if labels == "unseen" else None
    view = build_view(log, folds=folds)
    view = hide_labels(view) if labels == "absent" else view
    surfaces = predict_baselines(view, n_jobs=2)
    learner = partial(fit_gain_model, seed=seed)
    surface = cross_fit(log, learner, view, folds=folds, n_jobs=2)
    quality = {
        plan: values.mean(axis=0)
        for plan, values in score_plans(view, surfaces, router=surface).quality.items()
    }
    gains = {
        rival: list(bootstrap_interval(quality["router"], quality[rival], seed=0))
        for rival in ("blind", "ridge")
    }
    shown = {name: surfaces[name] for name in ("task", "ridge")} | {"router": surface}
    return {
        "quality": {plan: float(quality[plan].mean()) for plan in PLANS},
        "gains": gains,
        "curves": measure_curves(log, view, shown),
    }


def write_row(name: str, labels: str, found: dict[str, Any]) -> str:
    """Write one line of the first table."""
    means = " | ".join(f"{found['quality'][plan]:.4f}" for plan in PLANS)
    gains = " | ".join(
        "{:+.4f} [{:+.4f}, {:+.4f}]".format(*found["gains"][rival]) for rival in ("blind", "ridge")
    )
    return f"| {name} | {labels} | {means} | {gains} |"


def main() -> int:
    """Measure what was asked for and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="*", help="names of logs; those with tasks by default")
    parser.add_argument("--labels", nargs="+", choices=LABELS, default=LABELS)
    parser.add_argument("--quick", action="store_true", help="one log only")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ROUTER_DATA", default)) / "outcomes"
    if not folder.is_dir():
        print(f"the shared logs are not at {folder}: nothing to measure")
        return 0
    print(f"| log | labels | {' | '.join(PLANS)} | router - blind [95 %] | router - ridge [95 %] |")
    print("|---" * (len(PLANS) + 4) + "|", flush=True)
    figures = {}
    for name in arguments.logs or (QUICK if arguments.quick else LOGS):
        log = replace(read_log(folder / f"{name}.parquet"), dataset=name)
        for labels in arguments.labels:
            figures[f"{name}, {labels}"] = found = measure(log, labels, arguments.seed)
            print(write_row(name, labels, found), flush=True)
    print("\n| log, labels | source | task | ridge | router |")
    print("|---" * 5 + "|")
    for place, found in figures.items():
        for part, plans in found["curves"].items():
            cells = (f"{a:.3f} / {b:.1%} / {c:.1%}" for a, b, c in plans.values())
            print(f"| {place} | {part} | {' | '.join(cells)} |")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    gains = [found["gains"]["blind"] for found in figures.values()]
    behind = any(gain[0] < -TOLERANCE and gain[1] < LOWER_BOUND for gain in gains)
    return 1 if behind else 0


if __name__ == "__main__":
    sys.exit(main())
