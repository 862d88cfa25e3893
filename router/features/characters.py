"""Characters of a batch of texts as arrays: capped first, classified at once.

Everything behind the cap is linear in the number of characters, whatever they are: no regular
expression and no Unicode normalisation touches a text, because both have inputs on which they take
seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = [
    "CHUNK_TEXTS",
    "HEAD_CHARACTERS",
    "TAIL_CHARACTERS",
    "CharacterTable",
    "cap_text",
    "is_capped",
    "tabulate_characters",
]

# Instructions stand at both ends of a prompt; what lies between is usually material.
HEAD_CHARACTERS = 4000
TAIL_CHARACTERS = 1000
# Texts looked at together: enough to hide NumPy's call cost, few enough to stay in the cache.
CHUNK_TEXTS = 128

# Ranges of code points that end a word, beside ASCII punctuation. They are written out, not taken
# from Python's Unicode tables, so that features do not change with the interpreter's version.
NON_WORD_RANGES = (
    (0x0080, 0x00BF),
    (0x00D7, 0x00D7),
    (0x00F7, 0x00F7),
    (0x2000, 0x2BFF),
    (0x3000, 0x303F),
    (0xD800, 0xF8FF),
    (0xFE10, 0xFE6F),
    (0xFF00, 0xFF0F),
    (0xFF1A, 0xFF20),
)
# Scripts written without spaces: each character is a word of its own.
SINGLE_CHARACTER_RANGES = ((0x0E00, 0x0E7F), (0x3040, 0x9FFF), (0xAC00, 0xD7AF), (0xF900, 0xFAFF))
BASIC_PLANE = 0x10000


def _build_tables() -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tabulate which characters of the basic plane belong to words, and which stand alone."""
    word = np.ones(BASIC_PLANE + 1, dtype=bool)
    word[:128] = [chr(code).isalnum() or chr(code) == "_" for code in range(128)]
    for first, last in NON_WORD_RANGES:
        word[first : last + 1] = False
    single = np.zeros(BASIC_PLANE + 1, dtype=bool)
    for first, last in SINGLE_CHARACTER_RANGES:
        single[first : last + 1] = True
    return word, single


WORD_TABLE, SINGLE_TABLE = _build_tables()


@dataclass(frozen=True, slots=True)
class CharacterTable:
    """The characters of n texts, one after the other.

    Parameters
    ----------
    codes : ndarray of uint32, shape (c,)
        Code points of the lower-cased texts, each text followed by one line feed.
    row : ndarray of int64, shape (c,)
        Which text a character belongs to.
    word_start, word_end : ndarray of int64, shape (w,)
        Where words begin and end (exclusive), in order.
    n_texts : int
        Number of texts.
    """

    codes: NDArray[np.uint32]
    row: NDArray[np.int64]
    word_start: NDArray[np.int64]
    word_end: NDArray[np.int64]
    n_texts: int

    @property
    def word_row(self) -> NDArray[np.int64]:
        """Which text a word belongs to."""
        return self.row[self.word_start]


def cap_text(text: str) -> str:
    """Keep the head and the tail of a text that is longer than both.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    str
        At most 5,001 characters: the first 4,000, a line feed, and the last 1,000.

    Examples
    --------
    >>> len(cap_text("a" * 1_000_000))
    5001
    """
    if not is_capped(text):
        return text
    return f"{text[:HEAD_CHARACTERS]}\n{text[-TAIL_CHARACTERS:]}"


def is_capped(text: str) -> bool:
    """Tell whether :func:`cap_text` shortens a text, or has done so already.

    Examples
    --------
    >>> is_capped("a" * 5000), is_capped("a" * 5001)
    (False, True)
    """
    return len(text) > HEAD_CHARACTERS + TAIL_CHARACTERS


def tabulate_characters(capped: Sequence[str]) -> CharacterTable:
    """Lower-case texts and find their words.

    Parameters
    ----------
    capped : sequence of str
        Texts that went through :func:`cap_text`.

    Returns
    -------
    CharacterTable

    Examples
    --------
    >>> table = tabulate_characters(["Who, me?"])
    >>> list(zip(table.word_start.tolist(), table.word_end.tolist()))
    [(0, 3), (5, 7)]
    """
    lowered = [text.lower() for text in capped]
    # A question is checked at the door, so nothing here fails to encode; a replacement keeps an
    # unchecked caller from losing a whole batch to one character.
    joined = "".join(f"{text}\n" for text in lowered).encode("utf-32-le", "replace")
    codes = np.frombuffer(joined, dtype="<u4").astype(np.uint32, copy=False)
    lengths = np.fromiter((len(text) + 1 for text in lowered), np.int64, len(lowered))
    row = np.repeat(np.arange(len(lowered)), lengths)
    index = np.minimum(codes, BASIC_PLANE)
    is_word = WORD_TABLE[index]
    is_single = SINGLE_TABLE[index]
    previous_word = np.concatenate(([False], is_word[:-1]))
    previous_single = np.concatenate(([False], is_single[:-1]))
    begins = is_word & (~previous_word | is_single | previous_single)
    word_start = np.flatnonzero(begins)
    # A word ends where the next one begins or where a character outside words follows.
    stops = np.flatnonzero(begins | ~is_word)
    word_end = (
        stops[np.searchsorted(stops, word_start, side="right")] if word_start.size else stops[:0]
    )
    return CharacterTable(codes, row, word_start, word_end, len(lowered))
