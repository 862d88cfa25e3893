"""Sorting by digits: the order of NumPy, for any keys and widths."""

from __future__ import annotations

import numpy as np
import pytest

from router.features.compiled.sorting import INSERTION_MAX, sort_keys


@pytest.mark.parametrize("n_bits", [1, 8, 9, 17, 42, 64])
@pytest.mark.parametrize("count", [0, 1, 2, INSERTION_MAX, INSERTION_MAX + 1, 1000])
def test_sorts_as_numpy(n_bits: int, count: int, rng: np.random.Generator) -> None:
    """The first keys are sorted, those behind them stay."""
    keys = rng.integers(0, 1 << n_bits, count + 3, dtype=np.uint64, endpoint=False)
    expected = np.append(np.sort(keys[:count]), keys[count:])
    sort_keys(keys, np.empty_like(keys), count, n_bits)
    np.testing.assert_array_equal(keys, expected)


@pytest.mark.parametrize("order", [1, -1])
def test_sorted_and_reversed_keys_are_no_trouble(order: int) -> None:
    """Orders that some algorithms are slow on come out as well."""
    keys = np.arange(500, dtype=np.uint64)[::order].copy()
    sort_keys(keys, np.empty_like(keys), len(keys), 9)
    np.testing.assert_array_equal(keys, np.arange(500))
