"""Hashes: the polynomials and the mixing of whole-number arithmetic, modulo 2**64."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from router.features.hashing import BASE, MASK, accumulate_hash, get_inverses, hash_between, mix


def mix_slowly(value: int) -> int:
    """Mix one number as the formula of SplitMix64 is written."""
    value = ((value ^ (value >> 30)) * 0xBF58476D1CE4E5B9) & MASK
    value = ((value ^ (value >> 27)) * 0x94D049BB133111EB) & MASK
    return value ^ (value >> 31)


@given(st.lists(st.integers(0, MASK), max_size=8))
def test_mixing_is_the_formula(values: list[int]) -> None:
    """Arrays mix as whole numbers do."""
    array = np.array(values, np.uint64)
    mix(array)
    assert array.tolist() == [mix_slowly(value) for value in values]


@given(st.lists(st.integers(0, 0x10FFFF), max_size=12), st.data())
def test_stretches_are_polynomials(codes: list[int], data: st.DataObject) -> None:
    """A stretch's hash is its polynomial from its own start, wherever it stands."""
    start = data.draw(st.integers(0, len(codes)))
    end = data.draw(st.integers(start, len(codes)))
    prefix = accumulate_hash(np.array(codes, np.uint32))
    found = hash_between(prefix, np.array([start]), np.array([end]))
    expected = sum((code + 1) * BASE**k for k, code in enumerate(codes[start:end])) & MASK
    assert found.tolist() == [expected]


def test_inverses_undo_powers() -> None:
    """The table goes as far as it is asked, beyond its first size too."""
    length = 70_000
    assert int(get_inverses(length)[-1]) * pow(BASE, length - 1, MASK + 1) & MASK == 1
