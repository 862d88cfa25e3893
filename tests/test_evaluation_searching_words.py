"""Words as a search sees them."""

from __future__ import annotations

import sys

import pytest

from router.evaluation.searching import words
from router.evaluation.searching.words import split_words, take_first_sentence
from router.exceptions import MissingExtraError


def test_stop_words_and_single_letters_are_left_out() -> None:
    """What is left is lower case, stemmed and in its order, repetitions included."""
    assert split_words("The cars of A. and the car, 1952") == ["car", "car", "1952"]


def test_first_sentence_ends_at_a_blank_after_its_mark() -> None:
    """Marks inside of a word end nothing."""
    assert take_first_sentence("It costs 1.5 pounds! Or 2.") == "It costs 1.5 pounds!"
    assert take_first_sentence("") == ""


def test_missing_stemmer_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the stemmer's package the message says what to install."""
    monkeypatch.setitem(sys.modules, "snowballstemmer", None)
    words._load_stemmer.cache_clear()
    words._stem.cache_clear()
    with pytest.raises(MissingExtraError, match=r"\[search\]"):
        split_words("anything")
