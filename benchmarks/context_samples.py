"""What looking after the first step is worth: agreement of first samples as context.

Run it as ``python benchmarks/context_samples.py`` (``--quick`` deals once). Single answers of
``exam_reasoning`` are replayed: the small model answers three times, and how far its answers agree
is known before the rest of the budget is planned. Options that the same model answers the same way
are scored on the seven answers that were not looked at. Whoever looks pays for the three answers on
every question, out of the same budget; their vote is then an option without further cost. Whoever
does not look may buy the same vote as an option like any other.

without      text and task alone
with         agreement and share of parsed answers beside them, first answers paid
random       a number that says nothing beside text and task: the harm of a useless context

With ``--go-on`` the same model may go on from the three answers, to five, seven or ten: they count
in the vote and are paid once. In the place of *random* stands then

unread       first answers paid like *with*, their agreement not read: what reading alone is worth
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router.evaluation import build_view, cross_fit, score_plans
from router.evaluation.baselines import predict_baselines
from router.evaluation.plans import plan_in_integers
from router.evaluation.protocol import compute_budgets, iterate_folds
from router.logs import build_log
from router.models.training import fit_gain_model
from router.scoring import bootstrap_interval
from router.tables import read_columns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.evaluation import DenseView
    from router.outcomes import OutcomeLog

N_LOOKED = 3
SAMPLES = (1, 3, 5)
SAMPLES_GOING_ON = (1, 5, 7, 10)
PROBES = {"baseline": "three answers without reasoning", "chain_of_thought": "three with"}
SMALL = "gpt-35-turbo"
# Dollars a million tokens in and out; the log's own costs follow them, the prompt paid once.
PRICES = {"gpt-35-turbo": (1.5, 2.0), "gpt-4": (30.0, 60.0)}
N_DRAWS = 60
TOLERANCE = 0.003


def vote(
    answers: str, correct: str, n_samples: int, rng: np.random.Generator, *, first: str = ""
) -> float:
    """Estimate how often a majority of first and some more answers is right, ties split evenly."""
    if n_samples == 1 and not first:
        return answers.count(correct) / len(answers)
    right = 0.0
    for _ in range(N_DRAWS):
        picked = rng.permutation(len(answers))[: n_samples - len(first)]
        drawn = Counter(first + "".join(answers[i] for i in picked))
        most = max(drawn.values())
        winners = [answer for answer, count in drawn.items() if count == most]
        right += (correct in winners) / len(winners)
    return right / N_DRAWS


def price(row: dict[str, Any], n_samples: int) -> float:
    """Price some samples of one cell in dollars, its prompt once."""
    dear_in, dear_out = PRICES[row["model"]]
    tokens_out = n_samples * row["output_tokens_all10"] / 10
    return float(row["input_tokens"] * dear_in + tokens_out * dear_out) / 1e6


def look(row: dict[str, Any], order: NDArray[np.int64]) -> dict[str, float]:
    """Look at a cell's first answers: what is known of them, their vote's worth, their price."""
    first = "".join(row["answers10"][i] for i in order[:N_LOOKED])
    counts = Counter(answer for answer in first if answer != "-")
    most = max(counts.values(), default=0)
    winners = [answer for answer, count in counts.items() if count == most]
    right = (row["correct"] in winners) / len(winners) if winners else 0.0
    return {
        "agreement": most / N_LOOKED,
        "parsed": sum(counts.values()) / N_LOOKED,
        "quality": right,
        "price": price(row, N_LOOKED),
    }


def replay(
    rows: list[dict[str, Any]], prompt: str, seed: int, *, goes_on: bool
) -> tuple[OutcomeLog, OutcomeLog]:
    """Make the log of those who look and that of those who do not: same options, other costs."""
    rng = np.random.default_rng(seed)
    seen: dict[str, dict[str, float]] = {}
    cells = []
    for row in rows:
        order = rng.permutation(10)
        is_probe = (row["model"], row["prompt"]) == (SMALL, prompt)
        if is_probe:
            seen[row["query_id"]] = look(row, order)
        left = "".join(row["answers10"][i] for i in (order[N_LOOKED:] if is_probe else order))
        head = "".join(row["answers10"][i] for i in order[:N_LOOKED])
        for n_samples in SAMPLES_GOING_ON if is_probe and goes_on else SAMPLES:
            continued = is_probe and goes_on and n_samples > N_LOOKED
            first = head if continued else ""
            quality = vote(left, row["correct"], n_samples, rng, first=first)
            cells.append((row, n_samples, quality, price(row, n_samples), not continued))
    logs = []
    for looks in (True, False):
        table = [
            {
                "option": f"{row['model']}|{row['prompt']}|{n_samples}",
                "model": row["model"],
                "strategy": row["prompt"],
                "samples": n_samples,
                "quality": quality,
                "cost": cost + looks * is_apart * seen[row["query_id"]]["price"],
                **_describe(row, seen),
            }
            for row, n_samples, quality, cost, is_apart in cells
        ]
        table += [
            {
                "option": "vote of the first answers",
                "model": SMALL,
                "strategy": prompt,
                "samples": N_LOOKED,
                "quality": seen[row["query_id"]]["quality"],
                "cost": seen[row["query_id"]]["price"],
                **_describe(row, seen),
            }
            for row in rows
            if (row["model"], row["prompt"]) == (SMALL, prompt)
        ]
        logs.append(build_log({name: [entry[name] for entry in table] for name in table[0]}))
    return logs[0], replace(logs[1], context={})


def _describe(row: dict[str, Any], seen: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Write what all options of a question share."""
    found = seen[row["query_id"]]
    return {
        "query_id": row["query_id"],
        "query": row["query"],
        "group": row["group"],
        "cost_unit": "usd",
        "context_agreement": found["agreement"],
        "context_parsed": found["parsed"],
    }


