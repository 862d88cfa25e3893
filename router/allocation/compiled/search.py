"""Pareto states over the rows in doubt, one row at a time, as :mod:`router.allocation.core`.

Every buffer is as long as what is about to be written into it, counted before the first entry is
written; nothing that changes on the way, such as the best known plan, takes part in that count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.allocation.compiled.hull import Frontier, Steps, climb_core, relax_rows
from router.allocation.compiled.rows import take_places
from router.allocation.compiled.sorting import merge_runs
from router.compilation import kernel

if TYPE_CHECKING:
    from router.allocation.compiled.core import Core

__all__ = ["Best", "search_states"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

INT64_MIN = int(np.iinfo(np.int64).min)
LOG_STATES = 256


class _States(NamedTuple):
    """Partial plans: what they spend, what they gain and how far the rows to come may lift them."""

    spend: IntArray
    units: IntArray
    reach: FloatArray


class Best(NamedTuple):
    """The best completion so far: its gain, layer, state before, place and relaxed steps after."""

    units: int
    layer: int
    parent: int
    place: int
    n_steps: int


class _Log(NamedTuple):
    """Where the states of all layers came from; parent -1 where one option moved all alike."""

    start: IntArray
    parent: IntArray
    place: IntArray


@kernel
def search_states(
    core: Core, limit: float, room: int, best_units: int, states_max: int
) -> tuple[Best, float, IntArray]:
    """Search for a better plan of the rows in doubt.

    Returns the best completion, how far the states may reach that were left when states ran out
    (minus infinity where none were), and the place of each row's option in the best completion.
    """
    n_layers = len(core.rows)
    steps = climb_core(core)
    best = Best(best_units, -1, -1, -1, 0)
    log = _Log(
        np.zeros(n_layers + 1, dtype=np.int64),
        np.empty(LOG_STATES, dtype=np.int64),
        np.empty(LOG_STATES, dtype=np.int64),
    )
    states = _States(np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64), np.empty(1))
    reach, dropped, n_states = limit, -np.inf, 0
    for layer in range(n_layers):
        places = _list_open(core, layer, limit - best.units - core.step)
        n_new = len(states.spend) * len(places)
        if n_new == 0:
            break
        if n_states + n_new > states_max:
            dropped = reach
            break
        n_states += n_new
        if len(places) == 1:
            # One option left: every state moves alike and none needs a new look.
            for state in range(len(states.spend)):
                states.spend[state] += core.cost[places[0]]
                states.units[state] += core.units[places[0]]
            log = _reserve(log, layer, 1)
            log.parent[log.start[layer]], log.place[log.start[layer]] = -1, places[0]
            continue
        frontier = relax_rows(core, steps, layer + 1)
        spread, best = _spread(core, states, places, _Corner(layer, room, frontier), best)
        width = len(states.spend)
        kept = _prune(spread, width, best.units + core.step, core.noise)
        log = _note(log, layer, kept, (places, width))
        states = _States(
            take_places(spread.spend, kept),
            take_places(spread.units, kept),
            take_places(spread.reach, kept),
        )
        reach = _find_highest(states.reach)
    return best, dropped, _trace(core, steps, log, best)


class _Corner(NamedTuple):
    """Where the search stands: the layer, the room of all rows, the relaxation of those to come."""

    layer: int
    room: int
    frontier: Frontier


@kernel
def _list_open(core: Core, layer: int, room_for_loss: float) -> IntArray:
    """List the places of a row's options that lose less than there is room for."""
    places = np.empty(core.starts[layer + 1] - core.starts[layer], dtype=np.int64)
    count = 0
    for place in range(core.starts[layer], core.starts[layer + 1]):
        if core.loss[place] < room_for_loss:
            places[count] = place
            count += 1
    return places[:count]


