"""Fallbacks: a plan without the service. Planning fails open, budgets fail closed.

With a pool nothing is granted, because what others have drawn from it is not known here. Without
one the caller's own router plans, or the caller's own option is given to every question, or the
plan says that there is no advice.
"""

from __future__ import annotations

import secrets
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from router.budgets import from_micro, to_micro_ceil
from router.client.results import ClientChoice, ClientPlan, read_choice
from router.exceptions import InputError, RouterError
from router.options import Option

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from router.budgets import Budget
    from router.options import Menu
    from router.planner import Router
    from router.questions import Question

__all__ = ["LOCAL", "Fallback", "PlanRequest"]

# Plans of which the service knows nothing.
LOCAL = "local-"
# What a router of one's own takes beside questions, budget and menu.
ROUTER_TERMS = ("allow_skip", "cost_margin", "target_quality")


@dataclass(frozen=True, slots=True)
class PlanRequest:
    """What was asked of the service, for those who have to do without it.

    Parameters
    ----------
    questions : sequence of Question
        What is asked.
    budget : Budget, optional
        Ceilings.
    pool : str, optional
        Where there is one nothing is granted.
    menu : Menu or mapping, optional
        In place of the bundle's own.
    terms : mapping
        Further fields of the request.
    """

    questions: Sequence[Question]
    budget: Budget | None = None
    pool: str | None = None
    menu: Menu | Mapping[str, Any] | None = None
    terms: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Fallback:
    """What a client does without the service.

    Parameters
    ----------
    option : str or Option, optional
        What every question is given. Of an `Option` with costs in the budget's units only as many
        questions as the budget reaches, those of a higher priority first.
    router : Router, optional
        Plans within the budget, with its own model.

    Raises
    ------
    InputError
        If the option has no name.

    Examples
    --------
    >>> from router import Question
    >>> plan = Fallback("small").plan(PlanRequest([Question("q1", "Who?")]), "no answer")
    >>> plan.choices[0].option, plan.source, plan.reason
    ('small', 'fallback', 'no answer')
    """

    option: str | Option | None = None
    router: Router | None = None

    def __post_init__(self) -> None:
        """Refuse what is no option."""
        fits = isinstance(self.option, Option) or self.option is None
        if not fits and not (isinstance(self.option, str) and self.option):
            raise InputError(f"fallback_option {self.option!r} is neither a name nor an Option")

    def plan_with_router(self, request: PlanRequest, reason: str) -> ClientPlan | None:
        """Plan by the caller's own router; takes as long as planning takes.

        Parameters
        ----------
        request : PlanRequest
            What was asked for.
        reason : str
            Why the service does not plan.

        Returns
        -------
        ClientPlan or None
            None where there is no router, or it fails.

        Raises
        ------
        InputError
            If the request cannot be met, as the service would have said.
        """
        if self.router is None or request.pool is not None:
            return None
        taken = {name: request.terms.get(name) for name in ROUTER_TERMS}
        terms: dict[str, Any] = {name: term for name, term in taken.items() if term is not None}
        terms["allow_unfunded"] = not request.terms.get("all_or_nothing")
        try:
            plan = self.router.allocate(
                request.questions, request.budget, menu=request.menu, **terms
            )
        except InputError:
            raise
        except RouterError:
            return None
        document = plan.to_dict()
        choices = tuple(map(read_choice, document["choices"]))
        return _wrap(choices, document["totals"], reason, document)

    def plan(self, request: PlanRequest, reason: str) -> ClientPlan:
        """Plan without any model, at once.

        Parameters
        ----------
        request : PlanRequest
            What was asked for.
        reason : str
            Why the service does not plan.

        Returns
        -------
        ClientPlan

        Examples
        --------
        >>> from router import Question
        >>> request = PlanRequest((Question("q1", "Who?"),), pool="night")
        >>> choice = Fallback("small").plan(request, "no answer").choices[0]
        >>> choice.option, choice.status, choice.reason
        (None, 'unfunded', "nothing is granted from pool 'night' without the service")
        """
        if request.pool is not None:
            closed = f"nothing is granted from pool {request.pool!r} without the service"
            choices = [_refuse(question, closed) for question in request.questions]
        elif self.option is None:
            reason_none = "there is neither a service nor a fallback"
            choices = [
                ClientChoice(question.id, "fallback", None, reason=reason_none)
                for question in request.questions
            ]
        else:
            choices = _give(self.option, request.questions, request.budget)
        return _wrap(tuple(choices), _sum_up(choices), reason)


def _give(
    option: str | Option, questions: Sequence[Question], budget: Budget | None
) -> list[ClientChoice]:
    """Give questions the option, as far as the budget reaches where that can be told."""
    if isinstance(option, str):
        option = Option(option)
    price = {unit: int(to_micro_ceil(amount)) for unit, amount in option.costs.items()}
    left = {} if budget is None else budget.to_micro()
    given: dict[str, ClientChoice] = {}
    for question in sorted(questions, key=lambda question: -question.priority):
        if option.name in question.forbidden_options:
            reason = f"{option.name!r} is forbidden, and there is no other without the service"
            given[question.id] = ClientChoice(question.id, "fallback", None, reason=reason)
        elif all(price.get(unit, 0) <= amount for unit, amount in left.items()):
            left = {unit: amount - price.get(unit, 0) for unit, amount in left.items()}
            reason = "the caller's own option, as there is no service"
            given[question.id] = ClientChoice(
                question.id, "fallback", option.name, cost=dict(option.costs), reason=reason
            )
        else:
            reason = f"the budget does not reach for {option.name!r}"
            given[question.id] = _refuse(question, reason)
    return [given[question.id] for question in questions]


def _refuse(question: Question, reason: str) -> ClientChoice:
    """Give a question nothing."""
    return ClientChoice(question.id, "unfunded", None, reason=reason)


def _sum_up(choices: Sequence[ClientChoice]) -> dict[str, Any]:
    """Sum costs and count statuses."""
    cost: Counter[str] = Counter()
    for choice in choices:
        cost.update({unit: int(to_micro_ceil(amount)) for unit, amount in choice.cost.items()})
    return {
        "cost": {unit: from_micro(amount) for unit, amount in cost.items()},
        "statuses": dict(Counter(choice.status for choice in choices)),
    }


def _wrap(
    choices: tuple[ClientChoice, ...],
    totals: Mapping[str, Any],
    reason: str,
    document: Mapping[str, Any] | None = None,
) -> ClientPlan:
    """Mark a plan as one that only this client knows."""
    return ClientPlan(
        plan_id=LOCAL + secrets.token_hex(8),
        source="fallback",
        choices=choices,
        totals=totals,
        degraded=True,
        reason=reason,
        document=document or {},
    )
