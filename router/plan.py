"""Plans: the chosen option of every question, what it is expected to bring, and why."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from router.choices import STATUSES, Choice
from router.exceptions import MissingExtraError
from router.plan_axes import MenuAxes
from router.plan_choices import ChoiceWriter
from router.plan_reasons import Reasons, multiply_groups
from router.plan_totals import sum_up
from router.questions import label_dependent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from router.exploration import Exploration
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
    axes : MenuAxes, optional
        Axes of the menu; worked out where they are not handed in.
    degraded : str, optional
        Why it was made without the model, one of :data:`router.choices.DEGRADED`.
    exploration : Exploration, optional
        What was drawn by chance, and how likely every option was; None where nothing was.
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
    axes: MenuAxes | None = None
    degraded: str | None = None
    exploration: Exploration | None = None

    @property
    def propensities(self) -> NDArray[np.float64] | None:
        """With which probability each option was chosen, shape (n, m); None without exploration."""
        return None if self.exploration is None else self.exploration.propensities

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
        return tuple(Choice(**fields) for fields in self._write_choices())

    def _write_choices(self) -> list[dict[str, Any]]:
        """Describe the choices by their fields."""
        return ChoiceWriter(
            self,
            self._axes,
            self._reasons,
            self._statuses,
            self._base_option,
            self._labels,
            self._joint_quality,
        ).write()

    @cached_property
    def _base_option(self) -> int:
        """The cheapest option that answers: in the budget's units, then in all that are known."""
        cost = self.cost_micro
        planned = cost.T if cost.ndim == 2 else cost.T.sum(axis=2)
        amounts = self.expected_cost.values()
        expected = (amount if amount.ndim == 1 else amount.mean(axis=0) for amount in amounts)
        keys = [self._axes.skips, *planned, *expected]
        # The last key counts most, and of equal options the first in the menu stays first.
        return int(np.lexsort(keys[::-1])[0])

    @cached_property
    def _axes(self) -> MenuAxes:
        """Axes of the menu."""
        return MenuAxes.build(self.surface.menu) if self.axes is None else self.axes

    @cached_property
    def expected_cost(self) -> dict[str, NDArray[np.float64]]:
        """Expected cost by unit, of shape (m,) or, where questions differ, (n, m)."""
        return {unit: self.costs.expect(unit) for unit in self.costs.units}

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
        code = np.where(self.choice_index == self._base_option, 1, 0)
        if self.degraded is not None:
            code[:] = STATUSES.index("fallback")
        code[self._axes.skips[self.choice_index] | (self.choice_index < 0)] = 2
        return np.array(STATUSES)[code]

    def to_dict(self) -> dict[str, Any]:
        """Return the plan, ready for JSON.

        Returns
        -------
        dict
            With ``plan_id``, ``bundle_id``, ``price_id``, ``choices``, ``totals``,
            ``shadow_price``, ``gap`` and ``notes``; a plan made without the model also says why
            under ``degraded``, and where a plan explored its choices have a ``propensity``.
        """
        document = {
            "plan_id": self.plan_id,
            "bundle_id": self.bundle_id,
            "price_id": self.price_id,
            "choices": self._write_choices(),
            "totals": self.totals,
            "shadow_price": dict(self.shadow_price),
            "gap": self.gap,
            "notes": list(self.notes),
        }
        return document if self.degraded is None else document | {"degraded": self.degraded}

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
