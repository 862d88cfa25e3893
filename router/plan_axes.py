"""Axes of a menu: which options differ in searches alone, and which in reasoning alone."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.options import Menu, Option

__all__ = ["find_neighbours", "measure_position"]

REASONING_TOKENS_UNIT = 1000.0


def measure_position(option: Option, axis: str) -> float:
    """Place an option on an axis: searches, or thousands of reasoning tokens over all samples.

    Parameters
    ----------
    option : Option
        Whose place is asked for.
    axis : {"search", "reasoning"}
        Which axis.

    Returns
    -------
    float
    """
    if axis == "search":
        return float(option.search_steps or 0.0)
    return float((option.reasoning_tokens or 0.0) * option.samples / REASONING_TOKENS_UNIT)


def find_neighbours(menu: Menu, axis: str) -> NDArray[np.int64]:
    """Find for every option the next lower and the next higher on an axis, all else equal.

    Parameters
    ----------
    menu : Menu
        m options.
    axis : {"search", "reasoning"}
        Which axis.

    Returns
    -------
    ndarray of int64, shape (m, 2)
        Positions in the menu, -1 where there is none.
    """
    families: dict[tuple[object, ...], list[int]] = {}
    for position, option in enumerate(menu):
        if axis == "search":
            on_axis = option.search_steps is not None
            # Measured tokens differ from option to option by chance; the dial does not.
            rest: tuple[object, ...] = (option.reasoning_effort or option.reasoning_tokens,)
        else:
            on_axis = option.reasoning_tokens is not None
            rest = (option.search_steps,)
        if on_axis and not option.is_skip:
            families.setdefault((option.model, option.samples, *rest), []).append(position)
    neighbours = np.full((len(menu), 2), -1, dtype=np.int64)
    options = menu.options
    for family in families.values():
        levels: dict[float, list[int]] = {}
        for position in family:
            levels.setdefault(measure_position(options[position], axis), []).append(position)
        # Two options at one place (two strategies, say) have no slope between them.
        for lower, higher in pairwise(levels[place] for place in sorted(levels)):
            for position in lower:
                neighbours[position, 1] = _choose_alike(options, position, higher)
            for position in higher:
                neighbours[position, 0] = _choose_alike(options, position, lower)
    return neighbours


def _choose_alike(options: Sequence[Option], position: int, candidates: Sequence[int]) -> int:
    """Choose the first candidate of the same strategy, else the first."""
    strategy = options[position].strategy
    return next((c for c in candidates if options[c].strategy == strategy), candidates[0])
