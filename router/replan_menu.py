"""What options of a menu have to do with each other once one of them has run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import InputError

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.options import Menu, Option
    from router.replan_decisions import Action

__all__ = ["MenuKinship"]

# Options among which pairs of a first and a second try are made.
FIRSTS_MAX = 6


@dataclass(frozen=True)
class MenuKinship:
    """Which options share a model, and which continue each other.

    Parameters
    ----------
    menu : Menu
        m options.
    """

    menu: Menu

    @cached_property
    def models(self) -> tuple[Hashable, ...]:
        """The model of every option; options that name none count as of one."""
        return tuple(option.model for option in self.menu)

    @cached_property
    def families(self) -> tuple[Hashable, ...]:
        """What options that differ only in samples or searches have in common."""
        return tuple((option.model, option.reasoning_effort, _stem(option)) for option in self.menu)

    def check_quality(self, name: str, quality: ArrayLike) -> NDArray[np.float64]:
        """Refuse a prediction of a question that is no quality of every option.

        Parameters
        ----------
        name : str
            The question.
        quality : array_like of shape (m,)
            What is predicted of it.

        Returns
        -------
        ndarray of float64, shape (m,)

        Raises
        ------
        InputError
            If there are more or fewer numbers, or one is not from 0 to 1.
        """
        row = np.asarray(quality, dtype=np.float64)
        if row.shape != (len(self.menu.names),) or not ((row >= 0.0) & (row <= 1.0)).all():
            raise InputError(
                f"predicted of {name!r} is {row.tolist()}: {len(self.menu.names)} numbers from 0 "
                "to 1 are needed"
            )
        return row

    def continues(self, first: int) -> NDArray[np.bool_]:
        """Say which options only add samples or searches to one that has run.

        Parameters
        ----------
        first : int
            The option that ran.

        Returns
        -------
        ndarray of bool, shape (m,)
        """
        known = self._continuations.get(first)
        if known is None:
            known = self._continuations[first] = self._find_longer(first)
        return known

    @cached_property
    def _continuations(self) -> dict[int, NDArray[np.bool_]]:
        """What was found of options that ran before."""
        return {}

    def _find_longer(self, first: int) -> NDArray[np.bool_]:
        """Go through the menu for options that only add to one."""
        one = self.menu.options[first]
        samples, searches = one.samples, one.search_steps or 0.0
        return np.array(
            [
                self.families[place] == self.families[first]
                and other.reasoning_tokens == one.reasoning_tokens
                and other.samples >= samples
                and (other.search_steps or 0.0) >= searches
                # What adds neither is another option, of which the same is said.
                and (other.samples, other.search_steps or 0.0) != (samples, searches)
                for place, other in enumerate(self.menu)
            ]
        )

    def name_action(self, tried: Sequence[int], option: int) -> Action:
        """Name what running an option is, after what has run.

        Parameters
        ----------
        tried : sequence of int
            Options that ran.
        option : int
            The one to run.

        Returns
        -------
        str
            ``start``, ``continue``, ``repeat`` or ``switch``.
        """
        if not tried:
            return "start"
        if any(self.continues(one)[option] for one in tried):
            return "continue"
        return "repeat" if option in tried else "switch"

    def choose_firsts(
        self, quality: NDArray[np.float64], cost: NDArray[np.float64]
    ) -> NDArray[np.int64]:
        """Choose options to make pairs of: those on the hull of mean quality against mean cost.

        Parameters
        ----------
        quality, cost : ndarray of float64, shape (m,)
            Means over the questions.

        Returns
        -------
        ndarray of int64
            A few positions, the cheapest first; skip is none of them.
        """
        order = np.lexsort((-quality, cost))
        order = order[[not self.menu.options[place].is_skip for place in order]]
        hull: list[int] = []
        for place in order.tolist():
            if hull and quality[place] <= quality[hull[-1]]:
                continue
            while len(hull) > 1 and _is_under(hull[-2], hull[-1], place, quality, cost):
                hull.pop()
            hull.append(place)
        if len(hull) > FIRSTS_MAX:
            steps = np.linspace(0, len(hull) - 1, FIRSTS_MAX).round().astype(int)
            hull = [hull[step] for step in steps]
        return np.array(hull, dtype=np.int64)


def _stem(option: Option) -> str | None:
    """Name a strategy without a number of samples at its end, as in ``maj@8``."""
    name = option.strategy
    return None if name is None else name.rstrip("0123456789@_-|")


def _is_under(
    low: int, middle: int, high: int, quality: NDArray[np.float64], cost: NDArray[np.float64]
) -> bool:
    """Say whether the middle of three options lies on or under the line of the other two."""
    first = (quality[middle] - quality[low]) * (cost[high] - cost[low])
    return bool(first <= (quality[high] - quality[low]) * (cost[middle] - cost[low]))
