"""Which options the conditions of a question leave it, and which condition closes the others."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.budgets import MICRO, to_micro_floor
from router.exceptions import QuestionError
from router.options import SKIP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.models.surface import Surface
    from router.options import Menu
    from router.question_costs import QuestionCosts
    from router.questions import Question

__all__ = ["CONDITIONS", "close_options", "describe_closed"]

# Why an option is out, by the code in the table of closed options; 0 is an option that is on offer.
# Where several conditions close an option, the first of them counts.
CONDITIONS = ("", "forbidden", "latency ceiling", "cost ceiling", "floor")
FORBIDDEN, LATENCY, COST, FLOOR = range(1, len(CONDITIONS))


def close_options(
    questions: Sequence[Question], surface: Surface, costs: QuestionCosts
) -> NDArray[np.int8] | None:
    """Close the options that break a condition of their question.

    Parameters
    ----------
    questions : sequence of Question, length n
        With their conditions.
    surface : Surface
        What is expected, shape (n, m).
    costs : QuestionCosts
        What every option is planned to consume, margin included: so latency is judged as well.

    Returns
    -------
    ndarray of int8, shape (n, m), or None
        Positions in :data:`CONDITIONS`, 0 where an option is on offer; None where all are.

    Raises
    ------
    QuestionError
        If a question forbids an option that is not on the menu, or has a ceiling in a unit in which
        the options' costs are not known.
    """
    if not any(map(_is_conditional, questions)):
        return None
    closed = np.zeros(surface.quality.shape, dtype=np.int8)
    # From the last code to the first, so that the first one stays.
    floors = np.array([question.min_quality for question in questions])
    closed[surface.quality < floors[:, None]] = FLOOR
    for row, question in enumerate(questions):
        for unit, amount in question.max_cost.items():
            over = _plan_row(question, f"max_cost in {unit}", unit, row, costs)
            closed[row, over > to_micro_floor(amount)] = COST
    for row, question in enumerate(questions):
        if question.max_latency_s is not None:
            seconds = _plan_row(question, "max_latency_s", "seconds", row, costs)
            closed[row, seconds > to_micro_floor(question.max_latency_s)] = LATENCY
        if question.forbidden_options:
            closed[row, _find_forbidden(question, surface.menu)] = FORBIDDEN
    return closed if closed.any() else None


def _is_conditional(question: Question) -> bool:
    """Tell whether a question asks for anything that may close an option."""
    return bool(
        question.min_quality > 0.0
        or question.max_cost
        or question.max_latency_s is not None
        or question.forbidden_options
    )


def _plan_row(
    question: Question, field: str, unit: str, row: int, costs: QuestionCosts
) -> NDArray[np.int64]:
    """Give what every option is planned to consume on one question, in micro-units."""
    if unit not in costs.units:
        reason = costs.menu.missing.get(unit, "no cost is known")
        raise QuestionError(f"question {question.id!r}: {field} cannot be kept: {reason}")
    planned = costs.to_micro([unit])[..., 0]
    return planned if planned.ndim == 1 else planned[row]


def _find_forbidden(question: Question, menu: Menu) -> list[int]:
    """Find the positions of the options that a question forbids."""
    names = {name: position for position, name in enumerate(menu.names)}
    # Whether skipping is on offer is decided elsewhere, so forbidding it is never a mistake.
    unknown = set(question.forbidden_options) - {*names, SKIP.name}
    if unknown:
        raise QuestionError(
            f"question {question.id!r}: forbidden option {min(unknown)!r} is not on the menu, "
            f"which has {len(names)} options: {', '.join(list(names)[:6])}"
            + (", ..." if len(names) > 6 else "")
        )
    return [names[name] for name in question.forbidden_options if name in names]


def describe_closed(
    question: Question, closed: NDArray[np.int8], row: int, surface: Surface, costs: QuestionCosts
) -> str:
    """Say why a question has no option left, and what the best of the closed ones are.

    Parameters
    ----------
    question : Question
        Whose options are all closed.
    closed : ndarray of int8, shape (n, m)
        As :func:`close_options` gives it.
    row : int
        The question's position.
    surface, costs : Surface, QuestionCosts
        What was expected and planned.

    Returns
    -------
    str
        One line.
    """
    codes, names = closed[row], surface.menu.names
    parts = []
    for code, word in ((FORBIDDEN, "forbidden"), (COST, "over max_cost")):
        if (codes == code).any():
            parts.append(f"{np.count_nonzero(codes == code)} {word}")
    late = np.flatnonzero(codes == LATENCY)
    if len(late):
        seconds = _plan_row(question, "max_latency_s", "seconds", row, costs)
        fastest = late[seconds[late].argmin()]
        parts.append(
            f"{len(late)} over max_latency_s {question.max_latency_s:g} "
            f"(the fastest, {names[fastest]!r}, is planned with {seconds[fastest] / MICRO:g})"
        )
    low = np.flatnonzero(codes == FLOOR)
    if len(low):
        best = low[surface.quality[row, low].argmax()]
        parts.append(
            f"{len(low)} below min_quality {question.min_quality:g} "
            f"(the best, {names[best]!r}, is expected to reach {surface.quality[row, best]:.4f})"
        )
    return f"no option is left of {len(codes)}: {', '.join(parts)}"