def plan(
    view: DenseView, surface: NDArray[np.float64], budgets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Plan a surface under given budgets, fold by fold, and return the mean quality a question."""
    quality = np.zeros((len(budgets), len(surface)))
    for fold in iterate_folds(view):
        rows = fold.test
        for place, budget in enumerate(budgets.tolist()):
            within = max(budget, fold.floor)
            chosen = plan_in_integers(surface[rows], fold.mean_cost, within, view.allowed[rows])
            quality[place, rows] = view.quality[rows, chosen]
    return quality


def measure(rows: list[dict[str, Any]], prompt: str, seed: int, *, goes_on: bool) -> dict[str, Any]:
    """Score plans with and without the context under the budgets of those who do not look."""
    looking, bare = replay(rows, prompt, seed, goes_on=goes_on)
    view, view_looking = build_view(bare), build_view(looking)
    noise = np.random.default_rng(seed).normal(size=bare.n_questions)
    learner = partial(fit_gain_model, seed=seed)
    told = {
        "without": (bare, view),
        "with": (looking, view_looking),
    }
    if goes_on:
        told["unread"] = (replace(looking, context={}), view_looking)
    else:
        told["random"] = (replace(bare, context={"noise": noise}), view)
    pairs = [("with", "unread")] if goes_on else [("random", "without")]
    budgets = compute_budgets(view)
    scored = {
        name: plan(seen, cross_fit(log, learner, seen, n_jobs=2), budgets)
        for name, (log, seen) in told.items()
    }
    baselines = score_plans(view, predict_baselines(view, n_jobs=2)).quality
    scored |= {name: baselines[name] for name in ("uniform", "blind", "task", "ridge", "oracle")}
    figures: dict[str, Any] = {
        name: values.mean(axis=1).tolist() for name, values in scored.items()
    }
    for name, other in [("with", "without"), *pairs]:
        gain = bootstrap_interval(scored[name].mean(0), scored[other].mean(0), seed=0)
        figures[f"{name} - {other}"] = list(gain)
    return figures


def main() -> int:
    """Measure both first steps and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--quick", action="store_true", help="one deal and one first step only")
    parser.add_argument("--go-on", action="store_true", help="first answers count in later votes")
    parser.add_argument("--json", type=Path, help="write the figures to this file too")
    arguments = parser.parse_args()
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    folder = Path(os.environ.get("ROUTER_DATA", default)) / "samples"
    if not folder.is_dir():
        print(f"the shared samples are not at {folder}: nothing to measure")
        return 0
    table = read_columns(folder / "exam_reasoning_samples.parquet")
    rows = [dict(zip(table, values, strict=True)) for values in zip(*table.values(), strict=True)]
    third = "unread" if arguments.go_on else "random"
    pairs = ("with - without", "with - unread" if arguments.go_on else "random - without")
    names = ("uniform", "blind", "task", "ridge", "without", "with", third, "oracle")
    print(
        f"| first step | deal | {' | '.join(names)} | with, by budget "
        f"| {' | '.join(f'{pair} [95 %]' for pair in pairs)} |"
    )
    print("|---" * (len(names) + 5) + "|", flush=True)
    figures, met = [], True
    for prompt in list(PROBES)[1:] if arguments.quick else PROBES:
        for seed in arguments.seeds[:1] if arguments.quick else arguments.seeds:
            found = measure(rows, prompt, seed, goes_on=arguments.go_on)
            figures.append({"first_step": prompt, "seed": seed, **found})
            means = " | ".join(f"{np.mean(found[name]):.4f}" for name in names)
            gaps = np.array(found["with"]) - np.array(found["without"])
            gains = ["{:+.4f} [{:+.4f}, {:+.4f}]".format(*found[pair]) for pair in pairs]
            print(
                f"| {PROBES[prompt]} | {seed} | {means} | {' '.join(f'{g:+.3f}' for g in gaps)} "
                f"| {' | '.join(gains)} |",
                flush=True,
            )
            met &= arguments.go_on or found["random - without"][0] > -TOLERANCE
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
