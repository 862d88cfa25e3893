"""Re-planning what is left of a batch."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router import Replanner, Report
from router.evaluation.plan_tables import plan_table
from router.exceptions import BudgetError, InputError
from router.options import Menu, Option
from tests.contracts.planning import make_router

if TYPE_CHECKING:
    from router import Plan, Replan, Router

MENU = Menu(
    (
        Option("small", model="s", costs={"usd": 1.0}),
        Option("small-more", model="s", samples=4, costs={"usd": 3.0}),
        Option("large", model="l", costs={"usd": 8.0}),
    ),
    "menu",
)
QUALITY = np.array([[0.5, 0.6, 0.8], [0.3, 0.35, 0.7], [0.7, 0.75, 0.9]])


def make(quality: Any = QUALITY, budget: Any = 12.0, **fields: Any) -> tuple[Router, Plan]:
    """Make a router that expects these qualities, and a plan of as many questions."""
    router = make_router(MENU, quality)
    questions = [
        {"id": f"q{row}", "text": f"question {row}", **fields.get(f"q{row}", {})}
        for row in range(len(quality))
    ]
    amounts = budget if isinstance(budget, dict) else {"usd": budget}
    return router, router.allocate(questions, amounts)


def by_id(found: Replan) -> dict[str, Any]:
    """Give decisions by question."""
    return {decision.id: decision for decision in found}


def test_nothing_reported_is_the_plan_again() -> None:
    """Before any report the plan's own choices are decided again, at their cost."""
    _, plan = make()
    found = Replanner(plan).plan()
    assert [d.option for d in found] == [choice.option for choice in plan.choices]
    assert {d.action for d in found} == {"start"}
    assert found.planned["usd"] == pytest.approx(plan.totals["cost"]["usd"])
    assert found.remaining == {"usd": 12.0}


def test_a_right_answer_frees_its_budget_for_others() -> None:
    """What a question that is right leaves goes to where it brings most."""
    router, plan = make(budget=10.0)
    assert [c.option for c in plan.choices] == ["small", "large", "small"]
    found = router.replan(plan, [Report("q1", "large", {"usd": 1.0}, quality=1.0)])
    decided = by_id(found)
    assert decided["q1"].action == "stop"
    assert found.spent == {"usd": 1.0}
    assert decided["q0"].option == "large"
    assert found.planned["usd"] <= found.remaining["usd"] == 9.0


def test_a_failed_answer_is_tried_otherwise_where_it_pays() -> None:
    """A failed cheap answer switches to the dear option, whose expectation has fallen."""
    router, plan = make(budget=30.0)
    found = router.replan(plan, [Report("q0", "small", {"usd": 1.0}, quality=0.0)])
    decision = by_id(found)["q0"]
    assert (decision.action, decision.option) == ("switch", "large")
    assert 0.4 < decision.expected_quality < 0.8


def test_options_that_continue_are_charged_for_the_rest() -> None:
    """Four samples after one cost three more, and count where the one was wrong."""
    router, plan = make(budget=30.0, q2={"forbidden_options": ["large"]})
    found = by_id(router.replan(plan, [Report("q2", "small", {"usd": 1.0}, quality=0.4)]))
    assert (found["q2"].action, found["q2"].option) == ("continue", "small-more")
    assert found["q2"].cost == {"usd": 2.0}
    assert 0.4 < found["q2"].expected_quality < 0.75


def test_an_overspent_budget_leaves_nothing_and_revokes_nothing() -> None:
    """Real costs beyond the budget are counted, and nothing more is planned."""
    router, plan = make()
    found = router.replan(plan, [Report("q0", "large", {"usd": 50.0}, quality=0.2)])
    assert (found.spent, found.remaining) == ({"usd": 50.0}, {"usd": 0.0})
    assert found.open == ()
    assert by_id(found)["q0"].action == "stop"
    assert by_id(found)["q1"].action == "give_up"


def test_costs_that_are_not_reported_count_as_planned() -> None:
    """A report without a cost is charged what was planned, rounded up."""
    router, plan = make()
    assert router.replan(plan, [Report("q0", "large")]).spent == {"usd": 8.0}


