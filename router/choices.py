"""Choices: what a plan gives one question, and why."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEGRADED", "STATUSES", "Choice"]

# How a question came out: given what pays, given the cheapest option because no more pays, given
# nothing, or planned without a model.
STATUSES = ("funded", "minimum", "unfunded", "fallback")
# Why a plan was made without the model, and how that is said.
DEGRADED = {
    "model_slow": "the model took too long",
    "model_failed": "the model failed",
    "model_missing": "there is no model",
    "model_nonfinite": "the model answered with what is no number",
}


@dataclass(frozen=True, slots=True)
class Choice:
    """What a plan gives one question.

    Parameters
    ----------
    id : str
        The question.
    status : {"funded", "minimum", "unfunded", "fallback"}
        How it came out.
    option : str
        The chosen option's name.
    difficulty : float
        One minus the expected quality under the cheapest option that answers, from 0 to 1.
    expected_quality : float
        Under the chosen option, from 0 to 1.
    quality_interval : tuple of float
        Where the mean quality of alike questions lies, nine times of ten.
    expected_gain : float
        Expected quality minus that under the cheapest option that answers.
    gain_interval : tuple of float
        `quality_interval` minus the same.
    marginal_gain_per_search : float or None
        What one more search is expected to add, all else equal; where the menu has no more
        searches, what the last one added. None where the menu has no such axis.
    marginal_gain_per_1000_reasoning_tokens : float or None
        The same for a thousand more tokens of reasoning.
    cost : mapping of str to float
        Planned cost by unit; in the budget's units with the margin and rounded up to a micro-unit,
        as it was planned.
    evidence : {"outcomes", "descriptors", "means", "none"}
        What the expectation rests on; ``means`` where the question is so unlike those of training
        that the options' means stand in for what its text would say.
    reason : str
        Why this option, in one sentence.
    familiarity : float, optional
        Share of held-out training questions at least as unlike the others as this question; None
        where the bundle cannot tell.
    cost_deviation : mapping of str to float
        Standard deviation of the real cost, in the units in which it was measured.
    joint_quality : float, optional
        The product of the expected qualities of all questions that this one succeeds with; None
        where it stands alone.
    bound_by : str, optional
        What kept a better option out at the prices of the budget: ``"forbidden"``, ``"latency
        ceiling"``, ``"cost ceiling"`` or ``"floor"``; of an unfunded question ``"budget"``, or
        ``"conditions"`` where they left it no option.
    required_cost : mapping of str to float
        What the cheapest option of an unfunded question would have cost, by planned unit.
    propensity : float, optional
        With which probability the plan gave the question this, where it explored.
    """

    id: str
    status: str
    option: str
    difficulty: float
    expected_quality: float
    quality_interval: tuple[float, float]
    expected_gain: float
    gain_interval: tuple[float, float]
    marginal_gain_per_search: float | None
    marginal_gain_per_1000_reasoning_tokens: float | None
    cost: Mapping[str, float]
    evidence: str
    reason: str
    familiarity: float | None = None
    cost_deviation: Mapping[str, float] = field(default_factory=dict)
    joint_quality: float | None = None
    bound_by: str | None = None
    required_cost: Mapping[str, float] = field(default_factory=dict)
    propensity: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the fields, ready for JSON; `propensity` only where there is one."""
        # Written out, as going through the fields takes ten times as long, question by question.
        document = {
            "id": self.id,
            "status": self.status,
            "option": self.option,
            "difficulty": self.difficulty,
            "expected_quality": self.expected_quality,
            "quality_interval": self.quality_interval,
            "expected_gain": self.expected_gain,
            "gain_interval": self.gain_interval,
            "marginal_gain_per_search": self.marginal_gain_per_search,
            "marginal_gain_per_1000_reasoning_tokens": self.marginal_gain_per_1000_reasoning_tokens,
            "cost": dict(self.cost),
            "evidence": self.evidence,
            "reason": self.reason,
            "familiarity": self.familiarity,
            "cost_deviation": dict(self.cost_deviation),
            "joint_quality": self.joint_quality,
            "bound_by": self.bound_by,
            "required_cost": dict(self.required_cost),
        }
        return document if self.propensity is None else document | {"propensity": self.propensity}
