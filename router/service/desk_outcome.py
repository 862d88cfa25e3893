"""Outcomes of asking the model: what was found, and whether it was found without it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Outcome"]

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[Value]):
    """What was found, and why it was found without the model, if it was.

    Parameters
    ----------
    value : object
        A surface, or the points of a curve.
    degraded : str or None
        One of :data:`router.choices.DEGRADED`.
    """

    value: Value
    degraded: str | None = None

    def mark(self, document: Mapping[str, Any]) -> Mapping[str, Any]:
        """Mark an answer that was found without the model.

        Examples
        --------
        >>> Outcome(1, "model_slow").mark({"answer": 1})
        {'answer': 1, 'degraded': 'model_slow'}
        """
        return document if self.degraded is None else {**document, "degraded": self.degraded}
