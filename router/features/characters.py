"""Characters of a batch of texts as arrays: capped first, classified at once.

Everything behind the cap is linear in the number of characters, whatever they are: no regular
expression and no Unicode normalisation touches a text, because both have inputs on which they take
seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.features.hashing import accumulate_hash, hash_between

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
    "list_codes",
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
# What a character is to words: outside them, one of their letters, or a word of its own.
OUTSIDE, LETTER, SINGLE = 0, 1, 2


def _build_table() -> NDArray[np.uint8]:
    """Tabulate what each character of the basic plane, and any beyond it, is to words."""
    kind = np.full(BASIC_PLANE + 1, LETTER, dtype=np.uint8)
    kind[:128] = [
        LETTER if chr(code).isalnum() or chr(code) == "_" else OUTSIDE for code in range(128)
    ]
    for first, last in SINGLE_CHARACTER_RANGES:
        kind[first : last + 1] = SINGLE
    for first, last in NON_WORD_RANGES:
        kind[first : last + 1] = OUTSIDE
    return kind


KIND_TABLE = _build_table()


@dataclass(frozen=True, slots=True)
class CharacterTable:
    """The characters of n texts, one after the other, and what several features need of them.

    Parameters
    ----------
    codes : ndarray of uint32, shape (c,)
        Code points of the lower-cased texts, each text followed by one line feed.
    bounds : ndarray of int64, shape (n + 1,)
        Where texts begin, and where the last one ends.
    row : ndarray of int64, shape (c,)
        Which text a character belongs to.
    prefix : ndarray of uint64, shape (c + 1,)
        Hash of all characters before each place.
    word_start, word_end : ndarray of int64, shape (w,)
        Where words begin and end (exclusive), in order.
    word_bounds : ndarray of int64, shape (n + 1,)
        Which word is the first of each text, and how many there are.
    word_row : ndarray of int64, shape (w,)
        Which text a word belongs to.
    word_hash : ndarray of uint64, shape (w,)
        Hash of every word.
    """

    codes: NDArray[np.uint32]
    bounds: NDArray[np.int64]
    row: NDArray[np.int64]
    prefix: NDArray[np.uint64]
    word_start: NDArray[np.int64]
    word_end: NDArray[np.int64]
    word_bounds: NDArray[np.int64]
    word_row: NDArray[np.int64]
    word_hash: NDArray[np.uint64]

    @property
    def n_texts(self) -> int:
        """Number of texts."""
        return len(self.bounds) - 1


def _repeat_rows(bounds: NDArray[np.int64]) -> NDArray[np.int64]:
    """Give what lies between two bounds the number of the stretch it lies in."""
    if len(bounds) == 2:
        return np.zeros(bounds[1], dtype=np.int64)
    return np.arange(len(bounds) - 1).repeat(bounds[1:] - bounds[:-1])


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
    codes, lengths = list_codes(capped)
    bounds = np.array([0, *(length + 1 for length in lengths)], dtype=np.int64).cumsum()
    start, end = _find_words(codes)
    prefix, word_bounds = accumulate_hash(codes), start.searchsorted(bounds)
    return CharacterTable(
        codes=codes,
        bounds=bounds,
        row=_repeat_rows(bounds),
        prefix=prefix,
        word_start=start,
        word_end=end,
        word_bounds=word_bounds,
        word_row=_repeat_rows(word_bounds),
        word_hash=hash_between(prefix, start, end),
    )


def list_codes(capped: Sequence[str]) -> tuple[NDArray[np.uint32], list[int]]:
    """List the code points of lower-cased texts.

    Parameters
    ----------
    capped : sequence of str, length n
        Texts that went through :func:`cap_text`.

    Returns
    -------
    codes : ndarray of uint32, shape (c,)
        Each text followed by one line feed.
    lengths : list of int, length n
        Characters of each text, without its line feed.

    Examples
    --------
    >>> codes, lengths = list_codes(["A", "b"])
    >>> codes.tolist(), lengths
    ([97, 10, 98, 10], [1, 1])
    """
    lowered = [text.lower() for text in capped]
    # A question is checked at the door, so nothing here fails to encode; a replacement keeps an
    # unchecked caller from losing a whole batch to one character.
    joined = "\n".join([*lowered, ""]).encode("utf-32-le", "replace")
    codes = np.frombuffer(joined, dtype="<u4").astype(np.uint32, copy=False)
    return codes, [len(text) for text in lowered]


def _find_words(codes: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Find where words begin and end."""
    kind = KIND_TABLE.take(codes, mode="clip")
    begins = kind != OUTSIDE
    letter = kind == LETTER
    # A word goes on where a letter follows a letter; every text ends with a line feed.
    breaks = letter[1:] & letter[:-1]
    np.logical_not(breaks, out=breaks)
    ends = begins.copy()
    begins[1:] &= breaks
    ends[:-1] &= breaks
    end = ends.nonzero()[0]
    end += 1
    return begins.nonzero()[0], end
