"""The problem behind a plan: what the allocator is handed, and its refusals in a caller's words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation import solve, trace_frontier
from router.budgets import MICRO
from router.exceptions import BudgetError, QuestionError
from router.plan_conditions import close_options, describe_closed
from router.questions import label_dependent

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.allocation import Solution
    from router.models.surface import Surface
    from router.question_costs import QuestionCosts
    from router.questions import Question

__all__ = ["PlanProblem", "check_target", "find_least", "write_amounts"]


def check_target(target_quality: float | None) -> None:
    """Check that a target is a mean quality.

    Parameters
    ----------
    target_quality : float or None
        None for no target.

    Raises
    ------
    BudgetError
        If it is not from 0 to 1.

    Examples
    --------
    >>> check_target(80)
    Traceback (most recent call last):
    ...
    router.exceptions.BudgetError: target_quality is 80: a mean quality from 0 to 1 is needed
    """
    if target_quality is None:
        return
    is_number = isinstance(target_quality, int | float | np.integer | np.floating)
    if isinstance(target_quality, bool) or not is_number or not 0.0 <= target_quality <= 1.0:
        raise BudgetError(
            f"target_quality is {target_quality!r}: a mean quality from 0 to 1 is needed"
        )


@dataclass(frozen=True)
class PlanProblem:
    """What is known, asked and allowed when a batch is planned.

    Parameters
    ----------
    questions : sequence of Question, length n
        With their weights, conditions and dependences.
    surface : Surface
        What is expected, shape (n, m).
    costs : QuestionCosts
        What options consume, margin included.
    units : tuple of str, length k
        What is planned in.
    """

    questions: Sequence[Question]
    surface: Surface
    costs: QuestionCosts
    units: tuple[str, ...]

    @cached_property
    def cost_micro(self) -> NDArray[np.int64]:
        """Planned cost by option and unit, by question too where questions differ."""
        return self.costs.to_micro(self.units)

    @cached_property
    def closed(self) -> NDArray[np.int8] | None:
        """Which options are out by which condition, shape (n, m)."""
        return close_options(self.questions, self.surface, self.costs)

    @cached_property
    def total_weight(self) -> float:
        """Weights of all answers; dependent questions count once, as the heaviest of them."""
        weights = np.array([question.weight for question in self.questions])
        labels = label_dependent(self.questions)
        if labels is not None:
            heaviest = np.zeros(len(weights))
            np.maximum.at(heaviest, labels, weights)
            weights = heaviest[np.unique(labels)]
        total = float(weights.sum())
        if total <= 0.0:
            raise QuestionError("all questions have weight 0: at least one has to count")
        return total

    def solve(
        self,
        budget_micro: Mapping[str, int],
        target_quality: float | None,
        *,
        allow_unfunded: bool,
        shadow_price: Mapping[str, float] | None = None,
    ) -> Solution:
        """Find the plan.

        Parameters
        ----------
        budget_micro : mapping of str to int
            Ceilings by unit, in the order of the units; empty only with a target.
        target_quality : float or None
            Mean quality to reach at the least cost; None for the most quality.
        allow_unfunded : bool
            Whether questions may get nothing, and a target be missed, where it cannot be helped.
        shadow_price : mapping of str to float, optional
            Quality that a unit has to bring at least; see :meth:`lower_budget`.

        Returns
        -------
        Solution

        Raises
        ------
        QuestionError
            If the conditions of a question leave it no option.
        BudgetError
            If a budget does not reach the cheapest plan, or the target is not reached within it.
        """
        if not allow_unfunded:
            self._require_options()
            self._require_reach(budget_micro)
        if shadow_price is not None:
            budget_micro = self.lower_budget(budget_micro, shadow_price)
        if target_quality is None:
            marks = allow_unfunded and not self._reaches_all(budget_micro)
            try:
                return self._run(budget_micro, allow_unfunded=marks)
            except BudgetError:
                # Each budget alone reaches a plan, as was checked before.
                raise BudgetError(
                    f"no plan for {len(self.questions)} questions keeps all of the budgets "
                    f"{write_amounts(budget_micro)} together: raise one of them"
                ) from None
        target = target_quality * self.total_weight
        solution = self._run(budget_micro, target, allow_unfunded=True)
        if solution.cost_bound is None and not allow_unfunded:
            raise self._explain_miss(budget_micro, target_quality, solution)
        return solution

    def lower_budget(
        self, budget_micro: Mapping[str, int], shadow_price: Mapping[str, float]
    ) -> dict[str, int]:
        """Lower a budget to what is worth its price.

        Parameters
        ----------
        budget_micro : mapping of str to int
            Ceilings by unit.
        shadow_price : mapping of str to float
            Quality that a unit has to bring at least; units that are left out cost nothing.

        Returns
        -------
        dict of str to int
            What is spent where every question takes the option of which most is left after its
            cost is paid, within the ceilings, but never less than the cheapest plan takes.

        References
        ----------
        .. [1] Shih, W., "A branch and bound method for the multiconstraint zero one knapsack
           problem", Journal of the Operational Research Society 30 (1979), 369-378: the Lagrangian
           relaxation, of which this is the inner problem.
        """
        n_questions = len(self.questions)
        prices = np.array([shadow_price.get(unit, 0.0) / MICRO for unit in self.units])
        cost = np.broadcast_to(self.cost_micro, (*self.surface.quality.shape, len(self.units)))
        weights = np.array([question.weight for question in self.questions])
        score = weights[:, None] * self.surface.quality - cost @ prices
        if self.closed is not None:
            score = np.where(self.closed == 0, score, -np.inf)
        spend = cost[np.arange(n_questions), score.argmax(axis=1)].sum(axis=0).tolist()
        least = find_least(self.cost_micro, self.closed, n_questions)
        worth = {u: max(s, m) for u, s, m in zip(self.units, spend, least, strict=True)}
        return {unit: min(amount, worth[unit]) for unit, amount in budget_micro.items()}

    def trace(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Trace the best total quality against spend in the first unit over all budgets."""
        self._require_options()
        return trace_frontier(
            self.surface.quality, self.cost_micro[..., 0], **self._side_conditions()
        )

    def _run(
        self,
        budget_micro: Mapping[str, int],
        target: float | None = None,
        *,
        allow_unfunded: bool,
    ) -> Solution:
        """Hand the problem to the allocator, with one budget, several or none."""
        amounts = list(budget_micro.values())
        one = len(self.units) == 1
        return solve(
            self.surface.quality,
            self.cost_micro[..., 0] if one else self.cost_micro,
            (amounts[0] if amounts else None) if one else amounts,
            target=target,
            priority=self._priority,
            unfunded="mark" if allow_unfunded else "raise",
            **self._side_conditions(),
        )

    def _side_conditions(self) -> dict[str, Any]:
        """Give what questions ask for in the allocator's terms, nothing where they ask nothing."""
        weights = [question.weight for question in self.questions]
        place = {question.id: row for row, question in enumerate(self.questions)}
        needed = [[place[name] for name in question.depends_on] for question in self.questions]
        return {
            "weights": None if set(weights) == {1.0} else np.array(weights),
            "allowed": None if self.closed is None else self.closed == 0,
            "depends_on": needed if any(needed) else None,
        }

    @property
    def _priority(self) -> NDArray[np.int64] | None:
        """Ranks of the questions, where there are any."""
        ranks = [question.priority for question in self.questions]
        return np.array(ranks, dtype=np.int64) if any(ranks) else None

    def _require_options(self) -> None:
        """Refuse conditions that leave a question nothing."""
        empty = [] if self.closed is None else np.flatnonzero(self.closed.all(axis=1)).tolist()
        if empty and self.closed is not None:
            question = self.questions[empty[0]]
            reason = describe_closed(question, self.closed, empty[0], self.surface, self.costs)
            raise QuestionError(f"question {question.id!r}: {reason}")

    def _require_reach(self, budget_micro: Mapping[str, int]) -> None:
        """Refuse a budget below the cheapest plan, in the words and units of who gave it."""
        least = find_least(self.cost_micro, self.closed, len(self.questions))
        for (unit, budget), required in zip(budget_micro.items(), least, strict=False):
            if budget < required:
                skip = (
                    ""
                    if self.surface.menu.has_skip
                    else "let questions go unanswered (allow_skip, --allow-skip) "
                )
                raise BudgetError(
                    f"budget {write_amounts({unit: budget})} does not reach the cheapest plan of "
                    f"{len(self.questions)} questions, which needs "
                    f"{write_amounts({unit: required})}: raise it, {skip}or fund what it reaches "
                    "(allow_unfunded, --allow-unfunded, over HTTP without all_or_nothing)"
                )

    def _reaches_all(self, budget_micro: Mapping[str, int]) -> bool:
        """Tell whether a budget surely funds every question, which is a simpler problem."""
        if len(self.units) > 1 or self.closed is not None:
            return False
        least = find_least(self.cost_micro, None, len(self.questions))
        return least[0] <= budget_micro[self.units[0]]

    def _explain_miss(
        self, budget_micro: Mapping[str, int], target_quality: float, closest: Solution
    ) -> BudgetError:
        """Say why a target is missed, and what would be needed or can be reached."""
        hint = (
            "lower the target or allow a miss (allow_unfunded, --allow-unfunded, over HTTP without "
            "all_or_nothing)"
        )
        reached = self._write_mean(closest)
        free = closest
        if budget_micro:
            ample = dict.fromkeys(budget_micro, int(np.iinfo(np.int64).max))
            target = target_quality * self.total_weight
            free = self._run(ample, target, allow_unfunded=True)
        if free.cost_bound is None:
            return BudgetError(
                f"target_quality {target_quality:g} is above what can be reached, a mean of "
                f"{self._write_mean(free)}: {hint}"
            )
        if len(self.units) == 1:
            need = f"needs {write_amounts({self.units[0]: free.spends[0]})}, above the budget "
        else:
            need = "is not reached within the budgets "
        return BudgetError(
            f"target_quality {target_quality:g} {need}{write_amounts(budget_micro)}, for which a "
            f"mean of {reached} was found: raise the budget, {hint}"
        )

    def _write_mean(self, solution: Solution) -> str:
        """Write a plan's mean quality, rounded down so that it can be asked for."""
        # The rounding of the sum must not take a whole digit away.
        return f"{math.floor(solution.value / self.total_weight * 1e4 + 1e-6) / 1e4:.4f}"


