"""Zuo and Zhu's batch bandit on real answers: attempts of a batch, given to whom they may solve.

Their setting (arXiv:2506.12721): a batch of questions, attempts one by one within a mean budget,
and an oracle that says at once whether an attempt is right. A question that is solved is
eliminated; who of the others is next is a rule. With right or wrong as the only reward, all rewards
of unsolved questions are 0, so that their rules by confidence bound and by gap take turns as plain
elimination does; their rule by entropy looks at how the answers so far are spread. No code of
theirs is public: the rules are as their abstract and text describe them.
"""

from __future__ import annotations

import heapq
from collections import Counter
from dataclasses import dataclass, field, replace
from math import log
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks._figures import Figure
from router.evaluation.replay import AnswerPool
from router.strategies import BetaPopulation, estimate_coverage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["measure_batches"]

# Beyond them the hundred answers of unsolved questions are used up.
BUDGETS = (2, 4, 8)
N_FOLDS = 5
# This set repeats questions of the ten others.
REPEATED_TASK = "comprehensive-100"
MATHS = ("aqua-rat-100", "sat-math-100")
OTHER_MODELS = (
    *("gpt-4", "claude-3-opus-20240229", "gemini-1.5-pro-preview-0409", "mistral-large"),
    *("gemini-1.0-pro", "cohere-command-r-plus", "llama-2-70b-chat", "llama-2-7b-chat"),
)
RULES = {
    "turns": "elimination, in turns",
    "entropy": "elimination, highest entropy",
    "population": "ours, highest chance next",
    "known": "chances known (cannot be had)",
}


@dataclass
class Attempts:
    """A question of a batch: the answers that it would get, and those that it got.

    Parameters
    ----------
    answers : list of int
        In their order.
    right : int
        The right one.
    chances : list of float
        By wrong answers so far, how likely the next is right.
    share : float
        Of all its answers, how many are right.
    n_tried : int
        Answers so far.
    seen : Counter of int
        The same by what they say.
    """

    answers: list[int]
    right: int
    chances: list[float]
    share: float
    n_tried: int = 0
    seen: Counter[int] = field(default_factory=Counter)

    def compute_entropy(self) -> float:
        """Compute how the answers so far are spread."""
        spread = sum(number * log(number) for number in self.seen.values())
        return log(self.n_tried) - spread / self.n_tried if self.n_tried else 0.0


PRIORITIES: dict[str, Callable[[Attempts], float]] = {
    "turns": lambda _: 0.0,
    "entropy": lambda question: -question.compute_entropy(),
    "population": lambda question: -question.chances[question.n_tried],
    "known": lambda question: -question.share,
}


def spend(batch: list[Attempts], rule: str, chance: np.random.Generator) -> list[float]:
    """Give a batch attempts until the largest budget is spent; the share solved at every budget."""
    rank = PRIORITIES[rule]
    # Among equals the one with the fewest answers is next, and then it is by lot.
    lots = chance.random(len(batch)).tolist()
    queue = [
        (rank(question), 0, lot, at)
        for at, (question, lot) in enumerate(zip(batch, lots, strict=True))
    ]
    heapq.heapify(queue)
    solved, covered = 0, []
    for spent in range(1, BUDGETS[-1] * len(batch) + 1):
        if queue:
            _, _, lot, at = heapq.heappop(queue)
            question = batch[at]
            answer = question.answers[question.n_tried]
            question.n_tried += 1
            question.seen[answer] += 1
            if answer == question.right:
                solved += 1
            elif question.n_tried < len(question.answers):
                heapq.heappush(queue, (rank(question), question.n_tried, lot, at))
        if spent % len(batch) == 0 and spent // len(batch) in BUDGETS:
            covered.append(solved / len(batch))
    return covered


def learn_chances(pool: AnswerPool, n_right: NDArray[np.int64]) -> NDArray[np.float64]:
    """Learn from the other folds, by task, how likely the next answer is right, shape (n, k)."""
    fold = np.random.default_rng(0).permutation(len(n_right)) % N_FOLDS
    tasks, n_answers = np.array(pool.tasks), pool.answers.shape[1]
    tried = np.arange(n_answers)
    chances = np.empty((len(n_right), n_answers))
    for held in range(N_FOLDS):
        for task in np.unique(tasks):
            rows = (fold == held) & (tasks == task)
            known = n_right[(fold != held) & (tasks == task)]
            population = BetaPopulation.fit(known, n_answers, n_resamples=1)
            chances[rows] = population.predict(0, tried)
    return chances


