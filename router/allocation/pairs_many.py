"""Pairs of changes, one of each half, that leave next to nothing of any budget unspent."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from router.allocation.block import FloatArray, IntArray
    from router.allocation.halves_many import Half

__all__ = ["Match", "match_halves"]

# The cells of all dimensions together are numbered by a 64-bit key.
KEY_BITS = 56
# Dividing by the width rounds, which must not move a pair at its very edge out of sight.
ROUNDING = 1e-9
# Pairs compared at a time, so that they stay in the cache.
CHUNK = 1 << 17


class Match(NamedTuple):
    """The best pair of changes.

    Parameters
    ----------
    lost : float
        Loss of the pair and price of what it leaves unspent; the limit where no pair was found.
    pair : tuple of int, or None
        Number of the change in each half.
    compared : int
        How many pairs lay in cells near enough to be compared.
    """

    lost: float
    pair: tuple[int, int] | None
    compared: int


def match_halves(
    halves: tuple[Half, Half],
    room: IntArray,
    prices: FloatArray,
    limit: float,
    compared_max: int,
) -> Match:
    """Find the pair that fits the room and loses least, the unspent room at its price included.

    Whatever loses less than the limit leaves less than limit / price unspent of every budget. So
    the changes of one half are put into cells of that width, and each change of the other looks
    only into the cells around the room that it leaves.

    Parameters
    ----------
    halves : tuple of Half
        The changes of both halves.
    room : ndarray of shape (k,), int64
        What the plan without changes leaves of every budget, negative where it overspends.
    prices : ndarray of shape (k,), float64
        Value per micro-unit of every budget.
    limit : float
        Pairs that lose this much are of no use.
    compared_max : int
        With more pairs than these to compare none is compared.

    Returns
    -------
    Match
        The best pair of all that lose less than the limit.

    References
    ----------
    .. [1] Horowitz, E., Sahni, S., "Computing partitions with applications to the knapsack
       problem", Journal of the ACM 21 (1974), 277-292: two lists, one for each half.
    """
    first, second = halves
    number = np.flatnonzero(first.lost < limit)
    left = _Side(number, room - first.step[number], first.lost[number])
    number = np.flatnonzero(second.lost < limit)
    if not (len(left.number) and len(number)):
        return Match(limit, None, 0)
    cells = _Cells(second.step[number], prices, limit)
    number = number[cells.order]
    right = _Side(number, second.step[number], second.lost[number])
    runs = list(cells.look_up(left.step))
    compared = sum(int(count.sum()) for _, _, count in runs)
    match = Match(limit, None, compared)
    if compared > compared_max:
        return match
    for who, start, count in runs:
        for pairs in _spread(who, start, count):
            match = _compare((left, right), pairs, prices, match)
    return match


class _Side(NamedTuple):
    """Changes of one half: their number there, the step that they need or make, and their loss."""

    number: IntArray
    step: IntArray
    lost: FloatArray


def _compare(
    sides: tuple[_Side, _Side], pairs: tuple[IntArray, IntArray], prices: FloatArray, match: Match
) -> Match:
    """Take the best of some pairs if it is better than the best one so far."""
    left, right = sides
    i, j = pairs
    total = left.lost[i] + right.lost[j]
    for dimension, price in enumerate(prices):
        unspent = left.step[i, dimension] - right.step[j, dimension]
        total = total + price * unspent
        # Every dimension drops most of the pairs before the next one looks at them.
        good = (unspent >= 0) & (total < match.lost)
        i, j, total = i[good], j[good], total[good]
    if not len(total):
        return match
    best = int(total.argmin())
    pair = (int(left.number[i[best]]), int(right.number[j[best]]))
    return match._replace(lost=float(total[best]), pair=pair)


class _Cells:
    """Steps of one half, sorted by the cell of a grid that they fall into."""

    __slots__ = ("dimensions", "keys", "least", "n_cells", "order", "width")

    def __init__(self, step: IntArray, prices: FloatArray, limit: float) -> None:
        least = step.min(axis=0)
        extent = (step.max(axis=0) - least + 1).astype(np.float64)
        width = np.full(len(prices), np.inf)
        np.divide(limit * (1.0 + ROUNDING), prices, out=width, where=prices > limit / extent)
        width = np.maximum(width, extent / 2.0 ** (KEY_BITS // len(prices)))
        # A dimension that is less than one cell wide parts nothing.
        self.dimensions = np.flatnonzero(width < extent)
        self.least, self.width = least[self.dimensions], width[self.dimensions]
        self.n_cells = (extent[self.dimensions] / self.width).astype(np.int64) + 1
        keys = self._key(self._cell(step))
        self.order: IntArray = keys.argsort(kind="stable")
        self.keys = keys[self.order]

    def _cell(self, step: IntArray) -> IntArray:
        """Find the number of the cell of every step in every dimension."""
        scaled = (step[:, self.dimensions] - self.least) / self.width
        cell: IntArray = np.floor(scaled).astype(np.int64)
        return cell.clip(-1, self.n_cells + 1)

    def _key(self, cell: IntArray) -> IntArray:
        """Put the numbers of all dimensions into one, with a cell to spare on each side."""
        key = np.zeros(len(cell), dtype=np.int64)
        for dimension, count in enumerate(self.n_cells):
            key = key * (count + 2) + cell[:, dimension] + 1
        return key

    def look_up(self, need: IntArray) -> Iterator[tuple[IntArray, IntArray, IntArray]]:
        """List who may pair with which run of the sorted steps: number, start and length.

        What fits and leaves less than one cell's width lies in the cell of the need or one below,
        in every dimension; in the last one both are neighbours in the sorted order.
        """
        cell = self._cell(need)
        near = np.flatnonzero(((cell >= 0) & (cell <= self.n_cells)).all(axis=1))
        if not len(self.dimensions):
            every = np.full(len(near), len(self.keys))
            yield near, np.zeros(len(near), dtype=np.int64), every
            return
        whole = self._key(cell[near])
        # Sorted needles find their place in a sorted list several times as fast.
        order = whole.argsort(kind="stable")
        near, whole = near[order], whole[order]
        places = np.append((self.n_cells + 2)[::-1].cumprod()[::-1][1:], 1)
        for below in product((0, 1), repeat=len(self.dimensions) - 1):
            key = whole - int(np.dot([*below, 0], places))
            start = np.searchsorted(self.keys, key - 1, side="left")
            some = np.flatnonzero(self.keys[start.clip(max=len(self.keys) - 1)] <= key)
            some = some[start[some] < len(self.keys)]
            end = np.searchsorted(self.keys, key[some], side="right")
            yield near[some], start[some], end - start[some]


def _spread(who: IntArray, start: IntArray, count: IntArray) -> Iterator[tuple[IntArray, IntArray]]:
    """Write runs out as pairs of numbers, a chunk at a time."""
    ends = count.cumsum()
    first, done = 0, 0
    while first < len(who):
        last = max(first + 1, int(np.searchsorted(ends, done + CHUNK, side="right")))
        part = count[first:last]
        before = np.repeat(ends[first:last] - part - done, part)
        offset = np.arange(int(part.sum())) - before
        yield np.repeat(who[first:last], part), np.repeat(start[first:last], part) + offset
        first, done = last, int(ends[last - 1])