@kernel
def _spread(
    core: Core, states: _States, places: IntArray, corner: _Corner, best: Best
) -> tuple[_States, Best]:
    """Add every option to every state, bound each and note the best completion."""
    frontier = corner.frontier
    width, count = len(states.spend), len(states.spend) * len(places)
    spread = _States(
        np.empty(count, dtype=np.int64), np.empty(count, dtype=np.int64), np.empty(count)
    )
    for number in range(len(places)):
        cost, units = core.cost[places[number]], core.units[places[number]]
        # States come by rising spend, so that the place on the frontier only moves down.
        point = len(frontier.spend) - 1
        for state in range(width):
            index = number * width + state
            spread.spend[index] = states.spend[state] + cost
            spread.units[index] = states.units[state] + units
            room = corner.room - spread.spend[index]
            while point >= 0 and frontier.spend[point] > room:
                point -= 1
            if point < 0:
                spread.reach[index] = -np.inf
                continue
            done = spread.units[index] + frontier.units[point]
            rise = frontier.slope[point] * (room - frontier.spend[point])
            spread.reach[index] = rise + done
            if done > best.units:
                best = Best(done, corner.layer, state, places[number], point)
    return spread, best


@kernel
def _prune(spread: _States, width: int, least: float, noise: int) -> IntArray:
    """Keep the states that may reach more, by rising spend, and of those the undominated ones."""
    count = len(spread.spend)
    alive, bounds = np.empty(count, dtype=np.int64), np.zeros(count // width + 1, dtype=np.int64)
    n_alive = 0
    for index in range(count):
        if spread.reach[index] > least:
            alive[n_alive] = index
            n_alive += 1
        if (index + 1) % width == 0:
            bounds[(index + 1) // width] = n_alive
    alive = _merge_all(spread.spend, alive[:n_alive], bounds)
    kept, highest = 0, INT64_MIN
    for state in alive:
        units = int(spread.units[state])
        # The first state has nothing before it that could match it.
        if highest == INT64_MIN or units > highest + noise:
            # Of kept states with one spend the last has the highest gain.
            if kept and spread.spend[alive[kept - 1]] == spread.spend[state]:
                kept -= 1
            alive[kept] = state
            kept += 1
        highest = max(highest, units)
    return alive[:kept]


@kernel
def _merge_all(keys: IntArray, positions: IntArray, bounds: IntArray) -> IntArray:
    """Merge neighbouring runs of positions, each sorted by its keys, until one is left."""
    spare = np.empty_like(positions)
    n_runs = len(bounds) - 1
    width = 1
    while width < n_runs:
        for run in range(0, n_runs, 2 * width):
            middle, end = bounds[min(run + width, n_runs)], bounds[min(run + 2 * width, n_runs)]
            merge_runs(keys, positions, spare, (bounds[run], middle, end))
        positions, spare = spare, positions
        width *= 2
    return positions


@kernel
def _find_highest(reach: FloatArray) -> float:
    """Find how far the best state may reach."""
    highest = -np.inf
    for entry in reach:
        highest = max(highest, entry)
    return highest


@kernel
def _reserve(log: _Log, layer: int, count: int) -> _Log:
    """Make room for the states of a layer, in longer arrays where these are full."""
    start = log.start[layer]
    end = start + count
    log.start[layer + 1] = end
    if end <= len(log.parent):
        return log
    longer = _Log(log.start, np.empty(2 * end, np.int64), np.empty(2 * end, np.int64))
    for state in range(start):
        longer.parent[state], longer.place[state] = log.parent[state], log.place[state]
    return longer


@kernel
def _note(log: _Log, layer: int, kept: IntArray, spread: tuple[IntArray, int]) -> _Log:
    """Note where the states of a layer came from.

    Given the kept states' places among all that were spread: option by option, each the width of
    the states before.
    """
    places, width = spread
    log = _reserve(log, layer, len(kept))
    start = log.start[layer]
    for state in range(len(kept)):
        log.parent[start + state] = kept[state] % width
        log.place[start + state] = places[kept[state] // width]
    return log


@kernel
def _trace(core: Core, steps: Steps, log: _Log, best: Best) -> IntArray:
    """Follow the best completion back to one place per row in doubt."""
    picked = core.starts[:-1].copy()
    if best.layer < 0:
        return picked
    taken = 0
    for step in range(len(steps.layer)):
        if taken < best.n_steps and steps.layer[step] > best.layer:
            picked[steps.layer[step]] = max(picked[steps.layer[step]], steps.place[step])
            taken += 1
    picked[best.layer] = best.place
    state = best.parent
    for layer in range(best.layer - 1, -1, -1):
        start = log.start[layer]
        if log.parent[start] < 0:
            picked[layer] = log.place[start]
        else:
            picked[layer] = log.place[start + state]
            state = log.parent[start + state]
    return picked
