"""Plans: the chosen option of every question, what it is expected to bring, and why."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from router.budgets import from_micro
from router.choices import Choice
from router.exceptions import MissingExtraError
from router.plan_axes import find_neighbours, measure_position
from router.plan_reasons import Reasons, multiply_groups
from router.plan_totals import sum_up
from router.questions import label_dependent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from router.models.surface import Surface
    from router.question_costs import QuestionCosts
    from router.questions import Question

__all__ = ["Plan"]


@dataclass(frozen=True, eq=False, repr=False)
class Plan:
    """An option for every question within a budget.

    Iterating gives the choices in the order of the questions. What is optimised is the mean quality
    of all answers, weighted where questions are (``totals["mean_quality"]``). A question that
    stands alone is an answer; questions that depend on each other are one answer together, with the
    product of their qualities and the largest of their weights.

    Parameters
    ----------
    plan_id, bundle_id, price_id : str
        This plan, the model behind it, and the prices it was made under.
    questions : tuple of Question, length n
        What was asked.
    surface : Surface
        What was expected, shape (n, m).
    choice_index : ndarray of int64, shape (n,)
        The chosen option's position in the menu; -1 where nothing could be funded.
    cost_micro : ndarray of int64, shape (m, k) or (n, m, k)
        Planned cost by option and budget unit, in micro-units, margin included; by question too
        where questions differ.
    budget_micro : mapping of str to int
        The budget by unit in micro-units; empty where only a target was given.
    costs : QuestionCosts
        Expected cost and its doubt in every unit that is known.
    shadow_price : mapping of str to float
        Quality that one more unit of each planned unit would bring.
    gap : float
        Proven relative distance to the best possible plan on this surface; where a target is
        reached, of the planned cost to the least possible.
    notes : tuple of str
        What a reader should know.
    target_quality : float, optional
        Mean quality that was to be reached at the least cost.
    closed : ndarray of int8, shape (n, m), optional
        Options out by a condition of their question, as positions in
        :data:`router.plan_conditions.CONDITIONS`; None where all are on offer.
    """

    plan_id: str
    bundle_id: str
    price_id: str
    questions: tuple[Question, ...]
    surface: Surface
    choice_index: NDArray[np.int64]
    cost_micro: NDArray[np.int64]
    budget_micro: Mapping[str, int]
    costs: QuestionCosts
    shadow_price: Mapping[str, float]
    gap: float
    notes: tuple[str, ...] = ()
    target_quality: float | None = None
    closed: NDArray[np.int8] | None = None

    @property
    def units(self) -> tuple[str, ...]:
        """What was planned in, k units: those of the budget, or the one that was spent least of."""
        return tuple(self.shadow_price)

    def __len__(self) -> int:
        """Count the questions."""
        return len(self.questions)

    def __repr__(self) -> str:
        """Sum up the plan in one line."""
        totals = self.totals
        budget, cost = totals["budget"], totals["cost"]
        spent = ", ".join(
            f"{cost[unit]:g}" + (f" of {budget[unit]:g}" if unit in budget else "") + f" {unit}"
            for unit in self.units
        )
        return (
            f"<Plan {self.plan_id}: {len(self)} questions, {spent}, "
            f"expected quality {totals['expected_quality']:.3f}>"
        )

    def __iter__(self) -> Iterator[Choice]:
        """Go through the choices in the order of the questions."""
        return iter(self.choices)

    @cached_property
    def choices(self) -> tuple[Choice, ...]:
        """The choices in the order of the questions."""
        return tuple(self._describe(row) for row in range(len(self.questions)))

    @cached_property
    def _base_option(self) -> int:
        """The cheapest option that answers: in the budget's units, then in all that are known."""
        skips = np.array([option.is_skip for option in self.surface.menu])
        planned = np.atleast_3d(self.cost_micro.T).sum(axis=2)
        keys = [skips, *planned, *(np.atleast_2d(x).mean(axis=0) for x in self._expected.values())]
        # The last key counts most, and of equal options the first in the menu stays first.
        return int(np.lexsort(keys[::-1])[0])

    @cached_property
    def _expected(self) -> dict[str, NDArray[np.float64]]:
        """Expected cost by unit, by option or by question and option."""
        return {unit: self.costs.expect(unit) for unit in self.costs.units}

    @cached_property
    def _deviation(self) -> dict[str, NDArray[np.float64]]:
        """Standard deviation of the cost by question and option, in units where it is known."""
        found = {unit: self.costs.deviate(unit) for unit in self.costs.units}
        return {unit: values for unit, values in found.items() if values is not None}

    def _describe_doubt(self, row: int, column: int) -> dict[str, float]:
        """Give the standard deviation of an option's cost by unit, where it was measured."""
        found = {unit: float(values[row, column]) for unit, values in self._deviation.items()}
        return {unit: value for unit, value in found.items() if not math.isnan(value)}

    def plan_micro(
        self, rows: int | NDArray[np.int64], columns: int | slice | NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Give the planned cost of options of questions in micro-units, budget units last.

        Parameters
        ----------
        rows : int or ndarray of int64
            Questions.
        columns : int, slice or ndarray of int64
            Options.

        Returns
        -------
        ndarray of int64
            The last axis has length k.
        """
        by_question = self.cost_micro.ndim > 2
        return self.cost_micro[rows, columns] if by_question else self.cost_micro[columns]

    def _cost(self, row: int, column: int) -> dict[str, float]:
        """Planned cost of a question's option by unit."""
        cost = {
            unit: float(amount[row, column] if amount.ndim > 1 else amount[column])
            for unit, amount in self._expected.items()
        }
        planned = self.plan_micro(row, column).tolist()
        return cost | dict(zip(self.units, map(from_micro, planned), strict=True))

    @cached_property
    def _search_axis(self) -> NDArray[np.int64]:
        """Neighbours of every option along the axis of searches."""
        return find_neighbours(self.surface.menu, "search")

    @cached_property
    def _reasoning_axis(self) -> NDArray[np.int64]:
        """Neighbours of every option along the axis of reasoning tokens."""
        return find_neighbours(self.surface.menu, "reasoning")

    @property
    def totals(self) -> dict[str, Any]:
        """Expected quality and planned cost of the whole batch.

        Returns
        -------
        dict
            ``expected_quality`` and ``expected_gain`` (sums over answers, ``n_answers`` of them: as
            many as ``n_questions`` unless some depend on each other), ``mean_quality`` (their mean
            by weight, which is what was optimised and what ``target_quality`` is compared with),
            ``quality_interval`` (where the sum of the outcomes lies, nine times of ten; None where
            that was not measured, as for products), ``cost`` and ``budget`` by unit,
            ``minimum_required`` (what the cheapest plan of all questions would cost),
            ``expected_cost`` without the margin, ``cost_deviation`` of its sum, and
            ``overspend_probability``, the chance that real cost exceeds the budget (both None where
            consumption does not differ or was not measured), and the number of questions by status.
        """
        return sum_up(self, self._base_option, self._statuses, self._labels)

    @cached_property
    def _labels(self) -> NDArray[np.int64] | None:
        """Groups of dependent questions, where there are any."""
        return label_dependent(self.questions)

    @cached_property
    def _joint_quality(self) -> NDArray[np.float64]:
        """The product of the qualities in each question's group."""
        funded = self.choice_index >= 0
        quality = self.surface.quality[np.arange(len(self)), self.choice_index]
        return multiply_groups(np.where(funded, quality, 0.0), self._labels)

    @cached_property
    def _reasons(self) -> Reasons:
        """What speaks for each choice."""
        return Reasons(self, self._base_option, self._labels)

    @cached_property
    def _statuses(self) -> NDArray[np.str_]:
        """How every question came out."""
        is_skip = np.array([option.is_skip for option in self.surface.menu] + [True])
        status = np.where(self.choice_index == self._base_option, "minimum", "funded")
        return np.where(is_skip[self.choice_index], "unfunded", status)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan, ready for JSON.

        Returns
        -------
        dict
            With ``plan_id``, ``bundle_id``, ``price_id``, ``choices``, ``totals``,
            ``shadow_price``, ``gap`` and ``notes``.
        """
        return {
            "plan_id": self.plan_id,
            "bundle_id": self.bundle_id,
            "price_id": self.price_id,
            "choices": [choice.to_dict() for choice in self.choices],
            "totals": self.totals,
            "shadow_price": dict(self.shadow_price),
            "gap": self.gap,
            "notes": list(self.notes),
        }

    def to_frame(self) -> Any:
        """Return the choices as a pandas DataFrame, one row a question.

        Returns
        -------
        pandas.DataFrame
            Columns as the fields of :class:`Choice`, costs as ``cost_UNIT``.

        Raises
        ------
        MissingExtraError
            If pandas is not installed.
        """
        try:
            import pandas as pd
        except ImportError:
            raise MissingExtraError.for_extra("notebooks", "Plan.to_frame") from None
        rows = []
        for choice in self.choices:
            row = choice.to_dict()
            row |= {f"cost_{unit}": amount for unit, amount in row.pop("cost").items()}
            rows.append(row)
        return pd.DataFrame(rows)

    def _describe(self, row: int) -> Choice:
        """Say what one question is given and why."""
        column = int(self.choice_index[row])
        base = float(self.surface.quality[row, self._base_option])
        if column < 0:
            return self._describe_unfunded(row, base)
        option = self.surface.menu.options[column]
        quality = self.surface.quality[row]
        interval = (float(self.surface.low[row, column]), float(self.surface.high[row, column]))
        return Choice(
            id=self.questions[row].id,
            status=str(self._statuses[row]),
            option=option.name,
            difficulty=1.0 - base,
            expected_quality=float(quality[column]),
            quality_interval=interval,
            expected_gain=float(quality[column]) - base,
            gain_interval=(interval[0] - base, interval[1] - base),
            marginal_gain_per_search=self._measure_slope(row, column, "search"),
            marginal_gain_per_1000_reasoning_tokens=self._measure_slope(row, column, "reasoning"),
            cost=self._cost(row, column),
            evidence="means" if self._is_strange(row) else self.surface.evidence[column],
            reason=self._explain(row),
            familiarity=self._measure_familiarity(row),
            cost_deviation=self._describe_doubt(row, column),
            joint_quality=self._describe_joint(row),
            bound_by=binding[0] if (binding := self._reasons.find_binding(row)) else None,
        )

    def _describe_joint(self, row: int) -> float | None:
        """Give the product of a question's group, where it has one."""
        labels = self._labels
        if labels is None or np.count_nonzero(labels == labels[row]) == 1:
            return None
        return float(self._joint_quality[row])

    def _describe_unfunded(self, row: int, base: float) -> Choice:
        """Say that a question got nothing, and what it would have needed."""
        reason, required = self._reasons.explain_unfunded(row)
        return Choice(
            id=self.questions[row].id,
            status="unfunded",
            option="",
            difficulty=1.0 - base,
            expected_quality=0.0,
            quality_interval=(0.0, 0.0),
            expected_gain=-base,
            gain_interval=(-base, -base),
            marginal_gain_per_search=None,
            marginal_gain_per_1000_reasoning_tokens=None,
            cost=dict.fromkeys([*self.costs.units, *self.units], 0.0),
            evidence="none",
            reason=reason,
            familiarity=self._measure_familiarity(row),
            joint_quality=self._describe_joint(row),
            bound_by="budget" if required else "conditions",
            required_cost=required,
        )

    def _measure_familiarity(self, row: int) -> float | None:
        """Say how like those of training a question is, where that is known."""
        familiarity = self.surface.familiarity
        return None if familiarity is None else float(familiarity[row])

    def _is_strange(self, row: int) -> bool:
        """Tell whether a question is planned by the options' means."""
        return self.surface.abstained is not None and bool(self.surface.abstained[row])

    def _measure_slope(self, row: int, column: int, axis: str) -> float | None:
        """Measure what one more unit along an axis is expected to add."""
        neighbours = self._search_axis if axis == "search" else self._reasoning_axis
        other = int(neighbours[column, 1] if neighbours[column, 1] >= 0 else neighbours[column, 0])
        if other < 0:
            return None
        options = self.surface.menu.options
        position = measure_position(options[other], axis) - measure_position(options[column], axis)
        gain = float(self.surface.quality[row, other] - self.surface.quality[row, column])
        return gain / position

    def _explain(self, row: int) -> str:
        """Give the reason for a choice, and first why the question's text was not used."""
        reason = self._reasons.compare(row)
        if not self._is_strange(row):
            return reason
        return (
            f"unlike the training questions (familiarity {self._measure_familiarity(row):.4f}): "
            f"planned by the options' means; {reason}"
        )
