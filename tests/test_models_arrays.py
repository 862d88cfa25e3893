"""Arrays as bytes: exact on the way back, and damage is refused."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from router.exceptions import BundleError
from router.models.arrays import pack_arrays, unpack_arrays


def test_arrays_survive_packing_and_packing_is_repeatable() -> None:
    """Arrays of any type come back as they were, and the same arrays give the same bytes."""
    arrays: dict[str, Any] = {"a": np.arange(5, dtype=np.uint64), "b": np.ones((2, 3), np.float16)}
    content = pack_arrays(arrays)
    assert content == pack_arrays(arrays)
    for name, values in unpack_arrays(content).items():
        np.testing.assert_array_equal(values, arrays[name])
        assert values.dtype == arrays[name].dtype


def test_damaged_archives_are_refused_or_read_right() -> None:
    """Every byte of a small archive, turned over, gives the same arrays or a BundleError."""
    arrays: dict[str, Any] = {"a": np.arange(6, dtype=np.uint64)}
    content = pack_arrays(arrays)
    refused = 0
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 0xFF
        try:
            found = unpack_arrays(bytes(damaged))
        except BundleError:
            refused += 1
        else:
            np.testing.assert_array_equal(found["a"], arrays["a"])
    assert refused > len(content) // 3


def test_pickles_are_refused() -> None:
    """An archive with an object in it is not opened."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=True, a=np.array([{}], dtype=object))
    with pytest.raises(BundleError, match=r"text\.npz"):
        unpack_arrays(buffer.getvalue())


def test_compressed_arrays_are_refused() -> None:
    """Arrays that could unpack to any size are not unpacked at all."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, word_table=np.zeros((1000, 10)))
    with pytest.raises(BundleError, match="compressed"):
        unpack_arrays(buffer.getvalue())
