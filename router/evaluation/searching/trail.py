"""One question's search as it goes: what was asked, what was read, what it scored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from router.evaluation.searching.words import split_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.evaluation.searching.index import Bm25Index, Hit

__all__ = ["SearchTrail"]


@dataclass
class SearchTrail:
    """A search under way.

    Parameters
    ----------
    index : Bm25Index
        What is searched.
    question : str
        What is to be found out.
    steps : list of list of Hit
        What each search brought, the best first; grows with :meth:`search`.
    queries : list of mapping of str to float
        What each search asked.

    Examples
    --------
    >>> from router.evaluation.searching.index import Bm25Index, Passage
    >>> index = Bm25Index.build([Passage("Lotus", "A car."), Passage("Colin", "Built the Lotus.")])
    >>> trail = SearchTrail(index, "Who built the Lotus?")
    >>> [index.passages[hit.place].title for hit in trail.search({"lotus": 1.0, "built": 1.0}, 1)]
    ['Colin']
    >>> trail.read, trail.n_searches
    ([1], 1)
    """

    index: Bm25Index
    question: str
    steps: list[list[Hit]] = field(default_factory=list)
    queries: list[Mapping[str, float]] = field(default_factory=list)
    words: list[str] = field(init=False)
    read: list[int] = field(init=False)

    def __post_init__(self) -> None:
        """Split the question once."""
        self.words = split_words(self.question)
        self.read = [hit.place for step in self.steps for hit in step]

    @property
    def n_searches(self) -> int:
        """Searches made so far."""
        return len(self.steps)

    @property
    def newest(self) -> int | None:
        """Place of the best passage of the last search that brought one."""
        return next((step[0].place for step in reversed(self.steps) if step), None)

    def search(self, query: Mapping[str, float], width: int) -> list[Hit]:
        """Search once more, and read what is found.

        Parameters
        ----------
        query : mapping of str to float
            Words and how much each counts.
        width : int
            Passages to read, none of them read before.

        Returns
        -------
        list of Hit
            The best first; empty when all has been read.
        """
        found = self.index.rank(query, width, without=self.read)
        self.steps.append(found)
        self.queries.append(query)
        self.read.extend(hit.place for hit in found)
        return found

    def branch(self) -> SearchTrail:
        """Copy the trail, so that two ways to go on can be tried."""
        return SearchTrail(self.index, self.question, list(self.steps), list(self.queries))
