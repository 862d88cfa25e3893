"""Vocabularies of hashed n-grams.

The vocabulary holds hashes, never text, so a bundle that ships it cannot be read back into the
questions it was learned from.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.features.characters import CHUNK_TEXTS, cap_text, tabulate_characters
from router.features.ngrams import hash_ngrams

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from numpy.typing import NDArray

    from router.features.characters import CharacterTable
    from router.features.ngrams import Ngrams

__all__ = [
    "FAMILIES",
    "Vocabulary",
    "fit_vocabulary",
    "hash_families",
    "hash_family",
    "iterate_chunks",
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


def hash_family(table: CharacterTable, family: str) -> tuple[NDArray[np.int64], NDArray[np.uint64]]:
    """Hash the n-grams of one family: which text, and which hash."""
    return hash_families(table, (family,)).drop_crossing()


def hash_families(table: CharacterTable, families: Collection[str]) -> Ngrams:
    """Hash the n-grams of some families."""
    lengths = CHARACTER_LENGTHS if "character" in families else ()
    return hash_ngrams(table, words="word" in families, lengths=lengths)


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
