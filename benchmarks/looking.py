"""Looking after the first step: what one outcome says, what re-planning brings, what it takes.

Run it as ``python benchmarks/looking.py`` (``--quick`` for fewer questions and logs).

outcome   of held-out questions the cheapest option's outcome is seen, and what all others are
          expected to bring is moved by it; Brier score of these expectations before and after,
          with the difference's 95 % interval, and the correlations that the log itself has
policy    held-out questions, the same budget: one plan upfront and its re-planning after every
          answer, where a check says whether it is right; the difference at the cost really spent
          is to the best fixed mix at that cost
replan    200 questions x 64 options after one report: milliseconds of the new plan, median

Expectations are task means of the other folds, which are never ahead of this library's own. A check
is the log's own outcome: it never errs. It exits with 1 when a goal is missed.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._figures import Figure, finish, parse_options, show
from router import Policy, Replanner, Report, Router, read_log
from router.evaluation import build_view, cross_fit
from router.evaluation.environments import TableEnvironment
from router.evaluation.plan_tables import plan_table
from router.options import Menu
from router.scoring import best_mixture
from router.strategies.outcome_belief import OutcomeBelief
from router.strategies.outcome_kinship import OutcomeKinship

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from router.evaluation.protocol import DenseView
    from router.outcomes import OutcomeLog

FOLDER = Path(os.environ.get("ROUTER_DATA", "../shared/data")) / "outcomes"
LOGS = (
    "exam_reasoning",
    "medical_rag",
    "gsm8k_verifier",
    "qa_search_depth",
    "nine_models",
    "mmlu_gsm8k_two_models",
    "rag_architectures",
    "bbh_thinking",
)
POLICY_LOGS = ("exam_reasoning", "medical_rag", "gsm8k_verifier", "qa_search_depth")
QUESTIONS_MAX, OPTIONS_MAX = 400, 40
FRACTIONS = (0.1, 0.4)
SHRINK = 20.0


def learn_tasks(log: OutcomeLog) -> Any:
    """Learn the means of tasks, drawn towards those of all questions."""
    quality = log.to_matrix(log.quality)
    overall = np.nanmean(quality, axis=0)
    labels = np.array([group or "" for group in log.groups])
    means = {}
    for name in set(labels):
        rows = quality[labels == name]
        means[name] = (np.nansum(rows, axis=0) + SHRINK * overall) / (len(rows) + SHRINK)
    return SimpleNamespace(
        predict=lambda _, groups: np.array([means.get(group or "", overall) for group in groups])
    )


def score_outcomes(
    log: OutcomeLog, view: DenseView, expected: NDArray[np.float64], n_questions: int
) -> Iterator[Figure]:
    """Compare expectations of other options before and after the cheapest one's outcome."""
    chance = np.random.default_rng(0)
    rows = chance.choice(len(expected), min(len(expected), n_questions), replace=False)
    first = int(view.cost.mean(axis=0).argmin())
    models = [option.model or "" for option in log.options]
    ways = [(option.model, option.reasoning_effort, option.strategy) for option in log.options]
    # What only adds votes to the option that ran shares its samples, so it would be too easy.
    other = [place for place, way in enumerate(ways) if way != ways[first]][:OPTIONS_MAX]
    others = np.array(other)
    after = np.array(
        [
            OutcomeBelief.start(expected[row], models)
            .observe(first, float(view.quality[row, first]))
            .quality[others]
            for row in rows
        ]
    )
    observed = view.quality[np.ix_(rows, others)]
    before = expected[np.ix_(rows, others)]
    gain = ((after - observed) ** 2 - (before - observed) ** 2).mean(axis=1)
    half = 1.96 * gain.std() / np.sqrt(len(gain))
    unit = f"[{gain.mean() - half:+.4f}, {gain.mean() + half:+.4f}]"
    yield Figure(f"{log.dataset}: Brier before", float(((before - observed) ** 2).mean()), "")
    yield Figure(f"{log.dataset}: Brier moved", float(gain.mean()), unit)
    trials = log.to_matrix(log.trials.astype(np.float64))[view.rows][rows]
    found = OutcomeKinship.fit(
        expected[rows], view.quality[rows], models, trials=trials, n_resamples=1
    )
    pairs = (found.same_option, found.same_model, found.other_model)
    unit = "(same option {:.2f}, same model {:.2f})".format(*pairs[:2])
    yield Figure(f"{log.dataset}: kinship, other model", pairs[2], unit)


