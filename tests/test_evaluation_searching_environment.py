"""Live search as an environment."""

from __future__ import annotations

import pytest

from router.evaluation.searching.corpus import SearchCorpus, SearchQuestion
from router.evaluation.searching.environment import SearchAction, SearchEnvironment
from router.evaluation.searching.index import Bm25Index, Passage
from router.evaluation.searching.names import TitleDictionary
from router.exceptions import InputError

INDEX = Bm25Index.build(
    [Passage("Lotus", "A car of Colin."), Passage("Colin", "Born."), Passage("Car", "It drives.")]
)
CORPUS = SearchCorpus(INDEX, (SearchQuestion("a", "Who made the Lotus?", frozenset([0, 1])),))


def test_dictionary_is_needed_for_links() -> None:
    """Without a dictionary there is neither the query nor its signals."""
    plain, knowing = SearchEnvironment(CORPUS), SearchEnvironment(CORPUS, TitleDictionary(INDEX))
    with pytest.raises(InputError, match=r"'link' is no rule here: there are chain, name"):
        plain.step(plain.start(0), SearchAction("link"))
    trail = knowing.start(0, width=1)
    assert knowing.step(trail, SearchAction("link", 1))[0].place == 1
    assert len(knowing.look(trail)) == len(knowing.signals) > len(plain.signals)


def test_following_actions_is_stepping() -> None:
    """Signals and recall of a fixed way are those of its steps."""
    environment = SearchEnvironment(CORPUS)
    actions = [SearchAction("name", 1), SearchAction("question", 1)]
    states, recall = environment.follow([0, 0], actions)
    trail = environment.start(0, width=1)
    for step in range(3):
        assert states[1, step].tolist() == environment.look(trail).tolist()
        assert recall[0, step] == environment.recall(0, trail)
        if step < 2:
            environment.step(trail, actions[step])
    assert recall[0].tolist() == [0.5, 1.0, 1.0]
    assert environment.start(0, width=0).n_searches == 0
