"""The shape of a text, as :mod:`router.features.shape` measures it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.compilation import kernel
from router.features.compiled.sorting import sort_keys
from router.features.shape import ASKS, LEADING_WORDS, N_CLASSES, NON_ASCII, QUESTION_WORDS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.features.compiled.tables import CharacterTables
    from router.features.compiled.words import WordList

__all__ = ["Facts", "measure_words", "write_shape"]

# Length, longest line, capitals, whether capped: of one text.
Facts = tuple[int, int, int, int]
# Of a word's key: three times twelve bits of a character, and six of the length.
KEY_BITS = 42
N_QUESTION_WORDS = len(QUESTION_WORDS)


@kernel
def write_shape(
    facts: Facts,
    n_words: int,
    words: WordList,
    tables: CharacterTables,
    row: NDArray[np.float32],
) -> None:
    """Write what is known of a text but its words' own measures."""
    length, longest, capitals, was_capped = facts
    per_character = float(max(length, 1))
    row[0] = tables.logarithms[length]
    row[1] = tables.logarithms[n_words]
    row[4] = capitals / per_character
    row[5] = words.counts[NON_ASCII] / per_character
    row[8] = longest / per_character
    row[9] = was_capped
    for place in range(N_CLASSES):
        row[12 + place] = tables.logarithms[words.counts[place]]


@kernel
def measure_words(
    codes: NDArray[np.uint32],
    n_words: int,
    words: WordList,
    tables: CharacterTables,
    row: NDArray[np.float32],
) -> None:
    """Write what single words say: their kinds, their length, how many differ, what is asked."""
    keys, spare = np.empty(n_words, dtype=np.uint64), np.empty(n_words, dtype=np.uint64)
    letters, n_numbers, n_choices, n_years = 0, 0, 0, 0
    for word in range(n_words):
        start, last = words.start[word], words.end[word] - 1
        length = int(last - start + 1)
        letters += length
        first = np.int64(codes[start])
        is_number = 48 <= first < 58
        n_numbers += int(is_number)
        if length == 1 and 97 <= first < 107:
            after = codes[start + 1]
            n_choices += int(after in (41, 46, 58))
        if length == 4 and is_number:
            century = (first - 48) * 10 + np.int64(codes[start + 1]) - 48
            n_years += int(15 <= century <= 20)
        key = first & 0xFFF
        key = key << 12 | (np.int64(codes[(start + last) >> 1]) & 0xFFF)
        key = key << 12 | (np.int64(codes[last]) & 0xFFF)
        keys[word] = np.uint64(key << 6 | min(length - 1, 63))
        slot = np.int64(words.hashes[word] >> tables.known_shift)
        if tables.known_hashes[slot] == words.hashes[word]:
            column = tables.known_columns[slot]
            if word < LEADING_WORDS or column == N_QUESTION_WORDS:
                row[ASKS + column] = 1.0
    sort_keys(keys, spare, n_words, KEY_BITS)
    n_distinct = min(n_words, 1)
    for word in range(1, n_words):
        n_distinct += keys[word] != keys[word - 1]
    per_word = float(max(n_words, 1))
    row[2] = tables.logarithms[n_distinct]
    row[3] = letters / per_word
    row[6] = n_numbers / per_word
    row[7] = tables.logarithms[n_numbers]
    row[10] = tables.logarithms[n_choices]
    row[11] = tables.logarithms[n_years]
