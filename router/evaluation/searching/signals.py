"""What a search so far says about searching on: numbers that need no label and no dictionary."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.searching.names import find_names
from router.evaluation.searching.queries import find_open_link, find_open_name
from router.evaluation.searching.words import split_words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.evaluation.searching.names import TitleDictionary
    from router.evaluation.searching.trail import SearchTrail

__all__ = ["LINK_SIGNALS", "SIGNALS", "read_signals"]

SIGNALS = (
    "searches",
    "passages",
    "score",
    "score_first",
    "score_drop",
    "score_spread",
    "covered",
    "covered_newly",
    "covered_by_one",
    "covered_unevenly",
    "covered_lately",
    "uncovered_rarest",
    "new_words",
    "names_asked",
    "names_read",
    "names_mentioned",
    "titles_named",
    "links",
    "links_newly",
    "links_from_named",
    "links_to_named",
    "covered_by_linked",
    "links_with_first",
    "named_covered",
    "is_linked_pair",
    "has_open_name",
    "open_name_place",
    "open_name_weight",
    "open_name_near_uncovered",
    "question_words",
    "is_comparison",
)
# These look into a dictionary of all titles.
LINK_SIGNALS = ("has_open_link", "open_links", "open_link_place", "titles_asked_open")
COMPARISON = re.compile(
    r"\b(?:both|same|or|older|younger|earlier|later|first|more|than|between|common)\b",
    re.IGNORECASE,
)


def read_signals(trail: SearchTrail, titles: TitleDictionary | None = None) -> NDArray[np.float64]:
    """Read a search that has been made at least once.

    Parameters
    ----------
    trail : SearchTrail
        So far.
    titles : TitleDictionary, optional
        Of the corpus, where it may be used.

    Returns
    -------
    ndarray of float64, shape (n_signals,)
        By the names in `SIGNALS`, and in `LINK_SIGNALS` where there is a dictionary.
    """
    values = [
        float(trail.n_searches),
        float(len(trail.read)),
        *_read_scores(trail),
        *_read_coverage(trail),
        *_read_titles(trail),
        *_read_open_name(trail),
        len(trail.words) / 10.0,
        float(COMPARISON.search(trail.question) is not None),
    ]
    if titles is not None:
        values += _read_open_links(trail, titles)
    return np.array(values)


def _read_scores(trail: SearchTrail) -> list[float]:
    """Say how well the last search and the first one fitted, and how they compare."""
    known = max(trail.index.weigh(trail.words), 1.0)
    first = [hit.score for hit in trail.steps[0]] or [0.0]
    # Each query has a weight of its own, so that its scores are taken by what it could reach.
    last = [hit.score for hit in trail.steps[-1]] or [0.0]
    weight = sum(trail.index.weights.get(w, 0.0) * k for w, k in trail.queries[-1].items()) or 1.0
    asked = last[0] / weight
    begun = first[0] / known
    return [asked, begun, asked / max(begun, 1e-9), last[-1] / max(last[0], 1e-9)]


def _read_coverage(trail: SearchTrail) -> list[float]:
    """Say how much of the question the passages hold, and how much of the last ones is new."""
    index, words = trail.index, set(trail.words)
    known = max(index.weigh(words), 1e-9)
    shares = [index.weigh(words & index.words[place]) / known for place in trail.read]
    n_last = len(trail.steps[-1])
    before = set().union(*(index.words[place] for place in trail.read[: len(trail.read) - n_last]))
    last = set().union(*(index.words[place] for place in trail.read[len(trail.read) - n_last :]))
    covered = index.weigh(words & (before | last)) / known
    return [
        covered,
        covered - index.weigh(words & before) / known,
        max(shares, default=0.0),
        covered - max(shares, default=0.0),
        max(shares[len(shares) - n_last :], default=0.0),
        max((index.weights.get(word, 0.0) for word in words - before - last), default=0.0) / 10.0,
        len(last - before) / max(len(last), 1),
    ]


def _read_titles(trail: SearchTrail) -> list[float]:
    """Say which names of the question were read, and how the passages read name each other."""
    passages, places = trail.index.passages, trail.read
    n_last = len(trail.steps[-1])
    titles = [trail.index.titles[place] for place in places]
    texts = [passages[place].text for place in places]
    asked = find_names(trail.question)
    joined = "\n".join(texts)
    question = trail.question.lower()
    named = [title.lower() in question for title in titles]
    links = {
        (source, target)
        for target, title in enumerate(titles)
        for source, text in enumerate(texts)
        if source != target and title in text
    }
    n_before = len(places) - n_last
    fresh = sum(max(pair) >= n_before for pair in links)
    from_named = sum(named[source] and not named[target] for source, target in links)
    to_named = sum(named[target] and not named[source] for source, target in links)
    words = set(trail.words)
    held = [words & trail.index.words[place] for place in places]
    known = max(trail.index.weigh(words), 1e-9)
    by_named = [some for some, is_named in zip(held, named, strict=True) if is_named]
    together = [trail.index.weigh(held[source] | held[target]) for source, target in links]
    return [
        float(len(asked)),
        sum(any(name in title or title in name for title in titles) for name in asked)
        / max(len(asked), 1),
        sum(name in joined for name in asked) / max(len(asked), 1),
        float(sum(named)),
        float(len(links)),
        float(fresh),
        float(from_named),
        float(to_named),
        max(together, default=0.0) / known,
        float(sum(0 in pair for pair in links)),
        trail.index.weigh(set().union(*by_named)) / known,
        float(any(pair[::-1] in links for pair in links)),
    ]


def _read_open_name(trail: SearchTrail) -> list[float]:
    """Say whether there is a name to follow, where it stands, and how rare its words are."""
    found = find_open_name(trail)
    if found is None:
        return [0.0, 0.0, 0.0, 0.0]
    index, (where, name) = trail.index, found
    words = set(split_words(name))
    held = index.words[trail.read[where]]
    open_words = set(trail.words) - held
    known = max(index.weigh(trail.words), 1e-9)
    return [
        1.0,
        float(where),
        index.weigh(words) / max(len(words), 1) / 10.0,
        index.weigh(open_words) / known,
    ]


def _read_open_links(trail: SearchTrail, titles: TitleDictionary) -> list[float]:
    """Say how many titles of the corpus are mentioned but not read."""
    read = set(trail.read)
    link = find_open_link(trail, titles)
    opened: Sequence[set[int]] = [set(titles.list_links(place)) - read for place in trail.read]
    where = next((position for position, places in enumerate(opened) if places), len(opened))
    asked = set(titles.find(trail.question)) - read
    return [
        float(link is not None),
        float(len(set().union(*opened))),
        float(where),
        float(len(asked)),
    ]
