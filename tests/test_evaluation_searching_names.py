"""Names in texts."""

from __future__ import annotations

from router.evaluation.searching.index import Bm25Index, Passage
from router.evaluation.searching.names import TitleDictionary, find_names


def test_names_hold_their_small_words_and_lose_openers() -> None:
    """A name runs over "of" and figures; a word that only opens a sentence is none."""
    text = "The film Apollo 13 was shot. He met Maria de Castro, then Maria de Castro again."
    assert find_names(text) == ["Apollo 13", "Maria de Castro"]
    assert find_names("nothing here. It is so.") == []


def test_titles_are_found_as_they_are_written() -> None:
    """Longer titles come first, lower case finds nothing, and a passage never links to itself."""
    index = Bm25Index.build(
        [
            Passage("Nassau", "Not the lotus. The Lotus Mark VI (and Lotus) of Nassau."),
            Passage("Lotus (car)", ""),
            Passage("Lotus Mark VI", ""),
        ]
    )
    titles = TitleDictionary(index)
    assert list(titles.find("Lotus Mark VI, Nassau")) == [2, 1, 0]
    assert titles.list_links(0) == (2, 1)
    assert titles.list_links(0) is titles.list_links(0)
