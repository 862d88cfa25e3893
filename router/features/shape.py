"""The shape of a text: some thirty numbers that need no vocabulary."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from router.features.characters import CHUNK_TEXTS, cap_text, is_capped, tabulate_characters

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.features.characters import CharacterTable

__all__ = ["SHAPE_NAMES", "measure_shape", "measure_table"]

# Characters counted a class, in the order of their feature.
CLASSES = {
    "digits": "0123456789",
    "commas": ",",
    "periods": ".",
    "question_marks": "?",
    "quotes": "\"'`",
    "brackets": "()[]{}",
    "operators": "+-*/=<>^%$\\",
    "colons": ":;",
    "line_feeds": "\n",
    "underscores": "_|#~@&",
}
QUESTION_WORDS = ("who", "what", "when", "where", "which", "how", "why")
NEGATIONS = ("not", "except", "never", "no", "without")
# How far into a text a question word still says what is asked.
LEADING_WORDS = 4
SHAPE_NAMES = (
    "log_characters",
    "log_words",
    "log_distinct_words",
    "mean_word_length",
    "capital_share",
    "non_ascii_share",
    "number_share",
    "log_numbers",
    "longest_line_share",
    "was_capped",
    "log_choices",
    "log_years",
    *(f"log_{name}" for name in CLASSES),
    *(f"asks_{word}" for word in QUESTION_WORDS),
    "has_negation",
)
N_CLASSES = len(CLASSES)
LINE_FEEDS = list(CLASSES).index("line_feeds")
ASKS = SHAPE_NAMES.index(f"asks_{QUESTION_WORDS[0]}")


# Beyond the last class: characters that are not ASCII, and all the rest.
NON_ASCII, OTHER = N_CLASSES, N_CLASSES + 1


def _build_class_table() -> NDArray[np.int64]:
    """Map the 128 ASCII characters to their class, any beyond them to one of their own."""
    table = np.full(129, OTHER, dtype=np.int64)
    for position, characters in enumerate(CLASSES.values()):
        table[[ord(character) for character in characters]] = position
    table[128] = NON_ASCII
    return table


CLASS_TABLE = _build_class_table()


def measure_shape(texts: Sequence[str]) -> NDArray[np.float32]:
    """Measure the shape of every text.

    Parameters
    ----------
    texts : sequence of str
        Any texts; each is capped first.

    Returns
    -------
    ndarray of float32, shape (n, 30)
        Columns as named in ``SHAPE_NAMES``; every value finite.

    Examples
    --------
    >>> shape = measure_shape(["What is 2 + 2?", "Name a river."])
    >>> shape[:, SHAPE_NAMES.index("log_digits")].round(3).tolist()
    [1.0989999771118164, 0.0]
    """
    shape = np.zeros((len(texts), len(SHAPE_NAMES)), dtype=np.float32)
    # A log's texts together would take sixty bytes of tables a character.
    for first in range(0, len(texts), CHUNK_TEXTS):
        capped = [cap_text(text) for text in texts[first : first + CHUNK_TEXTS]]
        shape[first : first + len(capped)] = measure_table(tabulate_characters(capped), capped)
    return shape


def measure_table(table: CharacterTable, capped: Sequence[str]) -> NDArray[np.float32]:
    """Measure the shape of texts that went through the cap and are tabulated already."""
    n = table.n_texts
    shape = np.zeros((n, len(SHAPE_NAMES)), dtype=np.float32)
    if not n:
        return shape
    # Every text ends with a line feed that is not its own.
    characters = table.bounds[1:] - table.bounds[:-1] - 1
    words = table.word_bounds[1:] - table.word_bounds[:-1]
    classes = CLASS_TABLE.take(table.codes, mode="clip")
    if n > 1:
        classes += table.row * (OTHER + 1)
    by_class = np.bincount(classes, minlength=n * (OTHER + 1)).reshape(n, OTHER + 1).T
    by_class[LINE_FEEDS] -= 1
    length = table.word_end - table.word_start
    numbers, choices, years = _count_words(table, length)
    counts = np.empty((6 + N_CLASSES, n))
    counts[0], counts[1], counts[2] = characters, words, _count_distinct_words(table, length)
    counts[3], counts[4], counts[5] = numbers, choices, years
    counts[6:] = by_class[:N_CLASSES]
    logs = np.log1p(counts)
    shares = np.empty((5, n))
    shares[0] = _count_by_text(table.word_row, n, length)
    shares[1], shares[2] = _count_capitals(table, capped), by_class[NON_ASCII]
    shares[3], shares[4] = numbers, _measure_longest_line(table)
    per_word, per_character = np.maximum(counts[1], 1.0), np.maximum(counts[0], 1.0)
    shares[[0, 3]] /= per_word
    shares[[1, 2, 4]] /= per_character
    shape[:, :3] = logs[:3].T
    shape[:, 3:7] = shares[:4].T
    shape[:, 7] = logs[3]
    shape[:, 8] = shares[4]
    shape[:, 9] = [is_capped(text) for text in capped]
    shape[:, 10:ASKS] = logs[4:].T
    _mark_words(table, shape[:, ASKS:])
    return shape


def _count_by_text(
    row: NDArray[np.int64], n: int, weights: NDArray[np.int64] | None = None
) -> NDArray[np.generic]:
    """Count entries of each text, or add up their weights."""
    return np.bincount(row, weights=weights, minlength=n)


def _count_words(
    table: CharacterTable, length: NDArray[np.int64]
) -> tuple[NDArray[np.generic], NDArray[np.generic], NDArray[np.generic]]:
    """Count words that are numbers, letters of a choice, and years.

    A number begins with a digit. A choice is a single letter from a to j that a bracket, a full
    stop or a colon follows. A year is a word of four characters that begins like one from 1500 to
    2099.
    """
    first = table.codes.take(table.word_start)
    after = table.codes.take(table.word_end)
    # Unsigned numbers wrap, so that one comparison asks for both ends of a range.
    is_number = first - np.uint32(48) < 10
    is_choice = (length == 1) & (first - np.uint32(97) < 10)
    is_choice &= (after == 41) | (after == 46) | (after == 58)
    four = np.flatnonzero((length == 4) & is_number)
    century = first[four] * np.uint32(10) + table.codes[table.word_start[four] + 1]
    four = four[(century - np.uint32(49 * 10 + 53) < 5) | (century == 50 * 10 + 48)]
    row, n = table.word_row, table.n_texts
    return tuple(_count_by_text(row[chosen], n) for chosen in (is_number, is_choice, four))


def _mark_words(table: CharacterTable, marks: NDArray[np.float32]) -> None:
    """Mark which question words stand among the leading words, and whether anything is negated."""
    place, word = np.nonzero(table.word_hash == _hash_known_words()[:, None])
    row = table.word_row[word]
    counts = (word - table.word_bounds[row] < LEADING_WORDS) | (place >= len(QUESTION_WORDS))
    marks[row[counts], np.minimum(place[counts], len(QUESTION_WORDS))] = 1.0


@lru_cache(maxsize=1)
def _hash_known_words() -> NDArray[np.uint64]:
    """Hash question words and negations as they are hashed inside a text."""
    return tabulate_characters([*QUESTION_WORDS, *NEGATIONS]).word_hash


def _count_distinct_words(
    table: CharacterTable, length: NDArray[np.int64]
) -> NDArray[np.generic]:
    """Count the distinct words a text, told apart by first, last and middle character and length.

    An exact count would need every word's hash; this one is as useful as a feature, and bundles
    have been trained with it.
    """
    start, last = table.word_start, table.word_end - 1
    codes = table.codes
    key = (codes.take(start) & 0xFFF).astype(np.int64)
    for place in ((start + last) // 2, last):
        key <<= 12
        key |= codes.take(place) & 0xFFF
    key <<= 6
    key |= np.minimum(length - 1, 63)
    if table.n_texts > 1:
        key |= table.word_row << 44
    key.sort()
    is_new = np.ones(len(key), dtype=bool)
    np.not_equal(key[1:], key[:-1], out=is_new[1:])
    return _count_by_text(table.word_row[is_new], table.n_texts)


def _count_capitals(table: CharacterTable, capped: Sequence[str]) -> NDArray[np.generic]:
    """Count ASCII capitals, which lower-casing has hidden from the table."""
    joined = "\n".join([*capped, ""]).encode("ascii", "replace")
    capitals = np.flatnonzero(np.frombuffer(joined, dtype=np.uint8) - np.uint8(65) < 26)
    bounds = table.bounds
    if len(joined) != bounds[-1]:
        # A capital may become two characters when it is lower-cased.
        bounds = np.cumsum([0, *(len(text) + 1 for text in capped)])
    return np.diff(np.searchsorted(capitals, bounds))


def _measure_longest_line(table: CharacterTable) -> NDArray[np.generic]:
    """Measure the longest line of every text, in characters."""
    feeds = np.flatnonzero(table.codes == 10)
    lengths = np.diff(feeds, prepend=-1) - 1
    first = np.searchsorted(feeds, table.bounds[:-1])
    return np.maximum.reduceat(lengths, first)
