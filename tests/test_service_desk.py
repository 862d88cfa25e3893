"""The planning desk: every request is answered, whatever fault the model has, and in its budget."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from router.budgets import Budget
from router.exceptions import BudgetError, OverloadError, QuestionError
from router.planner import Router
from router.questions import Question
from router.service.desk import DeskLimits, PlanningDesk
from tests.contracts.commands import tiny_bundle
from tests.contracts.faulty_models import FAULTS, FaultySession, make_faulty_router

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from router.plan import Plan

QUESTIONS = [Question(f"q{number}", f"Who heads the council of {number}?") for number in range(6)]
BUDGET = Budget(usd=0.03)
# Long enough for a sound model on a busy machine, and far shorter than the planted faults.
LIMITS = DeskLimits(deadline_ms=500.0, wait_ms=20_000.0)


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> Iterator[FaultySession]:
    """Give a session that the model runs, kernels or not, and let go what hangs in it."""
    monkeypatch.setattr("router.models.heads.is_compiled", lambda: False)
    router, session = make_faulty_router()
    session.router = router  # type: ignore[attr-defined]
    yield session
    session.fault = None
    session.release.set()


@pytest.fixture
def router(session: FaultySession) -> Router:
    """Give the router around the session."""
    found: Router = session.router  # type: ignore[attr-defined]
    return found


@pytest.fixture
def desk(router: Router) -> Iterator[PlanningDesk]:
    """Open a desk around the router."""
    desk = PlanningDesk(router, LIMITS)
    yield desk
    desk.close()


def wait_until(condition: Callable[[], bool]) -> None:
    """Wait for something that other threads bring about."""
    for _ in range(20_000):
        if condition():
            return
        time.sleep(0.001)
    raise AssertionError("it never came about")


def check_fallback(plan: Plan, cause: str) -> None:
    """Check that a plan says it was made without the model, and keeps the budget."""
    assert plan.degraded == cause
    document = plan.to_dict()
    assert document["degraded"] == cause
    assert {choice["status"] for choice in document["choices"]} <= {"fallback", "unfunded"}
    assert {choice["evidence"] for choice in document["choices"]} <= {"means", "none"}
    assert document["totals"]["cost"]["usd"] <= 0.03
    assert "means" in document["notes"][0]


def test_plans_of_a_sound_model_are_the_routers(desk: PlanningDesk, router: Router) -> None:
    """Without a fault the desk plans exactly as the library does, and nothing is counted."""
    plan = asyncio.run(desk.allocate(QUESTIONS, BUDGET)).to_dict()
    expected = router.allocate(QUESTIONS, BUDGET).to_dict()
    assert {**plan, "plan_id": ""} == {**expected, "plan_id": ""}
    assert "degraded" not in plan
    assert desk.events == Counter()
    assert desk.check_model() is None


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_answered_by_a_marked_plan(
    router: Router, session: FaultySession, fault: str
) -> None:
    """Whatever the model does, a plan within the budget comes, says why, and is counted."""
    told: list[str] = []
    desk = PlanningDesk(router, LIMITS, told.append)
    session.fault = fault
    plan = asyncio.run(desk.allocate(QUESTIONS, BUDGET))
    assert session.n_runs > 0
    check_fallback(plan, FAULTS[fault])
    assert told == [FAULTS[fault]]
    assert desk.events == Counter(told)
    session.release.set()
    desk.close()


def test_plans_are_the_models_again_once_the_fault_is_gone(
    desk: PlanningDesk, session: FaultySession
) -> None:
    """A fault leaves nothing behind."""

    async def recover() -> list[str | None]:
        """Plan with and without a fault in turn."""
        found = []
        for fault in ("raise", None, "nan", None, "sleep", None):
            session.fault = fault
            found.append((await desk.allocate(QUESTIONS, BUDGET)).degraded)
        return found

    assert asyncio.run(recover()) == [
        *("model_failed", None, "model_nonfinite", None, "model_slow", None)
    ]


def test_slow_runs_of_the_model_are_ended(desk: PlanningDesk, session: FaultySession) -> None:
    """A run that takes too long is told to stop, and its thread comes back for other work."""

    async def wait() -> None:
        """Plan, and wait until the thread is back."""
        session.fault = "sleep"
        check_fallback(await desk.allocate(QUESTIONS, BUDGET), "model_slow")
        await asyncio.to_thread(wait_until, lambda: desk._crew.n_lost == 0)

    asyncio.run(wait())
    assert session.n_terminated == 1
    assert not session.release.is_set()


def test_threads_that_hang_are_few_and_hold_up_nobody(
    desk: PlanningDesk, session: FaultySession
) -> None:
    """With a model that never returns, all of many requests at once are answered meanwhile."""

    async def ask_many() -> None:
        """Ask at once, twice over, and once more when the threads are back."""
        session.fault = "stuck"
        for n_lost in (1, 2, 2):
            plans = await asyncio.gather(*(desk.allocate(QUESTIONS, BUDGET) for _ in range(25)))
            for plan in plans:
                check_fallback(plan, "model_slow")
            assert desk._crew.n_lost == n_lost
        assert desk.check_model() == "the model does not answer"
        # Nobody has let the threads go: all those plans were made while they hung.
        assert session.n_runs == desk.limits.lost_max
        session.fault = None
        session.release.set()
        await asyncio.to_thread(wait_until, lambda: desk.check_model() is None)
        assert desk._crew.n_lost == 0
        assert (await desk.allocate(QUESTIONS, BUDGET)).degraded is None

    asyncio.run(ask_many())
    assert desk.events == Counter(model_slow=75)
    assert desk.room.n_taken == 0


def test_a_model_that_was_slow_once_is_asked_by_one_request_at_a_time(
    desk: PlanningDesk, session: FaultySession
) -> None:
    """After one answer that took too long nobody waits behind a trial, and a good one ends it."""

    async def ask() -> list[Counter[str | None]]:
        """Let the model be slow for one wave of requests, and well for the next two."""
        waves = []
        for fault in ("sleep", None, None):
            session.fault = fault
            plans = await asyncio.gather(*(desk.allocate(QUESTIONS, BUDGET) for _ in range(5)))
            waves.append(Counter(plan.degraded for plan in plans))
            await asyncio.to_thread(wait_until, lambda: desk._crew.n_lost == 0)
        return waves

    slow, well = "model_slow", None
    assert asyncio.run(ask()) == [{slow: 5}, {slow: 4, well: 1}, {well: 5}]


@pytest.mark.parametrize(("encoder", "degraded"), [(None, "model_slow"), (object(), None)])
def test_sentence_encoders_are_given_their_time(
    router: Router, session: FaultySession, encoder: object, degraded: str | None
) -> None:
    """A model that asks a sentence encoder may take seconds; any other may not."""
    object.__setattr__(router.bundle, "encoder", encoder)
    desk = PlanningDesk(router, replace(LIMITS, deadline_ms=100.0, encoder_ms=30_000.0))
    session.fault = "stuck"
    release = threading.Timer(1.0, session.release.set)
    release.start()
    assert asyncio.run(desk.allocate(QUESTIONS, BUDGET)).degraded == degraded
    release.join()
    desk.close()


def test_waiting_for_others_ends_too(router: Router, session: FaultySession) -> None:
    """A request whose turn does not come is planned without the model before the model is back."""
    desk = PlanningDesk(router, DeskLimits(deadline_ms=1e6, wait_ms=10.0))

    async def ask_two() -> None:
        """Let one request occupy the model and a second wait behind it."""
        session.fault = "stuck"
        first = asyncio.ensure_future(desk.allocate(QUESTIONS, BUDGET))
        await asyncio.sleep(0)
        check_fallback(await desk.allocate(QUESTIONS, BUDGET), "model_slow")
        assert not first.done()
        session.fault = None
        session.release.set()
        assert (await first).degraded is None

    asyncio.run(ask_two())
    desk.close()


def test_more_at_once_than_allowed_is_refused(router: Router, session: FaultySession) -> None:
    """Beyond so many requests nothing waits; the next is refused at once and counted."""
    desk = PlanningDesk(router, DeskLimits(deadline_ms=1e6, wait_ms=1e6, in_flight_max=2))

    async def ask_three() -> None:
        """Fill the desk, and ask once more."""
        session.fault = "stuck"
        two = [asyncio.ensure_future(desk.allocate(QUESTIONS, BUDGET)) for _ in range(2)]
        await asyncio.sleep(0)
        with pytest.raises(OverloadError, match="2 requests"):
            await desk.allocate(QUESTIONS, BUDGET)
        session.fault = None
        session.release.set()
        assert [plan.degraded for plan in await asyncio.gather(*two)] == [None, None]
        assert (await desk.allocate(QUESTIONS, BUDGET)).degraded is None

    asyncio.run(ask_three())
    assert desk.events == Counter(overload=1)
    desk.close()


def test_mistakes_of_callers_stay_theirs(desk: PlanningDesk) -> None:
    """What a caller has got wrong is refused with the library's words, and no plan is made up."""
    with pytest.raises(BudgetError, match="does not reach the cheapest plan"):
        asyncio.run(desk.allocate(QUESTIONS, Budget(usd=0.0)))
    forbidding = [Question("q1", "Who?", forbidden_options=("none such",))]
    with pytest.raises(QuestionError, match="not on the menu"):
        asyncio.run(desk.allocate(forbidding, BUDGET))
    assert desk.events == Counter()