def test_where_nobody_looked_the_last_answer_stands() -> None:
    """Without a quality another option replaces the answer rather than rescuing it."""
    router, plan = make(budget=30.0)
    found = by_id(router.replan(plan, [Report("q1", "small", {"usd": 1.0})]))
    assert (found["q1"].option, found["q1"].expected_quality) == ("large", 0.7)
    poor = by_id(router.replan(make(budget=3.0)[1], [Report("q1", "small", {"usd": 1.0})]))
    assert poor["q1"].action == "stop"
    assert poor["q1"].expected_quality == pytest.approx(0.3)


def test_what_is_running_stands_and_stays_paid_for() -> None:
    """A running decision is kept whatever others report, and its cost is not given away."""
    router, plan = make(budget=10.0)
    found = router.replan(plan, [Report("q2", "small", {"usd": 1.0}, quality=0.0)], running=["q1"])
    assert by_id(found)["q1"].action == "running"
    assert by_id(found)["q1"].option == "large"
    assert found.planned["usd"] <= 9.0
    with pytest.raises(InputError, match="'q9'"):
        router.replan(plan, [], running=["q9"])


def test_done_questions_are_left_alone() -> None:
    """A question reported as done gets nothing more, however bad its answer."""
    router, plan = make(budget=30.0)
    found = router.replan(plan, [Report("q0", "small", {"usd": 1.0}, 0.0, is_done=True)])
    assert by_id(found)["q0"].action == "done"
    replanner = Replanner(plan)
    replanner.report(Report("q0", "small", is_done=True))
    with pytest.raises(InputError, match="done already"):
        replanner.report(Report("q0", "small"))


def test_checked_answers_are_tried_cheaply_first() -> None:
    """With a check the dear option is asked only where the cheap one failed, at less cost."""
    _, plan = make(budget=15.0)
    plain, checked = Replanner(plan).plan(), Replanner(plan, is_checked=True).plan()
    assert checked.expected_quality > plain.expected_quality
    pairs = [decision for decision in checked if decision.fallback_option]
    assert pairs
    assert checked.planned["usd"] <= 15.0
    for decision in pairs:
        whole = MENU.options[MENU.names.index(decision.fallback_option)].costs["usd"]
        first = MENU.options[MENU.names.index(decision.option)].costs["usd"]
        assert first < decision.cost["usd"] < first + whole


def test_giving_up_can_be_ruled_out() -> None:
    """Every question gets something where nothing may be given up, as far as it reaches."""
    quality = [[0.0, 0.0, 0.01], [0.5, 0.6, 0.9]]
    _, plan = make(quality, budget=9.0)
    assert by_id(Replanner(plan).plan())["q0"].action == "give_up"
    kept = by_id(Replanner(plan, may_give_up=False).plan())
    assert kept["q0"].action == "start"


def test_weights_conditions_and_dependences_hold() -> None:
    """Forbidden options stay forbidden, and dependent questions are planned together."""
    fields = {"q0": {"forbidden_options": ["large"]}, "q1": {"depends_on": ["q2"], "weight": 3.0}}
    router, plan = make(budget=30.0, **fields)
    found = by_id(router.replan(plan, [Report("q0", "small", {"usd": 1.0}, quality=0.0)]))
    assert found["q0"].option == "small-more"
    assert (found["q1"].option, found["q2"].option) == ("large", "large")


@pytest.mark.parametrize("is_checked", [False, True])
def test_options_off_the_menu_stay_off_it(*, is_checked: bool) -> None:
    """What is forbidden is not continued or paired, and makes nothing cheaper by having run."""
    fields = {"q0": {"forbidden_options": ["small", "large"]}}
    router, plan = make(budget=30.0, **fields)
    reports = [Report("q0", "small", {"usd": 1.0}, quality=0.0)]
    found = by_id(router.replan(plan, reports, is_checked=is_checked))["q0"]
    assert (found.option, found.cost, found.fallback_option) == ("small-more", {"usd": 3.0}, None)


