"""The validated problem: arrays checked once at the door, read in blocks afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation.block import Block, IntArray, Plan

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Problem", "Rule", "Table"]

# A rule looks at a block and chooses one option per row.
Rule = Callable[[Block], IntArray]

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
    """

    quality: NDArray[Any]
    cost: NDArray[Any]
    weights: NDArray[np.float64] | None = None
    allowed: NDArray[np.bool_] | None = None
    n_budgets: int | None = None

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

    def block(self, rows: slice | IntArray = slice(None)) -> Block:
        """Read some rows as a dense block."""
        return Block(self.gains(rows), self.costs(rows), masked=self.allowed is not None)

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
    """Rows of a large problem, read in blocks at every round instead of being copied.

    It offers what :class:`Block` offers to the search of the dual.

    Parameters
    ----------
    problem : Problem
        The whole problem.
    rows : ndarray of shape (r,), int64, or None
        Rows in view; None for all of them.
    """

    __slots__ = ("problem", "rows", "size")

    def __init__(self, problem: Problem, rows: IntArray | None = None) -> None:
        self.problem = problem
        self.rows = rows
        self.size = len(self) * problem.n_options

    def __len__(self) -> int:
        """Count the rows in view."""
        return len(self.problem) if self.rows is None else len(self.rows)

    def blocks(self) -> Iterator[tuple[slice, Block]]:
        """Walk over the rows in view in blocks that fit the cache."""
        step = max(1, BLOCK_ELEMENTS // self.problem.n_options)
        for start in range(0, len(self), step):
            part = slice(start, min(start + step, len(self)))
            yield part, self.problem.block(part if self.rows is None else self.rows[part])

    def plans(self, rules: Sequence[Rule]) -> list[Plan]:
        """Apply rules that choose one option per row in a single pass over all blocks."""
        narrow = np.min_scalar_type(self.problem.n_options - 1)
        choices = [np.empty(len(self), dtype=narrow) for _ in rules]
        gain, spend = [0.0] * len(rules), [0] * len(rules)
        for part, block in self.blocks():
            for place, rule in enumerate(rules):
                plan = block.plan(rule(block))
                choices[place][part] = plan.choices
                gain[place] += plan.gain
                spend[place] += plan.spend
        return [Plan(*columns) for columns in zip(choices, gain, spend, strict=True)]

    def plan_at(self, price: float) -> Plan:
        """Choose the best score of each row at a positive price and total the plan."""
        return self.plans([lambda block: block.best_at(price)])[0]

    def gain_of(self, choices: NDArray[Any]) -> NDArray[np.float64]:
        """Gather the gain of each row's choice."""
        rows = np.arange(len(self)) if self.rows is None else self.rows
        gain: NDArray[np.float64] = self.problem.quality[rows, choices].astype(np.float64)
        if self.problem.weights is not None:
            gain *= self.problem.weights[rows]
        return gain

    def cost_of(self, choices: NDArray[Any]) -> IntArray:
        """Gather the cost of each row's choice."""
        rows = np.arange(len(self)) if self.rows is None else self.rows
        table = self.problem.cost
        cost: IntArray = table[choices] if self.problem.shared else table[rows, choices]
        return cost.astype(np.int64, copy=False)

    def plan(self, choices: NDArray[Any]) -> Plan:
        """Total up a plan from its indices, the spend in integers."""
        gain, spend = 0.0, 0
        for start in range(0, len(self), BLOCK_ELEMENTS):
            rows = np.arange(start, min(start + BLOCK_ELEMENTS, len(self)))
            part = Table(self.problem, rows if self.rows is None else self.rows[rows])
            gain += float(part.gain_of(choices[rows]).sum())
            spend += int(part.cost_of(choices[rows]).sum())
        return Plan(choices, gain, spend)

    def take(self, rows: IntArray) -> Block | Table:
        """View some of the rows in view, densely once they are few."""
        inner = rows if self.rows is None else self.rows[rows]
        if len(inner) * self.problem.n_options <= DENSE_ELEMENTS:
            return self.problem.block(inner)
        return Table(self.problem, inner)
