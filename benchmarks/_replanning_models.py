"""Two models, four prompts, up to ten answers: a policy that looks beside plans that do not.

The best plan upfront predicts every option from task and text (the ridge of the protocol) and pays
each question by its own length. The policy knows the other folds' answers (`CascadePrior`), tilted
to the same predictions for each model, and the same prices; it sees which answers came and nothing
of whether they are right. Both are read off their own curve of prices at equal mean dollars really
spent. Folds are dealt several times and figures averaged, because one deal moves them by .005.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._curves import DATA, N_FOLDS, Curve, Floats, state, weigh_questions
from router.evaluation import build_view
from router.evaluation.baselines import predict_baselines
from router.evaluation.protocol import compute_budgets
from router.evaluation.replay import AnswerPool
from router.logs import read_log
from router.strategies import CascadeCall, CascadePolicy, CascadePrior

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from benchmarks._figures import Figure
    from router.evaluation.protocol import DenseView
    from router.outcomes import OutcomeLog

__all__ = ["measure_models"]

SMALL, LARGE = "gpt-35-turbo", "gpt-4"
# Dollars per token read and written.
USD = {SMALL: (1.5e-6, 2e-6), LARGE: (3e-5, 6e-5)}
PROMPTS = ("baseline", "concise", "chain_of_thought", "composite")
CALLS = (
    *(CascadeCall(SMALL, samples, "baseline") for samples in (1,)),
    *(CascadeCall(SMALL, samples, "chain_of_thought") for samples in (1, 3, 5, 10)),
    *(CascadeCall(LARGE, samples, "baseline") for samples in (1, 5)),
    *(CascadeCall(LARGE, samples, "concise") for samples in (1, 3)),
    *(CascadeCall(LARGE, samples, "chain_of_thought") for samples in (1, 3, 5, 10)),
    CascadeCall(LARGE, 1, "composite"),
)
SHARES = ("5 %", "10 %", "20 %", "40 %", "70 %")
GOALS = (-0.003, 0.008, -0.003, -0.003, -0.003)
PRICES = np.geomspace(0.03, 20.0, 33)
UPFRONT_PRICES = np.geomspace(0.02, 60.0, 40)


@dataclass(frozen=True)
class Exams:
    """The log, the answers behind it, and what every call costs."""

    log: OutcomeLog
    pools: dict[tuple[str, str], AnswerPool]
    weights: Floats

    @classmethod
    def read(cls) -> Exams:
        """Read them, in the order of the log."""
        log = read_log(DATA / "outcomes" / "exam_reasoning.parquet")
        path = DATA / "samples" / "exam_reasoning_samples.parquet"
        pools = {
            (model, prompt): AnswerPool.read(path, model=model, prompt=prompt)
            for model in USD
            for prompt in PROMPTS
        }
        if any(pool.query_ids != log.query_ids for pool in pools.values()):
            raise ValueError("the questions of the log and of the answers differ")
        return cls(log, pools, weigh_questions(len(log.query_ids)))

    @property
    def any_pool(self) -> AnswerPool:
        """What is the same in all pools: tasks, right choices and how many there are."""
        return self.pools[SMALL, "baseline"]

    def price(
        self, calls: tuple[CascadeCall, ...], rows: NDArray[np.int64], known: NDArray[np.int64]
    ) -> tuple[Floats, Floats]:
        """Give planned dollars, by the mean output of the task's known questions, and real ones."""
        tasks = np.array(self.any_pool.tasks)
        planned, real = np.zeros((2, len(rows), len(calls)))
        for column, call in enumerate(calls):
            pool, (read, write) = self.pools[call.model, call.strategy], USD[call.model]
            written = {t: pool.output_tokens[known][tasks[known] == t].mean() for t in set(tasks)}
            usual = np.array([written[task] for task in tasks[rows]])
            planned[:, column] = read * pool.input_tokens[rows] + call.samples * write * usual
            real[:, column] = (
                read * pool.input_tokens[rows] + call.samples * write * pool.output_tokens[rows]
            )
        return planned, real


