"""TF-IDF weights of a batch's n-grams, looked up in one or more vocabularies at once.

Hashes are as good as random, so the leading bits of one say nearly where it stands among the sorted
hashes of a vocabulary: a table of them leaves a step or two to go, where a binary search would take
sixteen, each a miss of the cache.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.features.vocabulary import hash_families, iterate_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.features.characters import CharacterTable
    from router.features.vocabulary import Vocabulary

__all__ = ["Lexicon", "SparseRows", "weigh_table", "weigh_texts"]

# Buckets an n-gram: more of them take memory and fall out of the cache, fewer take more steps.
BUCKETS_PER_KEY = 2
LAST_KEY = np.uint64((1 << 64) - 1)


@dataclass(frozen=True, slots=True)
class SparseRows:
    """A sparse matrix by rows, in coordinates sorted by row and then column.

    Parameters
    ----------
    bounds : ndarray of int64, shape (n + 1,)
        Which entry is the first of each row, and how many there are.
    column : ndarray of int64, shape (t,)
        In which column an entry stands.
    value : ndarray of float32, shape (t,)
        What stands there.
    n_columns : int
        Number of columns.
    """

    bounds: NDArray[np.int64]
    column: NDArray[np.int64]
    value: NDArray[np.float32]
    n_columns: int

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return len(self.bounds) - 1, self.n_columns

    @property
    def row(self) -> NDArray[np.int64]:
        """In which row an entry stands, shape (t,)."""
        return np.repeat(np.arange(len(self.bounds) - 1), np.diff(self.bounds))


@dataclass(frozen=True)
class Lexicon:
    """Vocabularies side by side: each family's columns behind those of the one before.

    Parameters
    ----------
    vocabularies : tuple of Vocabulary
        One a family of n-grams.

    Examples
    --------
    >>> from router.features.vocabulary import Vocabulary
    >>> keys = np.array([5, 2**40, 2**63], np.uint64)
    >>> lexicon = Lexicon((Vocabulary("word", keys, np.ones(3, np.float32)),))
    >>> column, known = lexicon.find(np.array([2**63, 6, 5], np.uint64))
    >>> column[known].tolist()
    [2, 0]
    """

    vocabularies: tuple[Vocabulary, ...]

    @cached_property
    def families(self) -> tuple[str, ...]:
        """Their families."""
        return tuple(vocabulary.family for vocabulary in self.vocabularies)

    @cached_property
    def first_column(self) -> NDArray[np.int64]:
        """First column of each family, and behind them the number of columns."""
        return np.cumsum([0, *map(len, self.vocabularies)])

    @cached_property
    def inverse_frequency(self) -> NDArray[np.float32]:
        """Inverse document frequency by column."""
        return np.concatenate([vocabulary.inverse_frequency for vocabulary in self.vocabularies])

    def find(self, key: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Find the columns of n-grams.

        Parameters
        ----------
        key : ndarray of uint64, shape (t,)
            Hashes.

        Returns
        -------
        column : ndarray of int64, shape (t,)
            Meaningless where the n-gram is not known.
        known : ndarray of bool, shape (t,)
        """
        keys, columns, first, shift = self.index
        position = first.take((key >> shift).view(np.int64))
        found = keys.take(position)
        below = (found < key).nonzero()[0]
        position[below] += 1
        found[below] = keys.take(position[below])
        # Few are not found at the first or second place.
        below = below[found[below] < key[below]]
        position[below] = keys.searchsorted(key[below])
        found[below] = keys.take(position[below])
        return columns.take(position), found == key

    @cached_property
    def index(
        self,
    ) -> tuple[NDArray[np.uint64], NDArray[np.int64], NDArray[np.int32], np.uint64]:
        """Sort all keys and tabulate where those with the same leading bits begin."""
        keys = np.concatenate([vocabulary.keys for vocabulary in self.vocabularies])
        order = np.argsort(keys, kind="stable")
        n_bits = max(1, (BUCKETS_PER_KEY * len(keys)).bit_length())
        shift = np.uint64(64 - n_bits)
        keys = keys[order]
        leading = np.arange(1 << n_bits, dtype=np.uint64) << shift
        first = np.searchsorted(keys, leading).astype(np.int32)
        # Behind the last key stands one that no search steps over.
        return np.append(keys, LAST_KEY), np.append(order, 0), first, shift


