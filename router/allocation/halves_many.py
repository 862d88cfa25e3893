"""Lists of the cheapest changes to half of the rows, one side of a meeting in the middle."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from router.allocation.block import FloatArray, IntArray

__all__ = ["Half", "Moves", "list_half"]

# Bins of the count of changes by their total loss.
BINS = 256
# Fewer bins than these below the reach are too coarse, so that the count is repeated on finer ones.
BINS_MIN = 32
FINER = 8.0
FINER_MAX = 12


class Moves(NamedTuple):
    """Options that rows may change to, and what each change loses at the prices.

    Parameters
    ----------
    loss : ndarray of shape (n, m), float64
        Loss of every option, zero at the option that a row starts from.
    step : ndarray of shape (n, m, k), int64
        What changing to an option costs more than staying, in micro-units.
    """

    loss: FloatArray
    step: IntArray


class Half(NamedTuple):
    """Every change of some rows that loses less than the reach.

    Parameters
    ----------
    lost : ndarray of shape (s,), float64
        Total loss of every change.
    step : ndarray of shape (s, k), int64
        What it costs more than changing nothing, in micro-units.
    parent : ndarray of shape (s,), int64
        The change that it adds one move to; -1 where nothing is changed.
    move : ndarray of shape (s,), int64
        Row times m plus option of that move.
    reach : float
        Changes that are not listed lose at least this much.
    """

    lost: FloatArray
    step: IntArray
    parent: IntArray
    move: IntArray
    reach: float

    def apply(self, state: int, choices: IntArray, n_options: int) -> None:
        """Write the moves of a change into the choices."""
        while self.parent[state] >= 0:
            row, option = divmod(int(self.move[state]), n_options)
            choices[row] = option
            state = int(self.parent[state])


def list_half(moves: Moves, rows: IntArray, limit: float, states_max: int) -> Half:
    """List the changes of some rows that lose least.

    Parameters
    ----------
    moves : Moves
        Options of all rows.
    rows : ndarray of shape (r,), int64
        Rows of this half; the list grows least where those with the dearest moves come first.
    limit : float
        Changes that lose this much are of no use.
    states_max : int
        About how many changes to list.

    Returns
    -------
    Half
        The list, in the order in which moves were added.
    """
    open_moves = [_open_moves(moves.loss[row], limit) for row in rows]
    losses = [moves.loss[row, options] for row, options in zip(rows, open_moves, strict=True)]
    reach = _find_reach(losses, limit, states_max)
    nothing = np.zeros((1, moves.step.shape[2]), dtype=np.int64)
    half = Half(np.zeros(1), nothing, np.full(1, -1), np.full(1, -1), reach)
    for row, options, loss in zip(rows, open_moves, losses, strict=True):
        near = options[: int(np.searchsorted(loss, half.reach))]
        if len(near):
            half = _extend(half, moves, int(row), near)
        if len(half.lost) > 2 * states_max:
            # The count was an estimate: the reach comes down until the list grows no longer.
            lowered = float(np.partition(half.lost, states_max)[states_max])
            half = half._replace(reach=min(half.reach, lowered))
    return half


def _extend(half: Half, moves: Moves, row: int, options: IntArray) -> Half:
    """Add one row's moves, the least loss first, to all changes that stay below the reach."""
    parent = np.arange(len(half.lost))
    lost: list[FloatArray] = [half.lost]
    parents, move = [half.parent], [half.move]
    step = [half.step]
    for option in options:
        added = half.lost[parent] + moves.loss[row, option]
        below = added < half.reach
        parent, added = parent[below], added[below]
        lost.append(added)
        parents.append(parent)
        move.append(np.full(len(parent), row * moves.loss.shape[1] + option))
        step.append(half.step[parent] + moves.step[row, option])
    return Half(
        np.concatenate(lost),
        np.concatenate(step),
        np.concatenate(parents),
        np.concatenate(move),
        half.reach,
    )


def _open_moves(loss: FloatArray, limit: float) -> IntArray:
    """List a row's moves below the limit, the least loss first, leaving out where it starts."""
    order = loss.argsort(kind="stable")[1:]
    return order[: int(np.searchsorted(loss[order], limit))]


def _find_reach(losses: list[FloatArray], limit: float, states_max: int) -> float:
    """Find a loss below which there are about so many changes."""
    top = limit
    for _ in range(FINER_MAX):
        count = _count_changes(losses, top / BINS)
        place = int(np.searchsorted(count.cumsum(), states_max, side="right"))
        if place >= BINS_MIN:
            break
        top /= FINER
    return top if place > BINS else max(place, 1) * top / BINS


def _count_changes(losses: list[FloatArray], width: float) -> FloatArray:
    """Count the changes by their total loss in bins of some width, as if each move lost whole bins.

    The generating function of the number of changes: one factor per row.
    """
    count = np.zeros(BINS + 1)
    count[0] = 1.0
    for loss in losses:
        near = np.rint(loss[: int(np.searchsorted(loss, width * BINS))] / width)
        if len(near):
            factor = np.bincount(near.astype(np.int64))
            factor[0] += 1
            count = np.convolve(count, factor)[: BINS + 1]
    return count
