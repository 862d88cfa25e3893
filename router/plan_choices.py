"""Choices of a plan: what every question is given, with what it rests on, for many at a time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from router.budgets import MICRO
from router.choices import DEGRADED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.plan import Plan
    from router.plan_axes import MenuAxes
    from router.plan_reasons import Reasons

__all__ = ["ChoiceWriter"]

# Questions described together: tables of this many rows and a long menu stay in the cache.
ROWS_AT_ONCE = 1024


@dataclass(frozen=True)
class ChoiceWriter:
    """Describes what a plan gives its n questions.

    Parameters
    ----------
    plan : Plan
        Of n questions and m options.
    axes : MenuAxes
        Of the plan's menu.
    reasons : Reasons
        What speaks for each choice.
    statuses : ndarray of str, shape (n,)
        How every question came out.
    base_option : int
        The cheapest option that answers, over which gain is measured.
    labels : ndarray of int64, shape (n,), or None
        Groups of dependent questions.
    joint_quality : ndarray of float64, shape (n,)
        The product of the qualities in each question's group.
    """

    plan: Plan
    axes: MenuAxes
    reasons: Reasons
    statuses: NDArray[np.str_]
    base_option: int
    labels: NDArray[np.int64] | None
    joint_quality: NDArray[np.float64]

    def write(self) -> list[dict[str, Any]]:
        """Describe all choices in the order of the questions.

        Returns
        -------
        list of dict, length n
            The fields of :class:`~router.choices.Choice` by name, in their order, with a
            `propensity` only where the plan explored.
        """
        described = self._describe_both()
        if self.plan.exploration is not None:
            chances = self.plan.exploration.list_chosen()
            for fields, chance in zip(described, chances, strict=True):
                fields["propensity"] = chance
        return described

    def _describe_both(self) -> list[dict[str, Any]]:
        """Describe the questions that were funded, and those that were not."""
        funded = self.plan.choice_index >= 0
        if funded.all():
            return self._describe_all(np.arange(len(funded)))
        described = iter(self._describe_all(np.flatnonzero(funded)))
        return [
            next(described) if is_funded else self._describe_unfunded(row)
            for row, is_funded in enumerate(funded.tolist())
        ]

    def _describe_all(self, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Say what funded questions are given and why, some at a time."""
        parts = [
            self._describe(rows[first : first + ROWS_AT_ONCE])
            for first in range(0, len(rows), ROWS_AT_ONCE)
        ]
        return parts[0] if len(parts) == 1 else list(chain.from_iterable(parts))

    def _describe(self, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Say what r funded questions are given and why."""
        surface = self.plan.surface
        columns = self.plan.choice_index[rows]
        expectations = zip(
            surface.quality[rows, self.base_option].tolist(),
            surface.quality[rows, columns].tolist(),
            surface.low[rows, columns].tolist(),
            surface.high[rows, columns].tolist(),
            self.axes.search.measure(surface.quality, rows, columns),
            self.axes.reasoning.measure(surface.quality, rows, columns),
            strict=True,
        )
        words = zip(
            self.statuses[rows].tolist(),
            self._list_costs(rows, columns),
            self._list_doubts(rows, columns),
            *self._give_reasons(rows),
            strict=True,
        )
        places = zip(rows.tolist(), columns.tolist(), strict=True)
        names, evidence = surface.menu.names, surface.evidence
        ids, familiarity = self._ids, self._familiarity
        strange, joint = self._strange, self._joint
        return [
            {
                "id": ids[row],
                "status": status,
                "option": names[column],
                "difficulty": 1.0 - base,
                "expected_quality": expected,
                "quality_interval": (low, high),
                "expected_gain": expected - base,
                "gain_interval": (low - base, high - base),
                "marginal_gain_per_search": per_search,
                "marginal_gain_per_1000_reasoning_tokens": per_thought,
                "cost": cost,
                "evidence": "means" if row in strange else evidence[column],
                "reason": strange[row] + reason if row in strange else reason,
                "familiarity": familiarity[row],
                "cost_deviation": doubt,
                "joint_quality": joint[row],
                "bound_by": bound_by,
                "required_cost": {},
            }
            for (
                (row, column),
                (base, expected, low, high, per_search, per_thought),
                (status, cost, doubt, reason, bound_by),
            ) in zip(places, expectations, words, strict=True)
        ]

    def _describe_unfunded(self, row: int) -> dict[str, Any]:
        """Say that a question got nothing, and what it would have needed."""
        reason, required = self.reasons.explain_unfunded(row)
        base = float(self.plan.surface.quality[row, self.base_option])
        return {
            "id": self._ids[row],
            "status": "unfunded",
            "option": "",
            "difficulty": 1.0 - base,
            "expected_quality": 0.0,
            "quality_interval": (0.0, 0.0),
            "expected_gain": -base,
            "gain_interval": (-base, -base),
            "marginal_gain_per_search": None,
            "marginal_gain_per_1000_reasoning_tokens": None,
            "cost": dict.fromkeys([*self.plan.costs.units, *self.plan.units], 0.0),
            "evidence": "none",
            "reason": reason,
            "familiarity": self._familiarity[row],
            "cost_deviation": {},
            "joint_quality": self._joint[row],
            "bound_by": "budget" if required else "conditions",
            "required_cost": required,
        }

    def _give_reasons(self, rows: NDArray[np.int64]) -> tuple[list[str], list[str | None]]:
        """Say what speaks for each choice; for one that was drawn nothing does but the draw."""
        reasons, bound_by = self.reasons.compare(rows)
        exploration = self.plan.exploration
        if exploration is None:
            return reasons, bound_by
        names = self.plan.surface.menu.names
        for place in np.flatnonzero(exploration.is_explored[rows]).tolist():
            base = names[exploration.base_index[rows[place]]]
            reasons[place] = f"drawn by chance, to explore; without exploring {base!r}"
            bound_by[place] = None
        return reasons, bound_by

    def _list_costs(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> list[dict[str, float]]:
        """Give what chosen options cost by unit: expected, and in the plan's units as planned."""
        plan = self.plan
        amounts = {
            unit: (amount[rows, columns] if amount.ndim > 1 else amount[columns]).tolist()
            for unit, amount in plan.expected_cost.items()
        }
        planned = plan.plan_micro(rows, columns) / MICRO
        amounts |= {unit: planned[:, place].tolist() for place, unit in enumerate(plan.units)}
        by_question = zip(*amounts.values(), strict=True)
        return [dict(zip(amounts, values, strict=True)) for values in by_question]

    def _list_doubts(
        self, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> Sequence[dict[str, float]]:
        """Give the standard deviation of chosen options' costs by unit, where it was measured."""
        found = {}
        for unit in self.plan.costs.units:
            deviation = self.plan.costs.deviate(unit)
            if deviation is not None:
                found[unit] = deviation[rows, columns].tolist()
        if not found:
            return [{} for _ in rows]
        return [
            {
                unit: value
                for unit, value in zip(found, values, strict=True)
                if not math.isnan(value)
            }
            for values in zip(*found.values(), strict=True)
        ]

    @cached_property
    def _ids(self) -> list[str]:
        """Identifiers of the questions."""
        return [question.id for question in self.plan.questions]

    @cached_property
    def _joint(self) -> Sequence[float | None]:
        """The product of each question's group, None where a question stands alone."""
        if self.labels is None:
            return [None] * len(self.plan)
        alone = np.bincount(self.labels)[self.labels] == 1
        products = zip(self.joint_quality.tolist(), alone.tolist(), strict=True)
        return [None if is_alone else product for product, is_alone in products]

    @cached_property
    def _familiarity(self) -> Sequence[float | None]:
        """How like those of training each question is, where that is known."""
        familiarity = self.plan.surface.familiarity
        return [None] * len(self.plan) if familiarity is None else familiarity.tolist()

    @cached_property
    def _strange(self) -> dict[int, str]:
        """What is to be said of the questions that are planned by the options' means, by row."""
        if self.plan.degraded is not None:
            words = f"{DEGRADED[self.plan.degraded]}: planned by the options' means; "
            return dict.fromkeys(range(len(self.plan)), words)
        abstained = self.plan.surface.abstained
        if abstained is None:
            return {}
        return {
            row: f"unlike the training questions (familiarity {self._familiarity[row]:.4f}): "
            "planned by the options' means; "
            for row in np.flatnonzero(abstained).tolist()
        }
