"""Retrieval chains that are really run: sampled queries, a score without labels, and the choice."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from router.evaluation.searching.environment import SearchAction
from router.evaluation.searching.signals import SIGNALS, read_signals

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from router.evaluation.searching.environment import SearchEnvironment
    from router.evaluation.searching.trail import SearchTrail
    from router.strategies.chain_plan import ChainPlan

__all__ = ["ChainRun", "run_chains", "score_trail"]

# How much of the question is covered, how much of its names, and whether passages name each other.
SCORED = {"covered": 1.0, "names_mentioned": 0.5, "links": 0.1, "names_read": 0.5}
PLACES = [(SIGNALS.index(name), weight) for name, weight in SCORED.items()]
LINKS_MAX = 3.0


class ChainRun(NamedTuple):
    """What came of the chains of one question.

    Parameters
    ----------
    trail : SearchTrail
        The chain that was kept.
    searches : int
        All that were made, those of other chains and of rollouts included.
    words : int
        All words of passages that were read by them.
    """

    trail: SearchTrail
    searches: int
    words: int


class _Meter:
    """Searches by sampled queries, and counts them."""

    def __init__(
        self,
        environment: SearchEnvironment,
        queries: Sequence[str],
        width: int,
        chance: np.random.Generator,
    ) -> None:
        """Begin at nothing."""
        self.environment = environment
        self.queries = queries
        self.width = width
        self.chance = chance
        self.searches = 0
        self.words = 0

    def extend(self, trail: SearchTrail, n_steps: int) -> SearchTrail:
        """Go on from a trail without changing it."""
        branch = trail.branch()
        for _ in range(n_steps):
            query = self.queries[int(self.chance.integers(len(self.queries)))]
            self.environment.step(branch, SearchAction(query, self.width))
            self.count(branch)
        return branch

    def count(self, trail: SearchTrail) -> None:
        """Count the last search of a trail."""
        passages = trail.index.passages
        self.searches += 1
        self.words += sum(len(passages[hit.place].text.split()) for hit in trail.steps[-1])

    def judge(self, trail: SearchTrail, rollouts: int, depth: int) -> float:
        """Score a trail, by rollouts where there are any."""
        if not rollouts:
            return score_trail(trail)
        return sum(score_trail(self.extend(trail, depth)) for _ in range(rollouts)) / rollouts


def score_trail(trail: SearchTrail) -> float:
    """Score a chain by what can be seen of it without a label."""
    seen = read_signals(trail)
    return sum(weight * min(float(seen[place]), LINKS_MAX) for place, weight in PLACES)


def run_chains(
    environment: SearchEnvironment,
    question: int,
    plan: ChainPlan,
    chance: np.random.Generator,
    *,
    queries: Sequence[str] = ("uncovered", "name", "question", "chain"),
    width: int = 3,
) -> ChainRun:
    """Search for a question by one chain, the best of several, or a tree.

    Parameters
    ----------
    environment : SearchEnvironment
        What is searched.
    question : int
        Its position.
    plan : ChainPlan
        Which chains.
    chance : Generator
        Of the queries, one of which is drawn for each step.
    queries : sequence of str
        Rules to draw from.
    width : int, default=3
        Passages that each search reads.

    Returns
    -------
    ChainRun
    """
    meter = _Meter(environment, queries, width, chance)
    trail = environment.start(question, width=width)
    meter.count(trail)
    if plan.expansions == 1:
        chains = [meter.extend(trail, plan.depth - 1) for _ in range(plan.chains)]
        kept = chains[0] if len(chains) == 1 else max(chains, key=score_trail)
        return ChainRun(kept, meter.searches, meter.words)
    for ahead in plan.rollout_depths:
        tried = [meter.extend(trail, 1) for _ in range(plan.expansions)]
        scores = [meter.judge(way, plan.rollouts, ahead) for way in tried]
        trail = tried[scores.index(max(scores))]
    return ChainRun(trail, meter.searches, meter.words)
