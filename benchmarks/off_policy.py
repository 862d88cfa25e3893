"""Whether off-policy estimates hit what is known, and whether their intervals cover it.

Run it as ``python benchmarks/off_policy.py``; ``--quick`` repeats 100 times instead of 500.

Every log has every option's outcome for every question, so that a plan's value is known. 5,000
questions are drawn from it with replacement, the logging policy chooses one option each, and only
that outcome is shown. Logging policies: ``uniform``, and ``greedy``, which follows a plan by task
means at a tenth of the way from cheapest to best and takes any option at random once in ten. The
target is the plan by a ridge on the text at four tenths.

error       mean of |estimate - truth| / truth over the repetitions
coverage    share of the repetitions whose 95 % interval holds the truth
refused     planted: a part of the questions always got the cheapest option; share of the
            repetitions that are refused

It exits with 1 when a goal is missed. Goals stand for the default estimator and interval, on the
three logs named first; other logs, estimators and intervals are shown for information.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from benchmarks._figures import Figure, finish, parse_options, show
from router import read_log
from router.evaluation import build_view
from router.evaluation.baselines import predict_baselines
from router.evaluation.off_policy import Decisions, estimate_off_policy
from router.evaluation.protocol import bound_budgets
from router.exceptions import OverlapError
from router.scoring import knapsack

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from router.evaluation.off_policy import Estimator, IntervalMethod

LOGS = ("bbh_thinking", "mmlu_gsm8k_two_models", "medical_rag")
OTHER_LOGS = ("qa_search_depth", "nine_models")
N_DECISIONS, EXPLORED = 5_000, 0.1
VARIANTS: tuple[tuple[Estimator, IntervalMethod], ...] = (
    ("doubly_robust", "skewness"),
    ("doubly_robust", "normal"),
    ("ips", "normal"),
    ("snips", "normal"),
    ("switch", "normal"),
    ("shrinkage", "normal"),
    ("direct", "normal"),
)
PLANTED_SHARES = (1.0, 0.5, 0.25)


class Case(NamedTuple):
    """A log with all outcomes, a target and a logging policy."""

    quality: NDArray[np.float64]
    task: NDArray[np.str_]
    target: NDArray[np.int64]
    logging: dict[str, NDArray[np.float64]]
    cheapest: int

    @property
    def truth(self) -> float:
        """What the target is worth."""
        return float(self.quality[np.arange(len(self.target)), self.target].mean())


def prepare(folder: Path, name: str) -> Case:
    """Plan for a log at two budgets."""
    view = build_view(read_log(folder / f"{name}.parquet"))
    surfaces, cost = predict_baselines(view), view.mean_by_option(view.cost)
    low, high = bound_budgets(view)
    target = knapsack(surfaces["ridge"], cost, low + 0.4 * (high - low))
    greedy = knapsack(surfaces["task"], cost, low + 0.1 * (high - low))
    uniform = np.full_like(view.quality, 1 / len(cost))
    logging = {
        "uniform": uniform,
        "greedy": EXPLORED * uniform + (1 - EXPLORED) * np.eye(len(cost))[greedy],
    }
    return Case(view.quality, view.groups.astype(str), target, logging, int(cost.argmin()))


def draw(
    case: Case, logging: NDArray[np.float64], generator: np.random.Generator, *, known: bool
) -> tuple[Decisions, NDArray[np.int64]]:
    """Draw questions and choices, and show what was chosen."""
    rows = generator.integers(len(case.quality), size=N_DECISIONS)
    chances = logging[rows]
    action = (chances.cumsum(1) < generator.random(N_DECISIONS)[:, None]).sum(1)
    action = np.minimum(action, chances.shape[1] - 1)
    picked = np.arange(N_DECISIONS)
    decisions = Decisions(
        action=action,
        propensity=chances[picked, action],
        outcome=case.quality[rows, action],
        n_options=chances.shape[1],
        task=case.task[rows],
        # The log is the whole population here, and every draw from it a question of its own.
        logging=chances if known else None,
    )
    return decisions, case.target[rows]


def measure_estimates(name: str, case: Case, n_repeats: int, *, goals: bool) -> Iterator[Figure]:
    """Repeat drawing and estimating, and compare with the truth."""
    for policy, logging in case.logging.items():
        found = np.full((len(VARIANTS), n_repeats, 3), np.nan)
        effective = []
        for repeat in range(n_repeats):
            generator = np.random.default_rng([repeat, len(name)])
            decisions, target = draw(case, logging, generator, known=True)
            for row, (estimator, interval) in enumerate(VARIANTS):
                try:
                    got = estimate_off_policy(
                        decisions, target, estimator=estimator, interval=interval
                    )
                except OverlapError:
                    break
                found[row, repeat] = got.value, got.low, got.high
            else:
                effective.append(got.overlap.effective_sample_size)
        yield Figure(f"{name}, {policy}: refused", 1 - len(effective) / n_repeats, "")
        yield Figure(f"{name}, {policy}: effective size", float(np.mean(effective)), "decisions")
        for row, (estimator, interval) in enumerate(VARIANTS):
            value, low, high = found[row, ~np.isnan(found[row, :, 0])].T
            label = f"{name}, {policy}: {estimator}, {interval}"
            error = 100 * float(np.abs(value - case.truth).mean()) / case.truth
            covered = 100 * float(((low <= case.truth) & (case.truth <= high)).mean())
            goal = goals and row == 0
            yield Figure(f"{label}: error", error, "%", 3.0 if goal else None)
            yield Figure(f"{label}: coverage", covered, "%", 93.0 if goal else None, at_most=False)
            if goal:
                yield Figure(f"{label}: coverage", covered, "%", 97.0)


def measure_refusals(name: str, case: Case, n_repeats: int) -> Iterator[Figure]:
    """Give a part of the questions the cheapest option always, and ask all the same."""
    unlike = np.flatnonzero(case.target != case.cheapest)
    for share in PLANTED_SHARES:
        planted = unlike[: int(share * len(unlike))]
        logging = case.logging["uniform"].copy()
        logging[planted] = np.eye(logging.shape[1])[case.cheapest]
        for known in (True, False):
            n_refused = 0
            for repeat in range(n_repeats):
                decisions, target = draw(case, logging, np.random.default_rng(repeat), known=known)
                try:
                    estimate_off_policy(decisions, target, interval="normal")
                except OverlapError:
                    n_refused += 1
            said = "all probabilities known" if known else "only the logged one"
            label = f"{name}, planted {len(planted) / len(case.target):.0%}, {said}: refused"
            goal = 100.0 if known else None
            yield Figure(label, 100 * n_refused / n_repeats, "%", goal, at_most=False)


def all_parts(n_repeats: int) -> Iterator[Figure]:
    """Run everything."""
    folder = Path(os.environ.get("ROUTER_DATA", "../shared/data")) / "outcomes"
    for name in (*LOGS, *OTHER_LOGS):
        case = prepare(folder, name)
        yield Figure(f"{name}: truth", case.truth, "")
        yield from measure_estimates(name, case, n_repeats, goals=name in LOGS)
        if name in LOGS:
            yield from measure_refusals(name, case, min(100, n_repeats))


def main() -> int:
    """Print the figures and say whether every goal was met."""
    options = parse_options("Off-policy estimates.", "100 repetitions instead of 500")
    figures = show(all_parts(100 if options.quick else 500), width=70, measured=20)
    return finish(figures, options.json)


if __name__ == "__main__":
    sys.exit(main())
