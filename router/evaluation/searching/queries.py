"""What to ask next: rules that make a query of a question and of what was read so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from router.evaluation.searching.names import find_names
from router.evaluation.searching.words import split_words

if TYPE_CHECKING:
    from router.evaluation.searching.names import TitleDictionary
    from router.evaluation.searching.trail import SearchTrail

__all__ = [
    "QueryRule",
    "ask_chain",
    "ask_link",
    "ask_name",
    "ask_question",
    "ask_uncovered",
    "find_open_link",
    "find_open_name",
]

QueryRule = Callable[["SearchTrail"], "dict[str, float]"]

# First weights tried, and kept.
UNCOVERED, COVERED, FOUND = 2.0, 0.7, 0.6
# How much a name that is followed counts against each word of the question.
NAME_WEIGHT = 3.0


def ask_question(trail: SearchTrail) -> dict[str, float]:
    """Ask the question as it stands, for the passages that come after those read."""
    return {word: float(often) for word, often in Counter(trail.words).items()}


def ask_chain(trail: SearchTrail) -> dict[str, float]:
    """Add title and first sentence of the newest best passage to the question."""
    newest = trail.newest
    if newest is None:
        return ask_question(trail)
    counts = Counter([*trail.words, *trail.index.heads[newest]])
    return {word: float(often) for word, often in counts.items()}


def ask_uncovered(trail: SearchTrail) -> dict[str, float]:
    """Ask as the chain does, but most for words of the question that its passage does not hold."""
    newest = trail.newest
    if newest is None:
        return ask_question(trail)
    held = trail.index.words[newest]
    query = dict.fromkeys(trail.index.heads[newest], FOUND)
    for word in trail.words:
        query[word] = COVERED if word in held else UNCOVERED
    return query


def ask_link(trail: SearchTrail, titles: TitleDictionary) -> dict[str, float]:
    """Follow the first title that a read passage mentions and that is not read yet.

    Parameters
    ----------
    trail : SearchTrail
        So far.
    titles : TitleDictionary
        Of the corpus.

    Returns
    -------
    dict of str to float
        What is not covered where there is no such title.
    """
    place = find_open_link(trail, titles)
    if place is None:
        return ask_uncovered(trail)
    return _follow(trail, trail.index.titles[place])


def ask_name(trail: SearchTrail) -> dict[str, float]:
    """Follow the first capitalised phrase of a read passage that is not read yet.

    What is not covered is asked where there is none.
    """
    found = find_open_name(trail)
    return ask_uncovered(trail) if found is None else _follow(trail, found[1])


def find_open_link(trail: SearchTrail, titles: TitleDictionary) -> int | None:
    """Find the first title that a read passage mentions and that is not read yet."""
    for place in trail.read:
        for link in titles.list_links(place):
            if link not in trail.read:
                return link
    return None


def find_open_name(trail: SearchTrail) -> tuple[int, str] | None:
    """Find the first name in a read passage that is no title read, nor in the question, nor asked.

    Parameters
    ----------
    trail : SearchTrail
        So far.

    Returns
    -------
    position : int
        Of the passage among those read.
    name : str
        As `find_names` gives it; None in place of both where there is none.
    """
    known = [trail.question, *(trail.index.titles[place] for place in trail.read)]
    for position, place in enumerate(trail.read):
        for name in find_names(trail.index.passages[place].text):
            if not any(name in text for text in known) and not _was_followed(trail, name):
                return position, name
    return None


def _was_followed(trail: SearchTrail, name: str) -> bool:
    """Say whether one query asked for all words of a name."""
    words = split_words(name)
    return any(
        all(query.get(word, 0.0) >= NAME_WEIGHT for word in words) for query in trail.queries
    )


def _follow(trail: SearchTrail, name: str) -> dict[str, float]:
    """Ask for a name beside the question."""
    query = ask_question(trail)
    for word in split_words(name):
        query[word] = query.get(word, 0.0) + NAME_WEIGHT
    return query
