"""What a search says about searching on."""

from __future__ import annotations

import numpy as np
import pytest

from router.evaluation.searching.index import Bm25Index, Passage
from router.evaluation.searching.names import TitleDictionary
from router.evaluation.searching.queries import ask_question
from router.evaluation.searching.signals import LINK_SIGNALS, SIGNALS, read_signals
from router.evaluation.searching.trail import SearchTrail

INDEX = Bm25Index.build(
    [
        Passage("Lotus Mark", "A car by Colin Chapman."),
        Passage("Colin Chapman", "He was born in Surrey, built it and drove the Lotus Mark."),
        Passage("Surrey", "A county."),
    ]
)


def read(trail: SearchTrail, titles: TitleDictionary | None = None) -> dict[str, float]:
    """Give the signals by name."""
    names = SIGNALS if titles is None else SIGNALS + LINK_SIGNALS
    return dict(zip(names, read_signals(trail, titles).tolist(), strict=True))


def test_signals_follow_the_search() -> None:
    """Coverage grows, links between passages appear, and open names are used up."""
    trail = SearchTrail(INDEX, "Which car was the Lotus Mark, and who built it?")
    trail.search(ask_question(trail), 1)
    first = read(trail)
    assert first["searches"] == first["passages"] == first["titles_named"] == 1.0
    assert first["covered"] == first["covered_newly"] == first["covered_by_one"] < 1.0
    assert first["score"] == pytest.approx(first["score_first"])
    assert (first["links"], first["has_open_name"], first["new_words"]) == (0.0, 1.0, 1.0)
    trail.search({"colin": 1.0}, 1)
    second = read(trail)
    assert second["covered"] > first["covered"]
    assert second["covered"] == pytest.approx(first["covered"] + second["covered_newly"])
    assert (second["links"], second["links_newly"], second["is_linked_pair"]) == (2.0, 2.0, 1.0)
    assert second["open_name_place"] == 1.0
    assert (second["links_from_named"], second["links_to_named"]) == (1.0, 1.0)
    assert second["covered_by_linked"] == pytest.approx(second["covered"])
    assert second["uncovered_rarest"] < first["uncovered_rarest"]
    assert second["new_words"] < 1.0


def test_dictionary_adds_open_links() -> None:
    """Titles that are mentioned but not read are counted only where a dictionary is given."""
    trail = SearchTrail(INDEX, "Did Colin Chapman like Surrey?")
    trail.search({"mark": 1.0}, 1)
    found = read(trail, TitleDictionary(INDEX))
    assert (found["has_open_link"], found["open_links"], found["titles_asked_open"]) == (1, 1, 2)
    assert len(read_signals(trail)) == len(SIGNALS)


def test_signals_of_odd_searches_are_finite() -> None:
    """Questions without words, and searches that brought nothing, give numbers."""
    for question in ("", "zzz?", "Which of both?"):
        trail = SearchTrail(INDEX, question)
        for _ in range(4):
            trail.search(ask_question(trail), 2)
            assert np.isfinite(read_signals(trail, TitleDictionary(INDEX))).all()
