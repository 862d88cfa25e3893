"""Characters: capped first, words as a slow reading finds them, arrays linear in the input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.features.characters import (
    HEAD_CHARACTERS,
    TAIL_CHARACTERS,
    cap_text,
    is_capped,
    tabulate_characters,
)
from tests.contracts.gains import AWKWARD_TEXTS
from tests.contracts.slow_text import find_words, lower_text

ANY_TEXT = st.text(st.characters(), max_size=40) | st.text(
    "aB1_ .,\n\0é東京\ud800😀Σİ", max_size=20
)


def read_words(texts: list[str]) -> list[list[str]]:
    """Spell out the words that the table marks, a list a text."""
    table = tabulate_characters([cap_text(text) for text in texts])
    words: list[list[str]] = [[] for _ in texts]
    for start, end, row in zip(table.word_start, table.word_end, table.word_row, strict=True):
        words[row].append("".join(map(chr, table.codes[start:end])))
    return words


@given(st.lists(ANY_TEXT, max_size=5))
def test_words_are_those_of_a_slow_reading(texts: list[str]) -> None:
    """Whatever the characters, words begin and end where reading one by one says."""
    assert read_words(texts) == [find_words(text) for text in texts]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Don't_stop 3.5!", ["don", "t_stop", "3", "5"]),
        ("naïve Straße", ["naïve", "straße"]),
        ("a東京b", ["a", "東", "京", "b"]),
        ("“quoted” — dash", ["quoted", "dash"]),
        ("\u00d7\u00f7", []),
        ("", []),
    ],
)
def test_words_of_known_texts(text: str, words: list[str]) -> None:
    """Marks end words, letters of any alphabet make them, and each ideograph stands alone."""
    assert read_words([text]) == [words]


@given(st.lists(ANY_TEXT, max_size=5))
def test_codes_are_the_lowered_characters(texts: list[str]) -> None:
    """The codes spell the lower-cased texts, each with one line feed behind it."""
    table = tabulate_characters(texts)
    assert "".join(map(chr, table.codes)) == "".join(f"{lower_text(text)}\n" for text in texts)
    expected = [row for row, text in enumerate(texts) for _ in range(len(text.lower()) + 1)]
    assert table.row.tolist() == expected


def test_arrays_are_linear_in_the_characters() -> None:
    """Twice the text takes twice the table, for plain text and for the worst scripts."""
    for unit in ("word ", "東", "a.", "\ud800", "x"):
        small = tabulate_characters([unit * 300])
        large = tabulate_characters([unit * 600])
        assert len(large.codes) - 1 == 2 * (len(small.codes) - 1)
        assert len(large.word_start) <= 2 * max(len(small.word_start), 1)


@given(st.integers(0, 12_000))
def test_cap_keeps_both_ends(length: int) -> None:
    """A text within the cap is left alone; of a longer one head and tail remain."""
    text = "".join(chr(0x100 + i % 7000) for i in range(length))
    capped = cap_text(text)
    if length <= HEAD_CHARACTERS + TAIL_CHARACTERS:
        assert capped == text
        assert not is_capped(text)
    else:
        assert capped == text[:HEAD_CHARACTERS] + "\n" + text[-TAIL_CHARACTERS:]
        assert is_capped(text)
        assert is_capped(capped)
    assert cap_text(capped) == capped


def test_cap_comes_before_lower_casing() -> None:
    """A capital that grows when lower-cased cannot push the text over the cap."""
    table = tabulate_characters([cap_text("İ" * 1_000_000)])
    assert len(table.codes) == 2 * (HEAD_CHARACTERS + TAIL_CHARACTERS) + 2


def test_no_texts_make_an_empty_table() -> None:
    """A batch of nothing has no characters and no words."""
    table = tabulate_characters([])
    assert (table.n_texts, len(table.codes), len(table.word_start)) == (0, 0, 0)


def test_words_lie_inside_their_text() -> None:
    """No word reaches from one text into the next."""
    table = tabulate_characters([cap_text(text) for text in AWKWARD_TEXTS])
    assert np.array_equal(table.row[table.word_start], table.row[table.word_end - 1])
    assert np.all(table.word_start < table.word_end)
