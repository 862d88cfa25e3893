"""From the bracket to one order a shard: solve the undecided rows, or split the tied ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.allocation.sharded.engine import run_tasks
from router.allocation.sharded.joining import join_problems
from router.allocation.sharded.residual import fill_ties, solve_open
from router.allocation.sharded.settling import Orders
from router.allocation.sharded.survey import total_of
from router.allocation.sharded.tasks import Answer, Open, collect_rows, count_fitting
from router.allocation.sharded.totals import price_between

if TYPE_CHECKING:
    from collections.abc import Sequence

    from router.allocation.block import IntArray
    from router.allocation.sharded.search import Found, Run

__all__ = ["Verdict", "settle_rows"]


class Verdict(NamedTuple):
    """What every shard has to do, and what is proven of the plan.

    Parameters
    ----------
    orders : list of Orders
        One for every shard.
    price : float
        Dual price, value per micro-unit.
    bound : float
        Upper bound on the value of every plan.
    """

    orders: list[Orders]
    price: float
    bound: float


def settle_rows(run: Run, found: Found) -> Verdict:
    """Settle what the rounds left undecided."""
    if found.kind == "slack":
        return Verdict([_orders(0, 0, [])] * len(run.sources), 0.0, found.dual)
    return _gather(run, found) if found.kind == "dual" else _split(run, found)


def _gather(run: Run, found: Found) -> Verdict:
    """Bring all undecided rows to the driver and solve them there."""
    parts = run.ask(collect_rows, found.chain, 0, Answer.of_all(found.answers).n_rows)
    rows = _join_open(parts, run)
    scale = run.setting.scale
    _, high = Answer.of_all(found.answers).totals
    decided = high.minus(total_of(rows.problem, rows.lean, scale))
    solved = solve_open(rows, run.budget - decided.spend, scale)
    ends = np.cumsum([len(part.problem) for part in parts])[:-1]
    orders = [_orders(0, 0, choices) for choices in np.split(solved.choices, ends)]
    bound = decided.units / scale + solved.bound
    return Verdict(orders, solved.price, min(found.dual, bound))


def _split(run: Run, found: Found) -> Verdict:
    """Split tied rows in their order: those that fit, then some that compete for what is left."""
    low, high = Answer.of_all(found.answers).totals
    price = price_between(low, high, run.setting.scale)
    room, counts = run.budget - high.spend, [answer.moving[0] for answer in found.answers]
    rich = list(counts)
    for place, answer in enumerate(found.answers):
        step = answer.totals[0].spend - answer.totals[1].spend
        if step > room:
            call = run.sources[place], run.setting, found.chain, room
            (stop,) = run_tasks(count_fitting, [call], run.n_jobs)
            room -= stop.totals[0].spend
            rich[place:] = [stop.n_rows, *([0] * (len(counts) - place - 1))]
            break
        room -= step
    windows = _windows(counts, rich, run.limits.window_rows)
    calls = [
        (source, run.setting, found.chain, first, count)
        for source, (first, count) in zip(run.sources, windows, strict=True)
        if count
    ]
    parts = run_tasks(collect_rows, calls, run.n_jobs)
    choices = fill_ties(_join_open(parts, run), room, price, run.setting.scale)
    pieces = iter(np.split(choices, np.cumsum([len(part.problem) for part in parts])[:-1]))
    orders = [
        _orders(n_rich, first, next(pieces) if count else [])
        for n_rich, (first, count) in zip(rich, windows, strict=True)
    ]
    return Verdict(orders, price, found.dual)


def _windows(counts: Sequence[int], rich: Sequence[int], n_rows: int) -> list[tuple[int, int]]:
    """Find the undecided rows that follow those that moved: their first number and their count."""
    windows = []
    for count, moved in zip(counts, rich, strict=True):
        taken = min(count - moved, n_rows)
        windows.append((moved, taken))
        n_rows -= taken
    return windows


def _join_open(parts: Sequence[Open], run: Run) -> Open:
    """Join the undecided rows of all shards in their order, and count what was read for them."""
    n_read = sum(part.n_read for part in parts)
    run.rows_read.append(n_read)
    return Open(
        join_problems([part.problem for part in parts], run.n_options),
        np.concatenate([part.lean for part in parts]),
        np.concatenate([part.rich for part in parts]),
        n_read,
    )


def _orders(n_rich: int, first: int, choices: IntArray | list[int]) -> Orders:
    """Put an order together, the choices as small as they come."""
    return Orders(n_rich, first, np.asarray(choices, dtype=np.int64))
