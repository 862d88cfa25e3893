"""Names in texts: capitalised phrases, and the titles of a corpus where those may be known."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.evaluation.searching.index import Bm25Index

__all__ = ["TitleDictionary", "find_names"]

# Small words that stand inside of names, as in "House of Nassau".
NAME = re.compile(
    r"(?:[A-Z][\w'\-]*\.?)(?:\s+(?:(?:of|the|de|la|von|van|and|du|in|on|for)\s+)?[A-Z0-9][\w'\-]*)*"
)
TOKEN = re.compile(r"\w+")
TITLE_TOKENS_MAX = 8
# Capitalised only because a sentence begins with them.
OPENERS = frozenset(
    [
        *("The", "A", "An", "He", "She", "It", "They", "His", "Her", "Its", "Their", "In", "On"),
        *("At", "By", "For", "From", "As", "This", "That", "These", "Those", "After", "Before"),
        *("During", "When", "While", "Since", "With", "Who", "What", "Which", "Where", "Why"),
        *("How", "Are", "Is", "Was", "Were", "Did", "Do", "Does", "Both", "And", "But", "Or"),
        *("If", "Although", "However", "There", "One", "Two", "First", "Also", "To", "Of"),
    ]
)


def find_names(text: str) -> list[str]:
    """Find capitalised phrases, each once, in their order.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of str
        Without the words that merely open a sentence.

    Examples
    --------
    >>> find_names("Who was the wife of Louis I of Nassau? The House of Orange ruled.")
    ['Louis I of Nassau', 'House of Orange']
    """
    found: dict[str, None] = {}
    for match in NAME.finditer(text):
        words = match[0].rstrip(".").split()
        while words and (words[0] in OPENERS or words[0].islower()):
            words = words[1:]
        name = " ".join(words)
        if len(name) > 2:
            found[name] = None
    return list(found)


@dataclass(frozen=True)
class TitleDictionary:
    """All titles of a corpus, looked up in texts.

    Where a corpus was pooled from what belongs to its questions, that a name has a page in it is a
    far stronger hint than it would be in all of an encyclopaedia: state whether this was used.

    Parameters
    ----------
    index : Bm25Index
        The corpus.

    Examples
    --------
    >>> from router.evaluation.searching.index import Bm25Index, Passage
    >>> index = Bm25Index.build([Passage("Lotus (car)", "Fast."), Passage("Colin", "Lotus, Ford.")])
    >>> TitleDictionary(index).list_links(1)
    (0,)
    """

    index: Bm25Index
    _places: dict[str, list[int]] = field(init=False, repr=False, default_factory=dict)
    _links: dict[int, tuple[int, ...]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Sort the titles by name."""
        for place, title in enumerate(self.index.titles):
            if len(title) > 2:
                self._places.setdefault(title, []).append(place)

    def find(self, text: str) -> Iterator[int]:
        """Yield the places of titles that a text mentions, in the order of the text.

        Parameters
        ----------
        text : str
            Upper and lower case count.

        Yields
        ------
        int
            A place, the longest title first where several begin at one word.
        """
        spans = [match.span() for match in TOKEN.finditer(text)]
        for first, (start, _) in enumerate(spans):
            if text[start].islower():
                continue
            last = min(len(spans), first + TITLE_TOKENS_MAX)
            for _, end in reversed(spans[first:last]):
                yield from self._places.get(text[start:end], ())

    def list_links(self, place: int) -> tuple[int, ...]:
        """List the other passages whose titles a passage mentions, each once."""
        if place not in self._links:
            text = self.index.passages[place].text
            found = dict.fromkeys(self.find(text))
            found.pop(place, None)
            self._links[place] = tuple(found)
        return self._links[place]
