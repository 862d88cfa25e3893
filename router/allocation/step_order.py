"""The one order of hull steps that does not depend on how a list of them came about."""

from __future__ import annotations

import numpy as np

from router.allocation.hull import Steps

__all__ = ["merge_steps", "sort_steps"]


def sort_steps(steps: Steps) -> Steps:
    """Sort by slope, steepest first, then by row; steps of one row keep their order.

    Examples
    --------
    >>> steps = Steps(*np.array([[1, 0], [2, 2], [5, 5], [1, 1]]), np.array([0.2, 0.2]))
    >>> sort_steps(steps).row
    array([0, 1])
    """
    return steps.select(np.lexsort((steps.row, -steps.slope)))


def merge_steps(steps: Steps, new: Steps) -> Steps:
    """Put some sorted steps among many sorted ones of other rows, without sorting these again."""
    place = (-steps.slope).searchsorted(-new.slope)
    ends = (-steps.slope).searchsorted(-new.slope, side="right")
    for number in np.flatnonzero(ends > place).tolist():
        tied = steps.row[place[number] : ends[number]]
        place[number] += tied.searchsorted(new.row[number])
    place += np.arange(len(place))
    old = np.ones(len(steps.row) + len(place), dtype=np.bool_)
    old[place] = False
    order = np.empty(len(old), dtype=np.int64)
    order[old] = np.arange(len(steps.row))
    order[place] = np.arange(len(steps.row), len(old))
    names = ("row", "option", "spend", "gain", "slope")
    both = [np.concatenate((getattr(steps, name), getattr(new, name))) for name in names]
    return Steps(*both).select(order)
