"""Reasons of a plan: what the next best option would change, and which condition was in the way."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.budgets import MICRO, from_micro
from router.plan_conditions import CONDITIONS, describe_closed
from router.plan_problem import find_least

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.plan import Plan

__all__ = ["Reasons", "multiply_groups"]


def multiply_groups(
    quality: NDArray[np.float64], labels: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    """Multiply the qualities of questions that depend on each other.

    Parameters
    ----------
    quality : ndarray of float64, shape (n,)
        Of every question.
    labels : ndarray of int64, shape (n,), or None
        The position of the first of each question's group; None where all stand alone.

    Returns
    -------
    ndarray of float64, shape (n,)
        The product of each question's group.

    Examples
    --------
    >>> multiply_groups(np.array([0.5, 0.9, 0.8]), np.array([0, 1, 0])).tolist()
    [0.4, 0.9, 0.4]
    """
    if labels is None:
        return quality
    product = np.ones(len(quality))
    np.multiply.at(product, labels, quality)
    return product[labels]


@dataclass(frozen=True)
class Reasons:
    """What speaks for each choice of a plan.

    Parameters
    ----------
    plan : Plan
        Of n questions and m options, planned in k units.
    base_option : int
        The cheapest option that answers.
    labels : ndarray of int64, shape (n,), or None
        Groups of dependent questions.
    """

    plan: Plan
    base_option: int
    labels: NDArray[np.int64] | None

    @cached_property
    def _is_cheapest(self) -> bool:
        """Whether a target was given that the cheapest plan of all reaches already.

        Then no price says what quality is worth, and the least cost is all that counts.
        """
        plan = self.plan
        if plan.target_quality is None or (plan.choice_index < 0).any():
            return False
        spent = plan.plan_micro(np.arange(len(plan)), plan.choice_index)[:, 0].sum()
        return int(spent) == find_least(plan.cost_micro, plan.closed, len(plan))[0]

    @cached_property
    def _stake(self) -> NDArray[np.float64]:
        """What a question's own quality is multiplied by: weight, and the rest of its group."""
        weights = np.array([question.weight for question in self.plan.questions])
        if self.labels is None:
            return weights
        heaviest = np.zeros(len(weights))
        np.maximum.at(heaviest, self.labels, weights)
        quality = self.plan.surface.quality[np.arange(len(weights)), self.plan.choice_index]
        others = np.ones(len(weights))
        for label in np.flatnonzero(np.bincount(self.labels) > 1):
            members = np.flatnonzero(self.labels == label)
            for row in members.tolist():
                others[row] = quality[members[members != row]].prod()
        return heaviest[self.labels] * others

    def _weigh(self, row: int) -> NDArray[np.float64]:
        """Compute what every option is worth at the shadow prices."""
        quality = self.plan.surface.quality[row]
        planned = self.plan.plan_micro(row, slice(None))
        if self._is_cheapest:
            # Half a micro-unit at most, quality only decides between options that cost the same.
            worth: NDArray[np.float64] = quality / 2.0 - planned[:, 0]
        else:
            prices = np.array(list(self.plan.shadow_price.values()))
            worth = self._stake[row] * quality - planned / MICRO @ prices
        return worth

    def find_binding(self, row: int) -> tuple[str, str] | None:
        """Find the condition without which a better option would have been taken.

        Parameters
        ----------
        row : int
            A question that was funded.

        Returns
        -------
        condition : str
            One of :data:`router.plan_conditions.CONDITIONS`.
        option : str
            The option that it keeps out. None in place of both where no condition is in the way.
        """
        closed = self.plan.closed
        if closed is None or not closed[row].any():
            return None
        worth = self._weigh(row)
        chosen = worth[self.plan.choice_index[row]]
        best = int(np.where(closed[row] > 0, worth, -np.inf).argmax())
        # Worth nothing more, an option would have changed nothing.
        if worth[best] <= chosen + 1e-12 * abs(chosen):
            return None
        return CONDITIONS[closed[row, best]], self.plan.surface.menu.names[best]

    def explain_unfunded(self, row: int) -> tuple[str, dict[str, float]]:
        """Say why a question got nothing.

        Parameters
        ----------
        row : int
            A question that was not funded.

        Returns
        -------
        reason : str
            One line.
        required : dict of str to float
            What its cheapest option would have cost by unit; empty where conditions left none.
        """
        plan, column = self.plan, self.base_option
        if plan.closed is not None:
            labels = np.arange(len(plan)) if self.labels is None else self.labels
            empty = np.flatnonzero(plan.closed.all(axis=1) & (labels == labels[row]))
            if len(empty):
                place = row if row in empty else int(empty[0])
                question = plan.questions[place]
                reason = describe_closed(question, plan.closed, place, plan.surface, plan.costs)
                whose = "" if place == row else f"for {question.id!r}, which it goes with, "
                return whose + reason, {}
            if plan.closed[row, column]:
                on_offer = np.flatnonzero(plan.closed[row] == 0)
                column = int(on_offer[plan.plan_micro(row, on_offer)[:, 0].argmin()])
        planned = plan.plan_micro(row, column).tolist()
        required = dict(zip(plan.units, map(from_micro, planned), strict=True))
        amounts = " and ".join(f"{amount:.6g} {unit}" for unit, amount in required.items())
        name = plan.surface.menu.options[column].name
        return f"the budget is used up; at least {name!r} would be needed, for {amounts}", required

    def compare(self, row: int) -> str:
        """Compare a choice with the best option that was left, at the price of the budget.

        Parameters
        ----------
        row : int
            A question that was funded.

        Returns
        -------
        str
            One line.
        """
        reason, binding = self._compare_open(row), self.find_binding(row)
        if binding is None:
            return reason
        condition, option = binding
        return f"{reason}; its {condition} keeps out {option!r}"

    def _compare_open(self, row: int) -> str:
        """Compare a choice with the best of the other options on offer."""
        plan, column = self.plan, int(self.plan.choice_index[row])
        unit, price = next(iter(plan.shadow_price.items()))
        options, quality = plan.surface.menu.options, plan.surface.quality[row]
        worth = self._weigh(row)
        worth[column] = -np.inf
        if plan.closed is not None:
            worth[plan.closed[row] > 0] = -np.inf
        if options[column].is_skip:
            return f"no option is worth its cost at {price:.4g} quality per {unit}"
        if len(options) == 1:
            return "the only option on the menu"
        other = int(worth.argmax())
        if worth[other] == -np.inf:
            return "the only option that the question's conditions leave"
        gain = float(quality[other] - quality[column])
        planned = plan.plan_micro(row, slice(None))[:, 0]
        extra = from_micro(int(planned[other] - planned[column]))
        return (
            f"at {price:.4g} quality per {unit}, the next best {options[other].name!r} "
            f"would change quality by {gain:+.4f} for {extra:+.4g} {unit}"
        )
