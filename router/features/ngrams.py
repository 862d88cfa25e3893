"""Word and character n-grams of a batch as 64-bit hashes, without a Python loop over tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.features.hashing import get_inverses, hash_between, mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.features.characters import CharacterTable

__all__ = ["Ngrams", "hash_character_ngrams", "hash_ngrams", "hash_stretches", "hash_words"]

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
    parts, salts, rows, crossing = [], [], [], []
    size = 0
    if words and len(table.word_hash):
        size = 2 * len(table.word_hash) - 1
        parts += [table.word_hash, table.word_hash[1:]]
        salts += [WORD_SALT, PAIR_SALT]
        rows += [table.word_row, table.word_row[:-1]]
        first = table.word_bounds[1:-1]
        crossing.append(first[(first > 0) & (first < len(rows[0]))] + (len(rows[0]) - 1))
    for length in lengths:
        # The line feed behind every text is the one character that no stretch may hold.
        n_starts = len(table.codes) - length
        if n_starts <= 0:
            continue
        stretches = table.prefix[length:-1] - table.prefix[:n_starts]
        stretches *= get_inverses(n_starts)
        parts.append(stretches)
        salts.append(CHARACTER_SALT + length)
        rows.append(table.row[:n_starts])
        start = (table.bounds[1:-1, None] - np.arange(1, length + 1)).ravel()
        crossing.append(start[(start >= 0) & (start < n_starts)] + size)
        size += n_starts
    if not parts:
        return Ngrams(np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.int64))
    salt = np.repeat(np.array(salts, dtype=np.uint64), [len(part) for part in parts])
    key = mix(np.concatenate(parts), salt)
    if words and len(rows[0]) > 1:
        # Multiplying the first word keeps "a b" and "b a" apart.
        pairs = key[: len(rows[0]) - 1] * np.uint64(3)
        pairs += key[len(rows[0]) : 2 * len(rows[0]) - 1]
        key[len(rows[0]) : 2 * len(rows[0]) - 1] = mix(pairs, np.uint64(PAIR_SALT))
    return Ngrams(key, np.concatenate(rows), np.concatenate(crossing))


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
