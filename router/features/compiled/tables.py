"""What kernels are given beside the texts: tables, worked out by NumPy once."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.features.characters import HEAD_CHARACTERS, KIND_TABLE, TAIL_CHARACTERS
from router.features.shape import CLASS_TABLE, index_known_words

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.features.weights import Lexicon

__all__ = [
    "LENGTH_MAX",
    "CharacterTables",
    "LexiconTables",
    "tabulate_characters",
    "tabulate_lexicon",
]

# Lower-casing makes at most two characters of one, and each begins four n-grams at most.
LENGTH_MAX = 2 * (HEAD_CHARACTERS + 1 + TAIL_CHARACTERS)
COUNT_MAX = 4 * LENGTH_MAX


class CharacterTables(NamedTuple):
    """What characters and words are, whatever the encoder.

    Parameters
    ----------
    kinds : ndarray of uint8, shape (65537,)
        What a character is to words.
    classes : ndarray of int64, shape (129,)
        The class that it is counted in.
    logarithms : ndarray of float64
        ``log1p`` of every count there can be. Tabulated by NumPy, as another library's logarithm
        may differ in the last digit.
    known_hashes : ndarray of uint64, shape (2**b,)
        Question words and negations by the leading bits of their hashes.
    known_columns : ndarray of int64, shape (2**b,)
        The mark of each.
    known_shift : uint64
        Turns a hash into its slot.
    """

    kinds: NDArray[np.uint8]
    classes: NDArray[np.int64]
    logarithms: NDArray[np.float64]
    known_hashes: NDArray[np.uint64]
    known_columns: NDArray[np.int64]
    known_shift: np.uint64


class LexiconTables(NamedTuple):
    """The n-grams that an encoder knows.

    Parameters
    ----------
    known : ndarray of uint64, shape (v + 1, 2)
        Hashes, ascending, and behind them the largest there is; beside each its column, so that
        one look into memory finds both.
    first : ndarray of int32, shape (2**b,)
        Where the hashes with the same leading bits begin.
    shift : uint64
        Turns a hash into its leading bits.
    inverse_frequency : ndarray of float32, shape (v,)
        By column.
    edges : ndarray of int64, shape (k + 1,)
        First column of each family, and the number of columns.
    factors : ndarray of float64
        ``1 + log(count)`` of every count there can be.
    has_words, has_characters : bool
        Which n-grams are looked up.
    """

    known: NDArray[np.uint64]
    first: NDArray[np.int32]
    shift: np.uint64
    inverse_frequency: NDArray[np.float32]
    edges: NDArray[np.int64]
    factors: NDArray[np.float64]
    has_words: bool
    has_characters: bool


@lru_cache(maxsize=1)
def tabulate_characters() -> CharacterTables:
    """Collect what does not depend on the encoder."""
    counts = np.arange(LENGTH_MAX + 1, dtype=np.float64)
    hashes, columns, shift = index_known_words()
    return CharacterTables(KIND_TABLE, CLASS_TABLE, np.log1p(counts), hashes, columns, shift)


def tabulate_lexicon(lexicon: Lexicon) -> LexiconTables:
    """Collect what the kernels need of a lexicon."""
    keys, columns, first, shift = lexicon.index
    with np.errstate(divide="ignore"):
        factors = 1.0 + np.log(np.arange(COUNT_MAX + 1, dtype=np.float64))
    return LexiconTables(
        np.column_stack((keys, columns.astype(np.uint64))),
        # Half the buckets: a step more is nothing beside a table that falls out of the cache.
        first[::2].copy(),
        shift + np.uint64(1),
        lexicon.inverse_frequency,
        lexicon.first_column,
        factors,
        "word" in lexicon.families,
        "character" in lexicon.families,
    )
