"""A large problem whose passes and dense rows are the kernels' work."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from router.allocation.block import INT64_MAX, UINT64_MAX, Plan
from router.allocation.compiled.block import search_block
from router.allocation.compiled.dual import find_meeting
from router.allocation.compiled.fill import fill_up
from router.allocation.compiled.reading import Arrays, list_steps, read_rows, rows_on_grid
from router.allocation.compiled.rows import Rows
from router.allocation.core import CoreResult
from router.allocation.dual import Bracket
from router.allocation.grid import UNITS
from router.allocation.reader import Reader, Reading

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.allocation.block import Block, IntArray
    from router.allocation.problem import Problem

__all__ = ["CompiledReader"]

# Elements of one part: few enough to be shared out evenly, enough to make a call cheap.
PART_ELEMENTS = 1 << 19
QUALITY_TYPES = (np.dtype(np.float64), np.dtype(np.float32))
COST_TYPES = (np.dtype(np.int64), np.dtype(np.int32))
READABLE: tuple[Literal["C"], Literal["W"]] = ("C", "W")
PENALTY = np.array([np.inf, 0.0])


@dataclass(frozen=True, slots=True)
class CompiledReader(Reader):
    """A large problem read by kernels.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    scale : float
        Units in a gain of one, a power of two.
    """

    @property
    def part_elements(self) -> int:
        """Elements of one part."""
        return PART_ELEMENTS

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
        arrays, places = self._reach(rows, len(written[0]))
        limits = _find_limits(self.problem)
        kept = written[0][:0] if given is None else given
        units: list[int] = []
        spends: list[int] = []
        for start in range(0, len(prices), 2):
            pair, target = prices[start : start + 2], written[start : start + 2]
            terms, targets = (pair[0], pair[-1], self.scale), (target[0], target[-1], kept)
            found = read_rows(arrays, places, terms, targets, limits)
            units += found.units[: len(pair)].tolist()
            spends += found.spends[: len(pair)].tolist()
        if given is not None:
            units.append(int(found.units[2]))
            spends.append(int(found.spends[2]))
        return Reading(tuple(units), tuple(spends), found.least, check and found.faulty)

    def steps(
        self, rows: IntArray, before: NDArray[Any], after: NDArray[Any]
    ) -> tuple[IntArray, IntArray]:
        """List what moving each row to another option costs and gains, gains in whole units."""
        return list_steps(*self._reach(rows, len(rows)), before, after, self.scale)

    def on_grid(self, step: float) -> bool:
        """Tell whether the gains of all rows are multiples of a step."""
        units, n_rows = float(round(step * UNITS)), len(self.problem)

        def look(part: slice) -> bool:
            """Look at one part."""
            return rows_on_grid(*self._reach(part, part.stop - part.start), units)

        return all(self.map_parts(look, n_rows))

    def _reach(self, rows: slice | IntArray, n_rows: int) -> tuple[Arrays, IntArray]:
        """Find the arrays, or copies that kernels can read, and the places of some rows in them."""
        problem = self.problem
        if not _is_readable(problem):
            return _view(_copy_rows(problem, rows)), np.arange(n_rows)
        return _view(problem), np.arange(n_rows) + rows.start if isinstance(rows, slice) else rows

    def meet(self, block: Block, budget: int, lean: Plan, rich: Plan) -> Bracket:
        """Find the dual minimum of a block between two plans."""
        low, high = lean.choices.astype(np.int64), rich.choices.astype(np.int64)
        found = find_meeting(_read_block(block), budget, low, high)
        return Bracket(Plan(low, *found.lean), Plan(high, *found.rich), found.price, found.bound)

    def improve(
        self, block: Block, budget: int, dual: tuple[float, float], plan: Plan, states_max: int
    ) -> CoreResult:
        """Fill a plan up and, where states are granted, search for the best one."""
        rows, choices = _read_block(block), plan.choices.astype(np.int64)
        total = fill_up(rows, choices, budget)
        if not states_max:
            return CoreResult(Plan(choices, *total), dual[1])
        choices, total, bound = search_block(rows, dual, (choices, total), budget, states_max)
        return CoreResult(Plan(choices, *total), bound)


def _is_readable(problem: Problem) -> bool:
    """Say whether the arrays lie in memory as the kernels read them."""
    return (
        problem.quality.dtype in QUALITY_TYPES
        and problem.cost.dtype in COST_TYPES
        and all(
            array is None or (array.flags.c_contiguous and array.flags.writeable)
            for array in (problem.quality, problem.cost, problem.weights, problem.allowed)
        )
    )


def _copy_rows(problem: Problem, rows: slice | IntArray) -> Problem:
    """Copy some rows into arrays that the kernels read."""
    return dataclasses.replace(
        problem,
        quality=np.require(problem.quality[rows], requirements=READABLE),
        cost=np.require(problem.cost if problem.shared else problem.cost[rows], np.int64, READABLE),
        weights=None
        if problem.weights is None
        else np.require(problem.weights[rows], None, READABLE),
        allowed=None
        if problem.allowed is None
        else np.require(problem.allowed[rows], None, READABLE),
    )


def _view(problem: Problem) -> Arrays:
    """Lay the arrays of a problem out for the kernels."""
    quality, cost, allowed = problem.quality, problem.cost, problem.allowed
    return Arrays(
        quality,
        cost.reshape((1, -1)) if problem.shared else cost,
        np.empty(0) if problem.weights is None else problem.weights,
        np.empty((0, 0), dtype=np.bool_) if allowed is None else allowed,
        PENALTY,
    )


def _find_limits(problem: Problem) -> tuple[float, np.uint64]:
    """Find the largest quality and the largest cost that are no fault."""
    if not problem.unchecked:
        return np.inf, np.uint64(UINT64_MAX)
    return 1.0, np.uint64(INT64_MAX // len(problem))


def _read_block(block: Block) -> Rows:
    """Lay a block out for the kernels."""
    cost, cost_float = block.cost, block.cost_float
    if block.shared:
        cost, cost_float = cost.reshape((1, -1)), cost_float.reshape((1, -1))
    gain, cost = np.require(block.gain, None, READABLE), np.require(cost, None, READABLE)
    return Rows(gain, cost, cost_float, block.scale)