def drive_policies(
    log: OutcomeLog, view: DenseView, expected: NDArray[np.float64], n_questions: int
) -> Iterator[Figure]:
    """Carry the same budget out upfront and with re-planning, and compare at what was spent."""
    chance = np.random.default_rng(1)
    rows = np.sort(chance.choice(len(expected), min(len(expected), n_questions), replace=False))
    quality, cost = view.quality[rows], view.cost[rows]
    # A log of single runs says the same at every further try of an option.
    single = bool((log.trials == 1).all())
    kinship = OutcomeKinship(same_option=0.99 if single else 0.85)
    # Micro-units are too coarse for logs whose cheapest costs are thousandths of a cent.
    scale = 1.0 / view.cost.mean()
    mean, level = view.cost.mean(axis=0) * scale, view.quality.mean(axis=0)
    low, high = float(mean.min()), float(mean[level.argmax()])
    for fraction in FRACTIONS:
        budget = (low + fraction * (high - low)) * len(rows)
        plan = plan_table(log.options, np.clip(expected[rows], 0.0, 1.0), mean.tolist(), budget)
        ends = {}
        for name, is_checked in (("upfront", False), ("re-planned", True)):
            ids = [question.id for question in plan.questions]
            menu = plan.surface.menu
            table = TableEnvironment(
                ids, menu.names, quality, cost * scale, is_checked=is_checked, menu=menu
            )
            policy = Policy(plan, is_checked=is_checked, reserve=0.0, kinship=kinship)
            if is_checked:
                policy.run(table)
            else:
                questions = {question.id: question for question in plan.questions}
                for decision in policy.step():
                    table.run(questions[decision.id], decision)
            blind = best_mixture(mean, level, max(table.mean_cost, low)).blend(level)
            ends[name] = table.mean_quality - float(blind)
            share = table.mean_cost / budget * len(rows)
            unit = f"(quality {table.mean_quality:.3f}, spent {share:.2f})"
            goal = 0.02 if is_checked else None
            yield Figure(
                f"{log.dataset} at {fraction:.0%}: {name} over fixed mix",
                ends[name],
                unit,
                goal,
                at_most=False,
            )


def time_replans() -> Iterator[Figure]:
    """Time plans after one report."""
    router = Router.load()
    texts = [f"Who was the ruler of town {row} in {row * 37 % 1900}?" for row in range(200)]
    menu = Menu(router.bundle.menu.options[:64], "menu")
    plan = router.allocate(texts, {"usd": 0.5}, menu=menu)
    replanner = Replanner(plan)
    found, planned, whole = replanner.plan(), [], []
    for row in range(100):
        decision = found.decisions[row]
        begin = time.perf_counter()
        replanner.report(Report(decision.id, str(decision.option), quality=float(row % 3 == 0)))
        middle = time.perf_counter()
        found = replanner.plan()
        planned.append(time.perf_counter() - middle)
        whole.append(time.perf_counter() - begin)
    yield Figure("replan 200 x 64", 1e3 * float(np.median(planned)), "ms", 1.0)
    yield Figure("report and replan", 1e3 * float(np.median(whole)), "ms")


def all_parts(*, quick: bool) -> Iterator[Figure]:
    """Run everything."""
    n_questions = 100 if quick else QUESTIONS_MAX
    for name in LOGS[:2] if quick else LOGS:
        log = read_log(FOLDER / f"{name}.parquet")
        view = build_view(log)
        expected = cross_fit(log, learn_tasks, view)
        yield from score_outcomes(log, view, np.clip(expected, 0.02, 0.98), n_questions)
        if name in POLICY_LOGS:
            yield from drive_policies(log, view, expected, n_questions)
    yield from time_replans()


def main() -> int:
    """Print the figures and say whether every goal was met."""
    options = parse_options("Looking after the first step.", "fewer questions and two logs")
    return finish(show(all_parts(quick=options.quick), width=48, measured=50), options.json)


if __name__ == "__main__":
    sys.exit(main())
