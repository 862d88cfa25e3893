"""Plans of retrieval chains and their accounting."""

from __future__ import annotations

from typing import Any

import pytest

from router.exceptions import InputError
from router.strategies.chain_plan import ChainPlan


def walk_tree(plan: ChainPlan) -> tuple[int, int]:
    """Count the searches of a tree one by one, and those that have to wait for each other."""
    searches = steps = 1
    for step in range(2, plan.depth + 1):
        longest = 0
        for _ in range(plan.expansions):
            searches += 1
            longest = 1
            for _ in range(plan.rollouts):
                length = 0
                while length < plan.rollout_depth and step + length < plan.depth:
                    length += 1
                    searches += 1
                longest = max(longest, 1 + length)
        steps += longest
    return searches, steps


@pytest.mark.parametrize("depth", [1, 2, 3, 6])
@pytest.mark.parametrize(("rollouts", "rollout_depth"), [(0, 2), (2, 2), (3, 1), (2, 9), (1, 0)])
def test_tree_costs_what_its_walk_counts(depth: int, rollouts: int, rollout_depth: int) -> None:
    """Searches and steps are those of a walk through the tree."""
    plan = ChainPlan(depth, expansions=4, rollouts=rollouts, rollout_depth=rollout_depth)
    assert (plan.searches, plan.steps) == walk_tree(plan)


def test_chains_share_their_first_search() -> None:
    """The question itself is asked once for all of them."""
    assert (ChainPlan(4).searches, ChainPlan(4).steps) == (4, 4)
    assert (ChainPlan(4, chains=5).searches, ChainPlan(4, chains=5).steps) == (16, 4)
    names = {ChainPlan(4).name, ChainPlan(4, chains=5).name, ChainPlan(4, expansions=5).name}
    assert names == {"d4", "best5|d4", "tree|d4|e5|r0x2"}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"depth": 0}, "depth has 0"),
        ({"depth": 2, "chains": 2, "expansions": 2}, "one of them has to be 1"),
        ({"depth": 2, "rollouts": -1}, "rollouts has -1"),
    ],
)
def test_what_is_no_plan_is_refused(given: dict[str, Any], message: str) -> None:
    """The message names the number."""
    with pytest.raises(InputError, match=message):
        ChainPlan(**given)