@pytest.mark.parametrize("fault", ["raise", "stuck"])
def test_budgets_hold_without_the_model(
    desk: PlanningDesk, session: FaultySession, fault: str
) -> None:
    """Without the model too a budget that does not reach is refused, or funds what it reaches."""
    session.fault = fault
    with pytest.raises(BudgetError, match="does not reach the cheapest plan"):
        asyncio.run(desk.allocate(QUESTIONS, Budget(usd=0.0)))
    plan = asyncio.run(desk.allocate(QUESTIONS, Budget(usd=0.0005), allow_unfunded=True))
    assert plan.totals["cost"]["usd"] <= 0.0005
    assert plan.totals["statuses"]["unfunded"] > 0
    assert plan.totals["statuses"]["fallback"] > 0


def test_without_a_model_the_shipped_bundle_plans() -> None:
    """Where there is no model yet plans go by what ships, until one is adopted."""
    desk = PlanningDesk(None)
    assert desk.check_model() == "the model is not loaded"
    check_fallback(asyncio.run(desk.allocate(QUESTIONS, BUDGET)), "model_missing")
    desk.adopt(Router(tiny_bundle()))
    assert desk.check_model() is None
    assert asyncio.run(desk.allocate(QUESTIONS, BUDGET)).degraded is None
    desk.adopt(None)
    plan = asyncio.run(desk.allocate(QUESTIONS, BUDGET))
    check_fallback(plan, "model_missing")
    assert plan.bundle_id == tiny_bundle().bundle_id
    desk.close()


def test_predictions_and_curves_fall_back_too(desk: PlanningDesk, session: FaultySession) -> None:
    """Without the model every question is expected to be average, and the curve is theirs."""
    sound = asyncio.run(desk.predict(QUESTIONS))
    assert (sound.degraded, asyncio.run(desk.curve(QUESTIONS)).degraded) == (None, None)
    session.fault = "raise"
    outcome = asyncio.run(desk.predict(QUESTIONS))
    assert outcome.degraded == "model_failed"
    means = tiny_bundle().predictor.predict_neutral(tiny_bundle().menu)
    assert outcome.value.quality.tolist() == [means.tolist()] * len(QUESTIONS)
    curve = asyncio.run(desk.curve(QUESTIONS, unit="usd"))
    assert curve.degraded == "model_failed"
    assert curve.value[-1].expected_quality == pytest.approx(means.max())