def weigh_table(table: CharacterTable, lexicon: Lexicon) -> SparseRows:
    """Weigh the known n-grams of a tabulated chunk.

    Parameters
    ----------
    table : CharacterTable
        n texts.
    lexicon : Lexicon
        What to look for, v columns.

    Returns
    -------
    SparseRows
        Of shape (n, v); each family's weights in a row are of length 1.
    """
    n, v = table.n_texts, int(lexicon.first_column[-1])
    key, row, crossing = hash_families(table, lexicon.families)
    column, known = lexicon.find(key)
    known[crossing] = False
    place = column[known]
    if n > 1:
        place += row[known] * v
    # Half the width sorts in half the time.
    place = place.astype(np.uint32 if n * v < 1 << 32 else np.int64)
    place.sort()
    is_first = np.ones(len(place) + 1, dtype=bool)
    np.not_equal(place[1:], place[:-1], out=is_first[1:-1])
    start = is_first.nonzero()[0]
    counts = start[1:] - start[:-1]
    place = place.take(start[:-1]).astype(np.int64)
    part_bounds = np.empty(n * len(lexicon.families) + 1, dtype=np.int64)
    edges = lexicon.first_column[:-1]
    if n > 1:
        edges = (np.arange(n)[:, None] * v + edges).ravel()
    part_bounds[:-1] = place.searchsorted(edges)
    part_bounds[-1] = len(place)
    part = np.arange(len(edges)).repeat(part_bounds[1:] - part_bounds[:-1])
    column = place if n == 1 else place % v
    value = 1.0 + np.log(counts)
    value *= lexicon.inverse_frequency.take(column)
    norm = np.sqrt(np.bincount(part, weights=value * value, minlength=len(edges)))
    value /= norm.take(part)
    bounds = part_bounds[:: len(lexicon.families)]
    return SparseRows(bounds, column, value.astype(np.float32), v)


def weigh_texts(texts: Sequence[str], vocabulary: Vocabulary) -> SparseRows:
    """Give every known n-gram of every text its TF-IDF weight.

    The weight is ``(1 + log(count)) * inverse_frequency``, each text scaled to length 1.

    Parameters
    ----------
    texts : sequence of str, length n
        Any texts.
    vocabulary : Vocabulary
        The n-grams to look for, v of them.

    Returns
    -------
    SparseRows
        Of shape (n, v).

    References
    ----------
    G. Salton, C. Buckley: Term-weighting approaches in automatic text retrieval. Information
    Processing & Management 24(5), 1988, pp. 513-523.

    Examples
    --------
    >>> from router.features.vocabulary import fit_vocabulary
    >>> vocabulary = fit_vocabulary(["a lake", "the lake"], "word")
    >>> weigh_texts(["lake", "sea"], vocabulary).value.tolist()
    [1.0]
    """
    lexicon = Lexicon((vocabulary,))
    parts = [weigh_table(table, lexicon) for _, table in iterate_chunks(texts)]
    if not parts:
        nothing = np.zeros(0, np.int64)
        return SparseRows(np.zeros(1, np.int64), nothing, np.zeros(0, np.float32), len(vocabulary))
    offsets = np.cumsum([0, *(len(part.column) for part in parts)])
    bounds = [part.bounds[:-1] + offset for part, offset in zip(parts, offsets[:-1], strict=True)]
    return SparseRows(
        np.concatenate([*bounds, offsets[-1:]]),
        np.concatenate([part.column for part in parts]),
        np.concatenate([part.value for part in parts]),
        len(vocabulary),
    )
