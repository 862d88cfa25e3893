"""Plans of questions of which a table says what to expect, for replays and simulations."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from router.costs import cost_menu
from router.exceptions import InputError
from router.models.surface import Surface
from router.options import Menu, Option
from router.plan import Plan
from router.plan_problem import PlanProblem
from router.question_costs import QuestionCosts
from router.questions import Question

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["plan_table"]


def plan_table(
    options: Sequence[Option],
    expected: NDArray[np.float64],
    costs: Sequence[float],
    budget: float,
    *,
    unit: str = "usd",
) -> Plan:
    """Plan the rows of a table within a budget, as if a model had predicted them.

    Parameters
    ----------
    options : sequence of Option, length m
        With the descriptors that say how they belong together; their costs are replaced.
    expected : ndarray of float64, shape (n, m)
        Expected quality, from 0 to 1.
    costs : sequence of float, length m
        What options cost a question.
    budget : float
        For all questions together.
    unit : str, default="usd"
        Of costs and budget.

    Returns
    -------
    Plan
        Of questions ``q0``, ``q1``, ... in the order of the rows.

    Raises
    ------
    InputError
        If shapes do not fit.
    BudgetError
        If the budget does not reach the cheapest plan.

    Examples
    --------
    >>> options = [Option("small", model="s"), Option("large", model="l")]
    >>> plan = plan_table(options, np.array([[0.5, 0.9], [0.8, 0.9]]), [1.0, 5.0], 6.0)
    >>> [choice.option for choice in plan]
    ['large', 'small']
    """
    if expected.shape != (len(expected), len(options)) or len(costs) != len(options):
        raise InputError(
            f"expected has shape {expected.shape}, and there are {len(costs)} costs: one column "
            f"and one cost are needed for each of {len(options)} options"
        )
    menu = Menu(
        tuple(
            replace(option, costs={unit: float(amount)})
            for option, amount in zip(options, costs, strict=True)
        ),
        "table",
    )
    quality = np.asarray(expected, dtype=np.float64)
    surface = Surface(menu, quality, quality, quality, ("outcomes",) * len(menu))
    questions = tuple(Question(f"q{row}", "a row of a table") for row in range(len(quality)))
    by_question = QuestionCosts(cost_menu(menu), None, 0.0)
    problem = PlanProblem(questions, surface, by_question, (unit,))
    budget_micro = {unit: int(budget * 1e6)}
    solution = problem.solve(budget_micro, None, allow_unfunded=False)
    return Plan(
        "plan-table",
        "none",
        "none",
        questions,
        surface,
        solution.choices,
        problem.cost_micro,
        budget_micro,
        by_question,
        {unit: float(np.atleast_1d(solution.shadow_price)[0]) * 1e6},
        solution.gap,
    )
