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

    def _weigh(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Compute what every option is worth to r questions at the shadow prices, shape (r, m)."""
        quality = self.plan.surface.quality[rows]
        planned = self._plan_rows(rows)
        if self._is_cheapest:
            # Half a micro-unit at most, quality only decides between options that cost the same.
            worth: NDArray[np.float64] = quality / 2.0 - planned[..., 0]
        else:
            prices = np.array(list(self.plan.shadow_price.values()))
            worth = self._stake[rows, None] * quality - planned / MICRO @ prices
        return worth

    def _plan_rows(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Give the planned costs of r questions, shape (r, m, k), or (m, k) where all are alike."""
        cost = self.plan.cost_micro
        return cost[rows] if cost.ndim > 2 else cost

    def _find_binding(
        self, rows: NDArray[np.int64], worth: NDArray[np.float64]
    ) -> list[tuple[str, str] | None]:
        """Find the conditions without which better options would have been taken.

        Each is one of :data:`router.plan_conditions.CONDITIONS`, with the option that it keeps out;
        None in place of both where no condition is in the way.
        """
        closed = self.plan.closed
        if closed is None:
            return [None] * len(rows)
        here = np.arange(len(rows))
        columns = self.plan.choice_index[rows]
        shut = closed[rows]
        best = np.where(shut > 0, worth, -np.inf).argmax(axis=1)
        # Worth nothing more, an option would have changed nothing.
        chosen = worth[here, columns]
        binds = shut.any(axis=1) & ~(worth[here, best] <= chosen + 1e-12 * np.abs(chosen))
        names = self.plan.surface.menu.names
        return [
            (CONDITIONS[code], names[option]) if bound else None
            for bound, code, option in zip(
                binds.tolist(), shut[here, best].tolist(), best.tolist(), strict=True
            )
        ]

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

    def compare(self, rows: NDArray[np.int64]) -> tuple[list[str], list[str | None]]:
        """Compare choices with the best options that were left, at the prices of the budget.

        Parameters
        ----------
        rows : ndarray of int64, shape (r,)
            Questions that were funded.

        Returns
        -------
        reasons : list of str
            One line each.
        bound_by : list of str or None
            The condition without which a better option would have been taken.
        """
        worth = self._weigh(rows)
        bindings = self._find_binding(rows, worth)
        reasons = [
            reason if binding is None else f"{reason}; its {binding[0]} keeps out {binding[1]!r}"
            for reason, binding in zip(self._compare_open(rows, worth), bindings, strict=True)
        ]
        return reasons, [None if binding is None else binding[0] for binding in bindings]

    def _compare_open(self, rows: NDArray[np.int64], worth: NDArray[np.float64]) -> list[str]:
        """Compare choices with the best of the other options on offer."""
        plan, columns = self.plan, self.plan.choice_index[rows]
        unit, price = next(iter(plan.shadow_price.items()))
        options, here = plan.surface.menu.options, np.arange(len(rows))
        left = worth.copy()
        left[here, columns] = -np.inf
        if plan.closed is not None:
            left[plan.closed[rows] > 0] = -np.inf
        others = left.argmax(axis=1)
        none_left = (left[here, others] == -np.inf).tolist()
        quality = plan.surface.quality
        gains = (quality[rows, others] - quality[rows, columns]).tolist()
        extra_micro = plan.plan_micro(rows, others) - plan.plan_micro(rows, columns)
        extras = (extra_micro[:, 0] / MICRO).tolist()
        at_price = f"at {price:.4g} quality per {unit}"
        reasons = []
        for place, (column, other) in enumerate(
            zip(columns.tolist(), others.tolist(), strict=True)
        ):
            if options[column].is_skip:
                reasons.append(f"no option is worth its cost {at_price}")
            elif len(options) == 1:
                reasons.append("the only option on the menu")
            elif none_left[place]:
                reasons.append("the only option that the question's conditions leave")
            else:
                reasons.append(
                    f"{at_price}, the next best {options[other].name!r} would change quality by "
                    f"{gains[place]:+.4f} for {extras[place]:+.4g} {unit}"
                )
        return reasons
