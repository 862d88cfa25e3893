"""Answers: JSON in UTF-8 that any reader takes, and never a number that is none."""

from __future__ import annotations

import json
import math
import struct
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.service.answers import write_json

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**53), 2**53),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8")),
)
DOCUMENTS = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner) | st.dictionaries(st.text("abc\x00é"), inner),
    max_leaves=20,
)


@given(DOCUMENTS)
def test_documents_are_read_back_as_they_were(document: Any) -> None:
    """What is written is JSON, and a reader finds the same values in it to the last bit."""
    assert json.loads(write_json(document)) == document


@pytest.mark.parametrize("number", [math.nan, -math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", ["value", "list", "tuple", "deep"])
def test_numbers_that_are_none_are_refused(number: float, place: str) -> None:
    """A value that JSON has no word for is refused wherever it stands, and not written as null."""
    document = {
        "value": {"a": number, "b": None},
        "list": {"a": [1.0, number]},
        "tuple": {"a": (number, 1.0)},
        "deep": {"a": [{"b": [None, {"c": number}]}]},
    }[place]
    with pytest.raises(ValueError, match="finite"):
        write_json(document)


def test_values_that_look_like_none_are_written() -> None:
    """Bytes of a sound document that happen to be those of an infinity refuse nothing."""
    pattern = b"\xcb\x7f\xf0"
    lookalike = struct.unpack(">d", b"\x40" + pattern + b"\x00\x00\x00\x01")[0]
    document = {"a": [lookalike, None], "b": float(int.from_bytes(pattern + bytes(3), "big"))}
    assert json.loads(write_json(document)) == document
