"""The shape of a text: the figures of a slow reading, finite for every text."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.features.characters import CHUNK_TEXTS, cap_text
from router.features.shape import (
    CLASSES,
    LEADING_WORDS,
    NEGATIONS,
    QUESTION_WORDS,
    SHAPE_NAMES,
    measure_shape,
)
from tests.contracts.gains import AWKWARD_TEXTS, make_texts
from tests.contracts.slow_text import find_words, is_single, is_word_letter, lower_text

PLAIN = st.text("aAbZ190 .,?:()\n'é東", max_size=40)
PIECES = st.lists(
    st.sampled_from(["who", "Why", "not", "1999", "2049", "1400", "12", "a)", "B.", "k)", "naïve"]),
    max_size=9,
).map(" ".join)


def count_distinct(words: list[str]) -> int:
    """Count words told apart by first, middle and last character and by length."""
    return len(
        {
            (*(ord(word[i]) & 0xFFF for i in (0, (len(word) - 1) // 2, -1)), min(len(word), 64))
            for word in words
        }
    )


def measure_slowly(text: str) -> dict[str, float]:
    """Measure a text by plain Python."""
    capped, lowered, words = cap_text(text), lower_text(text), find_words(text)
    per_character, per_word = max(len(lowered), 1), max(len(words), 1)
    padded = lowered + "\n"
    places = [
        i
        for i, letter in enumerate(lowered)
        if letter in "abcdefghij"
        and padded[i + 1] in ").:"
        and (i == 0 or not is_word_letter(lowered[i - 1]) or is_single(lowered[i - 1]))
    ]
    numbers = [word for word in words if word[0] in "0123456789"]
    years = [w for w in words if len(w) == 4 and (w[:2] == "20" or w[:2] in "15 16 17 18 19")]
    measured = {
        "log_characters": math.log1p(len(lowered)),
        "log_words": math.log1p(len(words)),
        "log_distinct_words": math.log1p(count_distinct(words)),
        "mean_word_length": sum(map(len, words)) / per_word,
        "capital_share": sum("A" <= letter <= "Z" for letter in capped) / per_character,
        "non_ascii_share": sum(ord(letter) > 127 for letter in lowered) / per_character,
        "number_share": len(numbers) / per_word,
        "log_numbers": math.log1p(len(numbers)),
        "longest_line_share": max(map(len, lowered.split("\n"))) / per_character,
        "was_capped": float(len(text) > 5000),
        "log_choices": math.log1p(len(places)),
        "log_years": math.log1p(len(years)),
        "has_negation": float(any(word in NEGATIONS for word in words)),
    }
    for name, letters in CLASSES.items():
        measured[f"log_{name}"] = math.log1p(sum(letter in letters for letter in lowered))
    for word in QUESTION_WORDS:
        measured[f"asks_{word}"] = float(word in words[:LEADING_WORDS])
    return measured


@given(st.lists(PLAIN | PIECES, min_size=1, max_size=4))
def test_shape_is_that_of_a_slow_reading(texts: list[str]) -> None:
    """Every column of every text is what counting one by one gives."""
    shape = measure_shape(texts)
    for row, text in zip(shape, texts, strict=True):
        expected = measure_slowly(text)
        for name, value in zip(SHAPE_NAMES, row, strict=True):
            assert value == pytest.approx(expected[name], abs=1e-6), (name, text)


def test_slow_reading_covers_every_column() -> None:
    """The oracle and the names agree on what there is to measure."""
    assert set(measure_slowly("Who?")) == set(SHAPE_NAMES)


def test_awkward_texts_are_finite() -> None:
    """Nothing, surrogates, marks of direction and a megabyte all have a shape."""
    shape = measure_shape([*AWKWARD_TEXTS, "a. " * 350_000])
    assert shape.dtype == np.float32
    assert np.isfinite(shape).all()


def test_no_texts_have_no_rows() -> None:
    """A batch of nothing keeps its columns."""
    assert measure_shape([]).shape == (0, len(SHAPE_NAMES))


def test_batches_of_any_size_agree() -> None:
    """A text's shape does not depend on its neighbours, nor on where a chunk ends."""
    texts = [*make_texts(CHUNK_TEXTS + 9)[0], *AWKWARD_TEXTS]
    together = measure_shape(texts)
    alone = np.vstack([measure_shape([text]) for text in texts])
    np.testing.assert_array_equal(together, alone)


@pytest.mark.parametrize(("length", "capped"), [(5000, 0.0), (5001, 1.0), (5002, 1.0)])
def test_capped_texts_are_marked(length: int, capped: float) -> None:
    """The mark begins with the first text that loses a character."""
    shape = measure_shape(["x" * length])
    assert shape[0, SHAPE_NAMES.index("was_capped")] == capped


def test_what_lies_behind_the_cap_changes_nothing() -> None:
    """A megabyte has the shape of what the cap leaves of it, the mark included."""
    text = "Who said 'no' in 1999? " * 45_000
    np.testing.assert_array_equal(measure_shape([text]), measure_shape([cap_text(text)]))


def test_question_word_counts_at_the_front_only() -> None:
    """The fourth word still says what is asked, the fifth does not."""
    column = SHAPE_NAMES.index("asks_why")
    assert measure_shape(["a b c why", "a b c d why"])[:, column].tolist() == [1.0, 0.0]
