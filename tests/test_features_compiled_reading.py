"""Compiled reading of texts: the features of NumPy, bit for bit, whatever the text."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.features import engines
from router.features.characters import CHUNK_TEXTS, list_codes
from router.features.compiled.reading import read_chunk
from router.features.encoder import TextEncoder
from router.features.shape import NEGATIONS, QUESTION_WORDS
from router.features.vocabulary import fit_vocabulary
from tests.contracts.gains import AWKWARD_TEXTS, make_encoder, make_texts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

ENCODER = make_encoder(5)
# Many short pieces that the shape looks at, so that few characters bring them together.
PIECES = (
    *(*QUESTION_WORDS, *NEGATIONS, "a)", "B.", "j:", "k)", "1999", "2099", "2100", "14th"),
    *(" ", "\n", "\n\n", "_", "İ", "ß", "Σ", "東京", "ก", "\ud800", "\U0001f600", "0", "x" * 70),
)
# Texts made to cost: one n-gram over and over, none twice, words that differ in the middle only.
HOSTILE = (
    "a" * 6000,
    "ab" * 3000,
    "\n" * 5000,
    "İ" * 5001,
    " ".join(chr(0x4E00 + place) for place in range(3000)),
    " ".join(f"x{place:04d}x" for place in range(900)),
    "".join(chr(place) for place in range(0x20, 0xD800, 11)),
    "a b " * 1250,
)


@pytest.fixture(autouse=True, scope="module")
def _kernels() -> Iterator[None]:
    """Load the kernels, and leave other tests to NumPy."""
    before = engines._KERNELS.loaded
    assert engines.warm_up()
    yield
    engines._KERNELS.loaded = before


def encode(encoder: TextEncoder, texts: Sequence[str], *, compiled: bool) -> NDArray[np.float32]:
    """Encode by one engine."""
    engines._KERNELS.loaded = compiled
    try:
        return encoder.encode(texts)
    finally:
        engines._KERNELS.loaded = True


def assert_same(encoder: TextEncoder, texts: Sequence[str]) -> None:
    """Compare the two engines, and the compiled one with itself text by text."""
    expected = encode(encoder, texts, compiled=False)
    together = encode(encoder, texts, compiled=True)
    assert together.tobytes() == expected.tobytes()
    alone = [encode(encoder, [text], compiled=True) for text in texts]
    assert b"".join(row.tobytes() for row in alone) == expected.tobytes()


def test_awkward_and_hostile_texts_read_alike() -> None:
    """Surrogates, nothing at all, long texts and such as are made to cost give the same bits."""
    assert_same(ENCODER, [*AWKWARD_TEXTS, *HOSTILE])


@settings(max_examples=150)
@given(st.lists(st.text(st.characters(), max_size=60), max_size=4))
def test_any_text_reads_alike(texts: list[str]) -> None:
    """So does whatever Unicode holds."""
    assert_same(ENCODER, texts)


@settings(max_examples=150)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=40).map("".join), max_size=3))
def test_pieces_of_shape_read_alike(texts: list[str]) -> None:
    """So do texts full of question words, numbers, years, choices and lines."""
    assert_same(ENCODER, texts)


def test_more_texts_than_a_chunk_read_alike() -> None:
    """Chunks are read one after the other."""
    texts = make_texts(2 * CHUNK_TEXTS + 3)[0]
    assert encode(ENCODER, texts, compiled=True).tobytes() == (
        encode(ENCODER, texts, compiled=False).tobytes()
    )


@pytest.mark.parametrize("families", [(), ("word",), ("character",), ("character", "word")])
def test_any_families_read_alike(families: tuple[str, ...], rng: np.random.Generator) -> None:
    """An encoder may know words, stretches of characters, both in any order, or nothing."""
    known = [*AWKWARD_TEXTS, *make_texts(60, seed=3)[0]]
    vocabularies = tuple(
        fit_vocabulary(known, family, document_frequency_min=1) for family in families
    )
    tables = tuple(rng.normal(size=(len(v), 3)).astype(np.float32) for v in vocabularies)
    assert_same(TextEncoder(vocabularies, tables), [*known, *HOSTILE])


def test_empty_vocabulary_reads_alike() -> None:
    """Where nothing was frequent enough, only the shape is left."""
    empty = fit_vocabulary(["lake"], "word")
    assert len(empty) == 0
    assert_same(TextEncoder((empty,), (np.zeros((0, 3), np.float32),)), ["a lake", ""])


def test_no_kernel_is_compiled_twice() -> None:
    """Loading compiles for the types of every later call, so that none has to wait."""
    before = len(read_chunk.signatures)  # type: ignore[attr-defined]
    texts = list(chain(AWKWARD_TEXTS, HOSTILE))
    for some in ([], texts[:1], texts, ["x"] * 300):
        encode(ENCODER, some, compiled=True)
    assert len(read_chunk.signatures) == before == 1  # type: ignore[attr-defined]


def test_lower_casing_at_most_doubles_a_text() -> None:
    """Tables of logarithms are long enough, as no character has more than two in lower case."""
    every = "".join(map(chr, range(0x110000)))
    assert max(len(character.lower()) for character in every) == 2
    assert list_codes(["İ"])[1] == [2]
