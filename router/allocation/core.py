"""The exact core: a search over the few rows that the dual price leaves in doubt.

An option whose loss at the dual price reaches the distance between bound and best known plan
cannot be part of a better plan. The rows with more than one option left are enumerated as Pareto
states (spend, gain); a state is dropped when the linear relaxation of the rows to come cannot lift
it above the best known plan.

References
----------
.. [1] Pisinger, D., "A minimal algorithm for the multiple-choice knapsack problem", European
   Journal of Operational Research 83 (1995), 394-410: reduction and core.
.. [2] Dyer, M. E., Riha, W. O., Walker, J., "A hybrid dynamic programming/branch-and-bound
   algorithm for the multiple-choice knapsack problem", Journal of Computational and Applied
   Mathematics 58 (1995), 43-54: Pareto states with bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.allocation.block import INT64_MIN
from router.allocation.grid import GRID_ROUNDING, find_step
from router.allocation.hull import climb_hull
from router.allocation.units import count_units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.allocation.block import Block, FloatArray, IntArray, Plan

__all__ = ["CoreResult", "search_core"]

# Differences below this share of the bound are rounding, not value.
ROUNDING = 1e-13
# Gains are never negative, so this one stands for an option that is not to be taken.
CLOSED = -1
# A plan this close to its bound is granted a tenth of the states.
WORTH = 1e-6


@dataclass(frozen=True, slots=True)
class CoreResult:
    """The best plan found and the bound that the search proved."""

    plan: Plan
    bound: float


def search_core(
    block: Block, budget: int, price: float, bound: float, plan: Plan, *, states_max: int
) -> CoreResult:
    """Improve a plan to the best one, or to a proven bound where the states run out.

    Parameters
    ----------
    block : Block
        Rows in doubt.
    budget : int
        Budget of these rows in micro-units.
    price : float
        Positive price at which losses are measured.
    bound : float
        Upper bound on the value of these rows: the dual at `price`.
    plan : Plan
        Best known plan of these rows.
    states_max : int
        States to look at before the search ends with the bound of those still alive. The count
        does not depend on the clock, so a slow machine finds the same plan.
    """
    value = plan.units / block.scale
    if bound - value <= WORTH * abs(bound):
        states_max //= 10
    core = _Core(block, price, bound, plan)
    if not len(core.rows):
        return CoreResult(plan, value)
    search = _Search(core, budget - core.fixed_spend, plan.units - core.fixed_units)
    for layer in range(len(core.rows)):
        if not search.advance(layer, states_max):
            break
    left = (search.dropped + core.fixed_units) / block.scale
    if search.best.layer < 0:
        return CoreResult(plan, max(value, left))
    choices = core.choices.copy()
    choices[core.rows] = core.option[np.arange(len(core.rows)), search.trace()]
    better = block.plan(choices)
    return CoreResult(better, max(better.units / block.scale, left))


class _Search:
    """Pareto states over the core rows, one row at a time; gains are counted in whole units."""

    __slots__ = (
        "base_spend",
        "base_units",
        "best",
        "buffers",
        "core",
        "dropped",
        "layers",
        "limit",
        "n_states",
        "reach",
        "room",
        "slope",
        "spend",
        "steps",
        "units",
    )

    def __init__(self, core: _Core, room: int, best_units: int) -> None:
        self.core = core
        self.room = room
        self.limit = core.bound - core.fixed_units
        self.best = _Best(best_units)
        self.dropped = -np.inf
        # How far the best live state may still reach.
        self.reach = self.limit
        self.n_states = 0
        self.spend = np.zeros(1, dtype=np.int64)
        self.units = np.zeros(1, dtype=np.int64)
        self.layers: list[_Layer] = []
        start = np.zeros(len(core.rows), dtype=np.int64)
        self.steps = climb_hull(core.units, core.cost, start)
        self.slope = np.concatenate(([0.0], self.steps.slope, [0.0]))
        infeasible = np.full((2, len(self.steps.row) + 2), INT64_MIN)
        self.buffers: tuple[IntArray, IntArray] = (infeasible[0], infeasible[1])
        self.base_spend = np.append(core.cost[::-1, 0].cumsum()[::-1], 0)
        self.base_units = np.append(core.units[::-1, 0].cumsum()[::-1], 0)

    def advance(self, layer: int, states_max: int) -> bool:
        """Add one row to all states; say whether any state may still beat the best plan."""
        core = self.core
        room_for_loss = self.limit - self.best.units - core.step
        options = (core.loss[layer] < room_for_loss).nonzero()[0]
        if not len(options):
            return False
        n_new = len(self.spend) * len(options)
        if self.n_states + n_new > states_max:
            self.dropped = self.reach
            return False
        self.n_states += n_new
        cost, units = core.cost[layer, options], core.units[layer, options]
        if len(options) == 1:
            # One option left: every state moves alike and none needs a new look.
            self.spend += cost[0]
            self.units += units[0]
            self.layers.append(_Layer(None, options))
            return True
        # Option by option the states stay sorted, so the sort below merges a few runs.
        spend = (self.spend + cost[:, None]).ravel()
        total = (self.units + units[:, None]).ravel()
        reach = self._complete(layer, spend, total, options)
        alive = (reach > self.best.units + core.step).nonzero()[0]
        if not len(alive):
            return False
        alive = alive[spend[alive].argsort(kind="stable")]
        alive = alive[_undominated(spend[alive], total[alive], core.noise)]
        option, parent = np.divmod(alive, len(self.spend))
        self.layers.append(_Layer(parent.astype(np.int32), options[option]))
        self.spend, self.units = spend[alive], total[alive]
        self.reach = float(reach[alive].max())
        return True

    def _complete(
        self, layer: int, spend: IntArray, total: IntArray, options: IntArray
    ) -> FloatArray:
        """Bound every state by the relaxation of the rows to come, and note the best completion."""
        frontier = self._frontier(layer + 1)
        room = self.room - spend
        place = frontier.spend.searchsorted(room, side="right") - 1
        done = total + frontier.units[place]
        top = int(done.argmax())
        if done[top] > self.best.units:
            width = len(self.spend)
            self.best = _Best(
                int(done[top]),
                layer,
                top % width,
                int(options[top // width]),
                int(place[top]) - 1,
            )
        room -= frontier.spend[place]
        rise: FloatArray = self.slope[place] * room
        return rise + done

    def _frontier(self, layer: int) -> _Frontier:
        """Build the concave frontier of the rows from a layer on, led by an infeasible entry.

        Steps of earlier rows stay in it and add nothing: of equal breakpoints the last one counts,
        and the slope behind that is the one of a row to come.
        """
        counts = self.steps.row >= layer
        spend, units = self.buffers
        spend[1], units[1] = self.base_spend[layer], self.base_units[layer]
        np.multiply(self.steps.spend, counts, out=spend[2:])
        np.multiply(self.steps.gain, counts, out=units[2:])
        spend[1:].cumsum(out=spend[1:])
        units[1:].cumsum(out=units[1:])
        return _Frontier(spend, units)

    def trace(self) -> IntArray:
        """Follow the best completion back to one option per core row."""
        best = self.best
        picked = np.zeros(len(self.core.rows), dtype=np.int64)
        row, option = self.steps.row[: best.n_steps], self.steps.option[: best.n_steps]
        to_come = row > best.layer
        np.maximum.at(picked, row[to_come], option[to_come])
        picked[best.layer] = best.option
        state = best.parent
        for layer in range(best.layer - 1, -1, -1):
            origin = self.layers[layer]
            picked[layer] = origin.option[0 if origin.parent is None else state]
            if origin.parent is not None:
                state = int(origin.parent[state])
        return picked


def _undominated(spend: IntArray, units: IntArray, noise: int) -> IntArray:
    """Find, among states sorted by spend, those that no cheaper or equal one matches in gain."""
    better = np.ones(len(units), dtype=np.bool_)
    np.greater(units[1:], np.maximum.accumulate(units[:-1]) + noise, out=better[1:])
    kept = better.nonzero()[0]
    # Of kept states with one spend the last has the highest gain.
    spent = spend[kept]
    last = np.ones(len(kept), dtype=np.bool_)
    np.greater(spent[1:], spent[:-1], out=last[:-1])
    undominated: IntArray = kept[last]
    return undominated


class _Core:
    """The rows in doubt, their options sorted by cost, and what the settled rows add.

    Options of one row sit side by side, cheapest first, padded with closed ones. Bound, step, noise
    and losses are in units, as the gains are.
    """

    __slots__ = (
        "bound",
        "choices",
        "cost",
        "fixed_spend",
        "fixed_units",
        "loss",
        "noise",
        "option",
        "rows",
        "step",
        "units",
    )

    def __init__(self, block: Block, price: float, bound: float, plan: Plan) -> None:
        scores = block.scores(price)
        self.choices = scores.argmax(axis=1)
        loss = scores.max(axis=1, keepdims=True) - scores
        noise = ROUNDING * abs(bound)
        step = max(noise, find_step(block.gain) * (1.0 - GRID_ROUNDING))
        self.bound, self.step = bound * block.scale, step * block.scale
        self.noise = int(noise * block.scale)
        possible = loss < bound - plan.units / block.scale - step
        doubtful = np.flatnonzero(np.count_nonzero(possible, axis=1) > 1)
        # Rows with a close second option first: later rows then have the steeper relaxation.
        second = np.partition(loss[doubtful], 1, axis=1)[:, 1] if len(doubtful) else loss[:0, 0]
        self.rows = doubtful[second.argsort(kind="stable")]
        settled = np.ones(len(block), dtype=np.bool_)
        settled[self.rows] = False
        fixed = count_units(block.gain_of(self.choices)[settled], block.scale)
        self.fixed_units = int(fixed.sum())
        self.fixed_spend = int(block.cost_of(self.choices)[settled].sum())
        self._pack(block, loss, possible)

    def _pack(self, block: Block, loss: FloatArray, possible: NDArray[np.bool_]) -> None:
        """Sort the possible options of every core row by cost and close the dominated ones."""
        cost = block.costs()[self.rows]
        row, option = np.nonzero(possible[self.rows])
        units = count_units(block.gain[self.rows[row], option], block.scale)
        order = np.lexsort((-units, cost[row, option], row))
        row, option = row[order], option[order]
        starts = row.searchsorted(np.arange(len(self.rows)))
        column = np.arange(len(row)) - starts[row]
        shape = (len(self.rows), int(column.max(initial=0)) + 1)
        self.option = np.zeros(shape, dtype=np.int64)
        self.cost = np.zeros(shape, dtype=np.int64)
        self.units = np.full(shape, CLOSED)
        self.loss = np.full(shape, np.inf)
        self.option[row, column] = option
        self.cost[row, column] = cost[row, option]
        self.units[row, column] = units[order]
        # Losses are compared with what is left between bound and best plan, which is in units.
        self.loss[row, column] = loss[self.rows[row], option] * block.scale
        still_open = self.units > CLOSED
        still_open[:, 1:] &= self.units[:, 1:] > np.maximum.accumulate(self.units, axis=1)[:, :-1]
        self.units[~still_open] = CLOSED
        self.loss[~still_open] = np.inf


@dataclass(frozen=True, slots=True)
class _Frontier:
    """Concave relaxation of the rows to come: the breakpoints of their hull steps."""

    spend: IntArray
    units: IntArray


@dataclass(frozen=True, slots=True)
class _Layer:
    """Where the states of one row came from; without parents where all moved alike."""

    parent: NDArray[np.int32] | None
    option: IntArray


@dataclass(frozen=True, slots=True)
class _Best:
    """The best completion so far: a state, its option and the relaxed steps that follow."""

    units: int
    layer: int = -1
    parent: int = -1
    option: int = -1
    n_steps: int = 0
