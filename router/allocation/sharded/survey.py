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
from router.allocation.units import count_units

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.allocation.block import IntArray
    from router.allocation.problem import Problem

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


def survey(problem: Problem, prices: Sequence[float], scale: float) -> Survey:
    """Ask rows at rising prices, those in between of the undecided rows only.

    Parameters
    ----------
    problem : Problem
        The rows.
    prices : sequence of float
        At least two prices, rising; zero asks for the richest and infinity for the cheapest plan.
    scale : float
        Units in a gain of one.
    """
    if not len(problem):
        return _survey_nothing(problem, len(prices))
    ((rich, *low), (lean, *high)), found = Reader(problem, scale).choose((prices[0], prices[-1]))
    rows = np.flatnonzero(rich != lean)
    inner, rich, lean_inner = problem.take(rows), rich[rows], lean[rows]
    decided = Total(*high).minus(total_of(inner, lean_inner, scale))
    between = _ask_between(inner, prices[1:-1], scale)
    answers = [rich, *(choices for choices, _ in between), lean_inner]
    return Survey(
        lean,
        rows,
        rich,
        decided,
        [Total(*low), *(decided.plus(total) for _, total in between), Total(*high)],
        [int(np.count_nonzero(one != other)) for one, other in pairwise(answers)],
        found.least,
    )


def _ask_between(
    problem: Problem, prices: Sequence[float], scale: float
) -> list[tuple[NDArray[Any], Total]]:
    """Ask undecided rows at the prices in between: their choices and total at each."""
    if not len(problem):
        return [(np.empty(0, dtype=np.int64), Total(0, 0))] * len(prices)
    plans, _ = Reader(problem, scale).choose(prices)
    return [(choices, Total(units, spend)) for choices, units, spend in plans]


def total_of(problem: Problem, choices: NDArray[Any], scale: float) -> Total:
    """Total up one choice a row in whole numbers."""
    rows = np.arange(len(problem))
    units = count_units(problem.gains_of(rows, choices), scale).sum()
    return Total(int(units), int(problem.costs_of(rows, choices).sum()))


def _survey_nothing(problem: Problem, n_prices: int) -> Survey:
    """Give the answers of no rows."""
    empty = np.empty(0, dtype=np.min_scalar_type(problem.n_options - 1))
    nothing = Total(0, 0)
    totals, moving = [nothing] * n_prices, [0] * (n_prices - 1)
    return Survey(empty, np.empty(0, dtype=np.int64), empty, nothing, totals, moving, 0)
