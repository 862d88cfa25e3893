"""Text features the slow way, one character after the other: what the arrays are compared with."""

from __future__ import annotations

from itertools import pairwise

from router.features.characters import (
    NON_WORD_RANGES,
    SINGLE_CHARACTER_RANGES,
    cap_text,
)


def lower_text(text: str) -> str:
    """Cap and lower-case a text, lone surrogates replaced."""
    lowered = cap_text(text).lower()
    return "".join("?" if 0xD800 <= ord(letter) <= 0xDFFF else letter for letter in lowered)


def is_word_letter(letter: str) -> bool:
    """Tell whether a character belongs to a word."""
    code = ord(letter)
    if code < 128:
        return letter.isalnum() or letter == "_"
    return not any(first <= code <= last for first, last in NON_WORD_RANGES)


def is_single(letter: str) -> bool:
    """Tell whether a character is a word of its own."""
    return any(first <= ord(letter) <= last for first, last in SINGLE_CHARACTER_RANGES)


def find_words(text: str) -> list[str]:
    """List the words of a text."""
    words: list[str] = []
    open_word = False
    for letter in lower_text(text):
        if not is_word_letter(letter):
            open_word = False
        elif is_single(letter):
            words.append(letter)
            open_word = False
        elif open_word:
            words[-1] += letter
        else:
            words.append(letter)
            open_word = True
    return words


def list_word_ngrams(text: str) -> list[tuple[str, ...]]:
    """List the words of a text and the pairs of neighbours."""
    words = find_words(text)
    return [*((word,) for word in words), *pairwise(words)]


def list_character_ngrams(text: str, lengths: tuple[int, ...] = (3, 4)) -> list[str]:
    """List the stretches of a text of the given lengths."""
    lowered = lower_text(text)
    return [
        lowered[start : start + length]
        for length in lengths
        for start in range(len(lowered) - length + 1)
    ]
