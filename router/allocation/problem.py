"""The validated problem: arrays checked once at the door, read in blocks afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation.block import Block, IntArray

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["Problem", "Table"]

# Elements of one block: half a mebibyte of float64 stays in the second-level cache.
BLOCK_ELEMENTS = 1 << 16
# Problems up to this many elements are held as one block.
DENSE_ELEMENTS = 1 << 18


@dataclass(frozen=True, slots=True)
class Problem:
    """Quality and cost of every option, checked, never copied as a whole.

    Parameters
    ----------
    quality : ndarray of shape (n, m), float32 or float64
        Quality in [0, 1].
    cost : ndarray of shape (n, m) or (m,), integer
        Cost in micro-units; with several budgets one more axis of length k.
    weights : ndarray of shape (n,), float64, or None
        Importance of every row.
    allowed : ndarray of shape (n, m), bool, or None
        Options that a row may take.
    n_budgets : int
        Number of budgets k.
    unchecked : bool
        Whether the entries of quality and cost are still to be checked, by the first pass over a
        problem too large to be read once more for that.
    """

    quality: NDArray[Any]
    cost: NDArray[Any]
    weights: NDArray[np.float64] | None = None
    allowed: NDArray[np.bool_] | None = None
    n_budgets: int | None = None
    unchecked: bool = False

    def __len__(self) -> int:
        """Count the rows."""
        return int(self.quality.shape[0])

    @property
    def n_options(self) -> int:
        """Number of options."""
        return int(self.quality.shape[1])

    @property
    def shared(self) -> bool:
        """Whether all rows share one row of costs."""
        return self.cost.ndim == (1 if self.n_budgets is None else 2)

    @property
    def dense(self) -> bool:
        """Whether the problem is small enough to be held as one block."""
        return self.quality.size <= DENSE_ELEMENTS

    def gains(self, rows: slice | IntArray = slice(None)) -> NDArray[np.float64]:
        """Read some rows as float64 gains, forbidden options at minus infinity."""
        gain: NDArray[np.float64] = self.quality[rows].astype(np.float64, copy=False)
        if self.weights is not None:
            gain = gain * self.weights[rows, None]
        if self.allowed is not None:
            gain = np.where(self.allowed[rows], gain, -np.inf)
        return np.ascontiguousarray(gain)

    def costs(self, rows: slice | IntArray = slice(None)) -> IntArray:
        """Read the costs of some rows, or the one row that all share, as int64."""
        return np.ascontiguousarray(self.cost if self.shared else self.cost[rows], dtype=np.int64)

    def block(self, rows: slice | IntArray = slice(None), *, scale: float | None = None) -> Block:
        """Read some rows as a dense block, counted in units of their own or of a given scale."""
        masked = self.allowed is not None
        return Block(self.gains(rows), self.costs(rows), masked=masked, scale=scale)

    def gains_of(self, rows: IntArray, choices: NDArray[Any]) -> NDArray[np.float64]:
        """Gather the gain of one option of each of some rows."""
        gain: NDArray[np.float64] = self.quality[rows, choices].astype(np.float64)
        return gain if self.weights is None else gain * self.weights[rows]

    def costs_of(self, rows: IntArray, choices: NDArray[Any]) -> IntArray:
        """Gather the cost of one option of each of some rows."""
        cost: IntArray = self.cost[choices] if self.shared else self.cost[rows, choices]
        return cost.astype(np.int64, copy=False)

    def take(self, rows: IntArray) -> Problem:
        """Copy some rows into a smaller problem."""
        return Problem(
            self.quality[rows],
            self.cost if self.shared else self.cost[rows],
            None if self.weights is None else self.weights[rows],
            None if self.allowed is None else self.allowed[rows],
            self.n_budgets,
        )

    def surface(self) -> Block | Table:
        """Hold the rows densely where they are few, and read them in blocks where not."""
        return self.block() if self.dense else Table(self)


class Table:
    """Rows of a large problem, read in blocks instead of being copied.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    """

    __slots__ = ("problem",)

    def __init__(self, problem: Problem) -> None:
        self.problem = problem

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.problem)

    def blocks(self) -> Iterator[tuple[slice, Block]]:
        """Walk over the rows in blocks that fit the cache."""
        step = max(1, BLOCK_ELEMENTS // self.problem.n_options)
        for start in range(0, len(self), step):
            part = slice(start, min(start + step, len(self)))
            yield part, self.problem.block(part)
