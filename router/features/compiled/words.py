"""One walk over the characters of a text: its words, their hashes, and what is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.compilation import kernel
from router.features.characters import LETTER, OUTSIDE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.features.compiled.tables import CharacterTables

__all__ = ["BASE", "WordList", "walk_text"]

BASE = np.uint64(0x9E3779B97F4A7C15)
ONE = np.uint64(1)
LAST_KIND, LAST_CLASS = 0x10000, 128
LINE_FEED = 10


class WordList(NamedTuple):
    """The words of a text, in buffers that are longer than it needs.

    Parameters
    ----------
    start, end : ndarray of int64
        Where each begins and ends (exclusive).
    hashes : ndarray of uint64
        Polynomial hash of each.
    counts : ndarray of int64, shape (classes + 2,)
        Characters by class.
    """

    start: NDArray[np.int64]
    end: NDArray[np.int64]
    hashes: NDArray[np.uint64]
    counts: NDArray[np.int64]


@kernel
def walk_text(
    codes: NDArray[np.uint32], first: int, last: int, tables: CharacterTables, words: WordList
) -> tuple[int, int]:
    """List the words between two places, count characters, and measure the longest line.

    Returns
    -------
    n_words : int
        How many words there are.
    longest : int
        Length of the longest line in characters.
    """
    words.counts[:] = 0
    n_words, longest, line = 0, 0, first
    is_open = False
    total, power = np.uint64(0), ONE
    for place in range(first, last):
        code = codes[place]
        words.counts[tables.classes[min(code, LAST_CLASS)]] += 1
        kind = tables.kinds[min(code, LAST_KIND)]
        if code == LINE_FEED:
            longest = max(longest, place - line)
            line = place + 1
        if kind == LETTER and is_open:
            power *= BASE
            total += (np.uint64(code) + ONE) * power
            continue
        if is_open:
            words.end[n_words] = place
            words.hashes[n_words] = total
            n_words += 1
        is_open = kind != OUTSIDE
        if is_open:
            words.start[n_words] = place
            total, power = np.uint64(code) + ONE, ONE
            if kind != LETTER:
                words.end[n_words] = place + 1
                words.hashes[n_words] = total
                n_words += 1
                is_open = False
    if is_open:
        words.end[n_words] = last
        words.hashes[n_words] = total
        n_words += 1
    return n_words, max(longest, last - line)