def test_several_budgets_hold_together() -> None:
    """None of two budgets is exceeded by what is planned after a report."""
    menu_costs = {"usd": 12.0, "searches": 4.0}
    menu = Menu(
        tuple(
            Option(o.name, model=o.model, samples=o.samples, costs={**o.costs, "searches": n})
            for n, o in enumerate(MENU)
        ),
        "menu",
    )
    router = make_router(menu, QUALITY)
    questions = [{"id": f"q{row}", "text": f"question {row}"} for row in range(3)]
    plan = router.allocate(questions, menu_costs)
    report = Report("q0", "large", {"usd": 6.0, "searches": 2.0}, quality=0.0)
    found = router.replan(plan, [report])
    for unit in menu_costs:
        assert found.planned[unit] <= found.remaining[unit]


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([0.0, 0.3, 1.0])), max_size=5),
    st.floats(3.0, 30.0),
    st.booleans(),
)
def test_plans_never_exceed_what_is_left(
    outcomes: list[tuple[int, float]],
    budget: float,
    is_checked: bool,  # noqa: FBT001 -- Drawn by position.
) -> None:
    """Whatever is reported, planned costs stay within what is left, and all agrees afresh."""
    router, plan = make(budget=budget)
    replanner, reports = Replanner(plan, is_checked=is_checked), []
    replanner.plan()
    for row, quality in outcomes:
        report = Report(f"q{row}", "small", {"usd": 1.3}, quality)
        reports.append(report)
        replanner.report(report)
        found = replanner.plan()
        assert found.planned["usd"] <= found.remaining["usd"] + 1e-9
        assert 0.0 <= found.expected_quality <= 1.0
    afresh = router.replan(plan, reports, is_checked=is_checked)
    assert replanner.plan().expected_quality == pytest.approx(afresh.expected_quality)


def test_small_batches_are_nearly_the_best_there_is() -> None:
    """No other choice of next steps within what is left brings clearly more."""
    _, plan = make(budget=14.0)
    replanner = Replanner(plan)
    replanner.report(Report("q0", "small", {"usd": 1.0}, quality=0.0))
    found = replanner.plan()
    quality, cost = replanner._steps
    best = max(
        sum(quality[row, column] for row, column in enumerate(choice))
        for choice in itertools.product(range(4), repeat=3)
        if sum(cost[row, column, 0] for row, column in enumerate(choice)) <= 13.0 * 10**6
    )
    assert found.expected_quality * 3 >= best - 0.06


def test_what_cannot_be_replanned_is_refused() -> None:
    """Plans without a budget, and reports of other plans, are named."""
    router, plan = make()
    with pytest.raises(BudgetError, match="no budget"):
        Replanner(router.allocate(["question 0"], target_quality=0.5))
    with pytest.raises(InputError, match="'q7'"):
        router.replan(plan, [Report("q7", "small")])
    with pytest.raises(InputError, match="'huge'"):
        router.replan(plan, [{"id": "q0", "option": "huge"}])
    replanner = Replanner(plan)
    with pytest.raises(InputError, match=f"'q7' is no question of plan {plan.plan_id}"):
        replanner.close(["q0", "q7"])
    assert replanner.plan().decisions[0].option is not None


def test_an_option_that_adds_nothing_is_paid_in_full() -> None:
    """Two prompts of one model of which the same is said do not continue each other for free."""
    options = [
        Option("first", model="m", strategy="prompt-1"),
        Option("second", model="m", strategy="prompt-2"),
    ]
    plan = plan_table(options, np.array([[0.5, 0.8]]), [1.0, 1.0], 20.0)
    replanner = Replanner(plan)
    replanner.report(Report("q0", "first", {"usd": 1.0}, quality=0.0))
    (decision,) = replanner.plan()
    assert (decision.action, decision.option, decision.cost) == ("switch", "second", {"usd": 1.0})


def test_what_continues_counts_as_planned_where_its_cost_is_not_reported() -> None:
    """Only what a longer option adds is charged, as it was planned, and the rest is not lost."""
    router, plan = make(budget=30.0)
    short = Report("q2", "small", {"usd": 1.0}, quality=0.4)
    found = router.replan(plan, [short, Report("q2", "small-more")])
    assert found.spent == {"usd": 3.0}


def test_an_answer_nobody_looked_at_stands_beside_one_that_failed() -> None:
    """What was not checked is not called failed, and is worth less after another has failed."""
    router, plan = make(QUALITY[:1], budget=9.0)
    failed = Report("q0", "small", {"usd": 1.0}, quality=0.0)
    found = by_id(router.replan(plan, [failed, Report("q0", "large", {"usd": 8.0})]))["q0"]
    assert found.action == "stop"
    assert 0.5 < found.expected_quality < 0.8
