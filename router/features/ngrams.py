"""Word and character n-grams of a batch as 64-bit hashes, without a Python loop over tokens.

A polynomial hash of every prefix of the batch gives the hash of any stretch of it by one
subtraction and one multiplication (Karp and Rabin, 1987), so words, word pairs and character
n-grams all come out of the same two arrays. Two different n-grams share a hash with probability
about 2**-64 a pair.

References
----------
R. M. Karp, M. O. Rabin: Efficient randomized pattern-matching algorithms. IBM Journal of Research
and Development 31(2), 1987, pp. 249-260.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.features.characters import CharacterTable

__all__ = ["hash_character_ngrams", "hash_stretches", "hash_words"]

BASE = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
BASE_INVERSE = pow(BASE, -1, 1 << 64)
WORD_SALT, PAIR_SALT, CHARACTER_SALT = 0x1B873593, 0xCC9E2D51, 0x85EBCA6B


@lru_cache(maxsize=2)
def _build_powers(length: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Tabulate powers of the base and of its inverse modulo 2**64."""
    powers = np.full(length, BASE, dtype=np.uint64)
    inverses = np.full(length, BASE_INVERSE, dtype=np.uint64)
    powers[0] = inverses[0] = 1
    return np.multiply.accumulate(powers), np.multiply.accumulate(inverses)


def _get_powers(length: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Take tables of at least this length; sizes are powers of two, so that few are built."""
    powers, inverses = _build_powers(1 << max(12, (length - 1).bit_length()))
    return powers[:length], inverses[:length]


def _mix(values: NDArray[np.uint64], salt: int) -> NDArray[np.uint64]:
    """Spread every bit over the whole word (the finaliser of SplitMix64)."""
    mixed = values ^ np.uint64(salt)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


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
    powers, inverses = _get_powers(len(table.codes) + 1)
    terms = (table.codes.astype(np.uint64) + np.uint64(1)) * powers[:-1]
    prefix = np.zeros(len(terms) + 1, dtype=np.uint64)
    np.cumsum(terms, out=prefix[1:])
    return (prefix[end] - prefix[start]) * inverses[start]


def hash_words(
    table: CharacterTable,
) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
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
    words = hash_stretches(table, table.word_start, table.word_end)
    word_row = table.word_row
    together = word_row[1:] == word_row[:-1]
    # Rotating the first word keeps "a b" and "b a" apart.
    left, right = words[:-1][together], words[1:][together]
    pairs = _mix(left, WORD_SALT) * np.uint64(3) + _mix(right, PAIR_SALT)
    row = np.concatenate((word_row, word_row[:-1][together]))
    return row, np.concatenate((_mix(words, WORD_SALT), _mix(pairs, PAIR_SALT)))


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
    rows, keys = [], []
    count = len(table.codes)
    for length in lengths:
        if count <= length:
            continue
        start = np.arange(count - length)
        # The line feed behind every text is the one character an n-gram may not hold.
        start = start[table.row[start] == table.row[start + length]]
        rows.append(table.row[start])
        keys.append(_mix(hash_stretches(table, start, start + length), CHARACTER_SALT + length))
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    return np.concatenate(rows), np.concatenate(keys)
