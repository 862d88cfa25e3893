"""Polynomial hashes of stretches of a batch, modulo 2**64, from hashes of its prefixes.

A hash of every prefix gives the hash of any stretch by one subtraction and one multiplication (Karp
and Rabin, 1987). Two different stretches share a mixed hash with probability about 2**-64.

References
----------
R. M. Karp, M. O. Rabin: Efficient randomized pattern-matching algorithms. IBM Journal of Research
and Development 31(2), 1987, pp. 249-260.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["accumulate_hash", "get_inverses", "hash_between", "mix"]

BASE = 0x9E3779B97F4A7C15
MASK = (1 << 64) - 1
BASE_INVERSE = pow(BASE, -1, 1 << 64)
# Most batches fit into tables of this size, which are never thrown away.
LENGTH_MIN = 1 << 14


@lru_cache(maxsize=3)
def _build_powers(length: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Tabulate powers of the base and of its inverse modulo 2**64."""
    powers = np.full(length, BASE, dtype=np.uint64)
    inverses = np.full(length, BASE_INVERSE, dtype=np.uint64)
    powers[0] = inverses[0] = 1
    return np.multiply.accumulate(powers), np.multiply.accumulate(inverses)


def _get_powers(length: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Take tables of at least this length; sizes are powers of two, so that few are built."""
    return _build_powers(max(LENGTH_MIN, 1 << (length - 1).bit_length()))


def get_inverses(length: int) -> NDArray[np.uint64]:
    """Return what the difference of two prefixes is multiplied by, for each place of its start.

    Examples
    --------
    >>> int(get_inverses(2)[1]) * BASE % 2**64
    1
    """
    return _get_powers(length)[1][:length]


def accumulate_hash(codes: NDArray[np.uint32]) -> NDArray[np.uint64]:
    """Hash every prefix of a batch.

    Parameters
    ----------
    codes : ndarray of uint32, shape (c,)
        Code points.

    Returns
    -------
    ndarray of uint64, shape (c + 1,)
        The sum of code plus one times a power of the base, over all characters before each place.
    """
    prefix = np.zeros(len(codes) + 1, dtype=np.uint64)
    terms = codes.astype(np.uint64)
    terms += np.uint64(1)
    terms *= _get_powers(len(codes) + 1)[0][: len(codes)]
    np.cumsum(terms, out=prefix[1:])
    return prefix


def hash_between(
    prefix: NDArray[np.uint64], start: NDArray[np.int64], end: NDArray[np.int64]
) -> NDArray[np.uint64]:
    """Hash the characters from each start up to its end.

    Parameters
    ----------
    prefix : ndarray of uint64, shape (c + 1,)
        From :func:`accumulate_hash`.
    start, end : ndarray of int64, shape (t,)
        Stretches of the batch, ends exclusive.

    Returns
    -------
    ndarray of uint64, shape (t,)
        The polynomial hash of each stretch, wherever it stands.

    Examples
    --------
    >>> prefix = accumulate_hash(np.array([7, 8, 9, 7, 8], np.uint32))
    >>> first, again = hash_between(prefix, np.array([0, 3]), np.array([2, 5]))
    >>> first == again
    np.True_
    """
    hashes: NDArray[np.uint64] = prefix.take(end)
    hashes -= prefix.take(start)
    hashes *= get_inverses(len(prefix)).take(start)
    return hashes


def mix(values: NDArray[np.uint64]) -> None:
    """Spread every bit over the whole word, in place (the finaliser of SplitMix64 [1]_).

    Parameters
    ----------
    values : ndarray of uint64
        Hashes; overwritten.

    References
    ----------
    .. [1] G. L. Steele, D. Lea, C. H. Flood, "Fast splittable pseudorandom number generators",
       OOPSLA, 2014.

    Examples
    --------
    >>> values = np.array([1], np.uint64)
    >>> mix(values)
    >>> hex(values[0])
    '0x5692161d100b05e5'
    """
    values ^= values >> np.uint64(30)
    values *= np.uint64(0xBF58476D1CE4E5B9)
    values ^= values >> np.uint64(27)
    values *= np.uint64(0x94D049BB133111EB)
    values ^= values >> np.uint64(31)
