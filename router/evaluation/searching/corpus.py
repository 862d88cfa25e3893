"""Questions with the passages that answer them, read from files of one JSON object a line."""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from router.evaluation.searching.index import Bm25Index, Passage
from router.exceptions import InputError
from router.tables import parse_json_lines

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = ["SearchCorpus", "SearchQuestion"]


@dataclass(frozen=True, slots=True)
class SearchQuestion:
    """A question, and what has to be found for it.

    Parameters
    ----------
    query_id, text : str
        Its name and its words.
    gold : frozenset of int
        Places of the passages that are needed.
    """

    query_id: str
    text: str
    gold: frozenset[int]

    def recall(self, places: Collection[int]) -> float:
        """Give the share of the needed passages among those read."""
        return len(self.gold.intersection(places)) / len(self.gold)


@dataclass(frozen=True)
class SearchCorpus:
    """Passages and the questions asked of them.

    Parameters
    ----------
    index : Bm25Index
        The passages.
    questions : tuple of SearchQuestion
        In the order of their file.
    """

    index: Bm25Index
    questions: tuple[SearchQuestion, ...]

    @classmethod
    def read(cls, passages: str | Path, questions: str | Path) -> SearchCorpus:
        """Read two files, plain or packed by gzip.

        Parameters
        ----------
        passages : str or Path
            With ``doc_id``, ``title`` and ``text``.
        questions : str or Path
            With ``query_id``, ``question`` and ``gold``, the list of ``doc_id`` that are needed.

        Returns
        -------
        SearchCorpus

        Raises
        ------
        InputError
            If a field is missing, nothing is needed, or what is needed is no passage.
        """
        entries = _read_lines(Path(passages), ("doc_id", "title", "text"))
        asked = _read_lines(Path(questions), ("query_id", "question", "gold"))
        place = {entry["doc_id"]: position for position, entry in enumerate(entries)}
        found = []
        for entry in asked:
            missing = [name for name in entry["gold"] if name not in place]
            if missing or not entry["gold"]:
                raise InputError(
                    f"{questions}: gold of {entry['query_id']!r} is {entry['gold']!r}: ids of "
                    f"{passages} are needed"
                )
            gold = frozenset(place[name] for name in entry["gold"])
            found.append(SearchQuestion(str(entry["query_id"]), entry["question"], gold))
        index = Bm25Index.build(Passage(entry["title"], entry["text"]) for entry in entries)
        return cls(index, tuple(found))


def _read_lines(path: Path, fields: tuple[str, ...]) -> list[dict[str, Any]]:
    """Read objects that have all of these fields."""
    raw = path.read_bytes()
    if path.suffix == ".gz":
        raw = gzip.decompress(raw)
    rows = []
    for number, row in parse_json_lines(raw.decode("utf-8"), str(path)):
        for name in fields:
            if name not in row:
                raise InputError(f"{path}: line {number} lacks {name!r}")
        rows.append(row)
    return rows
