"""Rows asked at several prices at once: what a task does to every block it reads.

The choice of a row changes with the price in one direction only. A row that answers the lowest and
the highest price alike is decided for every price in between and is asked no more.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation.reader import Reader
from router.allocation.sharded.totals import Total

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.allocation.block import IntArray
    from router.allocation.problem import Problem
    from router.allocation.sharded.totals import Scale

__all__ = ["Survey", "survey", "total_of"]


@dataclass(frozen=True, slots=True)
class Survey:
    """What some rows answer to rising prices.

    Parameters
    ----------
    lean : ndarray of shape (n,), unsigned integer
        Choice of every row at the highest price.
    rows : ndarray of shape (u,), int64
        Rows whose choice at the lowest price is another: the undecided ones.
    rich : ndarray of shape (u,), unsigned integer
        Their choice at the lowest price.
    decided : Total
        Total of the other rows.
    totals : list of Total
        Total of all rows at every price.
    moving : list of int
        Number of rows whose choice differs between a price and the next.
    least : int
        Total of every row's least cost in micro-units.
    """

    lean: NDArray[Any]
    rows: IntArray
    rich: NDArray[Any]
    decided: Total
    totals: list[Total]
    moving: list[int]
    least: int


def survey(problem: Problem, prices: Sequence[float], scale: Scale) -> Survey:
    """Ask rows at rising prices, those in between of the undecided rows only.

    Parameters
    ----------
    problem : Problem
        The rows.
    prices : sequence of float
        At least two prices, rising; zero asks for the richest and infinity for the cheapest plan.
    scale : Scale
        Unit of gains.
    """
    if not len(problem):
        return _survey_nothing(problem, len(prices))
    (low, high), found = Reader(problem, scale.units).choose((prices[0], prices[-1]))
    rows = np.flatnonzero(low.choices != high.choices)
    inner = problem.take(rows)
    ends = low.choices[rows], high.choices[rows]
    decided = Total(high.gain, high.spend).minus(total_of(inner, ends[1], scale))
    between, _ = Reader(inner, scale.units).choose(prices[1:-1]) if len(rows) else ([], found)
    answers = [ends[0], *(tally.choices for tally in between), ends[1]]
    totals = [decided.plus(Total(tally.gain, tally.spend)) for tally in between]
    if not len(rows):
        answers, totals = list(ends) * len(prices), [decided] * (len(prices) - 2)
    return Survey(
        high.choices,
        rows,
        ends[0],
        decided,
        [Total(low.gain, low.spend), *totals, Total(high.gain, high.spend)],
        [int(np.count_nonzero(a != b)) for a, b in pairwise(answers[: len(prices)])],
        found.least,
    )


def total_of(problem: Problem, choices: NDArray[Any], scale: Scale) -> Total:
    """Total up one choice a row in whole numbers."""
    rows = np.arange(len(problem))
    gain = Reader(problem, scale.units).count(problem.gains_of(rows, choices))
    return Total(gain, int(problem.costs_of(rows, choices).sum()))


def _survey_nothing(problem: Problem, n_prices: int) -> Survey:
    """Give the answers of no rows."""
    empty = np.empty(0, dtype=np.min_scalar_type(problem.n_options - 1))
    nothing = Total(0, 0)
    totals, moving = [nothing] * n_prices, [0] * (n_prices - 1)
    return Survey(empty, np.empty(0, dtype=np.int64), empty, nothing, totals, moving, 0)
