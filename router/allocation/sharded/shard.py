"""What the caller hands in as a shard, and the description of it that travels to the workers."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation.sharded.arrays import describe_array
from router.exceptions import AllocationError

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Shard", "Source", "describe_shards"]


@dataclass(frozen=True, slots=True)
class Shard:
    """Some rows of a problem, kept together.

    Parameters
    ----------
    quality : array_like of shape (n, m), or path
        Quality of every option in [0, 1]: an array, a memory map, the path of a ``.npy`` file, or
        of a ``.parquet`` file that holds the other fields as well.
    cost : array_like of shape (n, m) or (m,), integer, or path of a ``.npy`` file, optional
        Cost in micro-units; by default the cost that all shards share.
    weights : array_like of shape (n,), or path of a ``.npy`` file, optional
        Importance of every row, finite and not negative.
    allowed : array_like of shape (n, m), bool, or path of a ``.npy`` file, optional
        Options that a row may take.

    Examples
    --------
    >>> import numpy as np
    >>> Shard(np.array([[0.1, 0.6]]), weights=np.array([2.0])).cost is None
    True
    """

    quality: Any
    cost: Any = None
    weights: Any = None
    allowed: Any = None


@dataclass(frozen=True, slots=True)
class Source:
    """Where one shard lies; small, so that it can be sent with every task.

    Parameters
    ----------
    number : int
        Place in the order of shards.
    path : str or None
        File of the qualities where there is one.
    quality, cost, weights, allowed : ndarray, str, FileRegion or None
        The arrays, or where they lie.
    """

    number: int
    path: str | None
    quality: Any
    cost: Any
    weights: Any
    allowed: Any

    @property
    def place(self) -> str:
        """Name the shard in a message."""
        return f"shard {self.number}" + (f" ({self.path})" if self.path else "")

    @property
    def is_parquet(self) -> bool:
        """Whether the shard is a parquet file."""
        return isinstance(self.quality, str) and self.quality.endswith(".parquet")


def describe_shards(shards: object, cost: object) -> list[Source]:
    """Describe shards for the workers: paths stay paths, memory maps become regions of files.

    Raises
    ------
    AllocationError
        There is no shard, or the shared cost is no row of integers.
    """
    if isinstance(shards, str | os.PathLike):
        shards = sorted(Path(shards).glob("**/*.parquet"))
    if not isinstance(shards, Iterable):
        raise AllocationError(
            f"shards are {type(shards).__name__}; a sequence or a directory is needed"
        )
    shared = None if cost is None else _check_shared(cost)
    sources = [_describe(number, shard, shared) for number, shard in enumerate(shards)]
    if not sources:
        raise AllocationError("there are no shards; at least one is needed")
    return sources


def _describe(number: int, shard: object, shared: NDArray[Any] | None) -> Source:
    """Describe one shard, wrapped or bare."""
    if not isinstance(shard, Shard):
        shard = Shard(shard)
    quality = describe_array(shard.quality)
    return Source(
        number,
        quality if isinstance(quality, str) else getattr(quality, "path", None),
        quality,
        shared if shard.cost is None else describe_array(shard.cost),
        None if shard.weights is None else describe_array(shard.weights),
        None if shard.allowed is None else describe_array(shard.allowed),
    )


def _check_shared(cost: object) -> NDArray[Any]:
    """Check that the shared cost is one row of integers."""
    array = np.asarray(cost)
    if array.dtype.kind not in "iu" or array.ndim != 1 or not len(array):
        raise AllocationError(
            f"the shared cost has type {array.dtype} and shape {array.shape}; "
            "one row of integer micro-units is needed"
        )
    return array
