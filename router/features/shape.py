"""The shape of a text: some thirty numbers that need no vocabulary."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from router.features.characters import CHUNK_TEXTS, cap_text, is_capped, tabulate_characters
from router.features.ngrams import hash_stretches

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


def _build_class_table() -> NDArray[np.int64]:
    """Map the 128 ASCII characters to their class, all others to one class beyond the last."""
    table = np.full(129, N_CLASSES, dtype=np.int64)
    for position, characters in enumerate(CLASSES.values()):
        table[[ord(character) for character in characters]] = position
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
    codes, row = table.codes, table.row
    # Every text ends with a line feed that is not its own.
    characters = np.bincount(row, minlength=n) - 1.0
    word_row = table.word_row
    words = np.bincount(word_row, minlength=n).astype(np.float64)
    length = (table.word_end - table.word_start).astype(np.float64)
    starts_with_digit = (codes[table.word_start] >= 48) & (codes[table.word_start] <= 57)
    numbers = np.bincount(word_row[starts_with_digit], minlength=n)
    classes = CLASS_TABLE[np.minimum(codes, 128)]
    counts = np.bincount(row * (N_CLASSES + 1) + classes, minlength=n * (N_CLASSES + 1))
    counts = counts.reshape(n, N_CLASSES + 1)[:, :N_CLASSES]
    # The line feed behind every text is not the text's own.
    counts[:, list(CLASSES).index("line_feeds")] -= 1
    columns = [
        np.log1p(characters),
        np.log1p(words),
        np.log1p(_count_distinct_words(table)),
        np.bincount(word_row, weights=length, minlength=n) / np.maximum(words, 1.0),
        _count_capitals(capped) / np.maximum(characters, 1.0),
        np.bincount(row[codes > 127], minlength=n) / np.maximum(characters, 1.0),
        numbers / np.maximum(words, 1.0),
        np.log1p(numbers),
        _measure_longest_line(table) / np.maximum(characters, 1.0),
        np.fromiter(map(is_capped, capped), float, n),
        np.log1p(_count_choices(table)),
        np.log1p(_count_years(table)),
        *np.log1p(counts).T,
        *_find_question_words(table),
    ]
    return np.stack(columns, axis=1).astype(np.float32)


def _count_choices(table: CharacterTable) -> NDArray[np.float64]:
    """Count single letters from a to j that a bracket, a full stop or a colon follows."""
    letter = table.codes[table.word_start]
    after = table.codes[table.word_end]
    is_choice = (table.word_end - table.word_start == 1) & (letter >= 97) & (letter <= 106)
    is_choice &= np.isin(after, (41, 46, 58))
    return np.bincount(table.word_row[is_choice], minlength=table.n_texts).astype(np.float64)


def _count_years(table: CharacterTable) -> NDArray[np.float64]:
    """Count words of four characters that begin like a year from 1500 to 2099."""
    four = table.word_start[table.word_end - table.word_start == 4]
    first, second = table.codes[four], table.codes[four + 1]
    is_year = ((first == 49) & (second >= 53) & (second <= 57)) | ((first == 50) & (second == 48))
    return np.bincount(table.row[four[is_year]], minlength=table.n_texts).astype(np.float64)


def _find_question_words(table: CharacterTable) -> NDArray[np.float64]:
    """Mark which question words stand among the leading words, and whether anything is negated."""
    hashes = hash_stretches(table, table.word_start, table.word_end)
    word_row = table.word_row
    first_word = np.searchsorted(word_row, word_row)
    leads = np.arange(len(word_row)) - first_word < LEADING_WORDS
    found = np.zeros((len(QUESTION_WORDS) + 1, table.n_texts))
    for position, target in enumerate(_hash_known_words(QUESTION_WORDS)):
        found[position, word_row[leads & (hashes == target)]] = 1.0
    found[-1, word_row[np.isin(hashes, _hash_known_words(NEGATIONS))]] = 1.0
    return found


@lru_cache(maxsize=4)
def _hash_known_words(words: tuple[str, ...]) -> NDArray[np.uint64]:
    """Hash words as they are hashed inside a text."""
    table = tabulate_characters(words)
    return hash_stretches(table, table.word_start, table.word_end)


def _count_distinct_words(table: CharacterTable) -> NDArray[np.float64]:
    """Count the distinct words a text, told apart by first, last and middle character and length.

    An exact count would need every word's hash; this one is as useful as a feature and costs a
    tenth.
    """
    start, last = table.word_start, table.word_end - 1
    middle = (start + last) // 2
    codes = table.codes.astype(np.int64) & 0xFFF
    key = (codes[start] << 12 | codes[middle]) << 12 | codes[last]
    key = (table.word_row << 44) | (key << 6 | np.minimum(last - start, 63)) & ((1 << 44) - 1)
    distinct = np.unique(key)
    return np.bincount(distinct >> 44, minlength=table.n_texts).astype(np.float64)


def _count_capitals(capped: Sequence[str]) -> NDArray[np.float64]:
    """Count ASCII capitals, which lower-casing has hidden from the table."""
    joined = "".join(f"{text}\n" for text in capped).encode("ascii", "replace")
    codes = np.frombuffer(joined, dtype=np.uint8)
    lengths = np.fromiter((len(text) + 1 for text in capped), np.int64, len(capped))
    starts = np.concatenate(([0], np.cumsum(lengths)[:-1]))
    capitals = ((codes >= 65) & (codes <= 90)).astype(np.int64)
    return np.add.reduceat(capitals, starts).astype(np.float64) if len(capped) else starts * 0.0


def _measure_longest_line(table: CharacterTable) -> NDArray[np.float64]:
    """Measure the longest line of every text, in characters."""
    feeds = np.flatnonzero(table.codes == 10)
    lengths = np.diff(feeds, prepend=-1) - 1
    longest = np.zeros(table.n_texts)
    np.maximum.at(longest, table.row[feeds], lengths)
    return longest
