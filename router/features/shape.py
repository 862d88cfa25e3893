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

__all__ = ["SHAPE_NAMES", "count_capitals", "index_known_words", "measure_shape", "measure_table"]

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
NON_ASCII, OTHER, N_PLACES = N_CLASSES, N_CLASSES + 1, N_CLASSES + 2
CAPITALS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"


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
    by_class = _count_classes(table)
    length = table.word_end - table.word_start
    counts = np.empty((6 + N_CLASSES, n))
    # Every text ends with a line feed that is not its own.
    counts[0] = table.bounds[1:] - table.bounds[:-1] - 1
    counts[1] = table.word_bounds[1:] - table.word_bounds[:-1]
    counts[2:6] = _count_words(table, length)
    counts[6:] = by_class[:N_CLASSES]
    logs = np.log1p(counts)
    per_character, per_word = np.maximum(counts[:2], 1.0)
    shape[:, :3] = logs[:3].T
    shape[:, 3] = np.bincount(table.word_row, weights=length, minlength=n) / per_word
    shape[:, 4] = count_capitals(capped) / per_character
    shape[:, 5] = by_class[NON_ASCII] / per_character
    shape[:, 6] = counts[3] / per_word
    shape[:, 7] = logs[3]
    shape[:, 8] = _measure_longest_line(table) / per_character
    shape[:, 9] = [is_capped(text) for text in capped]
    shape[:, 10:ASKS] = logs[4:].T
    _mark_words(table, shape[:, ASKS:])
    return shape


def _count_classes(table: CharacterTable) -> NDArray[np.int64]:
    """Count the characters of every class, shape (classes, n)."""
    n = table.n_texts
    place = CLASS_TABLE.take(table.codes, mode="clip")
    if n > 1:
        place += table.row * N_PLACES
    counts = np.bincount(place, minlength=n * N_PLACES).reshape(n, N_PLACES).T
    # The line feed behind every text is not the text's own.
    counts[LINE_FEEDS] -= 1
    return counts


def _count_words(table: CharacterTable, length: NDArray[np.int64]) -> NDArray[np.int64]:
    """Count distinct words, numbers, letters of a choice, and years, shape (4, n).

    A number begins with a digit. A choice is a single letter from a to j that a bracket, a full
    stop or a colon follows. A year is a word of four characters that begins like one from 1500 to
    2099.
    """
    codes, start = table.codes, table.word_start
    first = codes.take(start)
    # Unsigned numbers wrap, so that one comparison asks for both ends of a range.
    is_number = first - np.uint32(48) < 10
    choices = ((length == 1) & (first - np.uint32(97) < 10)).nonzero()[0]
    if len(choices):
        after = codes.take(start.take(choices) + 1)
        choices = choices[(after == 41) | (after == 46) | (after == 58)]
    years = ((length == 4) & is_number).nonzero()[0]
    if len(years):
        century = first.take(years) * np.uint32(10) + codes.take(start.take(years) + 1)
        # From "15" to "19", or "20".
        years = years[(century - np.uint32(49 * 10 + 53) < 5) | (century == 50 * 10 + 48)]
    row, n = table.word_row, table.n_texts
    chosen = (_find_distinct(table, length).nonzero()[0], is_number.nonzero()[0], choices, years)
    if n == 1:
        return np.array([[len(each)] for each in chosen])
    return np.stack([np.bincount(row.take(each), minlength=n) for each in chosen])


def _find_distinct(table: CharacterTable, length: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Mark as many words of each text as it has distinct ones.

    They are told apart by first, last and middle character and length. By their hashes would be
    exact and as cheap, but bundles have been trained on this.
    """
    last = table.word_end - 1
    codes = table.codes & np.uint32(0xFFF)
    key = codes.take(table.word_start).astype(np.int64)
    for place in ((table.word_start + last) >> 1, last):
        key <<= 12
        key |= codes.take(place)
    key <<= 6
    key |= np.minimum(length - 1, 63)
    if table.n_texts > 1:
        key |= table.word_row << 44
    key.sort()
    is_new = np.ones(len(key), dtype=bool)
    np.not_equal(key[1:], key[:-1], out=is_new[1:])
    return is_new


def _mark_words(table: CharacterTable, marks: NDArray[np.float32]) -> None:
    """Mark which question words stand among the leading words, and whether anything is negated."""
    hashes, columns, shift = index_known_words()
    slot = (table.word_hash >> shift).view(np.int64)
    word = (hashes.take(slot) == table.word_hash).nonzero()[0]
    column, row = columns.take(slot.take(word)), table.word_row.take(word)
    leads = word - table.word_bounds.take(row) < LEADING_WORDS
    counts = leads | (column == len(QUESTION_WORDS))
    marks[row[counts], column[counts]] = 1.0


@lru_cache(maxsize=1)
def index_known_words() -> tuple[NDArray[np.uint64], NDArray[np.int64], np.uint64]:
    """Give question words and negations a slot each, by the leading bits of their hashes.

    Returns
    -------
    hashes : ndarray of uint64, shape (2**b,)
        What a word in this slot hashes to.
    columns : ndarray of int64, shape (2**b,)
        Which mark it sets.
    shift : uint64
        Turns a hash into its slot.
    """
    known = tabulate_characters([*QUESTION_WORDS, *NEGATIONS]).word_hash
    shift = np.uint64(60)
    while len(np.unique(known >> shift)) < len(known):
        shift -= np.uint64(1)
    hashes = np.zeros(1 << (64 - int(shift)), dtype=np.uint64)
    columns = np.zeros(len(hashes), dtype=np.int64)
    slot = (known >> shift).view(np.int64)
    hashes[slot] = known
    columns[slot] = np.minimum(np.arange(len(known)), len(QUESTION_WORDS))
    return hashes, columns, shift


def count_capitals(capped: Sequence[str]) -> list[int]:
    """Count ASCII capitals, which lower-casing has hidden from the table."""
    return [
        len(text) - len(text.encode("ascii", "replace").translate(None, CAPITALS))
        for text in capped
    ]


def _measure_longest_line(table: CharacterTable) -> NDArray[np.int64]:
    """Measure the longest line of every text, in characters."""
    feeds = (table.codes == 10).nonzero()[0]
    lengths = feeds.copy()
    lengths[1:] -= feeds[:-1] + 1
    longest: NDArray[np.int64] = np.maximum.reduceat(lengths, feeds.searchsorted(table.bounds[:-1]))
    return longest
