"""The text encoder: questions in, a fixed-width float32 matrix out.

Every learned text feature is linear in the TF-IDF weights, so encoding is one sum of table rows a
question; the shape features stand behind them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError
from router.features.characters import (
    CHUNK_TEXTS,
    HEAD_CHARACTERS,
    TAIL_CHARACTERS,
    cap_text,
    tabulate_characters,
)
from router.features.engines import is_compiled
from router.features.shape import SHAPE_NAMES, measure_shape, measure_table
from router.features.vocabulary import Vocabulary
from router.features.weights import Lexicon, weigh_table

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.features.compiled import TextReader
    from router.features.weights import SparseRows

__all__ = ["FEATURE_VERSION", "TextEncoder"]

# To be raised whenever the code of this room gives other numbers for the same text and tables.
FEATURE_VERSION = 1


@dataclass(frozen=True)
class TextEncoder:
    """Turns texts into features with the tables it was given.

    Parameters
    ----------
    vocabularies : tuple of Vocabulary
        One a family of n-grams.
    tables : tuple of ndarray of float32, shape (v, d)
        What each n-gram of each vocabulary adds to the d learned features.

    Examples
    --------
    >>> from router.features.vocabulary import fit_vocabulary
    >>> words = fit_vocabulary(["a lake", "the lake"], "word")
    >>> encoder = TextEncoder((words,), (np.ones((1, 2), np.float32),))
    >>> encoder.encode(["lake", "sea"])[:, :2].tolist()
    [[1.0, 1.0], [0.0, 0.0]]
    """

    vocabularies: tuple[Vocabulary, ...]
    tables: tuple[NDArray[np.float32], ...]
    _stacked: NDArray[np.float32] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Lay the tables one below the other, so that rows of all are taken at once."""
        stacked = np.vstack(self.tables) if self.tables else np.zeros((0, 0), np.float32)
        edges = np.cumsum([len(table) for table in self.tables])[:-1]
        object.__setattr__(self, "tables", tuple(np.split(stacked, edges)) if self.tables else ())
        object.__setattr__(self, "_stacked", stacked)

    @property
    def n_learned(self) -> int:
        """Number of learned features."""
        return int(self.tables[0].shape[1]) if self.tables else 0

    @property
    def n_features(self) -> int:
        """Number of features: the learned ones, then the shape of the text."""
        return self.n_learned + len(SHAPE_NAMES)

    @cached_property
    def fingerprint(self) -> str:
        """A digest of everything that decides what a text is turned into."""
        settings = (FEATURE_VERSION, HEAD_CHARACTERS, TAIL_CHARACTERS, SHAPE_NAMES)
        digest = hashlib.sha256(repr(settings).encode())
        for vocabulary, table in zip(self.vocabularies, self.tables, strict=True):
            digest.update(vocabulary.family.encode())
            for array in (vocabulary.keys, vocabulary.inverse_frequency, table):
                digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()[:16]

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Turn texts into features.

        Parameters
        ----------
        texts : sequence of str, length n
            Any texts; each is capped before anything else is done with it.

        Returns
        -------
        ndarray of float32, shape (n, d)
            Every value finite.
        """
        features = np.zeros((len(texts), self.n_features), dtype=np.float32)
        if not self.n_learned or not len(self._stacked):
            features[:, self.n_learned :] = measure_shape(texts)
            return features
        read = self._reader.read if is_compiled() else self._read
        for first in range(0, len(texts), CHUNK_TEXTS):
            capped = [cap_text(text) for text in texts[first : first + CHUNK_TEXTS]]
            chunk = features[first : first + len(capped)]
            self._project(read(capped, chunk), chunk)
        return features

    def _read(self, capped: Sequence[str], features: NDArray[np.float32]) -> SparseRows:
        """Weigh the n-grams of a chunk, and write the shape behind the learned features."""
        table = tabulate_characters(capped)
        features[:, self.n_learned :] = measure_table(table, capped)
        return weigh_table(table, self._lexicon)

    @cached_property
    def _reader(self) -> TextReader:
        """The same, compiled."""
        from router.features.compiled import TextReader

        return TextReader(self._lexicon)

    @cached_property
    def _lexicon(self) -> Lexicon:
        """All vocabularies, ready to be searched at once."""
        return Lexicon(self.vocabularies)

    def _project(self, weights: SparseRows, features: NDArray[np.float32]) -> None:
        """Sum the table rows of every text's n-grams, by their weights."""
        n_learned, bounds = self.n_learned, weights.bounds.tolist()
        longest = max(last - first for first, last in pairwise(bounds))
        rows = np.empty((longest, n_learned), dtype=np.float32)
        for row, (first, last) in enumerate(pairwise(bounds)):
            # Text by text, so that the rows taken stay in the cache until they are added up. All
            # columns exist; clipping only spares the check.
            some = rows[: last - first]
            self._stacked.take(weights.column[first:last], axis=0, out=some, mode="clip")
            np.dot(weights.value[first:last], some, out=features[row, :n_learned])

    def to_arrays(self) -> dict[str, NDArray[np.generic]]:
        """Return everything that has to be stored, by name."""
        arrays: dict[str, NDArray[np.generic]] = {}
        for vocabulary, table in zip(self.vocabularies, self.tables, strict=True):
            arrays[f"{vocabulary.family}_keys"] = vocabulary.keys
            arrays[f"{vocabulary.family}_inverse_frequency"] = vocabulary.inverse_frequency
            # Half precision loses nothing here: training rounds the tables before it uses them.
            arrays[f"{vocabulary.family}_table"] = table.astype(np.float16)
        return arrays

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[np.generic]]) -> TextEncoder:
        """Build an encoder from what :meth:`to_arrays` returned.

        Raises
        ------
        BundleError
            If an array is missing or has another shape or type than it should.
        """
        vocabularies, tables = [], []
        for family in dict.fromkeys(name.partition("_")[0] for name in arrays):
            try:
                keys = np.asarray(arrays[f"{family}_keys"])
                frequency = np.asarray(arrays[f"{family}_inverse_frequency"])
                table = np.asarray(arrays[f"{family}_table"])
            except KeyError as missing:
                raise BundleError(f"text tables: {missing.args[0]!r} is missing") from None
            shapes_fit = keys.ndim == 1 and table.ndim == 2 and len(table) == len(keys)
            kinds_fit = keys.dtype == np.uint64 and frequency.dtype.kind == table.dtype.kind == "f"
            if not shapes_fit or not kinds_fit or frequency.shape != keys.shape:
                raise BundleError(f"text tables: the arrays of {family!r} do not fit together")
            vocabularies.append(Vocabulary(family, keys, frequency.astype(np.float32)))
            tables.append(table.astype(np.float32))
        if len({table.shape[1] for table in tables}) > 1:
            raise BundleError("text tables: the families differ in their number of features")
        return cls(tuple(vocabularies), tuple(tables))
