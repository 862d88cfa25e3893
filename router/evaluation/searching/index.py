r"""A corpus that can be searched by BM25, small enough to live in memory.

Word w of a query counts :math:`\ln(1 + (N - n_w + 1/2) / (n_w + 1/2)) \cdot f (k + 1) / (f + k (1 -
b + b L / \bar L))` for a passage of L words that holds it f times, where n_w of the N passages do;
k is 1.5 and b is .75.

References
----------
.. [1] Robertson, S. and Zaragoza, H., "The probabilistic relevance framework: BM25 and beyond",
   Foundations and Trends in Information Retrieval 3(4), 2009.
.. [2] Kamphuis, C. et al., "Which BM25 do you mean? A large-scale reproducibility study of scoring
   variants", ECIR 2020: the weight of a word as Lucene has it, never below 0.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.evaluation.searching.words import split_words, take_first_sentence
from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["Bm25Index", "Hit", "Passage"]

SATURATION, LENGTH_SHARE = 1.5, 0.75
BRACKETS = re.compile(r"\s*\([^)]*\)\s*$")


class Passage(NamedTuple):
    """What can be found.

    Parameters
    ----------
    title, text : str
        Searched together.
    """

    title: str
    text: str


class Hit(NamedTuple):
    """What was found.

    Parameters
    ----------
    place : int
        Of the passage in its index.
    score : float
        By BM25; 0 where no word was found.
    """

    place: int
    score: float


@dataclass(frozen=True)
class Bm25Index:
    """Passages, with the words of all of them.

    Parameters
    ----------
    passages : tuple of Passage
        What can be found.
    words : tuple of frozenset of str
        By passage.
    heads : tuple of tuple of str
        By passage, the words of its title and its first sentence, in their order.
    titles : tuple of str
        By passage, its title without what stands in brackets at its end.
    weights : dict of str to float
        How rare each word is.
    postings : dict of str to tuple of ndarray
        By word, the places that hold it, and what it counts there.

    Examples
    --------
    >>> index = Bm25Index.build([Passage("Lotus", "A car."), Passage("Colin", "Built the Lotus.")])
    >>> [hit.place for hit in index.rank({"lotus": 1.0, "built": 1.0}, 1)]
    [1]
    """

    passages: tuple[Passage, ...]
    words: tuple[frozenset[str], ...]
    heads: tuple[tuple[str, ...], ...]
    titles: tuple[str, ...]
    weights: dict[str, float]
    postings: dict[str, tuple[NDArray[np.int64], NDArray[np.float64]]] = field(repr=False)

    @classmethod
    def build(cls, passages: Iterable[Passage]) -> Bm25Index:
        """Index passages.

        Parameters
        ----------
        passages : iterable of Passage
            At least one.

        Returns
        -------
        Bm25Index

        Raises
        ------
        InputError
            If there is no passage.
        """
        kept = tuple(passages)
        if not kept:
            raise InputError("passages is empty: at least one is needed")
        counts = [Counter(split_words(f"{title} {text}")) for title, text in kept]
        lengths = np.array([count.total() for count in counts], dtype=np.float64)
        share = lengths / max(lengths.mean(), 1.0)
        damp = SATURATION * (1.0 - LENGTH_SHARE + LENGTH_SHARE * share)
        places: dict[str, list[int]] = {}
        for place, count in enumerate(counts):
            for word in count:
                places.setdefault(word, []).append(place)
        weights, postings = {}, {}
        for word, found in places.items():
            weights[word] = float(np.log1p((len(kept) - len(found) + 0.5) / (len(found) + 0.5)))
            where = np.array(found, dtype=np.int64)
            often = np.array([counts[place][word] for place in found], dtype=np.float64)
            gain = weights[word] * often * (SATURATION + 1.0) / (often + damp[where])
            postings[word] = (where, gain)
        return cls(
            kept,
            tuple(frozenset(count) for count in counts),
            tuple(
                tuple(split_words(f"{title} {take_first_sentence(text)}")) for title, text in kept
            ),
            tuple(BRACKETS.sub("", passage.title) for passage in kept),
            weights,
            postings,
        )

    def score(self, query: Mapping[str, float]) -> NDArray[np.float64]:
        """Score every passage.

        Parameters
        ----------
        query : mapping of str to float
            Words as :func:`split_words` gives them, and how much each counts.

        Returns
        -------
        ndarray of float64, shape (n_passages,)
        """
        scores = np.zeros(len(self.passages))
        for word, weight in query.items():
            if word in self.postings:
                where, gain = self.postings[word]
                scores[where] += weight * gain
        return scores

    def rank(
        self, query: Mapping[str, float], width: int, *, without: Sequence[int] = ()
    ) -> list[Hit]:
        """Find the passages that fit best.

        Parameters
        ----------
        query : mapping of str to float
            Words and how much each counts.
        width : int
            How many passages to give at most.
        without : sequence of int
            Places that were read already.

        Returns
        -------
        list of Hit
            The best first, among equals the one that stands first.

        Raises
        ------
        InputError
            If the width is below 1.
        """
        if width < 1:
            raise InputError(f"width is {width}: at least 1 is needed")
        scores = self.score(query)
        scores[list(without)] = -np.inf
        left = len(scores) - len(set(without))
        width = min(width, left)
        if width == 0:
            return []
        # Equal scores at the edge are all kept until the stable order has decided.
        edge = -np.partition(-scores, width - 1)[width - 1]
        candidates = np.flatnonzero(scores >= edge)
        order = candidates[np.argsort(-scores[candidates], kind="stable")][:width]
        return [Hit(int(place), float(scores[place])) for place in order]

    def weigh(self, words: Iterable[str]) -> float:
        """Sum how rare words are; words of no passage count nothing."""
        # Exact, so that the order in which a set gives its words changes nothing.
        return math.fsum(self.weights.get(word, 0.0) for word in words)
