"""Retrieval chains run on a corpus, beside what their law predicts from other questions."""

from __future__ import annotations

from math import lcm
from typing import TYPE_CHECKING

import numpy as np

from benchmarks._figures import Figure
from router.evaluation.searching import SearchEnvironment, run_chains, score_trail
from router.strategies import ChainPlan, RetrievalChains

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

__all__ = ["measure_chains"]

DEPTH, N_PILOTS, N_FOLDS = 4, 4, 5
SAMPLED = ("uncovered", "name", "question", "chain")
# CoRAG's own settings of its tree: four ways, two rollouts of two searches at most.
PLANS: tuple[tuple[ChainPlan, tuple[str, ...]], ...] = (
    (ChainPlan(DEPTH), ("uncovered",)),
    (ChainPlan(DEPTH), SAMPLED),
    (ChainPlan(DEPTH, chains=4), SAMPLED),
    (ChainPlan(DEPTH, expansions=4, rollouts=2), SAMPLED),
)
NAMES = ("greedy", "one sampled", "best of 4", "tree 4 x 2 x 2")


class Pilot:
    """Chains of all questions, from which laws are fitted."""

    def __init__(self, environment: SearchEnvironment, queries: Sequence[str], n: int) -> None:
        """Run them."""
        chance = np.random.default_rng(1)
        self.first: list[float] = []
        self.found_at: list[list[int]] = []
        self.question: list[int] = []
        self.weight: list[int] = []
        self.pairs: list[tuple[int, float, float]] = []
        self.words = np.zeros(len(environment.corpus.questions))
        needed = {len(asked.gold) for asked in environment.corpus.questions}
        for row, asked in enumerate(environment.corpus.questions):
            plan = ChainPlan(DEPTH)
            runs = [run_chains(environment, row, plan, chance, queries=queries) for _ in range(n)]
            self.words[row] = np.mean([run.words / run.searches for run in runs])
            begun = {hit.place for hit in runs[0].trail.steps[0]}
            self.first.append(asked.recall(begun))
            for gold in asked.gold - begun:
                steps = [[h.place for h in s] for run in runs for s in run.trail.steps]
                found = [gold in places for places in steps]
                table = np.array(found).reshape(n, DEPTH)
                self.found_at.append(table.argmax(axis=1).tolist())
                self.question.append(row)
                self.weight.append(lcm(*needed) // len(asked.gold))
            scored = [(asked.recall(run.trail.read), score_trail(run.trail)) for run in runs]
            self.pairs += [(row, x, y) for r, x in scored for q, y in scored if r > q]

    def fit(self, rows: NDArray[np.bool_]) -> RetrievalChains:
        """Fit the law to some questions."""
        place = np.cumsum(rows) - 1
        question = np.array(self.question)
        kept = rows[question]
        pairs = np.array([p for p in self.pairs if rows[p[0]]]).reshape(-1, 3)
        if len(pairs):
            pairs[:, 0] = place[pairs[:, 0].astype(int)]
        return RetrievalChains.fit(
            np.array(self.first)[rows],
            np.array(self.found_at)[kept],
            place[question[kept]],
            depth=DEPTH,
            weight=np.array(self.weight)[kept],
            separation=pairs if len(pairs) else None,
        )


def measure_chains(environment: SearchEnvironment, name: str) -> Iterator[Figure]:
    """Run greedy, sampled, best of four and tree chains, and predict them from other folds."""
    questions = range(len(environment.corpus.questions))
    fold = np.random.default_rng(0).permutation(len(questions)) % N_FOLDS
    kinds: tuple[tuple[str, ...], ...] = (("uncovered",), SAMPLED)
    pilots = {
        queries: Pilot(environment, queries, N_PILOTS if len(queries) > 1 else 1)
        for queries in kinds
    }
    laws = {q: [pilot.fit(fold != k) for k in range(N_FOLDS)] for q, pilot in pilots.items()}
    for label, (plan, queries) in zip(NAMES, PLANS, strict=True):
        chance = np.random.default_rng(5)
        runs = [run_chains(environment, q, plan, chance, queries=queries) for q in questions]
        recall = np.array([environment.recall(q, runs[q].trail) for q in questions])
        words = np.array([run.words for run in runs])
        expected, read = np.zeros((2, len(questions)))
        for k, law in enumerate(laws[queries]):
            expected[fold == k] = law.predict([plan])[0]
            per_search = pilots[queries].words[fold != k].mean()
            read[fold == k] = plan.searches * per_search
        half = 1.96 * recall.std() / len(recall) ** 0.5
        off = abs(float(expected.mean() - recall.mean()))
        yield Figure(f"{name}: {label}, recall +- {half:.3f}", float(recall.mean()), "")
        yield Figure(f"{name}: {label}, recall predicted", float(expected.mean()), "")
        yield Figure(f"{name}: {label}, distance of the two", off, "", half)
        yield Figure(f"{name}: {label}, searches", float(np.mean([r.searches for r in runs])), "")
        share = abs(float(read.mean() / words.mean()) - 1.0)
        yield Figure(f"{name}: {label}, error of the words read", share, "", 0.1)
