"""Decisions: what is to be done with each question of a batch under way, and why."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "ACTIONS",
    "Action",
    "Decision",
    "Replan",
    "average_expected",
    "explain_end",
    "explain_next",
]

Action = Literal["start", "continue", "repeat", "switch", "stop", "give_up", "running", "done"]
# Those that spend more.
ACTIONS: frozenset[Action] = frozenset({"start", "continue", "repeat", "switch"})


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to be done next with one question.

    Parameters
    ----------
    id : str
        The question.
    action : str
        ``start`` (nothing has run yet), ``continue`` (the same, longer: only the rest is paid),
        ``repeat`` (the same once more), ``switch`` (something else), ``stop`` (keep the answer that
        is there), ``give_up`` (there is none, and none is worth its price), ``running`` (it stands)
        or ``done``.
    option : str or None
        What to run; None where nothing is.
    cost : mapping of str to float
        What is still to be paid for it, as planned, by unit.
    expected_quality : float
        Of the question in the end, from 0 to 1.
    reason : str
        Why, in one sentence.
    fallback_option : str or None
        What is meant to run next where a check says that `option` failed; its cost counts as often
        as that is expected.
    """

    id: str
    action: Action
    option: str | None
    cost: Mapping[str, float]
    expected_quality: float
    reason: str
    fallback_option: str | None = None

    def to_list(self) -> list[Any]:
        """Return what a log keeps of it: who, what, and at which price."""
        return [self.id, self.action, self.option, self.fallback_option, dict(self.cost)]

    @property
    def spends(self) -> bool:
        """Whether it asks for more compute."""
        return self.action in ACTIONS


@dataclass(frozen=True, slots=True)
class Replan:
    """What to do with every question of a plan under way; iterating gives the decisions.

    Parameters
    ----------
    plan_id : str
        The plan.
    decisions : tuple of Decision
        In the order of the questions.
    spent : mapping of str to float
        Really consumed so far, by unit.
    remaining : mapping of str to float
        What is left of the budget; 0 where it was overspent.
    planned : mapping of str to float
        What the decisions are planned to take of that, what is running included.
    shadow_price : mapping of str to float
        Quality that one more unit would bring.
    expected_quality : float
        Weighted mean over all questions in the end.

    Examples
    --------
    >>> Replan("plan-1", (), {"usd": 0.1}, {"usd": 0.2}, {"usd": 0.0}, {}, 0.5).open
    ()
    """

    plan_id: str
    decisions: tuple[Decision, ...]
    spent: Mapping[str, float]
    remaining: Mapping[str, float]
    planned: Mapping[str, float]
    shadow_price: Mapping[str, float]
    expected_quality: float

    @classmethod
    def from_mapping(cls, document: Mapping[str, Any]) -> Replan:
        """Read what `to_dict` wrote, and fields beyond that are left out.

        Raises
        ------
        LookupError, TypeError
            If it is none.

        Examples
        --------
        >>> found = Replan("plan-1", (), {}, {}, {}, {}, 0.5)
        >>> Replan.from_mapping(found.to_dict()) == found
        True
        """
        names = [field.name for field in fields(Decision)]
        decisions = tuple(
            Decision(**{name: entry[name] for name in names}) for entry in document["decisions"]
        )
        return cls(
            document["plan_id"],
            decisions,
            document["spent"],
            document["remaining"],
            document["planned"],
            document["shadow_price"],
            document["expected_quality"],
        )

    def __iter__(self) -> Iterator[Decision]:
        """Go through the decisions in the order of the questions."""
        return iter(self.decisions)

    @property
    def open(self) -> tuple[Decision, ...]:
        """Those that ask for more compute."""
        return tuple(decision for decision in self.decisions if decision.spends)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as plain dictionaries and lists, ready for JSON."""
        return {
            "plan_id": self.plan_id,
            "decisions": [
                {**asdict(decision), "cost": dict(decision.cost)} for decision in self.decisions
            ],
            "spent": dict(self.spent),
            "remaining": dict(self.remaining),
            "planned": dict(self.planned),
            "shadow_price": dict(self.shadow_price),
            "expected_quality": self.expected_quality,
        }


def explain_end(tried: Sequence[object], held: float, *, is_done: bool) -> tuple[Action, str]:
    """Say why nothing more is spent on a question.

    Parameters
    ----------
    tried : sequence
        What ran, if anything.
    held : float
        How surely its answer is right.
    is_done : bool
        Whether it was reported as done.

    Returns
    -------
    action : str
        How it ends.
    reason : str
        Why.

    Examples
    --------
    >>> explain_end([], 0.0, is_done=False)[0]
    'give_up'
    """
    if is_done:
        return "done", "reported as done"
    if not tried:
        return "give_up", "no option is worth its price in what is left of the budget"
    if held <= 0.0:
        return "give_up", "what ran has failed, and nothing else is worth its price"
    return "stop", f"right with {held:.3f} as it stands; more is not worth its price"


def explain_next(expected: float, held: float | None, then: str | None) -> str:
    """Say why a question goes on.

    Parameters
    ----------
    expected : float
        Quality to expect in the end.
    held : float or None
        Quality of what there is already; None where nothing was tried.
    then : str or None
        Option that follows where the next one fails.

    Returns
    -------
    str

    Examples
    --------
    >>> explain_next(0.7, 0.4, "large")
    'expected 0.700 in the end, 0.400 as it stands; large where it fails'
    """
    reason = f"expected {expected:.3f} in the end"
    reason += "" if held is None else f", {held:.3f} as it stands"
    return reason if then is None else f"{reason}; {then} where it fails"


def average_expected(decisions: Sequence[Decision], weights: NDArray[np.float64] | None) -> float:
    """Average what is expected of all questions in the end, by their weights.

    Parameters
    ----------
    decisions : sequence of Decision, length n
        One for each question.
    weights : ndarray of float64, shape (n,), or None
        Importance of every question; None where all are equal.

    Returns
    -------
    float

    Examples
    --------
    >>> start = Decision("a", "start", "small", {"usd": 0.1}, 0.5, "", None)
    >>> average_expected([start], None)
    0.5
    """
    expected = np.array([decision.expected_quality for decision in decisions])
    if weights is None:
        return float(expected.mean())
    return float(expected @ weights / weights.sum())
