"""Dependent rows: each group becomes one row, its frontier of cost against product of qualities.

A chain or a graph of sub-questions succeeds when all of its parts do, and parts are taken for
independent given their options, so its expected success is the product of their qualities. Partial
combinations that cost no less and promise no more than another stay worse whatever follows, so
members are joined one at a time and only undominated combinations are kept: that is exact. Where
more of them remain than a group may have, combinations of nearly the same product are thinned to
the cheapest one, and how much quality that may lose is added to the bound of the plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation.funding import least_totals
from router.allocation.pareto import find_undominated, thin_points
from router.allocation.problem import DENSE_ELEMENTS, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from router.allocation.block import FloatArray, IntArray

__all__ = ["Folded", "fold_groups"]

# Points of one group's frontier.
POINTS_MAX = 4096
# Combinations looked at when a member joins, all members together and at least and at most each;
# under several budgets fewer, because each is compared with all that are better.
CANDIDATES = (1 << 25, 1 << 15, 1 << 16)
CANDIDATES_MANY = (1 << 19, 1 << 10, 1 << 13)
# All rows of the folded problem are as wide as the widest: among many rows finished frontiers have
# fewer points, so that the whole is still searched exactly.
POINTS_MIN = 64


@dataclass(frozen=True, slots=True)
class _Limits:
    """How many points a frontier has while members are to come and at the end, and candidates."""

    points: int
    points_last: int
    candidates: int


@dataclass(frozen=True, slots=True)
class _Frontier:
    """Undominated combinations of some members' options.

    `cost` has shape (s, k), `product` (s,), `picks` (s, members), and `loss` bounds by how much a
    combination that was thinned out may exceed the best one left at its cost.
    """

    cost: IntArray
    product: FloatArray
    picks: IntArray
    loss: float


@dataclass(frozen=True, slots=True)
class Folded:
    """A problem whose dependent rows are joined, and the way back.

    Parameters
    ----------
    problem : Problem
        One row for every group and every row that stands alone, by their first member.
    loss : float
        How much weighted value the thinning of frontiers may have cost at most; 0 where none was
        thinned.
    members : tuple of ndarray of int64, or None
        By row of the folded problem the rows it stands for; None where no rows are joined.
    picks : mapping of int to ndarray of int64, shape (s, members)
        By row of the folded problem that is a group, what each of its points stands for.
    """

    problem: Problem
    loss: float = 0.0
    members: tuple[IntArray, ...] | None = None
    picks: Mapping[int, IntArray] = field(default_factory=dict)

    def unfold(self, choices: IntArray) -> IntArray:
        """Turn the choices of the folded problem into those of its rows."""
        if self.members is None:
            return choices
        unfolded = np.full(sum(map(len, self.members)), -1, dtype=np.int64)
        for row, (choice, members) in enumerate(zip(choices.tolist(), self.members, strict=True)):
            if choice >= 0:
                picks = self.picks.get(row)
                unfolded[members] = choice if picks is None else picks[choice]
        return unfolded

    def raise_to_highest(self, values: NDArray[Any]) -> NDArray[Any]:
        """Give every row of the folded problem the highest value of the rows it stands for."""
        if self.members is None:
            return values
        return np.array([values[rows].max() for rows in self.members])


def fold_groups(
    problem: Problem,
    labels: IntArray,
    *,
    budgets: tuple[int, ...] | None = None,
    points_max: int = POINTS_MAX,
) -> Folded:
    """Join the rows of every group into one row.

    A group weighs what the heaviest of its members does. Rows that stand alone stay as they are.

    Parameters
    ----------
    problem : Problem
        Rows, each with at least one option.
    labels : ndarray of shape (n,), int64
        Rows with one label form a group.
    budgets : tuple of int, optional
        Ceilings in micro-units: combinations above with all other rows at their least cost are left
        out, which leaves room for finer ones. Without effect where they reach no plan.
    points_max : int, default=4096
        Points that a group's frontier may have; fewer among more than 64 rows.

    Returns
    -------
    Folded

    Examples
    --------
    >>> parts = Problem(np.array([[0.5, 0.9], [0.6, 0.8]]), np.array([1, 3]))
    >>> folded = fold_groups(parts, np.array([0, 0]))
    >>> folded.problem.quality.round(2).tolist(), folded.problem.cost.tolist()
    ([[0.3, 0.54, 0.72]], [[2, 4, 6]])
    """
    order = labels.argsort(kind="stable")
    _, starts = np.unique(labels[order], return_index=True)
    members = sorted(np.split(order, starts[1:]), key=lambda rows: int(rows[0]))
    room = max(POINTS_MIN, problem.n_options, DENSE_ELEMENTS // len(members))
    n_joining = sum(len(rows) for rows in members if len(rows) > 1)
    total, least, most = CANDIDATES if (problem.n_budgets or 1) == 1 else CANDIDATES_MANY
    candidates = min(most, max(least, total // max(1, n_joining)))
    limits = _Limits(points_max, min(points_max, room), candidates)
    slack = None
    if budgets is not None:
        slack = np.array(budgets) - np.array(least_totals(problem))
        slack = None if slack.min() < 0 else slack
    frontiers = {
        row: _join(problem, rows, limits, slack)
        for row, rows in enumerate(members)
        if len(rows) > 1
    }
    weights = problem.weights
    if weights is not None:
        weights = np.array([weights[rows].max() for rows in members])
    losses = [
        frontier.loss * (1.0 if weights is None else float(weights[row]))
        for row, frontier in frontiers.items()
    ]
    return Folded(
        _lay_out(problem, members, frontiers, weights),
        sum(losses),
        tuple(members),
        {row: frontier.picks for row, frontier in frontiers.items()},
    )


def _join(problem: Problem, rows: IntArray, limits: _Limits, slack: IntArray | None) -> _Frontier:
    """Build the frontier of a group, one member after the other.

    With a slack its points cost no more than that above the least.
    """
    n_budgets = problem.n_budgets or 1
    none = np.zeros((1, 0), dtype=np.int64)
    joined = _Frontier(np.zeros((1, n_budgets), dtype=np.int64), np.ones(1), none, 0.0)
    least = np.zeros(n_budgets, dtype=np.int64)
    for row in rows.tolist():
        quality, cost, option = _read_row(problem, row)
        total = (joined.cost[:, None, :] + cost).reshape(-1, n_budgets)
        product = np.multiply.outer(joined.product, quality).ravel()
        least = least + cost.min(axis=0)
        kept = np.arange(len(total))
        if slack is not None:
            within = np.flatnonzero((total - least <= slack).all(axis=1))
            # Budgets that no combination keeps together are for the solver to refuse.
            kept = within if len(within) else kept
        kept = kept[find_undominated(total[kept], product[kept])]
        points = min(limits.points, limits.candidates // len(option))
        points = limits.points_last if row == rows[-1] else points
        thinned, loss = thin_points(total[kept], product[kept], max(2, points))
        kept = kept[thinned]
        parent, column = np.divmod(kept, len(option))
        picks = np.column_stack([joined.picks[parent], option[column]])
        # What was lost before shrinks with every further part, as the product does.
        loss += joined.loss * float(quality.max())
        joined = _Frontier(total[kept], product[kept], picks, loss)
    return joined


def _read_row(problem: Problem, row: int) -> tuple[FloatArray, IntArray, IntArray]:
    """Read the undominated options of one row: quality, costs of shape (s, k), positions."""
    one = problem.take(np.array([row]))
    quality = one.quality[0].astype(np.float64)
    cost = one.costs().reshape((problem.n_options, -1))
    option = np.arange(problem.n_options) if one.allowed is None else np.flatnonzero(one.allowed[0])
    option = option[find_undominated(cost[option], quality[option])]
    return quality[option], cost[option], option


def _lay_out(
    problem: Problem,
    members: list[IntArray],
    frontiers: dict[int, _Frontier],
    weights: FloatArray | None,
) -> Problem:
    """Write frontiers and single rows into one table, as wide as its widest row."""
    tail = () if problem.n_budgets is None else (problem.n_budgets,)
    widths = [len(frontier.product) for frontier in frontiers.values()]
    width = max([problem.n_options, *widths])
    quality = np.zeros((len(members), width))
    cost = np.zeros((len(members), width, *tail), dtype=np.int64)
    allowed = np.zeros((len(members), width), dtype=np.bool_)
    alone = np.array([row for row in range(len(members)) if row not in frontiers], dtype=np.int64)
    single = problem.take(np.array([members[row][0] for row in alone.tolist()], dtype=np.int64))
    columns = slice(problem.n_options)
    quality[alone, columns] = single.quality
    cost[alone, columns] = single.costs()
    allowed[alone, columns] = True if single.allowed is None else single.allowed
    for row, frontier in frontiers.items():
        part = slice(len(frontier.product))
        quality[row, part] = frontier.product
        cost[row, part] = frontier.cost.reshape((-1, *tail))
        allowed[row, part] = True
    return Problem(quality, cost, weights, allowed, problem.n_budgets)
