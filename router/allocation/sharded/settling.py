"""The last round: every shard's choices, written next to each other or sent back."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from router.allocation.sharded.parquet import load_pyarrow
from router.allocation.sharded.pieces import read_pieces, replacing
from router.allocation.sharded.survey import total_of
from router.allocation.sharded.totals import Total

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from router.allocation.sharded.pieces import Bracket, Setting
    from router.allocation.sharded.shard import Source
    from router.allocation.sharded.tasks import Outline

__all__ = ["Orders", "settle_shard"]


@dataclass(frozen=True, slots=True)
class Orders:
    """What becomes of a shard's undecided rows.

    Parameters
    ----------
    n_rich : int
        So many of the first ones take their richer choice.
    first : int
        Number of the first one whose choice is given.
    choices : ndarray of shape (c,), unsigned integer
        The choices of those that follow; all others take their leaner choice.
    """

    n_rich: int
    first: int
    choices: NDArray[Any]

    def choose(self, lean: NDArray[Any], rich: NDArray[Any], seen: int) -> NDArray[Any]:
        """Choose for consecutive undecided rows, so many of which came before."""
        number = np.arange(seen, seen + len(lean))
        chosen = np.where(number < self.n_rich, rich, lean)
        given = (number >= self.first) & (number < self.first + len(self.choices))
        chosen[given] = self.choices[number[given] - self.first]
        return chosen


def settle_shard(
    source: Source,
    setting: Setting,
    chain: Sequence[Bracket],
    orders: Orders,
    outline: Outline,
) -> tuple[Total, NDArray[np.int64] | Path]:
    """Choose one option for every row of a shard; total, and send or write the choices.

    Parameters
    ----------
    source : Source
        Where the shard lies.
    setting : Setting
        What all tasks share.
    chain : sequence of tuple of float
        Brackets that left the undecided rows.
    orders : Orders
        What becomes of these.
    outline : Outline
        Shape and names of the options.
    """
    total = [Total(0, 0)]

    def parts() -> Iterator[NDArray[Any]]:
        """Give the choices piece by piece and add the total up."""
        seen = 0
        for piece in read_pieces(source, setting, chain):
            choices = piece.lean.copy()
            chosen = orders.choose(choices[piece.rows], piece.rich, seen)
            seen += len(piece.rows)
            choices[piece.rows] = chosen
            own = total_of(piece.problem, chosen, setting.scale)
            total[0] = total[0].plus(piece.decided).plus(own)
            yield choices

    if setting.output is None:
        sent = [np.empty(0, dtype=np.uint8), *parts()]
        return total[0], np.concatenate(sent)
    name = f"{source.number:05d}" + (f"-{Path(source.path).stem}" if source.path else "")
    path = Path(setting.output) / (name + (".parquet" if source.is_parquet else ".npy"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as file:
        if source.is_parquet:
            _write_parquet(file, parts(), outline)
        else:
            _write_array(file, parts(), outline)
    return total[0], path


def _write_array(file: IO[bytes], parts: Iterator[NDArray[Any]], outline: Outline) -> None:
    """Write choices as one array of the smallest unsigned type, piece by piece."""
    dtype = np.min_scalar_type(outline.n_options - 1)
    header = {"descr": dtype.str, "fortran_order": False, "shape": (outline.n_rows,)}
    np.lib.format.write_array_header_1_0(file, header)
    for choices in parts:
        file.write(choices.astype(dtype, copy=False).tobytes())


def _write_parquet(file: IO[bytes], parts: Iterator[NDArray[Any]], outline: Outline) -> None:
    """Write the columns `choice` and `option`, piece by piece."""
    pyarrow = load_pyarrow()
    names = pyarrow.array(outline.options)
    kind = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
    schema = pyarrow.schema([("choice", pyarrow.int64()), ("option", kind)])
    with pyarrow.parquet.ParquetWriter(file, schema) as writer:
        for choices in parts:
            codes = pyarrow.array(choices.astype(np.int32))
            option = pyarrow.DictionaryArray.from_arrays(codes, names)
            column = pyarrow.array(choices.astype(np.int64))
            writer.write_batch(pyarrow.record_batch([column, option], schema=schema))
