"""Experience of searches, and searches that a policy leads."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.searching.corpus import SearchCorpus, SearchQuestion
from router.evaluation.searching.environment import SearchAction, SearchEnvironment
from router.evaluation.searching.experience import explore, follow_search_policy
from router.evaluation.searching.index import Bm25Index, Passage

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

INDEX = Bm25Index.build(
    [
        Passage("Lotus", "A car of Colin."),
        Passage("Colin", "Born in Surrey."),
        Passage("Car", "It drives."),
        Passage("Surrey", "A county."),
    ]
)
QUESTIONS = (
    SearchQuestion("a", "Who made the Lotus?", frozenset([0, 1])),
    SearchQuestion("b", "Where drives a car?", frozenset([2])),
)
ENVIRONMENT = SearchEnvironment(SearchCorpus(INDEX, QUESTIONS))
ACTIONS = [SearchAction("name", 1), SearchAction("question", 1)]


class StopsKnowing:
    """Follows names until nothing is open, as a policy would."""

    def ask_all(self, states: ArrayLike) -> NDArray[np.int64]:
        """Follow a name where there is one."""
        open_name = np.asarray(states)[:, ENVIRONMENT.signals.index("has_open_name")]
        return np.where(open_name > 0, 0, -1).astype(np.int64)


def test_every_action_is_tried_in_every_place() -> None:
    """Rows come in blocks of one state and all actions; gains are those of recall."""
    found = explore(ENVIRONMENT, [0, 1], ACTIONS, n_trails=2, n_searches_max=3, start_width=1)
    assert len(found.action) == 2 * 2 * 2 * len(ACTIONS)
    assert found.action.tolist() == [0, 1] * 8
    assert (found.states[0::2] == found.states[1::2]).all()
    assert found.is_last.tolist() == [False, False, True, True] * 4
    assert found.gain[0] == 0.5
    searches = ENVIRONMENT.signals.index("searches")
    assert (found.next_states[:, searches] == found.states[:, searches] + 1).all()
    assert found.select(found.group == 1).group.tolist() == [1] * 8


def test_exploring_is_repeatable() -> None:
    """The same seed leads the same ways."""
    one, two = (explore(ENVIRONMENT, [0], ACTIONS, n_trails=3, seed=5) for _ in range(2))
    assert (one.next_states == two.next_states).all()


def test_policy_leads_each_search_by_itself() -> None:
    """Each question goes on for as long as its own signals say."""
    outcome = follow_search_policy(
        ENVIRONMENT, [0, 1], StopsKnowing(), ACTIONS, n_searches_max=5, start_width=1
    )
    assert outcome.recall.tolist() == [1.0, 1.0]
    assert outcome.searches.tolist() == [3.0, 1.0]
    assert outcome.passages.tolist() == [3.0, 1.0]
