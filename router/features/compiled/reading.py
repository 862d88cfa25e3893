"""Texts to weights of n-grams and shape in one compiled call a chunk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.compilation import kernel
from router.features.characters import is_capped, list_codes
from router.features.compiled.shape import measure_words, write_shape
from router.features.compiled.tables import (
    CharacterTables,
    LexiconTables,
    tabulate_characters,
    tabulate_lexicon,
)
from router.features.compiled.weights import Entries, hash_characters, hash_words, weigh_keys
from router.features.compiled.words import WordList, walk_text
from router.features.shape import N_PLACES, SHAPE_NAMES, count_capitals
from router.features.weights import SparseRows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.features.weights import Lexicon

__all__ = ["TextReader", "read_chunk"]

N_SHAPE = len(SHAPE_NAMES)


@kernel
def read_chunk(
    codes: NDArray[np.uint32],
    facts: NDArray[np.int64],
    tables: CharacterTables,
    lexicon: LexiconTables,
    features: NDArray[np.float32],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Read n texts, each followed by a line feed.

    Parameters
    ----------
    codes : ndarray of uint32, shape (c,)
        Code points.
    facts : ndarray of int64, shape (3, n)
        Length, capitals and whether capped.
    tables, lexicon : tuple
        What characters and n-grams are.
    features : ndarray of float32, shape (n, d + 30)
        The last thirty columns are written to; zeros before.

    Returns
    -------
    tuple of ndarray
        Bounds, columns and values of :class:`router.features.weights.SparseRows`.
    """
    n, longest = facts.shape[1], 0
    shape = features[:, features.shape[1] - N_SHAPE :]
    for row in range(n):
        longest = max(longest, facts[0, row])
    words = WordList(
        np.empty(longest, dtype=np.int64),
        np.empty(longest, dtype=np.int64),
        np.empty(longest, dtype=np.uint64),
        np.empty(N_PLACES, dtype=np.int64),
    )
    # A character begins two stretches, a word and a pair at most.
    keys = np.empty(4 * longest + 1, dtype=np.uint64)
    spare = np.empty(4 * longest + 1, dtype=np.uint64)
    size = 4 * len(codes)
    entries = Entries(np.empty(size, dtype=np.int64), np.empty(size, dtype=np.float32))
    bounds = np.zeros(n + 1, dtype=np.int64)
    first = 0
    for row in range(n):
        length, capitals, was_capped = facts[0, row], facts[1, row], facts[2, row]
        last = first + length
        n_words, line = walk_text(codes, first, last, tables, words)
        write_shape((length, line, capitals, was_capped), n_words, words, tables, shape[row])
        measure_words(codes, n_words, words, tables, shape[row])
        count = 0
        if lexicon.has_words:
            count = hash_words(words, n_words, keys)
        if lexicon.has_characters:
            count = hash_characters(codes, first, last, keys, count)
        bounds[row + 1] = weigh_keys(keys, spare, lexicon, entries, (count, bounds[row]))
        first = last + 1
    return bounds, entries.column[: bounds[n]], entries.value[: bounds[n]]


class TextReader:
    """Reads texts for one lexicon.

    Parameters
    ----------
    lexicon : Lexicon
        The n-grams to look for.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        """Collect the tables that every call takes."""
        self._tables = tabulate_characters()
        self._lexicon = tabulate_lexicon(lexicon)
        self._n_columns = int(lexicon.first_column[-1])

    def read(self, capped: Sequence[str], features: NDArray[np.float32]) -> SparseRows:
        """Weigh the n-grams of a chunk, and write its shape to the last columns of the features."""
        codes, lengths = list_codes(capped)
        facts = np.array([lengths, count_capitals(capped), [*map(is_capped, capped)]], np.int64)
        bounds, column, value = read_chunk(codes, facts, self._tables, self._lexicon, features)
        return SparseRows(bounds, column, value, self._n_columns)
