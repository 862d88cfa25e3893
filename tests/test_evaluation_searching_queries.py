"""What to ask next, on corpora where it can be told by hand, and on a real one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.evaluation.searching.corpus import SearchCorpus
from router.evaluation.searching.environment import SearchAction, SearchEnvironment
from router.evaluation.searching.index import Bm25Index, Passage
from router.evaluation.searching.names import TitleDictionary
from router.evaluation.searching.queries import (
    ask_chain,
    ask_link,
    ask_name,
    ask_question,
    ask_uncovered,
    find_open_link,
    find_open_name,
)
from router.evaluation.searching.trail import SearchTrail

if TYPE_CHECKING:
    from pathlib import Path

INDEX = Bm25Index.build(
    [
        Passage("Lotus Mark", "A car by Colin Chapman. It was fast."),
        Passage("Colin Chapman", "He was born in Surrey."),
        Passage("Surrey", "A county."),
    ]
)


@pytest.fixture
def trail() -> SearchTrail:
    """Give a search that has read the first passage."""
    begun = SearchTrail(INDEX, "Where was the builder of the Lotus Mark born?")
    begun.search(ask_question(begun), 1)
    assert begun.read == [0]
    return begun


def test_question_is_asked_first() -> None:
    """Before anything is read, every rule asks the question as it stands."""
    begun = SearchTrail(INDEX, "Lotus, Lotus and Surrey?")
    asked = {"lotus": 2.0, "surrey": 1.0}
    titles = TitleDictionary(INDEX)
    assert ask_question(begun) == ask_chain(begun) == ask_uncovered(begun) == asked
    assert ask_name(begun) == ask_link(begun, titles) == asked


def test_chain_adds_title_and_first_sentence(trail: SearchTrail) -> None:
    """Words that stand in both count twice, and later sentences not at all."""
    query = ask_chain(trail)
    assert query["lotus"] == 2.0
    assert query["chapman"] == 1.0
    assert "fast" not in query


def test_uncovered_words_count_most(trail: SearchTrail) -> None:
    """Words of the question that the passage lacks outweigh those it holds."""
    query = ask_uncovered(trail)
    assert query["born"] > query["lotus"] > query["chapman"] > 0.0


def test_names_and_links_are_followed_once(trail: SearchTrail) -> None:
    """A name that was asked for, or read, is not followed again."""
    titles = TitleDictionary(INDEX)
    assert find_open_name(trail) == (0, "Colin Chapman")
    assert find_open_link(trail, titles) == 1
    assert ask_name(trail) == ask_link(trail, titles)
    assert [hit.place for hit in trail.search(ask_name(trail), 1)] == [1]
    assert find_open_name(trail) == (1, "Surrey")
    trail.search({"surrey": 3.0, "county": 9.0}, 1)
    assert find_open_name(trail) is None
    assert find_open_link(trail, titles) is None
    assert ask_name(trail) == ask_link(trail, titles) == ask_uncovered(trail)


def test_known_chain_is_reproduced(shared_data: Path) -> None:
    """Recall of the logged chain, question by question but for a few, and in the mean to .002."""
    files = [shared_data / "corpora" / f"2wikimultihopqa.{k}.jsonl.gz" for k in ("docs", "queries")]
    environment = SearchEnvironment(SearchCorpus.read(*files))
    questions = range(len(environment.corpus.questions))
    recall = [
        [environment.recall(question, trail)]
        + [_go_on(environment, question, trail) for _ in range(3)]
        for question in questions
        for trail in [environment.start(question)]
    ]
    np.testing.assert_allclose(np.mean(recall, axis=0), [0.605, 0.7365, 0.7565, 0.7685], atol=0.002)


def _go_on(environment: SearchEnvironment, question: int, trail: SearchTrail) -> float:
    """Follow the chain once more and give recall."""
    environment.step(trail, SearchAction("chain"))
    return environment.recall(question, trail)