def draw_upfront(exams: Exams, view: DenseView, surface: Floats) -> Curve:
    """Draw the curve of one plan, every question at its own price."""
    calls = tuple(
        CascadeCall(str(option.model), option.samples, str(option.strategy).split("|")[0])
        for option in exams.log.options
    )
    quality, cost = np.zeros((2, len(UPFRONT_PRICES), len(view.folds)))
    for fold in range(N_FOLDS):
        held, known = np.flatnonzero(view.folds == fold), np.flatnonzero(view.folds != fold)
        planned, _ = exams.price(calls, held, known)
        for setting, price in enumerate(UPFRONT_PRICES.tolist()):
            choice = (surface[held] - price * planned).argmax(axis=1)
            quality[setting, held] = view.quality[held, choice]
            cost[setting, held] = view.cost[held, choice]
    return Curve(quality, cost)


def draw_policy(
    exams: Exams,
    folds: NDArray[np.int64],
    expected: dict[str, Floats],
    *,
    calls_max: int,
    n_replays: int,
) -> Curve:
    """Draw the curve of the policy."""
    pool, chance = exams.any_pool, np.random.default_rng(0)
    quality, cost = np.zeros((2, len(PRICES), len(folds)))
    for fold in range(N_FOLDS):
        for n_choices in np.unique(pool.n_choices).tolist():
            alike = pool.n_choices == n_choices
            held, known = np.flatnonzero(alike & (folds == fold)), alike & (folds != fold)
            prior = CascadePrior.fit(
                {key: each.answers[known] for key, each in exams.pools.items()},
                pool.right[known],
                [task for task, inside in zip(pool.tasks, known, strict=True) if inside],
                CALLS,
                n_choices=n_choices,
                calls_max=calls_max,
            )
            tasks = [pool.tasks[row] for row in held]
            weights = prior.weigh(tasks, {name: values[held] for name, values in expected.items()})
            planned, real = exams.price(CALLS, held, np.flatnonzero(folds != fold))
            policies = [CascadePolicy.plan(prior, weights, planned, float(p)) for p in PRICES]
            for place, row in enumerate(held):
                for _ in range(n_replays):
                    dealt = deal(exams, int(row), chance)
                    for setting, policy in enumerate(policies):
                        end = policy.follow(place, dealt)
                        right = end.answer == pool.right[row]
                        quality[setting, row] += right / n_replays
                        cost[setting, row] += real[place, list(end.calls)].sum() / n_replays
    return Curve(quality, cost)


def deal(
    exams: Exams, row: int, chance: np.random.Generator
) -> dict[tuple[str, str], list[int | None]]:
    """Deal a question's answers in some order."""
    return {
        key: [choice if choice >= 0 else None for choice in chance.permutation(pool.answers[row])]
        for key, pool in exams.pools.items()
    }


def measure_models(*, quick: bool) -> Iterator[Figure]:
    """Measure the policy against the best upfront plan, at five budgets."""
    exams = Exams.read()
    n_questions = len(exams.log.query_ids)
    budgets = compute_budgets(build_view(exams.log))
    n_deals, n_replays = (1, 1) if quick else (3, 5)
    found: dict[str, Floats] = {}
    for deal_number in range(n_deals):
        folds = np.random.default_rng(deal_number).permutation(n_questions) % N_FOLDS
        view = build_view(exams.log, folds=folds)
        surfaces = predict_baselines(view)
        singles = [
            np.array([o.model == model and o.samples == 1 for o in exams.log.options])
            for model in USD
        ]
        expected = {
            model: surfaces["ridge"][:, columns].mean(axis=1).clip(0.0, 1.0)
            for model, columns in zip(USD, singles, strict=True)
        }
        curves = {name: draw_upfront(exams, view, values) for name, values in surfaces.items()}
        curves["looking"] = draw_policy(exams, folds, expected, calls_max=2, n_replays=n_replays)
        for name, curve in curves.items():
            read = np.stack(
                [curve.read_quality(exams.weights, np.full(len(exams.weights), b)) for b in budgets]
            )
            found[name] = found.get(name, 0.0) + read / n_deals
    for place, share in enumerate(SHARES):
        for name in ("task", "ridge", "looking"):
            yield state(f"two models, {share}: {name}", found[name][place])
        lead = found["looking"][place] - found["ridge"][place]
        yield state(f"two models, {share}: looking minus ridge", lead, GOALS[place])
        yield state(
            f"two models, {share}: looking minus task",
            found["looking"][place] - found["task"][place],
        )
