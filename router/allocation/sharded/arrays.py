"""Arrays in memory or in files, described for a journey and read in blocks of rows.

Blocks are read with plain reads, not through a memory map: pages of a map would count as memory of
the worker until the last row, and a shard could then not be larger than the memory.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import numpy as np

from router.exceptions import AllocationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.allocation.block import IntArray

__all__ = ["FileRegion", "Rows", "describe_array", "open_rows"]


class FileRegion(NamedTuple):
    """An array in C order within a file."""

    path: str
    offset: int
    dtype: str
    shape: tuple[int, ...]


def describe_array(values: object) -> NDArray[Any] | FileRegion | str:
    """Describe an array so that little travels: a path, a region of a file, or the array itself."""
    if isinstance(values, str | os.PathLike):
        return os.fspath(values)
    if isinstance(values, np.memmap):
        region = _find_region(values)
        return np.asarray(values) if region is None else region
    return np.asarray(values)


def _find_region(mapped: np.memmap[Any, Any]) -> FileRegion | None:
    """Find the region of a file that a memory map, or a slice of its rows, shows."""
    whole = mapped
    while isinstance(whole.base, np.memmap):
        whole = whole.base
    # Changes to a private map are not in its file.
    if not mapped.flags.c_contiguous or whole.mode == "c" or whole.filename is None:
        return None
    moved = mapped.__array_interface__["data"][0] - whole.__array_interface__["data"][0]
    path = str(Path(whole.filename).absolute())
    return FileRegion(path, int(whole.offset + moved), mapped.dtype.str, mapped.shape)


class Rows:
    """Rows of one array, read in blocks.

    Parameters
    ----------
    values : ndarray or FileRegion
        The array, or where it lies.
    """

    __slots__ = ("dtype", "shape", "values")

    def __init__(self, values: NDArray[Any] | FileRegion) -> None:
        self.values = values
        self.shape: tuple[int, ...] = values.shape
        self.dtype = np.dtype(values.dtype)

    def read(self, start: int, stop: int) -> NDArray[Any]:
        """Read consecutive rows."""
        if not isinstance(self.values, FileRegion):
            return np.ascontiguousarray(self.values[start:stop])
        with Path(self.values.path).open("rb", buffering=0) as file:
            return self._read_at(file, self.values.offset, start, stop)

    def _read_at(self, file: IO[bytes], offset: int, start: int, stop: int) -> NDArray[Any]:
        """Read consecutive rows of an open file, from the place where the first row lies."""
        width = int(np.prod(self.shape[1:], dtype=np.int64))
        file.seek(offset + start * width * self.dtype.itemsize)
        found = np.fromfile(file, dtype=self.dtype, count=(stop - start) * width)
        if len(found) < (stop - start) * width:
            raise AllocationError(f"{file.name} ends before row {stop} of {self.shape[0]}")
        return found.reshape((stop - start, *self.shape[1:]))

    def take(self, rows: IntArray) -> NDArray[Any]:
        """Read scattered rows."""
        if not isinstance(self.values, FileRegion):
            taken: NDArray[Any] = self.values[rows]
            return taken
        found = np.empty((len(rows), *self.shape[1:]), dtype=self.dtype)
        with Path(self.values.path).open("rb", buffering=0) as file:
            for place, row in enumerate(rows.tolist()):
                found[place : place + 1] = self._read_at(file, self.values.offset, row, row + 1)
        return found


def open_rows(described: NDArray[Any] | FileRegion | str, name: str) -> Rows:
    """Open a described array.

    Raises
    ------
    AllocationError
        A file is missing or is no ``.npy`` file of numbers.
    """
    if not isinstance(described, str):
        return Rows(described)
    try:
        mapped = np.load(described, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise AllocationError(f"{name} cannot be read from {described}: {error}") from error
    if not isinstance(mapped, np.memmap):
        raise AllocationError(f"{name} cannot be read from {described}: it is no .npy file")
    return Rows(_find_region(mapped) or mapped)
