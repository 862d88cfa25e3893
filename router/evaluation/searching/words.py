"""Words of a text as a lexical search sees them: lower case, without stop words, stemmed."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from router.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["split_words", "take_first_sentence"]

WORD = re.compile(r"\b\w\w+\b")
SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
# The list that Lucene's standard analyser leaves out.
STOP_WORDS = frozenset(
    [
        *("a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into"),
        *("is", "it", "no", "not", "of", "on", "or", "such", "that", "the", "their", "then"),
        *("there", "these", "they", "this", "to", "was", "will", "with"),
    ]
)


def split_words(text: str) -> list[str]:
    """Split a text into the words that are searched for, in their order.

    Parameters
    ----------
    text : str
        Any text.

    Returns
    -------
    list of str
        Stems of the words of at least two letters that are no stop words.

    Raises
    ------
    MissingExtraError
        If the extra ``[search]`` is not installed.

    Notes
    -----
    Stems are those of the Snowball project's English stemmer (Porter 2).

    Examples
    --------
    >>> split_words("The heart of the Mark VI was a space frame.")
    ['heart', 'mark', 'vi', 'space', 'frame']
    """
    return [_stem(word) for word in WORD.findall(text.lower()) if word not in STOP_WORDS]


def take_first_sentence(text: str) -> str:
    """Take what stands before the first full stop, question or exclamation mark and a blank.

    Examples
    --------
    >>> take_first_sentence("It ends here. Or there?")
    'It ends here.'
    """
    return SENTENCE_END.split(text, maxsplit=1)[0]


@lru_cache(maxsize=1)
def _load_stemmer() -> Callable[[str], str]:
    """Load the stemmer once."""
    try:
        import snowballstemmer
    except ImportError:
        raise MissingExtraError.for_extra("search", "searching a corpus") from None
    stem: Callable[[str], str] = snowballstemmer.stemmer("english").stemWord
    return stem


@lru_cache(maxsize=2**18)
def _stem(word: str) -> str:
    """Stem a word; most of them come again and again."""
    return _load_stemmer()(word)
