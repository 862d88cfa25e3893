"""The hull steps of the rows in doubt, in the order of :mod:`router.allocation.hull`."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.allocation.compiled.rows import take_places
from router.allocation.compiled.sorting import order_stably
from router.compilation import kernel

if TYPE_CHECKING:
    from router.allocation.compiled.core import Core

__all__ = ["Frontier", "Steps", "climb_core", "relax_rows"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


class Steps(NamedTuple):
    """Hull steps of the rows in doubt, steepest first: layer, place it leads to, what it adds."""

    layer: IntArray
    place: IntArray
    spend: IntArray
    units: IntArray
    slope: FloatArray


class Frontier(NamedTuple):
    """Concave relaxation of the rows from a layer on: breakpoints and the slopes behind them."""

    spend: IntArray
    units: IntArray
    slope: FloatArray


@kernel
def climb_core(core: Core) -> Steps:
    """Collect the hull steps of all rows in doubt from their cheapest option upward."""
    n_layers, n_open = len(core.rows), len(core.option)
    layers, places = np.empty(n_open, dtype=np.int64), np.empty(n_open, dtype=np.int64)
    spend, units = np.empty(n_open, dtype=np.int64), np.empty(n_open, dtype=np.int64)
    falling = np.empty(n_open)
    at, last = core.starts[:-1].copy(), np.empty(n_layers)
    last[:] = np.inf
    count, before = 0, -1
    # All rows climb one step at a time, which is the order in which equal slopes stand.
    while count > before:
        before = count
        for layer in range(n_layers):
            place, slope = _find_steepest(core, at[layer], core.starts[layer + 1])
            if slope <= 0.0:
                continue
            # On a straight stretch rounding can make a later slope the steeper one.
            last[layer] = min(slope, last[layer])
            layers[count], places[count], falling[count] = layer, place, -last[layer]
            spend[count] = core.cost[place] - core.cost[at[layer]]
            units[count] = core.units[place] - core.units[at[layer]]
            at[layer] = place
            count += 1
    order = order_stably(falling[:count])
    return Steps(
        take_places(layers, order),
        take_places(places, order),
        take_places(spend, order),
        take_places(units, order),
        -take_places(falling, order),
    )


@kernel
def _find_steepest(core: Core, at: int, end: int) -> tuple[int, float]:
    """Find the steepest line from an option to a dearer one of its row, the first of equal ones."""
    best, steepest = at, 0.0
    for place in range(at + 1, end):
        step = core.cost[place] - core.cost[at]
        if step > 0:
            slope = (core.units[place] - core.units[at]) / step
            if slope > steepest:
                best, steepest = place, slope
    return best, steepest


@kernel
def relax_rows(core: Core, steps: Steps, layer: int) -> Frontier:
    """Build the concave frontier of the rows from a layer on."""
    n_steps = len(steps.layer)
    spend, units = np.zeros(n_steps + 1, dtype=np.int64), np.zeros(n_steps + 1, dtype=np.int64)
    slope = np.zeros(n_steps + 1)
    for other in range(layer, len(core.rows)):
        spend[0] += core.cost[core.starts[other]]
        units[0] += core.units[core.starts[other]]
    last = 0
    for step in range(n_steps):
        if steps.layer[step] >= layer:
            spend[last + 1] = spend[last] + steps.spend[step]
            units[last + 1] = units[last] + steps.units[step]
            slope[last] = steps.slope[step]
            last += 1
    slope[last] = 0.0
    return Frontier(spend[: last + 1], units[: last + 1], slope[: last + 1])
