"""Passes over the rows of a large problem, part by part and by two threads.

Here with NumPy; :mod:`router.allocation.compiled.large` does the same with compiled kernels.

A pass chooses one option per row at one price or several and totals each plan exactly: the spend in
micro-units and the gain in whole units of a power of two, both in 64-bit integers. Whole numbers
add up to the same total in any order, so neither parts nor threads move a plan.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar

import numpy as np

from router.allocation.block import INT64_MAX, Plan
from router.allocation.core import CoreResult, search_core
from router.allocation.dual import find_bracket
from router.allocation.fill import fill_block
from router.allocation.grid import lies_on_grid
from router.allocation.units import count_units, find_scale

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from router.allocation.block import Block, IntArray
    from router.allocation.dual import Bracket
    from router.allocation.problem import Problem

__all__ = ["CHEAPEST", "RICHEST", "Reader", "Reading", "check_part"]

Result = TypeVar("Result")

# The ends of the scale of prices, where ties go to the better and to the cheaper option.
CHEAPEST, RICHEST = math.inf, 0.0

# Elements of one part: half a mebibyte of float64 stays in the second-level cache.
PART_ELEMENTS = 1 << 16
# One core nearly saturates the memory; a third thread would add nothing.
THREADS = 2
# Below this many elements starting a thread takes longer than it saves.
THREADED_ELEMENTS = 1 << 21


class Reading(NamedTuple):
    """Totals that a pass over some rows finds.

    Parameters
    ----------
    units : tuple of int
        Gain of each price's choices in whole units, then that of the choices given.
    spends : tuple of int
        Spend of each price's choices in micro-units, then that of the choices given.
    least : int
        Total of every row's least cost, where entries are checked.
    faulty : bool
        Whether an entry cannot be used or may make totals overflow, where entries are checked.
    """

    units: tuple[int, ...]
    spends: tuple[int, ...]
    least: int = 0
    faulty: bool = False


def check_part(problem: Problem, rows: slice | IntArray) -> tuple[int, bool]:
    """Total the least costs of some rows and say whether one of their entries is out of range."""
    quality = problem.quality[rows]
    cost = problem.cost if problem.shared else problem.cost[rows]
    # A NaN travels through minimum and maximum and fails the comparison.
    if problem.unchecked and not (
        quality.min() >= 0
        and quality.max() <= 1
        and cost.min() >= 0
        and cost.max() <= INT64_MAX // len(problem)
    ):
        return 0, True
    if problem.allowed is not None:
        least = np.where(problem.allowed[rows], cost, INT64_MAX).min(axis=1)
    elif problem.shared:
        least = np.broadcast_to(cost.min(), len(quality))
    else:
        least = cost.min(axis=1)
    return int(least.sum(dtype=np.int64)), False


@dataclass(frozen=True, slots=True)
class Reader:
    """A large problem, the unit in which its gains are counted, and the arithmetic on it.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    scale : float
        Units in a gain of one, a power of two.
    """

    problem: Problem
    scale: float

    @property
    def part_elements(self) -> int:
        """Elements of one part."""
        return PART_ELEMENTS

    @classmethod
    def open(cls, problem: Problem) -> Self:
        """Find the finest unit in which the gains of all rows add up within 64 bits."""
        highest = 1.0 if problem.unchecked else float(problem.quality.max())
        if problem.weights is not None:
            highest *= float(problem.weights.max())
        return cls(problem, find_scale(len(problem), highest))

    def block(self, rows: slice | IntArray) -> Block:
        """Read some rows as a dense block whose gains are counted in the unit of all rows."""
        return self.problem.block(rows, scale=self.scale)

    def meet(self, block: Block, budget: int, lean: Plan, rich: Plan) -> Bracket:
        """Find the dual minimum of a block between two plans."""
        return find_bracket(block, budget, lean, rich)

    def improve(
        self, block: Block, budget: int, dual: tuple[float, float], plan: Plan, states_max: int
    ) -> CoreResult:
        """Fill a plan up and, where states are granted, search for the best one.

        Price and bound of the dual tell the search which options are worth a look.
        """
        plan = fill_block(block, plan, budget)
        if not states_max:
            return CoreResult(plan, dual[1])
        return search_core(block, budget, *dual, plan, states_max=states_max)

    def steps(
        self, rows: IntArray, before: NDArray[Any], after: NDArray[Any]
    ) -> tuple[IntArray, IntArray]:
        """List what moving each row to another option costs and gains, gains in whole units."""
        problem = self.problem
        spend = problem.costs_of(rows, after) - problem.costs_of(rows, before)
        units = count_units(problem.gains_of(rows, after), self.scale)
        return spend, units - count_units(problem.gains_of(rows, before), self.scale)

    def on_grid(self, step: float) -> bool:
        """Tell whether the gains of all rows are multiples of a step."""
        problem = self.problem

        def look(part: slice) -> bool:
            """Look at one part."""
            return lies_on_grid(problem.gains(part), step)

        return all(self.map_parts(look, len(problem)))

    def choose(
        self,
        prices: Sequence[float],
        rows: IntArray | None = None,
        given: NDArray[Any] | None = None,
    ) -> tuple[list[Plan], Reading]:
        """Choose the options of some rows at each price, in one pass.

        All rows are checked on the way; some rows are taken to have been.
        """
        n_rows = len(self.problem) if rows is None else len(rows)
        narrow = np.min_scalar_type(self.problem.n_options - 1)
        choices = [np.empty(n_rows, dtype=narrow) for _ in prices]

        def read(part: slice) -> Reading:
            """Read one part."""
            where = part if rows is None else rows[part]
            written = [array[part] for array in choices]
            kept = None if given is None else given[part]
            return self.read_part(where, prices, written, given=kept, check=rows is None)

        total = _add(self.map_parts(read, n_rows))
        # The choices given have totals but no new array.
        columns = zip(choices, total.units, total.spends, strict=False)
        return [Plan(*column) for column in columns], total

    def read_part(
        self,
        rows: slice | IntArray,
        prices: Sequence[float],
        written: Sequence[NDArray[Any]],
        *,
        given: NDArray[Any] | None,
        check: bool,
    ) -> Reading:
        """Choose the options of one part at each price, write them down and total them."""
        plans = written if given is None else [*written, given]
        least, faulty = check_part(self.problem, rows) if check else (0, False)
        if faulty:
            return Reading((0,) * len(plans), (0,) * len(plans), faulty=True)
        block = self.block(rows)
        for price, choices in zip(prices, written, strict=True):
            if price == CHEAPEST:
                choices[:] = block.cheapest()
            elif price == RICHEST:
                choices[:] = block.richest()
            else:
                choices[:] = block.best_at(price)
        totals = [block.plan(choices) for choices in plans]
        units, spends = [plan.units for plan in totals], [plan.spend for plan in totals]
        return Reading(tuple(units), tuple(spends), least)

    def map_parts(self, work: Callable[[slice], Result], n_rows: int) -> list[Result]:
        """Do a piece of work on every part of some rows, by two threads where there are many."""
        step = max(1, self.part_elements // self.problem.n_options)
        parts = [slice(start, min(start + step, n_rows)) for start in range(0, n_rows, step)]
        threads = min(THREADS, os.cpu_count() or 1)
        if threads == 1 or n_rows * self.problem.n_options < THREADED_ELEMENTS:
            return [work(part) for part in parts]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(work, parts))


def _add(parts: list[Reading]) -> Reading:
    """Add up the totals of all parts."""
    return Reading(
        tuple(sum(column) for column in zip(*(part.units for part in parts), strict=True)),
        tuple(sum(column) for column in zip(*(part.spends for part in parts), strict=True)),
        sum(part.least for part in parts),
        any(part.faulty for part in parts),
    )
