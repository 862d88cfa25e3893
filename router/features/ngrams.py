"""Word and character n-grams of a batch as 64-bit hashes, without a Python loop over tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.features.hashing import get_inverses, hash_between, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.features.characters import CharacterTable

__all__ = ["hash_character_ngrams", "hash_stretches", "hash_words"]

WORD_SALT, PAIR_SALT, CHARACTER_SALT = 0x1B873593, 0xCC9E2D51, 0x85EBCA6B


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
    words = table.word_hash
    # The first words of texts but the first follow no word of their own text.
    first = table.word_bounds[1:-1]
    together = np.ones(max(len(words) - 1, 0), dtype=bool)
    together[first[(first > 0) & (first < len(words))] - 1] = False
    # Rotating the first word keeps "a b" and "b a" apart.
    single = mix(words, WORD_SALT)
    pairs = single[:-1] * np.uint64(3)
    pairs += mix(words[1:], PAIR_SALT)
    pairs = mix(pairs[together], PAIR_SALT)
    row = np.concatenate((table.word_row, table.word_row[:-1][together]))
    return row, np.concatenate((single, pairs))


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
    inverses = get_inverses(count + 1)
    for length in lengths:
        if count <= length:
            continue
        stretches = table.prefix[length:-1] - table.prefix[: -1 - length]
        stretches *= inverses[: count - length]
        stretches = mix(stretches, CHARACTER_SALT + length)
        row = table.row[: count - length]
        if table.n_texts > 1:
            # The line feed behind every text is the one character an n-gram may not hold.
            inside = row == table.row[length:]
            row, stretches = row[inside], stretches[inside]
        rows.append(row)
        keys.append(stretches)
    if not rows:
        return np.zeros(0, np.int64), np.zeros(0, np.uint64)
    return np.concatenate(rows), np.concatenate(keys)
