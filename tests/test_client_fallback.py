"""Fallbacks without a model: who is given what."""

from __future__ import annotations

from typing import Any

import pytest

from router import Budget, Option, Question
from router.client.fallback import Fallback, PlanRequest
from router.exceptions import BundleError, InputError
from tests.contracts.planning import make_menu, make_router

QUESTIONS = [
    Question("a", "Who?"),
    Question("b", "Why?", priority=1),
    Question("c", "How?", forbidden_options=("small",)),
    Question("d", "When?"),
]
SMALL = Option("small", costs={"usd": 0.1, "searches": 1})


def test_costs_are_kept_within_the_budget() -> None:
    """Priority is served first, and what the budget does not reach is unfunded."""
    request = PlanRequest(QUESTIONS, Budget(usd=0.2))
    plan = Fallback(SMALL).plan(request, "why")
    assert [(choice.id, choice.status, choice.option) for choice in plan] == [
        ("a", "fallback", "small"),
        ("b", "fallback", "small"),
        ("c", "fallback", None),
        ("d", "unfunded", None),
    ]
    assert plan.totals == {
        "cost": {"usd": 0.2, "searches": 2.0},
        "statuses": {"fallback": 3, "unfunded": 1},
    }
    assert plan.reason == "why"
    first = Fallback(SMALL).plan(PlanRequest(QUESTIONS, Budget(usd=0.1)), "why")
    assert [choice.id for choice in first if choice.option] == ["b"]


def test_every_unit_of_the_budget_counts() -> None:
    """One exhausted unit is enough."""
    plan = Fallback(SMALL).plan(PlanRequest(QUESTIONS, Budget(usd=9, searches=1)), "why")
    assert [choice.option for choice in plan] == [None, "small", None, None]


def test_name_alone_is_given_to_all() -> None:
    """Where costs are not known nobody can hold them to a budget."""
    plan = Fallback("large").plan(PlanRequest(QUESTIONS, Budget(usd=0)), "why")
    assert [choice.option for choice in plan] == ["large"] * 4
    assert plan.totals["cost"] == {}


def test_identifiers_of_fallback_plans_differ() -> None:
    """Two plans are never taken for one."""
    request = PlanRequest(QUESTIONS)
    plans = [Fallback().plan(request, "why") for _ in range(2)]
    assert plans[0].plan_id != plans[1].plan_id


def test_router_that_fails_is_done_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """A broken model of the caller's own is not the caller's error; a bad request is."""
    router = make_router(make_menu([1.0]), [[0.2]])
    fallback = Fallback("small", router)
    asked = [Question("q1", "question 0")]
    good = fallback.plan_with_router(PlanRequest(asked, Budget(usd=1)), "why")
    assert good is not None
    assert good.choices[0].expected_quality == 0.2
    terms: dict[str, Any] = {"all_or_nothing": True}
    with pytest.raises(InputError):
        fallback.plan_with_router(PlanRequest(asked, Budget(usd=0.5), terms=terms), "why")
    terms = {"all_or_nothing": None, "lease_s": 3, "cost_margin": None}
    marked = fallback.plan_with_router(PlanRequest(asked, Budget(usd=0.5), terms=terms), "why")
    assert marked is not None
    assert marked.choices[0].option is None

    def fail(*_: object, **__: object) -> None:
        raise BundleError("damaged")

    monkeypatch.setattr(type(router), "allocate", fail)
    assert fallback.plan_with_router(PlanRequest(asked, Budget(usd=1)), "why") is None


@pytest.mark.parametrize("option", ["", 7, ["small"]])
def test_what_is_no_option_is_refused(option: object) -> None:
    """A mistake is told when the client is made, not when the service is down."""
    with pytest.raises(InputError, match="fallback_option"):
        Fallback(option)  # type: ignore[arg-type]