def find_least(
    cost_micro: NDArray[np.int64], closed: NDArray[np.int8] | None, n_questions: int
) -> list[int]:
    """Sum every question's least planned cost, unit by unit.

    Parameters
    ----------
    cost_micro : ndarray of int64, shape (m, k) or (n, m, k)
        In micro-units.
    closed : ndarray of int8, shape (n, m), or None
        Options that are out; questions without any other are not counted.
    n_questions : int
        How many there are.

    Returns
    -------
    list of int, length k

    Examples
    --------
    >>> find_least(np.array([[3], [5]]), np.array([[0, 0], [1, 0], [1, 1]]), 3)
    [8]
    """
    if closed is None:
        least = np.broadcast_to(cost_micro.min(axis=-2), (n_questions, cost_micro.shape[-1]))
    else:
        rows = np.flatnonzero(~closed.all(axis=1))
        cost = np.broadcast_to(cost_micro, (*closed.shape, cost_micro.shape[-1]))[rows]
        largest = np.iinfo(np.int64).max
        least = np.where(closed[rows, :, None] == 0, cost, largest).min(axis=1)
    return [sum(column) for column in least.T.tolist()]


def write_amounts(amounts_micro: Mapping[str, int]) -> str:
    """Write amounts by unit, as they are given on the command line.

    Examples
    --------
    >>> write_amounts({"usd": 500_000, "searches": 3_000_000})
    'usd=0.5, searches=3'
    """
    return ", ".join(
        f"{unit}={Decimal(amount) / MICRO:f}" for unit, amount in amounts_micro.items()
    )
