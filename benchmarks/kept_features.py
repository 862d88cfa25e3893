"""What training loses where a log holds features in place of texts.

Run it as ``python benchmarks/kept_features.py`` (``--quick`` for one log). A sidecar keeps of a
question what its bundle's encoder made of it, and training from that takes the encoder as it is.
Held-out questions are planned under the protocol's five budgets; every k-th question of a log
counts, 1,500 at most. No encoder has seen the log it is used on, nor a question that begins alike.

text      an encoder fitted to the log's own texts, as where texts are kept
prior     the encoder of a cold-start prior, fitted as the shipped one to all other logs
other     the encoder of a bundle that was trained on one other log
task      the means of tasks alone, which take neither

It exits with 1 when training from features is clearly worse (95 % interval of the difference below
-.003).
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router import read_log
from router.evaluation import build_view, cross_fit, score_plans
from router.evaluation.baselines import predict_baselines
from router.features.encoder import TextEncoder
from router.models.inputs import fit_inputs
from router.models.pooled import N_COMPONENTS, VOCABULARY_SIZE_MAX, identify_question
from router.models.training import fit_gain_model
from router.scoring import bootstrap_interval

if TYPE_CHECKING:
    from router.outcomes import OutcomeLog

# Each log with the other one whose bundle lends its encoder.
LOGS = {
    "bbh_thinking": "nine_models",
    "qa_search_depth": "nine_models",
    "nine_models": "bbh_thinking",
}
N_QUESTIONS, N_OTHER = 1500, 2500
TOLERANCE = 0.003
PLANS = ("task", "text", "prior", "other")


def thin(log: OutcomeLog, n_questions: int) -> OutcomeLog:
    """Keep every k-th question, so many at most."""
    step = max(1, -(-log.n_questions // n_questions))
    return log.select(np.arange(log.n_questions) % step == 0)


def drop_questions(log: OutcomeLog, held: OutcomeLog) -> OutcomeLog:
    """Drop the questions that begin like one of another log."""
    known = {identify_question(text) for text in held.texts}
    return log.select([identify_question(text) not in known for text in log.texts])


def fit_prior_encoder(folder: Path, held: OutcomeLog, name: str) -> TextEncoder:
    """Fit the encoder of a cold-start prior to all other logs."""
    logs = [read_log(path) for path in sorted(folder.glob("*.parquet")) if path.stem != name]
    known = {identify_question(text) for text in held.texts}
    texts = (text for log in logs for text in log.texts)
    tables, _ = fit_inputs(
        [text for text in dict.fromkeys(texts) if identify_question(text) not in known],
        families=("word",),
        n_components=N_COMPONENTS,
        vocabulary_size_max=VOCABULARY_SIZE_MAX,
    )
    return TextEncoder(tables.vocabularies, tables.projections)


def measure(folder: Path, name: str, other: str, n_jobs: int) -> dict[str, Any]:
    """Plan held-out questions of one log by models of every kind."""
    whole = read_log(folder / f"{name}.parquet")
    log = thin(whole, N_QUESTIONS)
    lender = thin(drop_questions(read_log(folder / f"{other}.parquet"), whole), N_OTHER)
    encoders = {
        "text": None,
        "prior": fit_prior_encoder(folder, whole, name),
        "other": fit_gain_model(lender).encoder,
    }
    view = build_view(log)
    surfaces = {"task": predict_baselines(view)["task"]} | {
        kind: cross_fit(log, partial(fit_gain_model, features_of=encoder), view, n_jobs=n_jobs)
        for kind, encoder in encoders.items()
    }
    scored = score_plans(view, surfaces).quality
    figures: dict[str, Any] = {"n_questions": log.n_questions}
    figures |= {kind: float(scored[kind].mean()) for kind in PLANS}
    for kind in ("prior", "other"):
        loss = bootstrap_interval(scored[kind].mean(0), scored["text"].mean(0), seed=0)
        figures[f"{kind} - text"] = list(loss)
    return figures


def main() -> int:
    """Measure the logs and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("logs", nargs="*", help="names of logs; all by default")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="the first log only")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ROUTER_DATA", default)) / "outcomes"
    if not folder.is_dir():
        print(f"the shared logs are not at {folder}: nothing to measure")
        return 0
    names = arguments.logs or list(LOGS)
    print(f"| log | questions | {' | '.join(PLANS)} | prior - text [95 %] | other - text [95 %] |")
    print("|---" * (len(PLANS) + 4) + "|", flush=True)
    figures = {}
    for name in names[:1] if arguments.quick else names:
        found = figures[name] = measure(folder, name, LOGS[name], arguments.jobs)
        shown = [f"{found[kind]:.4f}" for kind in PLANS]
        shown += [
            "{:+.4f} [{:+.4f}, {:+.4f}]".format(*found[f"{kind} - text"])
            for kind in ("prior", "other")
        ]
        print(f"| {name} | {found['n_questions']} | {' | '.join(shown)} |", flush=True)
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    losses = [
        found[f"{kind} - text"][2] for found in figures.values() for kind in ("prior", "other")
    ]
    return 0 if min(losses) > -TOLERANCE else 1


if __name__ == "__main__":
    sys.exit(main())
