"""The population's outlook against sums over all truths that are written out."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.vote_policy import VoteCost, VotePolicy
from router.strategies.vote_prior import VotePrior

if TYPE_CHECKING:
    from numpy.typing import NDArray

TASKS = ["a", "a", "b", "b", "b"]
RIGHT = [0, 1, 2, 0, -1]


def draw_votes(rng: np.random.Generator) -> NDArray[np.int64]:
    """Draw five questions of three choices that were answered forty times each."""
    return rng.multinomial(40, rng.dirichlet(np.ones(3), 5))


def weigh_truths(
    votes: NDArray[np.int64], count: list[int], weights: list[float], smoothing: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Sum over questions and orders one by one: next votes, and who is right."""
    total, following, right = 0.0, np.zeros(3), np.zeros(3)
    for row, weight in zip(range(5), weights, strict=True):
        spread = (votes[row] + smoothing / 3) / (votes[row].sum() + smoothing)
        for order in permutations(range(3)):
            chance = weight * np.prod([spread[c] ** n for c, n in zip(order, count, strict=True)])
            total += chance
            for place, choice in enumerate(order):
                following[place] += chance * spread[choice]
                right[place] += chance * (choice == RIGHT[row])
    return following / total, right / total


@pytest.mark.parametrize("task", ["a", "b", None, "other"])
def test_outlook_is_the_sum_over_all_truths(rng: np.random.Generator, task: str | None) -> None:
    """Probabilities after every count are those of the truths, weighed by task."""
    votes = draw_votes(rng)
    prior = VotePrior.fit(votes, RIGHT, TASKS, 6, task_weight=0.7, smoothing=2.0)
    outlook = prior.look(task)
    numbers = {"a": 2, "b": 3}
    weights = [
        (0.3 / 5 + 0.7 * (label == task) / numbers[label]) if task in numbers else 0.2
        for label in TASKS
    ]
    for place, count in enumerate(prior.counts.states.tolist()):
        following, right = weigh_truths(votes, count, weights, 2.0)
        np.testing.assert_allclose(outlook.next_vote[place], following)
        np.testing.assert_allclose(outlook.right[place], right, atol=1e-15)


def test_blanks_are_a_share_of_answers() -> None:
    """What is no vote is counted by task."""
    prior = VotePrior.fit([[8, 0], [4, 4]], [0, 1], ["a", "b"], 3, blanks=[2, 0])
    assert prior.look("a").blank == pytest.approx(0.2)
    assert prior.look("b").blank == 0.0
    assert prior.look().blank == pytest.approx(0.1)


def test_leader_of_a_tie_is_drawn_by_lot() -> None:
    """Where several lead, the chance to be right is their mean."""
    outlook = VotePrior.fit([[9, 1], [2, 8]], [0, 0], ["a", "a"], 4).look()
    assert outlook.leader_right[0] == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"votes": [1, 2]}, "shape"),
        ({"votes": []}, "shape"),
        ({"votes": [[1, -1], [1, 1]]}, "not negative"),
        ({"votes": [[1, float("nan")], [1, 1]]}, "finite"),
        ({"right": [0]}, "one of each"),
        ({"right": [0, 2]}, "from -1 to 1"),
        ({"right": [0.0, 1.0]}, "whole numbers"),
        ({"tasks": ["a"]}, "one of each"),
        ({"blanks": [1]}, "one of each"),
        ({"task_weight": 1.5}, "task_weight"),
        ({"smoothing": 0.0}, "smoothing"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, Any], words: str) -> None:
    """Shapes, signs and ranges are checked, and named."""
    given: dict[str, Any] = {"votes": [[1, 2], [3, 4]], "right": [0, 1], "tasks": ["a", "a"]}
    given |= changed
    with pytest.raises(InputError, match=words):
        VotePrior.fit(given.pop("votes"), given.pop("right"), given.pop("tasks"), 3, **given)


def test_a_task_without_any_vote_can_still_be_priced() -> None:
    """Where no training answer was a vote one is dear, and not infinitely so."""
    prior = VotePrior.fit([[0, 0], [5, 5]], [0, 1], ["a", "b"], 9, blanks=[10, 0])
    assert prior.look("a").blank == pytest.approx(10 / 11)
    policy = VotePolicy.plan(prior.look("a"), VoteCost(0.0, 1.0), price=0.001)
    assert policy.expected_cost >= 11.0 - 1e-9
