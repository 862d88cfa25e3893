"""Sorting whole numbers in time linear in their number, whatever they are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from router.compilation import kernel

__all__ = ["sort_keys"]

# Below it inserting one by one is faster than counting digits.
INSERTION_MAX = 48
DIGIT_BITS = 8
N_DIGITS = 1 << DIGIT_BITS
Keys = NDArray[np.uint64]


@kernel
def sort_keys(keys: Keys, spare: Keys, count: int, n_bits: int) -> None:
    """Sort the first `count` keys, of at most `n_bits` bits; `spare` is as long and overwritten."""
    if count <= INSERTION_MAX:
        for place in range(1, count):
            key = keys[place]
            before = place - 1
            while before >= 0 and keys[before] > key:
                keys[before + 1] = keys[before]
                before -= 1
            keys[before + 1] = key
        return
    starts = np.empty(N_DIGITS, dtype=np.int64)
    mask = np.uint64(N_DIGITS - 1)
    source, target = keys, spare
    n_passes = (n_bits + DIGIT_BITS - 1) // DIGIT_BITS
    for digit in range(n_passes):
        shift = np.uint64(digit * DIGIT_BITS)
        starts[:] = 0
        for place in range(count):
            starts[(source[place] >> shift) & mask] += 1
        total = 0
        for value in range(N_DIGITS):
            size = starts[value]
            starts[value] = total
            total += size
        for place in range(count):
            key = source[place]
            value = (key >> shift) & mask
            target[starts[value]] = key
            starts[value] += 1
        source, target = target, source
    if n_passes % 2:
        keys[:count] = spare[:count]
