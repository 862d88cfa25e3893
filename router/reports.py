"""Reports: what a question's option really consumed, and what was seen of its answer."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from router.budgets import AMOUNT_MAX_MICRO, BUDGET_UNITS, MICRO
from router.exceptions import InputError

__all__ = ["Report"]

FIELDS = ("id", "option", "cost", "quality", "is_done", "context")
TYPES = (
    ("is_done", bool, "truth value"),
    ("cost", Mapping, "table by name"),
    ("context", Mapping, "table by name"),
)


@dataclass(frozen=True, slots=True)
class Report:
    """What came of one option on one question.

    Parameters
    ----------
    id : str
        The question.
    option : str
        The option that ran.
    cost : mapping of str to float
        What it really consumed, by unit; units of the budget that are left out count as planned.
    quality : float, optional
        How surely the answer is right, from 0 to 1: 0 and 1 where a check says so, the chance in
        between where something only suggests it, such as a vote, a verifier or a rubric. None where
        nobody looked.
    is_done : bool, default=False
        Whether nothing more is to be spent on the question.
    context : mapping of str to float
        Numbers that are known now, by the names the gain model was trained with, such as the
        scores of a first search.

    Raises
    ------
    InputError
        If a name is empty, a unit unknown, or a number out of range.

    Examples
    --------
    >>> Report("q1", "small", {"usd": 0.002}, quality=0.0).quality
    0.0
    """

    id: str
    option: str
    cost: Mapping[str, float] = field(default_factory=dict)
    quality: float | None = None
    is_done: bool = False
    context: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse what cannot have been seen."""
        for name in ("id", "option"):
            value = getattr(self, name)
            if not isinstance(value, str) or not value:
                raise InputError(f"report: {name} {value!r} is not a non-empty string")
        for name, kind, wanted in TYPES:
            if not isinstance(value := getattr(self, name), kind):
                raise InputError(f"report on {self.id!r}: {name} {value!r} is no {wanted}")
        self._check_amounts()
        if self.quality is not None and not (
            _is_number(self.quality) and 0.0 <= self.quality <= 1.0
        ):
            raise InputError(
                f"report on {self.id!r}: quality is {self.quality!r}: from 0 to 1 is needed"
            )

    def _check_amounts(self) -> None:
        """Refuse costs and numbers known of a question that are out of range."""
        for unit, amount in self.cost.items():
            if unit not in BUDGET_UNITS:
                raise InputError(
                    f"report on {self.id!r}: unit {unit!r} is unknown: allowed are "
                    + ", ".join(BUDGET_UNITS)
                )
            if not (_is_number(amount) and 0.0 <= amount <= AMOUNT_MAX_MICRO / MICRO):
                raise InputError(
                    f"report on {self.id!r}: cost in {unit} is {amount!r}: a finite number from 0 "
                    f"to {AMOUNT_MAX_MICRO // MICRO} is needed"
                )
        for name, value in self.context.items():
            if not (_is_number(value) and abs(value) <= sys.float_info.max):
                raise InputError(
                    f"report on {self.id!r}: context {name!r} is {value!r}: a finite number is "
                    "needed"
                )

    @classmethod
    def from_mapping(cls, values: Mapping[str, Any]) -> Report:
        """Read a report from a table of its fields.

        Raises
        ------
        InputError
            If a field is unknown, missing or out of range.

        Examples
        --------
        >>> Report.from_mapping({"id": "q1", "option": "small", "quality": 1}).quality
        1
        """
        if not isinstance(values, Mapping):
            raise InputError(f"report {values!r} is no table of fields")
        unknown = set(values) - set(FIELDS)
        if unknown or not {"id", "option"} <= set(values):
            raise InputError(
                f"report with fields {list(values)}: id and option are needed, allowed are "
                + ", ".join(FIELDS)
            )
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the same as a table that `from_mapping` reads."""
        return {
            "id": self.id,
            "option": self.option,
            "cost": dict(self.cost),
            "quality": self.quality,
            "is_done": self.is_done,
            "context": dict(self.context),
        }


def _is_number(value: object) -> bool:
    """Say whether something is a number and no truth value."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)
