"""Word and character n-grams of a batch as 64-bit hashes, without a Python loop over tokens."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.features.hashing import get_inverses, hash_between, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.features.characters import CharacterTable

__all__ = ["Ngrams", "hash_character_ngrams", "hash_ngrams", "hash_stretches", "hash_words"]

WORD_SALT, PAIR_SALT = np.uint64(0x1B873593), np.uint64(0xCC9E2D51)
CHARACTER_SALT = np.uint64(0x85EBCA6B)


def hash_stretches(
    table: CharacterTable, start: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Hash the characters from each start up to its end.

    Parameters
    ----------
    table : CharacterTable
        The batch, c characters.
    start, end : ndarray of int64, shape (t,)
        Stretches of it, ends exclusive.

    Returns
    -------
    ndarray of uint64, shape (t,)
        The polynomial hash of each stretch, wherever it stands.
    """
    return hash_between(table.prefix, start, end)


class Ngrams(NamedTuple):
    """Hashes of a batch's n-grams, kind by kind.

    Parameters
    ----------
    key : ndarray of uint64, shape (t,)
        Hashes.
    row : ndarray of int64, shape (t,)
        Which text each begins in.
    crossing : ndarray of int64, shape (k,)
        Positions of those that reach into the next text and so are none.
    """

    key: NDArray[np.uint64]
    row: NDArray[np.int64]
    crossing: NDArray[np.int64]

    def drop_crossing(self) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
        """Return rows and keys of n-grams that stay inside their text."""
        inside = np.ones(len(self.key), dtype=bool)
        inside[self.crossing] = False
        return self.row[inside], self.key[inside]


def hash_ngrams(table: CharacterTable, *, words: bool, lengths: tuple[int, ...]) -> Ngrams:
    """Hash words with pairs of neighbours, and stretches of characters, in one pass.

    Parameters
    ----------
    table : CharacterTable
        The batch.
    words : bool
        Whether words and pairs are wanted.
    lengths : tuple of int
        Lengths of the stretches, in characters.

    Returns
    -------
    Ngrams
        Words, pairs, then stretches by length; each kind in the order of the text.
    """
    prefix, n_words = table.prefix, len(table.word_hash) if words else 0
    n_pairs = max(n_words - 1, 0)
    # The line feed behind every text is the one character that no stretch may hold.
    n_starts = [max(len(table.codes) - length, 0) for length in lengths]
    edges = [0, *accumulate((n_words, n_pairs, *n_starts))]
    key = np.empty(edges[-1], dtype=np.uint64)
    np.bitwise_xor(table.word_hash[:n_words], WORD_SALT, out=key[:n_words])
    np.bitwise_xor(table.word_hash[1:][:n_pairs], PAIR_SALT, out=key[n_words : edges[2]])
    for length, count, first in zip(lengths, n_starts, edges[2:], strict=False):
        part = key[first : first + count]
        np.subtract(prefix[length : length + count], prefix[:count], out=part)
        part *= get_inverses(count + 1)[:count]
        part ^= CHARACTER_SALT + np.uint64(length)
    mix(key)
    if n_pairs:
        # Multiplying the first word keeps "a b" and "b a" apart.
        pairs = key[n_words : edges[2]]
        pairs += key[:n_pairs] * np.uint64(3)
        pairs ^= PAIR_SALT
        mix(pairs)
    row = np.zeros(len(key), dtype=np.int64)
    if table.n_texts == 1:
        return Ngrams(key, row, row[:0])
    for part_row, first, last in zip(
        (table.word_row, table.word_row, *[table.row] * len(lengths)),
        edges,
        edges[1:],
        strict=False,
    ):
        row[first:last] = part_row[: last - first]
    return Ngrams(key, row, _find_crossing(table, n_words, lengths, edges))


def _find_crossing(
    table: CharacterTable, n_words: int, lengths: tuple[int, ...], edges: list[int]
) -> NDArray[np.int64]:
    """Find pairs and stretches that reach into the next text."""
    first_word = table.word_bounds[1:-1]
    crossing = [first_word[(first_word > 0) & (first_word < n_words)] + (n_words - 1)]
    for length, first, last in zip(lengths, edges[2:-1], edges[3:], strict=True):
        start = (table.bounds[1:-1, None] - np.arange(1, length + 1)).ravel()
        crossing.append(start[(start >= 0) & (start < last - first)] + first)
    return np.concatenate(crossing)


def hash_words(table: CharacterTable) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Hash every word and every pair of neighbouring words.

    Parameters
    ----------
    table : CharacterTable
        The batch.

    Returns
    -------
    row : ndarray of int64, shape (t,)
        Which text an n-gram belongs to.
    key : ndarray of uint64, shape (t,)
        Its hash.

    Examples
    --------
    >>> from router.features.characters import tabulate_characters
    >>> row, key = hash_words(tabulate_characters(["to be", "be to"]))
    >>> len(key), len(set(key.tolist()))
    (6, 4)
    """
    return hash_ngrams(table, words=True, lengths=()).drop_crossing()


def hash_character_ngrams(
    table: CharacterTable, lengths: tuple[int, ...]
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Hash every stretch of the given lengths that stays inside its text.

    Parameters
    ----------
    table : CharacterTable
        The batch.
    lengths : tuple of int
        Lengths in characters.

    Returns
    -------
    row : ndarray of int64, shape (t,)
        Which text an n-gram belongs to.
    key : ndarray of uint64, shape (t,)
        Its hash.

    Examples
    --------
    >>> from router.features.characters import tabulate_characters
    >>> row, key = hash_character_ngrams(tabulate_characters(["abab"]), (2,))
    >>> len(key), len(set(key.tolist()))
    (3, 2)
    """
    return hash_ngrams(table, words=False, lengths=lengths).drop_crossing()
