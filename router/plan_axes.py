"""Axes of a menu: which options differ in searches alone, and which in reasoning alone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.options import Menu, Option

__all__ = ["Axis", "MenuAxes", "find_neighbours", "measure_position"]

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


@dataclass(frozen=True, slots=True)
class Axis:
    """Slopes along one axis of a menu of m options: whom to compare each option with, how far off.

    Parameters
    ----------
    other : ndarray of int64, shape (m,)
        The next higher option, of the highest the next lower; -1 where there is neither.
    step : ndarray of float64, shape (m,)
        How much further along the axis that one is; negative for a lower one, NaN without any.
    """

    other: NDArray[np.int64]
    step: NDArray[np.float64]

    @classmethod
    def build(cls, menu: Menu, axis: str) -> Axis:
        """Work out an axis of a menu.

        Parameters
        ----------
        menu : Menu
            m options.
        axis : {"search", "reasoning"}
            Which axis.

        Returns
        -------
        Axis
        """
        neighbours = find_neighbours(menu, axis)
        other = np.where(neighbours[:, 1] >= 0, neighbours[:, 1], neighbours[:, 0])
        position = np.array([measure_position(option, axis) for option in menu])
        step = np.where(other >= 0, position[other] - position, np.nan)
        return cls(other, step)

    def measure(
        self,
        quality: NDArray[np.float64],
        rows: NDArray[np.int64],
        columns: NDArray[np.int64],
    ) -> list[float | None]:
        """Measure what one more unit along the axis is expected to add to chosen options.

        Parameters
        ----------
        quality : ndarray of float64, shape (n, m)
            Expected quality.
        rows, columns : ndarray of int64, shape (k,)
            Questions and their options.

        Returns
        -------
        list of float or None, length k
            None where nothing else is on the axis.

        Examples
        --------
        >>> axis = Axis(np.array([1, 0, -1]), np.array([2.0, -2.0, np.nan]))
        >>> axis.measure(np.array([[0.25, 0.75, 0.5]]), np.array([0, 0]), np.array([0, 2]))
        [0.25, None]
        """
        other = self.other[columns]
        slope = (quality[rows, other] - quality[rows, columns]) / self.step[columns]
        return [
            value if place >= 0 else None
            for value, place in zip(slope.tolist(), other.tolist(), strict=True)
        ]


@dataclass(frozen=True, slots=True)
class MenuAxes:
    """Both axes of a menu, worked out once a menu.

    Parameters
    ----------
    search, reasoning : Axis
        Along searches, and along thousands of reasoning tokens.
    skips : ndarray of bool, shape (m,)
        Which options answer nothing.
    """

    search: Axis
    reasoning: Axis
    skips: NDArray[np.bool_]

    @classmethod
    def build(cls, menu: Menu) -> MenuAxes:
        """Work out both axes of a menu.

        Parameters
        ----------
        menu : Menu
            m options.

        Returns
        -------
        MenuAxes

        Examples
        --------
        >>> from router.options import Menu, Option
        >>> menu = Menu((Option("a", search_steps=0.0), Option("b", search_steps=2.0)))
        >>> MenuAxes.build(menu).search.other.tolist()
        [1, 0]
        """
        skips = np.array([option.is_skip for option in menu])
        return cls(Axis.build(menu, "search"), Axis.build(menu, "reasoning"), skips)


def _choose_alike(options: Sequence[Option], position: int, candidates: Sequence[int]) -> int:
    """Choose the first candidate of the same strategy, else the first."""
    strategy = options[position].strategy
    return next((c for c in candidates if options[c].strategy == strategy), candidates[0])
