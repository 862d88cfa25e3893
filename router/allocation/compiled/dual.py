"""The exact dual of one budget, step for step as :mod:`router.allocation.dual` finds it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.allocation.compiled.rows import Rows, Total, choose_at, take_places, total_choices
from router.allocation.dual import COMPACT_ELEMENTS, ROUNDING
from router.compilation import kernel

__all__ = ["Meeting", "find_meeting"]

IntArray = NDArray[np.int64]


class Meeting(NamedTuple):
    """The minimum of the dual: price, value, and the totals of the two plans that meet there."""

    price: float
    bound: float
    lean: Total
    rich: Total


@kernel
def find_meeting(rows: Rows, budget: int, lean: IntArray, rich: IntArray) -> Meeting:
    """Find the dual minimum between a plan within the budget and a plan above it.

    The choices of both plans are overwritten by those of the plans that meet there.
    """
    view = np.arange(len(lean))
    low, high = lean.copy(), rich.copy()
    below, above = total_choices(rows, view, low), total_choices(rows, view, high)
    fixed_units, fixed_spend = 0, 0
    while True:
        rise = (above.units - below.units) / rows.scale
        price = max(0.0, rise / (above.spend - below.spend))
        choices = np.empty(len(view), dtype=np.int64)
        choose_at(rows, price, view, choices)
        best = total_choices(rows, view, choices)
        room = budget - fixed_spend
        bound = (fixed_units + best.units) / rows.scale + price * (room - best.spend)
        excess = (best.units - below.units) / rows.scale - price * (best.spend - below.spend)
        noise = ROUNDING * (best.units / rows.scale + price * best.spend)
        inside = below.spend < best.spend < above.spend
        if inside and best.spend > room:
            high, above = choices, best
        elif inside:
            low, below = choices, best
        if excess <= noise or not inside:
            break
        kept = _find_differing(rows, low, high)
        if len(kept) < len(view):
            _write(view, low, lean)
            _write(view, high, rich)
            before = below
            view = take_places(view, kept)
            low, high = take_places(low, kept), take_places(high, kept)
            below, above = total_choices(rows, view, low), total_choices(rows, view, high)
            fixed_units += before.units - below.units
            fixed_spend += before.spend - below.spend
    _write(view, low, lean)
    _write(view, high, rich)
    return Meeting(
        price,
        bound,
        Total(fixed_units + below.units, fixed_spend + below.spend),
        Total(fixed_units + above.units, fixed_spend + above.spend),
    )


@kernel
def _find_differing(rows: Rows, low: IntArray, high: IntArray) -> IntArray:
    """Find the places where two plans differ, or all of them where dropping is not worth it."""
    count = len(low)
    places = np.empty(count, dtype=np.int64)
    if count * rows.gain.shape[1] <= COMPACT_ELEMENTS:
        return np.arange(count)
    differing = 0
    for place in range(count):
        if low[place] != high[place]:
            places[differing] = place
            differing += 1
    return np.arange(count) if 2 * differing >= count else places[:differing]


@kernel
def _write(view: IntArray, choices: IntArray, target: IntArray) -> None:
    """Write the choices of the rows in view."""
    for place in range(len(view)):
        target[view[place]] = choices[place]
