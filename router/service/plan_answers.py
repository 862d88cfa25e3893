"""Answers that are plans: written where the plan was made, beside what the service adds to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from router.service.answers import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.plan import Plan

__all__ = ["PlanAnswer"]


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """A plan and the answer that gives it.

    Parameters
    ----------
    plan : Plan
        As it was made.
    document : mapping
        The plan ready for JSON, and what the service adds.
    content : bytes
        The document as JSON.
    """

    plan: Plan
    document: Mapping[str, Any]
    content: bytes

    @classmethod
    def write(cls, plan: Plan, added: Mapping[str, Any], unfunded_note: str = "") -> PlanAnswer:
        """Write a plan.

        Parameters
        ----------
        plan : Plan
            What is given.
        added : mapping
            Fields of the service's own, behind those of the plan.
        unfunded_note : str
            Added to the plan's notes where it leaves a question unfunded.

        Returns
        -------
        PlanAnswer

        Raises
        ------
        ValueError
            If a number of the plan is not finite.

        Examples
        --------
        >>> from router import Router
        >>> plan = Router.load().allocate(["Who ruled Zurich in 1336?"], {"usd": 0.01})
        >>> PlanAnswer.write(plan, {"shadow": True}).content[-15:]
        b',"shadow":true}'
        """
        document = plan.to_dict() | dict(added)
        if unfunded_note and document["totals"]["statuses"]["unfunded"]:
            document["notes"] = [*document["notes"], unfunded_note]
        return cls(plan, document, write_json(document))
