"""A shard opened on a worker: its rows in blocks, some of its rows, its largest weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from router.allocation.problem import Problem
from router.allocation.sharded.arrays import Rows, open_rows
from router.allocation.sharded.checks import check_shapes
from router.allocation.sharded.parquet import ParquetReader
from router.exceptions import AllocationError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from router.allocation.block import IntArray
    from router.allocation.sharded.shard import Source

__all__ = ["ArrayReader", "Reader", "open_shard"]

# Elements read at a time: four mebibytes of single precision, whatever the size of the shard.
READ_ELEMENTS = 1 << 20


class Reader(Protocol):
    """What the tasks need of an open shard."""

    n_rows: int
    n_options: int
    options: tuple[str, ...]

    def blocks(self) -> Iterator[tuple[int, Problem]]:
        """Walk over all rows, each block with the number of its first row."""
        ...

    def take(self, rows: IntArray) -> Problem:
        """Read some rows, given in ascending order."""
        ...

    def largest_weight(self) -> float:
        """Find the largest weight, one where there are none."""
        ...


def open_shard(source: Source) -> Reader:
    """Open a shard where it lies.

    Raises
    ------
    AllocationError
        A file is missing or damaged, or shapes do not fit; the message names the shard.
    MissingExtraError
        The shard is a parquet file and pyarrow is not installed.
    """
    if source.is_parquet:
        whole = source.cost is None or isinstance(source.cost, np.ndarray)
        if not whole or source.weights is not None or source.allowed is not None:
            raise AllocationError(
                f"{source.place}: costs of rows, weights and allowed options of a parquet shard "
                "are columns of its file"
            )
        step = READ_ELEMENTS
        return ParquetReader(source.quality, source.place, source.cost, read_elements=step)
    return ArrayReader(source)


class ArrayReader:
    """A shard of arrays.

    Parameters
    ----------
    source : Source
        Where the arrays are.
    """

    def __init__(self, source: Source) -> None:
        place = source.place
        self._quality = open_rows(source.quality, f"{place}: quality")
        if source.cost is None:
            raise AllocationError(f"{place} has no cost; give it with the shard or for all shards")
        self._cost = open_rows(source.cost, f"{place}: cost")
        self._weights = _open_optional(source.weights, f"{place}: weights")
        self._allowed = _open_optional(source.allowed, f"{place}: allowed")
        check_shapes(place, self._quality, self._cost, self._weights, self._allowed)
        self.n_rows, self.n_options = self._quality.shape
        self.options: tuple[str, ...] = ()

    def blocks(self) -> Iterator[tuple[int, Problem]]:
        """Walk over all rows, each block with the number of its first row."""
        step = max(1, READ_ELEMENTS // self.n_options)
        for start in range(0, self.n_rows, step):
            stop = min(start + step, self.n_rows)
            yield start, self._problem(lambda rows, a=start, b=stop: rows.read(a, b))

    def take(self, rows: IntArray) -> Problem:
        """Read some rows."""
        return self._problem(lambda array: array.take(rows))

    def largest_weight(self) -> float:
        """Find the largest weight, one where there are none."""
        if self._weights is None:
            return 1.0
        largest = 0.0
        for start in range(0, self.n_rows, READ_ELEMENTS):
            part = self._weights.read(start, min(start + READ_ELEMENTS, self.n_rows))
            # What is no finite number is named when its row is checked.
            finite = part[np.isfinite(part)]
            largest = max(largest, float(finite.max(initial=0.0)))
        return largest

    def _problem(self, read: Any) -> Problem:
        """Read the same rows of all arrays."""
        quality: NDArray[Any] = read(self._quality)
        if quality.dtype not in (np.float64, np.float32):
            quality = quality.astype(np.float64)
        shared = len(self._cost.shape) == 1
        cost = self._cost.read(0, self.n_options) if shared else read(self._cost)
        weights = None if self._weights is None else read(self._weights).astype(np.float64)
        allowed = None if self._allowed is None else read(self._allowed)
        return Problem(quality, cost, weights, allowed)


def _open_optional(described: Any, name: str) -> Rows | None:
    """Open a described array where there is one."""
    return None if described is None else open_rows(described, name)
