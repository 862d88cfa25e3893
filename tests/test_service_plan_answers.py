"""Answers that are plans: what they say, and on which thread they are written."""

from __future__ import annotations

import asyncio
import threading

from router import Router
from router.questions import parse_questions
from router.service.answers import write_json
from router.service.desk import DeskLimits, PlanningDesk
from router.service.plan_answers import PlanAnswer

QUESTIONS = ["What is 2 + 2?", "Who ruled Zurich in 1336?"]
BUDGET = {"usd": 0.01}


def test_the_answer_is_the_plan_as_the_library_writes_it() -> None:
    """What is sent is byte for byte the plan's own document, then what the service adds."""
    plan = Router.load().allocate(QUESTIONS, BUDGET)
    assert PlanAnswer.write(plan, {}).content == write_json(plan.to_dict())
    pooled = PlanAnswer.write(plan, {"pool": "night", "lease_s": 60.0})
    assert pooled.content == write_json(plan.to_dict() | {"pool": "night", "lease_s": 60.0})
    assert pooled.plan is plan


def test_plans_are_written_on_the_thread_that_makes_them() -> None:
    """The desk finishes a plan beside the model and not on the loop, with a model and without."""
    for router, name in ((Router.load(), "planning"), (None, "fallback")):
        desk = PlanningDesk(router, DeskLimits(deadline_ms=60_000.0))
        found = asyncio.run(
            desk.plan(
                lambda plan: (threading.current_thread().name, PlanAnswer.write(plan, {})),
                parse_questions(QUESTIONS),
                BUDGET,
            )
        )
        desk.close()
        assert found[0].startswith(name)
        assert (found[1].plan.degraded is None) == (router is not None)
