"""Totals of a plan: what the whole batch is expected to bring, to cost and to risk."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from router.budgets import from_micro
from router.choices import STATUSES
from router.plan_problem import find_least
from router.plan_reasons import multiply_groups
from router.question_costs import exceed_probability

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.plan import Plan

__all__ = ["sum_up"]


def sum_up(
    plan: Plan,
    base_option: int,
    statuses: NDArray[np.str_],
    labels: NDArray[np.int64] | None,
) -> dict[str, Any]:
    """Sum up a plan.

    Parameters
    ----------
    plan : Plan
        Of n questions.
    base_option : int
        The cheapest option that answers, over which gain is measured.
    statuses : ndarray of str, shape (n,)
        How every question came out.
    labels : ndarray of int64, shape (n,), or None
        Groups of dependent questions.

    Returns
    -------
    dict
        As :attr:`Plan.totals` describes it.
    """
    funded = plan.choice_index >= 0
    chosen = plan.choice_index[funded]
    rows = np.flatnonzero(funded)
    quality = np.zeros(len(plan))
    quality[rows] = plan.surface.quality[rows, chosen]
    answers = np.arange(len(plan)) if labels is None else np.unique(labels)
    reached = multiply_groups(quality, labels)[answers]
    base = multiply_groups(plan.surface.quality[:, base_option], labels)[answers]
    sums = {unit: plan.costs.sum_up(unit, rows, chosen) for unit in plan.costs.units}
    expected = {unit: total for unit, (total, _) in sums.items()}
    # Planned units are summed in micro-units, so that the total is the one that was planned.
    spent = plan.plan_micro(rows, chosen).sum(axis=0)
    cost = expected | dict(zip(plan.units, map(from_micro, spent.tolist()), strict=True))
    budget = {unit: from_micro(amount) for unit, amount in plan.budget_micro.items()}
    least = find_least(plan.cost_micro, plan.closed, len(plan))
    counts = Counter(statuses.tolist())
    # How far a product may be off was not measured.
    interval = plan.surface.bound_total(rows, chosen) if labels is None else None
    return {
        "n_questions": len(plan),
        "n_answers": len(answers),
        "expected_quality": float(reached.sum()),
        "mean_quality": _average(plan, reached, labels, answers),
        "target_quality": plan.target_quality,
        "quality_interval": None if interval is None else list(interval),
        "expected_gain": float(reached.sum()) - float(base.sum()),
        "cost": cost,
        "budget": budget,
        "minimum_required": dict(zip(plan.units, map(from_micro, least), strict=True)),
        "expected_cost": expected,
        "cost_deviation": {unit: deviation for unit, (_, deviation) in sums.items()},
        "overspend_probability": {
            unit: exceed_probability(amount, *sums[unit]) for unit, amount in budget.items()
        },
        "statuses": {name: counts[name] for name in STATUSES},
    }


def _average(
    plan: Plan,
    reached: NDArray[np.float64],
    labels: NDArray[np.int64] | None,
    answers: NDArray[np.int64],
) -> float:
    """Average the qualities of all answers by their weights: what is optimised, as a mean."""
    weights = np.array([question.weight for question in plan.questions])
    if labels is not None:
        heaviest = np.zeros(len(weights))
        np.maximum.at(heaviest, labels, weights)
        weights = heaviest
    weights = weights[answers]
    total = float(weights.sum())
    return float(weights @ reached) / total if total > 0.0 else 0.0
