"""Experience to learn a search policy from, and searches led by a policy."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from router.strategies.search_policy import SearchExperience

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.evaluation.searching.environment import SearchAction, SearchEnvironment

__all__ = ["SearchGuide", "SearchOutcome", "explore", "follow_search_policy"]


class SearchOutcome(NamedTuple):
    """What searches led by a policy came to, by question.

    Parameters
    ----------
    recall : ndarray of float64, shape (n,)
        Share of the needed passages that was read.
    searches, passages : ndarray of float64, shape (n,)
        How many.
    """

    recall: NDArray[np.float64]
    searches: NDArray[np.float64]
    passages: NDArray[np.float64]


class SearchGuide(Protocol):
    """Anything that says how to go on."""

    def ask_all(self, states: ArrayLike) -> NDArray[np.int64]:
        """Give the position of an action by row, -1 to stop."""


def explore(
    environment: SearchEnvironment,
    questions: Sequence[int],
    actions: Sequence[SearchAction],
    *,
    n_trails: int = 2,
    n_searches_max: int = 6,
    start_width: int = 3,
    seed: int = 0,
) -> SearchExperience:
    """Try every action wherever searches at random lead.

    Parameters
    ----------
    environment : SearchEnvironment
        What is searched.
    questions : sequence of int
        Positions.
    actions : sequence of SearchAction
        What may be done.
    n_trails : int, default=2
        Searches at random for each question.
    n_searches_max : int, default=6
        Searches of a trail, its start included.
    start_width : int, default=3
        Passages that the start reads.
    seed : int, default=0
        Of the draws.

    Returns
    -------
    SearchExperience
        With every action's gain and state in each place; `group` is the position of the question.
    """
    chance = np.random.default_rng(seed)
    rows: list[tuple[int, NDArray[np.float64], int, float, NDArray[np.float64], bool]] = []
    for question in questions:
        for _ in range(n_trails):
            trail = environment.start(question, width=start_width)
            state = environment.look(trail)
            for step in range(2, n_searches_max + 1):
                before = environment.recall(question, trail)
                taken = int(chance.integers(len(actions)))
                branches = []
                for position, action in enumerate(actions):
                    branch = trail.branch()
                    environment.step(branch, action)
                    after = environment.look(branch)
                    gain = environment.recall(question, branch) - before
                    rows.append((question, state, position, gain, after, step == n_searches_max))
                    branches.append((branch, after))
                trail, state = branches[taken]
    group, states, action_taken, gains, next_states, last = zip(*rows, strict=True)
    return SearchExperience(
        np.array(states),
        np.array(action_taken),
        np.array(gains),
        np.array(next_states),
        np.array(last),
        np.array(group),
    )


def follow_search_policy(
    environment: SearchEnvironment,
    questions: Sequence[int],
    policy: SearchGuide,
    actions: Sequence[SearchAction],
    *,
    n_searches_max: int = 6,
    start_width: int = 3,
) -> SearchOutcome:
    """Search for questions as a policy says, all of them step by step.

    Parameters
    ----------
    environment : SearchEnvironment
        What is searched.
    questions : sequence of int, length n
        Positions.
    policy : SearchGuide
        Given the signals of searches, gives the positions of actions, -1 to stop.
    actions : sequence of SearchAction
        What may be done.
    n_searches_max : int, default=6
        Searches of a question, its start included.
    start_width : int, default=3
        Passages that the start reads.

    Returns
    -------
    SearchOutcome
    """
    trails = [environment.start(question, width=start_width) for question in questions]
    going = np.arange(len(trails))
    for _ in range(n_searches_max - 1):
        if not len(going):
            break
        states = np.array([environment.look(trails[row]) for row in going])
        asked = policy.ask_all(states)
        for row, position in zip(going[asked >= 0], asked[asked >= 0], strict=True):
            environment.step(trails[row], actions[position])
        going = going[asked >= 0]
    pairs = zip(questions, trails, strict=True)
    return SearchOutcome(
        np.array([environment.recall(question, trail) for question, trail in pairs]),
        np.array([float(trail.n_searches) for trail in trails]),
        np.array([float(len(trail.read)) for trail in trails]),
    )
