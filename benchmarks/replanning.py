"""What looking after each answer is worth, each figure beside its goal.

Run it as ``python benchmarks/replanning.py`` (``--quick`` for a minute). It exits with
1 when a goal is missed. Real answers of gpt-3.5 with a chain of thought (`exam_sampling_samples`:
1,000 questions, a pool of 100 answers each) are replayed one by one without putting any back, up
to 32 a question. Five folds: what a policy knows comes from the questions of the others. A policy
has a curve of quality against mean cost, drawn by its price; figures are read off it at the cost of
a fixed number of votes, and intervals are paired bootstraps over questions. At last two models with
four prompts (`exam_reasoning_samples`), beside the best plan made upfront.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import betainc

from benchmarks._curves import DATA, N_FOLDS, Curve, Floats, state, weigh_questions
from benchmarks._figures import Figure, finish, parse_options, show
from benchmarks._replanning_models import measure_models
from router.evaluation.replay import AnswerPool, follow_policy, score_majority
from router.strategies import VoteCost, VotePolicy, VotePrior

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

# This set repeats questions of the ten others.
REPEATED_TASK = "comprehensive-100"
VOTES_MAX = 32
INPUT_USD, OUTPUT_USD = 1.5e-6, 2e-6
PRICES = np.geomspace(3e-4, 0.06, 20)
BETA_LEVELS = (0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)
GAIN_GOALS = {2: 0.023, 4: 0.017, 8: 0.014}
BETA_GOALS = {2: 0.009, 4: 0.006, 8: 0.004}
SAMPLE_GOALS = {8: 3.3, 16: 5.9}
DOLLAR_GOALS = {4: 0.78, 8: 0.66, 16: 0.64}


@dataclass(frozen=True)
class Replay:
    """Real answers in the order in which they come, and whose turn it is to be held out."""

    pool: AnswerPool
    draws: NDArray[np.int8]
    fold: NDArray[np.int64]

    @classmethod
    def make(cls, n_replays: int) -> Replay:
        """Read the answers and deal them."""
        path = DATA / "samples" / "exam_sampling_samples.parquet"
        wanted = {"model": "gpt-35-turbo", "prompt": "chain_of_thought"}
        pool = AnswerPool.read(path, **wanted, temperature=(0.05, 1.05))
        pool = pool.select(np.array([task != REPEATED_TASK for task in pool.tasks]))
        chance = np.random.default_rng(0)
        fold = chance.permutation(len(pool.tasks)) % N_FOLDS
        # Answers that are no vote are asked for again, so that some more have to be at hand.
        return cls(pool, pool.draw(chance, n_replays, VOTES_MAX + 24), fold)

    def fix(self, n_answers: int) -> Floats:
        """Quality of a fixed number of answers, by question."""
        drawn = self.draws[:, :, :n_answers]
        votes = np.stack([(drawn == choice).sum(axis=2) for choice in range(5)], axis=2)
        quality: Floats = score_majority(votes, self.pool.right, self.pool.n_choices)
        return np.asarray(quality.mean(axis=1))

    def follow(self, rows: NDArray[np.int64], policy: VotePolicy) -> tuple[Floats, Floats, Floats]:
        """Follow a policy; give quality, answers and calls by question."""
        votes, n_answers, n_calls = follow_policy(self.draws[rows], policy)
        quality = score_majority(votes, self.pool.right[rows], self.pool.n_choices[rows])
        return quality.mean(axis=1), n_answers.mean(axis=1), n_calls.mean(axis=1)

    def learn(self) -> Iterator[tuple[NDArray[np.int64], VotePrior, str]]:
        """Go through held-out questions by task, with what the other folds teach."""
        tasks = np.array(self.pool.tasks)
        for fold in range(N_FOLDS):
            for n_choices in np.unique(self.pool.n_choices).tolist():
                alike = self.pool.n_choices == n_choices
                known = self.pool.select(alike & (self.fold != fold))
                votes, blanks = known.count(n_choices)
                prior = VotePrior.fit(votes, known.right, known.tasks, VOTES_MAX, blanks=blanks)
                for task in np.unique(tasks[alike]).tolist():
                    rows = np.flatnonzero(alike & (self.fold == fold) & (tasks == task))
                    if len(rows):
                        yield rows, prior, task


def draw_population(replay: Replay, n_settings: int) -> Curve:
    """Draw the curve of the population's policy in answers."""
    prices = PRICES[:: max(1, len(PRICES) // n_settings)]
    quality, cost = np.zeros((2, len(prices), len(replay.fold)))
    for rows, prior, task in replay.learn():
        for setting, price in enumerate(prices):
            policy = VotePolicy.plan(prior.look(task), VoteCost(0.0, 1.0), float(price))
            quality[setting, rows], cost[setting, rows], _ = replay.follow(rows, policy)
    return Curve(quality, cost)


def draw_dollars(replay: Replay, n_settings: int) -> Curve:
    """Draw the curve of the population's policy in dollars, input paid at every call."""
    pool = replay.pool
    prices = PRICES[:: max(1, len(PRICES) // n_settings)]
    quality, cost = np.zeros((2, len(prices), len(replay.fold)))
    call, answer = INPUT_USD * pool.input_tokens, OUTPUT_USD * pool.output_tokens
    # One price of a dollar for all: prices are those of an answer, in what an average one costs.
    per_usd = prices / answer.mean()
    for rows, prior, task in replay.learn():
        others = np.array(pool.tasks) == task
        others[rows] = False
        usd = VoteCost(float(call[others].mean()), float(answer[others].mean()), batch_max=16)
        for setting, price in enumerate(per_usd):
            policy = VotePolicy.plan(prior.look(task), usd, float(price))
            found, n_answers, n_calls = replay.follow(rows, policy)
            quality[setting, rows] = found
            cost[setting, rows] = n_calls * call[rows] + n_answers * answer[rows]
    return Curve(quality, cost)


def draw_beta(replay: Replay, n_settings: int) -> Curve:
    """Draw the curve of Adaptive-Consistency's Beta rule: stop where the leader is sure to lead."""
    levels = BETA_LEVELS[:: max(1, len(BETA_LEVELS) // n_settings)]
    quality, cost = np.zeros((2, len(levels), len(replay.fold)))
    for rows, prior, task in replay.learn():
        outlook, counts = prior.look(task), prior.counts
        first, second = counts.states[:, 0], counts.states[:, 1]
        sure = 1.0 - betainc(first + 1, second + 1, 0.5)
        for setting, level in enumerate(levels):
            batch = ((sure < level) & (counts.n_votes < VOTES_MAX)).astype(np.int64)
            empty = np.zeros(len(counts))
            policy = VotePolicy(outlook, VoteCost(0.0, 1.0), batch, empty, empty)
            quality[setting, rows], cost[setting, rows], _ = replay.follow(rows, policy)
    return Curve(quality, cost)


def measure_answers(replay: Replay, n_settings: int) -> Iterator[Figure]:
    """Measure in answers: quality at equal numbers, and numbers at equal quality."""
    weights = weigh_questions(len(replay.fold))
    population, beta = draw_population(replay, n_settings), draw_beta(replay, n_settings)
    fixed = {k: weights @ replay.fix(k) for k in (1, 2, 4, 8, 16)}
    for k, values in fixed.items():
        yield state(f"fixed: quality of {k} answers", values)
    for k, goal in GAIN_GOALS.items():
        at = np.full(len(weights), float(k))
        found = population.read_quality(weights, at)
        yield state(f"looking minus fixed, mean of {k} answers", found - fixed[k], goal)
        rule = beta.read_quality(weights, at)
        yield state(f"looking minus Beta rule, mean of {k}", found - rule, BETA_GOALS[k])
    for k, goal in SAMPLE_GOALS.items():
        values = population.read_cost(weights, fixed[k])
        yield state(f"mean answers for the quality of {k}", values, goal, at_most=True)
        yield state(f"the same by the Beta rule, {k}", beta.read_cost(weights, fixed[k]))


def measure_dollars(replay: Replay, n_settings: int) -> Iterator[Figure]:
    """Measure in dollars, where every call pays for its input again."""
    weights = weigh_questions(len(replay.fold))
    curve, pool = draw_dollars(replay, n_settings), replay.pool
    for k, goal in DOLLAR_GOALS.items():
        once = INPUT_USD * pool.input_tokens + k * OUTPUT_USD * pool.output_tokens
        paid = curve.read_cost(weights, weights @ replay.fix(k))
        yield state(f"dollars over one call of {k}", paid / (weights @ once), goal, at_most=True)


def main() -> int:
    """Measure, print the figures and say whether every goal was met."""
    options = parse_options("Looking after each answer.", "two replays and few prices")
    replay = Replay.make(2 if options.quick else 20)
    n_settings = 6 if options.quick else len(PRICES)
    sections: list[Callable[[Replay, int], Iterator[Figure]]] = [measure_answers, measure_dollars]
    votes = (figure for section in sections for figure in section(replay, n_settings))
    figures = chain(votes, measure_models(quick=options.quick))
    return finish(show(figures, width=68, measured=12), options.json)


if __name__ == "__main__":
    sys.exit(main())