def replay(pool: AnswerPool, n_replays: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Replay batches drawn anew; coverage of uniform (replays, budgets) and of every rule."""
    n_questions, n_answers = pool.answers.shape
    n_right = (pool.answers == pool.right[:, None]).sum(axis=1)
    alone = np.stack([estimate_coverage(n_right, n_answers, k) for k in BUDGETS], axis=1)
    chances = learn_chances(pool, n_right).tolist()
    chance = np.random.default_rng(1)
    uniform = np.empty((n_replays, len(BUDGETS)))
    covered = np.empty((len(RULES), n_replays, len(BUDGETS)))
    for turn in range(n_replays):
        drawn = chance.integers(n_questions, size=(n_questions,))
        order = chance.permuted(pool.answers[drawn], axis=1).tolist()
        uniform[turn] = alone[drawn].mean(axis=0)
        for at, rule in enumerate(RULES):
            batch = [
                Attempts(answers, int(pool.right[row]), chances[row], n_right[row] / n_answers)
                for answers, row in zip(order, drawn.tolist(), strict=True)
            ]
            covered[at, turn] = spend(batch, rule, chance)
    return uniform, covered


def compare(name: str, pool: AnswerPool, n_replays: int) -> Iterator[Figure]:
    """Compare rules on one pool, with intervals over batches drawn anew."""
    uniform, covered = replay(pool, n_replays)
    for place, budget in enumerate(BUDGETS):
        share = float(uniform[:, place].mean())
        yield Figure(f"{name}, mean {budget}: uniform covers", 100 * share, "%")
        for at, text in enumerate(RULES.values()):
            more = 100 * (covered[at, :, place] - uniform[:, place])
            low, high = np.quantile(more, [0.025, 0.975])
            unit = f"points more [{low:+.1f}, {high:+.1f}]"
            yield Figure(f"  {text}", float(more.mean()), unit)


def find_largest(name: str, pool: AnswerPool, n_replays: int) -> Iterator[Figure]:
    """Find the largest gain over the budgets, as a paper's "up to" does."""
    uniform, covered = replay(pool, n_replays)
    for at, text in enumerate(RULES.values()):
        more = 100 * (covered[at] - uniform)
        place = int(more.mean(axis=0).argmax())
        low, high = np.quantile(more[:, place], [0.025, 0.975])
        unit = f"points more [{low:+.1f}, {high:+.1f}]"
        yield Figure(f"{name}, up to, at {BUDGETS[place]}: {text}", more[:, place].mean(), unit)


def guess(pool: AnswerPool) -> AnswerPool:
    """Put guesses in the place of the answers, each choice as likely."""
    chance = np.random.default_rng(2)
    drawn = chance.random(pool.answers.shape) * pool.n_choices[:, None]
    return replace(pool, answers=drawn.astype(np.int8))


def measure_batches(folder: Path, *, quick: bool) -> Iterator[Figure]:
    """Measure on the real answers of one model to 1,000 questions, and of eight to 100."""
    path = folder / "samples" / "exam_sampling_samples.parquet"
    wanted: dict[str, Any] = {"prompt": "chain_of_thought", "temperature": (0.05, 1.05)}
    pool = AnswerPool.read(path, model="gpt-35-turbo", **wanted)
    tasks = np.array(pool.tasks)
    pool, maths = pool.select(tasks != REPEATED_TASK), pool.select(np.isin(tasks, MATHS))
    n_replays = 5 if quick else 100
    yield from compare("gpt-3.5, ten exams", pool, n_replays)
    yield from compare("gpt-3.5, maths", maths, n_replays)
    yield from find_largest("guesses (drawn)", guess(pool), n_replays)
    for model in () if quick else OTHER_MODELS:
        yield from find_largest(model, AnswerPool.read(path, model=model, **wanted), n_replays)
