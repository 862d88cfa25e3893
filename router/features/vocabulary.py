"""Vocabularies of hashed n-grams and their TF-IDF weights.

The vocabulary holds hashes, never text, so a bundle that ships it cannot be read back into the
questions it was learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.features.characters import CHUNK_TEXTS, cap_text, tabulate_characters
from router.features.ngrams import hash_character_ngrams, hash_words

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from router.features.characters import CharacterTable

__all__ = [
    "FAMILIES",
    "SparseRows",
    "Vocabulary",
    "fit_vocabulary",
    "hash_family",
    "iterate_chunks",
    "weigh_table",
    "weigh_texts",
]

# What a family of n-grams is made of: words and word pairs, or stretches of characters.
FAMILIES = ("word", "character")
CHARACTER_LENGTHS = (3, 4)


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The n-grams a model knows, by hash.

    Parameters
    ----------
    family : {"word", "character"}
        What the n-grams are made of.
    keys : ndarray of uint64, shape (v,)
        Hashes, ascending.
    inverse_frequency : ndarray of float32, shape (v,)
        ``log((1 + n) / (1 + document frequency)) + 1``.
    """

    family: str
    keys: NDArray[np.uint64]
    inverse_frequency: NDArray[np.float32]

    def __len__(self) -> int:
        """Count the n-grams."""
        return len(self.keys)


@dataclass(frozen=True, slots=True)
class SparseRows:
    """A sparse matrix by rows, in coordinates sorted by row and then column.

    Parameters
    ----------
    row, column : ndarray of int64, shape (t,)
        Where an entry stands.
    value : ndarray of float32, shape (t,)
        What stands there.
    shape : tuple of int
        Rows and columns.
    """

    row: NDArray[np.int64]
    column: NDArray[np.int64]
    value: NDArray[np.float32]
    shape: tuple[int, int]


def hash_family(table: CharacterTable, family: str) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Hash the n-grams of one family: which text, and which hash."""
    if family == "word":
        return hash_words(table)
    return hash_character_ngrams(table, CHARACTER_LENGTHS)


def iterate_chunks(texts: Sequence[str]) -> Iterator[tuple[int, CharacterTable]]:
    """Tabulate texts chunk by chunk, with the position of the first one."""
    for first in range(0, len(texts), CHUNK_TEXTS):
        yield first, tabulate_characters([cap_text(t) for t in texts[first : first + CHUNK_TEXTS]])


def fit_vocabulary(
    texts: Sequence[str], family: str, *, document_frequency_min: int = 2, size_max: int = 60_000
) -> Vocabulary:
    """Collect the n-grams that occur in enough texts, the most frequent first.

    Parameters
    ----------
    texts : sequence of str, length n
        Training texts.
    family : {"word", "character"}
        What the n-grams are made of.
    document_frequency_min : int, default=2
        In how many texts an n-gram must occur.
    size_max : int, default=60000
        How many n-grams are kept.

    Returns
    -------
    Vocabulary

    Examples
    --------
    >>> len(fit_vocabulary(["a river", "a lake", "the lake"], "word"))
    2
    """
    collected = []
    for _, table in iterate_chunks(texts):
        row, key = hash_family(table, family)
        distinct, inverse = np.unique(key, return_inverse=True)
        pairs = np.unique(inverse * table.n_texts + row)
        collected.append(distinct[pairs // table.n_texts])
    keys = np.concatenate(collected) if collected else np.zeros(0, np.uint64)
    distinct, frequency = np.unique(keys, return_counts=True)
    kept = np.flatnonzero(frequency >= document_frequency_min)
    if len(kept) > size_max:
        # A stable sort settles ties by hash, so that the same texts give the same vocabulary.
        kept = np.sort(kept[np.argsort(-frequency[kept], kind="stable")[:size_max]])
    inverse_frequency = np.log((1 + len(texts)) / (1 + frequency[kept])) + 1.0
    return Vocabulary(family, distinct[kept], inverse_frequency.astype(np.float32))


def weigh_table(table: CharacterTable, vocabulary: Vocabulary) -> SparseRows:
    """Weigh the known n-grams of a tabulated chunk."""
    shape = (table.n_texts, len(vocabulary))
    row, key = hash_family(table, vocabulary.family)
    if not len(vocabulary) or not len(key):
        empty = np.zeros(0, np.int64)
        return SparseRows(empty, empty, np.zeros(0, np.float32), shape)
    column = np.searchsorted(vocabulary.keys, key)
    column[column == len(vocabulary)] = 0
    known = vocabulary.keys[column] == key
    pairs, counts = np.unique(row[known] * shape[1] + column[known], return_counts=True)
    row, column = np.divmod(pairs, shape[1])
    value = (1.0 + np.log(counts)) * vocabulary.inverse_frequency[column]
    norm = np.sqrt(np.bincount(row, weights=value**2, minlength=shape[0]))
    return SparseRows(row, column, (value / norm[row]).astype(np.float32), shape)


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
    >>> vocabulary = fit_vocabulary(["a lake", "the lake"], "word")
    >>> weigh_texts(["lake", "sea"], vocabulary).value.tolist()
    [1.0]
    """
    parts = []
    for first, table in iterate_chunks(texts):
        part = weigh_table(table, vocabulary)
        parts.append((part.row + first, part.column, part.value))
    if not parts:
        empty = np.zeros(0, np.int64)
        return SparseRows(empty, empty, np.zeros(0, np.float32), (0, len(vocabulary)))
    row, column, value = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    return SparseRows(row, column, value, (len(texts), len(vocabulary)))
