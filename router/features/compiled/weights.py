"""TF-IDF weights of a text's known n-grams, as :mod:`router.features.weights` weighs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.compilation import kernel
from router.features.compiled.sorting import sort_keys
from router.features.compiled.words import BASE, ONE, WordList
from router.features.ngrams import CHARACTER_SALT, PAIR_SALT, WORD_SALT

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.features.compiled.tables import LexiconTables

__all__ = ["Entries", "hash_characters", "hash_words", "mix", "weigh_keys"]

THREE = np.uint64(3)
SHORT_SALT, LONG_SALT = CHARACTER_SALT + np.uint64(3), CHARACTER_SALT + np.uint64(4)
SQUARE = np.uint64(int(BASE) ** 2 % 2**64)
CUBE = np.uint64(int(BASE) ** 3 % 2**64)


class Entries(NamedTuple):
    """Columns and weights, text behind text.

    Parameters
    ----------
    column : ndarray of int64
        Rising within a text.
    value : ndarray of float32
        The weight of each.
    """

    column: NDArray[np.int64]
    value: NDArray[np.float32]


@kernel
def mix(value: np.uint64) -> np.uint64:
    """Spread every bit over the whole word, as :func:`router.features.hashing.mix`."""
    value ^= value >> np.uint64(30)
    value *= np.uint64(0xBF58476D1CE4E5B9)
    value ^= value >> np.uint64(27)
    value *= np.uint64(0x94D049BB133111EB)
    return value ^ (value >> np.uint64(31))


@kernel
def hash_words(words: WordList, n_words: int, keys: NDArray[np.uint64]) -> int:
    """Hash words and pairs of neighbours, and say how many hashes there are."""
    count, before = 0, np.uint64(0)
    for word in range(n_words):
        keys[count] = mix(words.hashes[word] ^ WORD_SALT)
        count += 1
        if word:
            # Multiplying the first word keeps "a b" and "b a" apart.
            pair = mix(words.hashes[word] ^ PAIR_SALT) + before * THREE
            keys[count] = mix(pair ^ PAIR_SALT)
            count += 1
            before = keys[count - 2]
        else:
            before = keys[count - 1]
    return count


@kernel
def hash_characters(
    codes: NDArray[np.uint32], first: int, last: int, keys: NDArray[np.uint64], count: int
) -> int:
    """Hash stretches of three and four characters behind the hashes that there are already."""
    for place in range(first, last - 2):
        part = np.uint64(codes[place]) + ONE
        part += (np.uint64(codes[place + 1]) + ONE) * BASE
        part += (np.uint64(codes[place + 2]) + ONE) * SQUARE
        keys[count] = mix(part ^ SHORT_SALT)
        count += 1
        if place + 3 < last:
            part += (np.uint64(codes[place + 3]) + ONE) * CUBE
            keys[count] = mix(part ^ LONG_SALT)
            count += 1
    return count


@kernel
def weigh_keys(
    keys: NDArray[np.uint64],
    spare: NDArray[np.uint64],
    tables: LexiconTables,
    entries: Entries,
    range_: tuple[int, int],
) -> int:
    """Look hashes up, count those that are known, and write their weights; say where they end."""
    n_keys, begin = range_
    count = 0
    for place in range(n_keys):
        key = keys[place]
        # Without a branch that nobody could foretell: most are found within two steps.
        position = np.int64(tables.first[np.int64(key >> tables.shift)])
        position += tables.known[position, 0] < key
        position += tables.known[position, 0] < key
        while tables.known[position, 0] < key:
            position += 1
        spare[count] = tables.known[position, 1]
        count += tables.known[position, 0] == key
    n_bits, width = 0, tables.edges[-1]
    while width > 0:
        n_bits, width = n_bits + 1, width >> 1
    sort_keys(spare, keys, count, n_bits)
    # The hashes are done with; in their place stand weights until their length is known.
    exact = keys.view(np.float64)
    end, place = begin, 0
    for family in range(len(tables.edges) - 1):
        start, total = end, 0.0
        while place < count and np.int64(spare[place]) < tables.edges[family + 1]:
            column, again = np.int64(spare[place]), place + 1
            while again < count and spare[again] == spare[place]:
                again += 1
            value = tables.factors[again - place] * tables.inverse_frequency[column]
            total += value * value
            entries.column[end] = column
            exact[end - begin] = value
            end, place = end + 1, again
        length = np.sqrt(total)
        for each in range(start, end):
            entries.value[each] = exact[each - begin] / length
    return end
