"""The undecided rows of a shard, block by block, and the file that keeps them between rounds.

The file is no more than a shortcut. A task that does not find it, on another machine or because the
worker that wrote it died half-way, reads the shard again and finds the same rows: every task is a
function of its arguments alone and can be run any number of times. A file appears under its name
only when it is complete.
"""

from __future__ import annotations

import uuid
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from router.allocation.problem import Problem
from router.allocation.sharded.checks import check_entries
from router.allocation.sharded.readers import open_shard
from router.allocation.sharded.survey import Survey, survey
from router.allocation.sharded.totals import Total

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from router.allocation.block import IntArray
    from router.allocation.sharded.shard import Source

__all__ = ["Piece", "Setting", "read_pieces", "replacing", "scan_pieces"]

Bracket = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Setting:
    """What all tasks of one run share.

    Parameters
    ----------
    scale : float
        Units in a gain of one.
    n_rows : int
        Rows of all shards together.
    scratch : str or None
        Directory for undecided rows, used by the workers that can see it.
    output : str or None
        Directory that choices are written to; None to send them back.
    """

    scale: float
    n_rows: int
    scratch: str | None
    output: str | None


@dataclass(frozen=True, slots=True)
class Piece:
    """Consecutive rows of a shard after some brackets: who is decided, and the rows that are not.

    Parameters
    ----------
    lean : ndarray of shape (n,), unsigned integer
        Choice of every row at the upper end of the bracket.
    rows : ndarray of shape (u,), int64
        Undecided rows, counted from the first of the piece.
    rich : ndarray of shape (u,), unsigned integer
        Their choice at the lower end.
    problem : Problem
        The undecided rows themselves.
    decided : Total
        Total of the decided rows.
    """

    lean: NDArray[Any]
    rows: IntArray
    rich: NDArray[Any]
    problem: Problem
    decided: Total

    @classmethod
    def of(cls, problem: Problem, found: Survey) -> Piece:
        """Keep what a survey left undecided of some rows."""
        inner = problem.take(found.rows)
        return cls(found.lean, found.rows, found.rich, inner, found.decided)

    def narrow(self, bracket: Bracket, scale: float) -> Piece:
        """Decide more rows within a smaller bracket."""
        found = survey(self.problem, bracket, scale)
        lean = self.lean.copy()
        lean[self.rows] = found.lean
        inner = self.problem.take(found.rows)
        decided = self.decided.plus(found.decided)
        return Piece(lean, self.rows[found.rows], found.rich, inner, decided)


def scan_pieces(
    source: Source, setting: Setting, prices: Sequence[float]
) -> Iterator[tuple[Piece, Survey]]:
    """Read a whole shard, check it, ask it at rising prices and keep its undecided rows.

    Raises
    ------
    AllocationError
        A file or an entry cannot be used; the message names shard, row and column.
    """
    reader = open_shard(source)
    with _keeping(source, setting, (prices[0], prices[-1])) as file:
        for start, problem in reader.blocks():
            check_entries(problem, source.place, start, setting.n_rows)
            found = survey(problem, prices, setting.scale)
            piece = Piece.of(problem, found)
            if file is not None:
                _write_piece(file, piece)
            yield piece, found


def read_pieces(source: Source, setting: Setting, chain: Sequence[Bracket]) -> Iterator[Piece]:
    """Give the pieces of a shard after a chain of brackets, each within the one before."""
    path = _path(source, setting, chain[0])
    if path is not None and path.exists():
        pieces = _load_pieces(path)
    else:
        pieces = (piece for piece, _ in scan_pieces(source, setting, chain[0]))
    for piece in pieces:
        narrowed = piece
        for bracket in chain[1:]:
            narrowed = narrowed.narrow(bracket, setting.scale)
        yield narrowed


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that appears under its name, complete, when it is closed without an error."""
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        with beside.open("wb") as file:
            yield file
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def _keeping(source: Source, setting: Setting, outer: Bracket) -> Iterator[IO[bytes] | None]:
    """Open the file of a shard's undecided rows where the scratch directory is in reach."""
    path = _path(source, setting, outer)
    if path is None:
        yield None
        return
    with replacing(path) as file:
        yield file


def _path(source: Source, setting: Setting, outer: Bracket) -> Path | None:
    """Name the file of a shard's undecided rows, or nothing where there is no place for it."""
    if setting.scratch is None or not Path(setting.scratch).is_dir():
        return None
    return Path(setting.scratch) / f"{source.number}_{outer[0].hex()}_{outer[1].hex()}.pieces"


def _write_piece(file: IO[bytes], piece: Piece) -> None:
    """Append one piece to the file."""
    problem = piece.problem
    for array in (
        np.array(piece.decided, dtype=np.int64),
        piece.lean,
        piece.rows,
        piece.rich,
        problem.quality,
        problem.cost,
        np.empty(0) if problem.weights is None else problem.weights,
        np.empty(0, dtype=np.bool_) if problem.allowed is None else problem.allowed,
    ):
        np.lib.format.write_array(file, array, allow_pickle=False)


def _load_pieces(path: Path) -> Iterator[Piece]:
    """Read the pieces of a file one after the other."""
    with path.open("rb") as file:
        end = path.stat().st_size
        while file.tell() < end:
            head, lean, rows, rich, quality, cost, weights, allowed = (
                np.lib.format.read_array(file, allow_pickle=False) for _ in range(8)
            )
            problem = Problem(
                quality,
                cost,
                weights if len(weights) or not len(rows) else None,
                allowed if len(allowed) or not len(rows) else None,
            )
            yield Piece(lean, rows, rich, problem, Total(int(head[0]), int(head[1])))
