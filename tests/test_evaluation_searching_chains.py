"""Retrieval chains that are really run."""

from __future__ import annotations

import numpy as np
import pytest

from router.evaluation.searching.chains import run_chains, score_trail
from router.evaluation.searching.corpus import SearchCorpus, SearchQuestion
from router.evaluation.searching.environment import SearchEnvironment
from router.evaluation.searching.index import Bm25Index, Passage
from router.strategies.chain_plan import ChainPlan

PLACES = ["Lotus", "Colin", "Surrey", "Ford", "Essex", "Kent", "Dover", "Paris"]
INDEX = Bm25Index.build(
    [
        Passage(a, f"It is near {b} and far.")
        for a, b in zip(PLACES, PLACES[1:] + PLACES[:1], strict=True)
    ]
)
ENVIRONMENT = SearchEnvironment(
    SearchCorpus(INDEX, (SearchQuestion("a", "What is near Lotus?", frozenset([0, 3])),))
)


@pytest.mark.parametrize(
    "plan",
    [
        ChainPlan(1),
        ChainPlan(4),
        ChainPlan(3, chains=4),
        ChainPlan(3, expansions=2),
        ChainPlan(4, expansions=3, rollouts=2),
    ],
)
def test_run_costs_what_its_plan_says(plan: ChainPlan) -> None:
    """Every search is counted, and the chain that is kept has the plan's depth."""
    run = run_chains(ENVIRONMENT, 0, plan, np.random.default_rng(0), width=1)
    assert run.searches == plan.searches
    assert run.trail.n_searches == plan.depth
    # Each passage has six words.
    assert run.words == 6 * run.searches


def test_best_chain_has_the_best_score() -> None:
    """Of the chains drawn, the one with the highest score is kept."""
    chance = np.random.default_rng(3)
    singles = [run_chains(ENVIRONMENT, 0, ChainPlan(3), chance, width=1) for _ in range(5)]
    best = run_chains(ENVIRONMENT, 0, ChainPlan(3, chains=5), np.random.default_rng(3), width=1)
    assert score_trail(best.trail) == max(score_trail(run.trail) for run in singles)
