"""What workers do: a task is a function of its arguments, sends little back, can be re-run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from router.allocation.sharded.checks import check_entries
from router.allocation.sharded.joining import join_problems
from router.allocation.sharded.pieces import read_pieces, scan_pieces
from router.allocation.sharded.readers import open_shard
from router.allocation.sharded.survey import survey, total_of
from router.allocation.sharded.totals import Total
from router.exceptions import AllocationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.allocation.block import IntArray
    from router.allocation.problem import Problem
    from router.allocation.sharded.pieces import Bracket, Setting
    from router.allocation.sharded.shard import Source

__all__ = [
    "Answer",
    "Open",
    "Outline",
    "collect_rows",
    "count_fitting",
    "outline_shard",
    "sample_shard",
    "scan_shard",
    "survey_shard",
]


class Outline(NamedTuple):
    """What is known of a shard before any row is read."""

    n_rows: int
    n_options: int
    options: tuple[str, ...]
    largest_weight: float


@dataclass(frozen=True, slots=True)
class Answer:
    """Totals of a shard at every price of a round.

    Parameters
    ----------
    totals : tuple of Total
        One total a price.
    moving : tuple of int
        Rows whose choice differs between a price and the next.
    n_rows : int
        Rows that were looked at.
    least : int
        Cheapest total of the shard in micro-units; zero but in a round over all rows.
    """

    totals: tuple[Total, ...]
    moving: tuple[int, ...]
    n_rows: int
    least: int = 0

    def plus(self, other: Answer) -> Answer:
        """Add the answer of another part."""
        return Answer(
            tuple(one.plus(two) for one, two in zip(self.totals, other.totals, strict=True)),
            tuple(one + two for one, two in zip(self.moving, other.moving, strict=True)),
            self.n_rows + other.n_rows,
            self.least + other.least,
        )

    @classmethod
    def of_all(cls, answers: Sequence[Answer]) -> Answer:
        """Add up the answers of all shards."""
        total = cls.nothing(len(answers[0].totals))
        for answer in answers:
            total = total.plus(answer)
        return total

    @classmethod
    def nothing(cls, n_prices: int) -> Answer:
        """Give the answer of no rows."""
        return cls((Total(0, 0),) * n_prices, (0,) * (n_prices - 1), 0)


@dataclass(frozen=True, slots=True)
class Open:
    """Undecided rows with their two choices, in the order of rows.

    Parameters
    ----------
    problem : Problem
        The rows.
    lean, rich : ndarray of shape (u,), int64
        Their choices at the upper and at the lower end of the bracket.
    n_read : int
        Rows that were looked at to find them.
    """

    problem: Problem
    lean: NDArray[Any]
    rich: NDArray[Any]
    n_read: int


def outline_shard(source: Source) -> Outline:
    """Read shape, options and largest weight of a shard."""
    reader = open_shard(source)
    return Outline(reader.n_rows, reader.n_options, reader.options, reader.largest_weight())


def sample_shard(source: Source, setting: Setting, rows: IntArray) -> Problem:
    """Read some rows of a shard."""
    problem = open_shard(source).take(rows)
    try:
        check_entries(problem, source.place, 0, setting.n_rows)
    except AllocationError:
        # Sampled rows are not consecutive, so the wrong one is looked for row by row.
        for place, row in enumerate(rows.tolist()):
            check_entries(problem.take(np.array([place])), source.place, row, setting.n_rows)
        raise
    return problem


def scan_shard(source: Source, setting: Setting, prices: Sequence[float]) -> Answer:
    """Ask all rows of a shard at rising prices."""
    answer = Answer.nothing(len(prices))
    for _, found in scan_pieces(source, setting, prices):
        part = Answer(tuple(found.totals), tuple(found.moving), len(found.lean), found.least)
        answer = answer.plus(part)
    return answer


def survey_shard(
    source: Source, setting: Setting, chain: Sequence[Bracket], prices: Sequence[float]
) -> Answer:
    """Ask the rows that a chain of brackets left undecided at rising prices."""
    answer = Answer.nothing(len(prices))
    for piece in read_pieces(source, setting, chain):
        found = survey(piece.problem, prices, setting.scale)
        totals = tuple(total.plus(piece.decided) for total in found.totals)
        answer = answer.plus(Answer(totals, tuple(found.moving), len(piece.problem)))
    return answer


def collect_rows(
    source: Source, setting: Setting, chain: Sequence[Bracket], first: int, count: int
) -> Open:
    """Send undecided rows back, counted from the shard's first undecided one."""
    parts: list[Problem] = []
    lean, rich = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=np.int64)]
    seen = n_read = 0
    for piece in read_pieces(source, setting, chain):
        n_read += len(piece.rows)
        wanted = np.arange(max(0, first - seen), min(len(piece.rows), first + count - seen))
        seen += len(piece.rows)
        parts.append(piece.problem.take(wanted))
        lean.append(piece.lean[piece.rows[wanted]].astype(np.int64))
        rich.append(piece.rich[wanted].astype(np.int64))
        if seen >= first + count:
            break
    problem = join_problems(parts, parts[0].n_options if parts else 1)
    return Open(problem, np.concatenate(lean), np.concatenate(rich), n_read)


def count_fitting(source: Source, setting: Setting, chain: Sequence[Bracket], room: int) -> Answer:
    """Count the undecided rows that move to their richer choice, in order, while they fit.

    Returns
    -------
    Answer
        The rows that move as `n_rows`, and the total by which they change the plan.
    """
    moved, change = 0, Total(0, 0)
    for piece in read_pieces(source, setting, chain):
        lean, rows = piece.lean[piece.rows], np.arange(len(piece.rows))
        cost = piece.problem.costs_of(rows, lean)
        steps = piece.problem.costs_of(rows, piece.rich) - cost
        over = np.flatnonzero(change.spend + steps.cumsum() > room)
        stop = int(over[0]) if len(over) else len(steps)
        taken = piece.problem.take(rows[:stop])
        rich = total_of(taken, piece.rich[:stop], setting.scale)
        change = change.plus(rich).minus(total_of(taken, lean[:stop], setting.scale))
        moved += stop
        if len(over):
            break
    return Answer((change,), (), moved)
