"""Passes over the rows of a large problem, part by part and by two threads.

A pass chooses one option per row at one price or several and totals each plan exactly: the spend in
micro-units and the gain in whole units of a power of two, both in 64-bit integers. Whole numbers
add up to the same total in any order, so neither parts nor threads move a plan.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from router.allocation.block import INT64_MAX
from router.allocation.units import count_units, find_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from router.allocation.block import FloatArray, IntArray
    from router.allocation.problem import Problem

__all__ = ["CHEAPEST", "RICHEST", "Reader", "Reading", "Tally", "check_part"]

Result = TypeVar("Result")

# The ends of the scale of prices, where ties go to the better and to the cheaper option.
CHEAPEST, RICHEST = math.inf, 0.0

# Elements of one part: half a mebibyte of float64 stays in the second-level cache.
PART_ELEMENTS = 1 << 16
# One core nearly saturates the memory; a third thread would add nothing.
THREADS = 2
# Below this many elements starting a thread takes longer than it saves.
THREADED_ELEMENTS = 1 << 21


class Tally(NamedTuple):
    """One option per row with exact totals: gain in whole units, spend in micro-units."""

    choices: NDArray[Any]
    gain: int
    spend: int


class Reading(NamedTuple):
    """Totals that a pass over some rows finds.

    Parameters
    ----------
    gains : tuple of int
        Gain of each price's choices in whole units, then that of the choices given.
    spends : tuple of int
        Spend of each price's choices in micro-units, then that of the choices given.
    least : int
        Total of every row's least cost, where entries are checked.
    dearest : int
        Largest cost, where entries are checked; -1 where one of them cannot be used.
    """

    gains: tuple[int, ...]
    spends: tuple[int, ...]
    least: int = 0
    dearest: int = 0


def check_part(problem: Problem, rows: slice | IntArray) -> tuple[int, int]:
    """Total the least costs of some rows and find the largest cost; -1 for a wrong entry."""
    quality = problem.quality[rows]
    cost = problem.cost if problem.shared else problem.cost[rows]
    # A NaN travels through minimum and maximum and fails the comparison.
    if problem.unchecked and not (quality.min() >= 0 and quality.max() <= 1 and cost.min() >= 0):
        return 0, -1
    if problem.allowed is not None:
        least = np.where(problem.allowed[rows], cost, INT64_MAX).min(axis=1)
    elif problem.shared:
        least = np.broadcast_to(cost.min(), len(quality))
    else:
        least = cost.min(axis=1)
    return int(least.sum(dtype=np.int64)), int(cost.max())


@dataclass(frozen=True, slots=True)
class Reader:
    """A large problem and the unit in which its gains are counted.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    scale : float
        Units in a gain of one, a power of two.
    """

    problem: Problem
    scale: float

    @classmethod
    def open(cls, problem: Problem) -> Reader:
        """Find the finest unit in which the gains of all rows add up within 64 bits."""
        highest = 1.0 if problem.unchecked else float(problem.quality.max())
        if problem.weights is not None:
            highest *= float(problem.weights.max())
        return cls(problem, find_scale(len(problem), highest))

    def count(self, gain: FloatArray) -> int:
        """Total gains in whole units."""
        return int(count_units(gain, self.scale).sum())

    def choose(
        self,
        prices: Sequence[float],
        rows: IntArray | None = None,
        given: NDArray[Any] | None = None,
    ) -> tuple[list[Tally], Reading]:
        """Choose the options of some rows at each price, in one pass.

        All rows are checked on the way; some rows are taken to have been.
        """
        n_rows = len(self.problem) if rows is None else len(rows)
        narrow = np.min_scalar_type(self.problem.n_options - 1)
        choices = [np.empty(n_rows, dtype=narrow) for _ in prices]

        def read(part: slice) -> Reading:
            """Read one part."""
            written = [array[part] for array in choices]
            kept = None if given is None else given[part]
            if rows is not None:
                return self._read_part(rows[part], prices, written, kept)
            least, dearest = check_part(self.problem, part)
            if dearest < 0:
                return Reading((0,) * len(prices), (0,) * len(prices), 0, -1)
            found = self._read_part(part, prices, written, kept)
            return found._replace(least=least, dearest=dearest)

        total = _add(self.map_parts(read, n_rows))
        # The choices given have totals but no new array.
        columns = zip(choices, total.gains, total.spends, strict=False)
        return [Tally(*column) for column in columns], total

    def map_parts(self, work: Callable[[slice], Result], n_rows: int) -> list[Result]:
        """Do a piece of work on every part of some rows, by two threads where there are many."""
        step = max(1, PART_ELEMENTS // self.problem.n_options)
        parts = [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]
        threads = min(THREADS, os.cpu_count() or 1)
        if threads == 1 or n_rows * self.problem.n_options < THREADED_ELEMENTS:
            return [work(part) for part in parts]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, parts))

    def _read_part(
        self,
        rows: slice | IntArray,
        prices: Sequence[float],
        written: Sequence[NDArray[Any]],
        given: NDArray[Any] | None,
    ) -> Reading:
        """Choose the options of one part at each price and total them."""
        block = self.problem.block(rows, scale=self.scale)
        for price, choices in zip(prices, written, strict=True):
            if price == CHEAPEST:
                choices[:] = block.cheapest()
            elif price == RICHEST:
                choices[:] = block.richest()
            else:
                choices[:] = block.best_at(price)
        plans = written if given is None else [*written, given]
        return Reading(
            tuple(self.count(block.gain_of(choices)) for choices in plans),
            tuple(int(block.cost_of(choices).sum()) for choices in plans),
        )


def _add(parts: list[Reading]) -> Reading:
    """Add up the totals of all parts."""
    wrong = any(part.dearest < 0 for part in parts)
    return Reading(
        tuple(sum(column) for column in zip(*(part.gains for part in parts), strict=True)),
        tuple(sum(column) for column in zip(*(part.spends for part in parts), strict=True)),
        sum(part.least for part in parts),
        -1 if wrong else max(part.dearest for part in parts),
    )
