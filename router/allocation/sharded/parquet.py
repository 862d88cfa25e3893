"""Shards that are parquet files: one column per option, read in batches of rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation.problem import Problem
from router.allocation.sharded.joining import join_problems
from router.exceptions import AllocationError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from router.allocation.block import IntArray

__all__ = ["ParquetReader", "load_pyarrow"]

QUALITY, COST, ALLOWED, WEIGHT = "quality_", "cost_", "allowed_", "weight"


def load_pyarrow() -> Any:
    """Import pyarrow with its parquet module.

    Raises
    ------
    MissingExtraError
        pyarrow is not installed.
    """
    try:
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError.for_extra("sharded", "allocating over parquet shards") from None
    return pyarrow


class ParquetReader:
    """A shard in a parquet file.

    Parameters
    ----------
    path : str
        The file.
    place : str
        Name of the shard in messages.
    cost : ndarray of shape (m,), integer, or None
        Cost that all rows share, used where the file has no columns of costs.
    read_elements : int
        Entries read at a time.
    """

    def __init__(
        self, path: str, place: str, cost: NDArray[Any] | None, *, read_elements: int
    ) -> None:
        pyarrow = load_pyarrow()
        try:
            self._file = pyarrow.parquet.ParquetFile(path)
        except (OSError, pyarrow.ArrowException) as error:
            raise AllocationError(f"{place} cannot be read: {error}") from error
        self._place = place
        self._schema = self._file.schema_arrow
        names = self._schema.names
        self.options: tuple[str, ...] = tuple(
            name.removeprefix(QUALITY) for name in names if name.startswith(QUALITY)
        )
        self.n_rows, self.n_options = int(self._file.metadata.num_rows), len(self.options)
        if not self.options:
            raise AllocationError(
                f"{place} has no column {QUALITY}<option>; one per option is needed"
            )
        # Columns of the file go before the cost that is given for all shards.
        self._cost = None if any(name.startswith(COST) for name in names) else cost
        self._check_columns()
        self._step = max(1, read_elements // self.n_options)

    def _check_columns(self) -> None:
        """Check that the columns are complete and of fitting types."""
        from pyarrow import types

        wanted = {QUALITY: (types.is_floating, "floating"), ALLOWED: (types.is_boolean, "boolean")}
        if self._cost is None:
            wanted[COST] = types.is_integer, "integer"
            missing = [o for o in self.options if COST + o not in self._schema.names]
            if missing:
                raise AllocationError(
                    f"{self._place} has no column {COST}{missing[0]}; it is needed "
                    "unless one cost is given for all shards"
                )
        elif self._cost.shape != (self.n_options,):
            raise AllocationError(
                f"{self._place} has {self.n_options} options; the cost has shape {self._cost.shape}"
            )
        for prefix, (fits, word) in wanted.items():
            for option in self.options:
                if prefix + option in self._schema.names:
                    kind = self._schema.field(prefix + option).type
                    if not fits(kind):
                        raise AllocationError(
                            f"{self._place}: column {prefix}{option} has type {kind}; "
                            f"a {word} one is needed"
                        )

    def blocks(self) -> Iterator[tuple[int, Problem]]:
        """Walk over all rows, each block with the number of its first row."""
        return self._walk(list(range(self._file.num_row_groups)), 0)

    def _walk(self, groups: list[int], start: int) -> Iterator[tuple[int, Problem]]:
        """Walk over consecutive row groups from a row on."""
        if not groups:
            return
        for batch in self._file.iter_batches(
            self._step, row_groups=groups, columns=self._columns(), use_threads=False
        ):
            if batch.num_rows:
                yield start, self._read(batch, start)
                start += batch.num_rows

    def take(self, rows: IntArray) -> Problem:
        """Read some rows from the row groups that hold them."""
        counts = [
            self._file.metadata.row_group(g).num_rows for g in range(self._file.num_row_groups)
        ]
        ends = np.cumsum(counts, dtype=np.int64)
        parts = []
        for group in np.unique(ends.searchsorted(rows, side="right")).tolist():
            for start, problem in self._walk([group], int(ends[group]) - counts[group]):
                inside = rows[(rows >= start) & (rows < start + len(problem))] - start
                if len(inside):
                    parts.append(problem.take(inside))
        return join_problems(parts, self.n_options)

    def largest_weight(self) -> float:
        """Find the largest weight, one where there are none."""
        if WEIGHT not in self._schema.names:
            return 1.0
        largest = 0.0
        for batch in self._file.iter_batches(columns=[WEIGHT], use_threads=False):
            weights = batch.column(0).to_numpy(zero_copy_only=False).astype(np.float64)
            largest = max(largest, float(weights[np.isfinite(weights)].max(initial=0.0)))
        return largest

    def _columns(self) -> list[str]:
        """Name the columns that are read; others may stand beside them."""
        prefixes = (QUALITY, ALLOWED, *([COST] if self._cost is None else []))
        wanted = {prefix + option for prefix in prefixes for option in self.options} | {WEIGHT}
        return [name for name in self._schema.names if name in wanted]

    def _read(self, batch: Any, start: int) -> Problem:
        """Turn a batch of rows into arrays."""
        narrow = all(str(self._schema.field(QUALITY + o).type) == "float" for o in self.options)
        shape = batch.num_rows, self.n_options
        quality = np.empty(shape, dtype=np.float32 if narrow else np.float64)
        allowed = np.ones(shape, dtype=np.bool_)
        cost = np.empty(shape, dtype=np.int64) if self._cost is None else self._cost
        masked = False
        for place, option in enumerate(self.options):
            quality[:, place] = batch.column(QUALITY + option).to_numpy(zero_copy_only=False)
            if self._cost is None:
                cost[:, place] = self._whole(batch, COST + option, start)
            if ALLOWED + option in batch.schema.names:
                allowed[:, place] = self._whole(batch, ALLOWED + option, start)
                masked = True
        weights = None
        if WEIGHT in batch.schema.names:
            weights = batch.column(WEIGHT).to_numpy(zero_copy_only=False).astype(np.float64)
        return Problem(quality, cost, weights, allowed if masked else None)

    def _whole(self, batch: Any, name: str, start: int) -> NDArray[Any]:
        """Read a column that may have no gaps."""
        column = batch.column(name)
        if column.null_count:
            row = start + int(column.is_null().to_numpy(zero_copy_only=False).argmax())
            raise AllocationError(f"{self._place}: {name}[{row}] is empty; a value is needed")
        array: NDArray[Any] = column.to_numpy(zero_copy_only=False)
        return array
