"""Plans under weights, conditions, dependences and targets, against trying every plan."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.budgets import MICRO
from router.exceptions import BudgetError, QuestionError
from router.plan_problem import find_least, write_amounts
from tests.contracts.planning import ask, make_menu, make_router

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.planner import Router

QUALITY = [[0.2, 0.5, 0.9], [0.3, 0.6, 0.7], [0.1, 0.2, 0.8]]


def small_router() -> Router:
    """Make a router of three questions and three options that cost 1, 2 and 4 and take 1 to 9 s."""
    return make_router(make_menu([1.0, 2.0, 4.0], seconds=[1.0, 3.0, 9.0]), QUALITY)


def asked(**fields: dict[int, Any]) -> list[dict[str, Any]]:
    """Name the three questions, with fields by position."""
    return [
        {"id": f"q{row}", "text": f"question {row}"}
        | {name: values[row] for name, values in fields.items() if row in values}
        for row in range(3)
    ]


@st.composite
def batches(draw: st.DrawFn) -> tuple[NDArray[np.float64], list[float], list[dict[str, Any]], Any]:
    """Draw four questions with conditions of every kind, costs, and the options left open."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    quality = chance.integers(0, 9, (4, 3)) / 8.0
    costs = chance.integers(0, 12, 3).astype(float).tolist()
    questions = []
    still_open = np.ones((4, 3), dtype=bool)
    for row in range(4):
        question: dict[str, Any] = {"id": f"q{row}", "text": f"question {row}"}
        if draw(st.booleans()):
            question["weight"] = float(chance.integers(1, 4))
        if row and draw(st.booleans()):
            question["depends_on"] = [f"q{draw(st.integers(0, row - 1))}"]
        if draw(st.booleans()):
            question["min_quality"] = float(quality[row].max() * chance.random())
            still_open[row] &= quality[row] >= question["min_quality"]
        if draw(st.booleans()):
            name = int(chance.integers(0, 3))
            question["forbidden_options"] = [f"o{name}"]
            still_open[row, name] = False
        if draw(st.booleans()):
            question["max_cost"] = {"usd": float(chance.integers(0, 12))}
            still_open[row] &= np.array(costs) <= question["max_cost"]["usd"]
        questions.append(question)
    return quality, costs, questions, still_open


def try_all(
    quality: Any, costs: list[float], questions: list[dict[str, Any]], still_open: Any
) -> list[tuple[float, float]]:
    """Give weighted mean and cost of every plan that keeps all conditions."""
    label = {question["id"]: question["id"] for question in questions}
    for question in questions:
        for other in question.get("depends_on", []):
            old, new = label[question["id"]], label[other]
            label = {name: new if part == old else part for name, part in label.items()}
    weights: dict[str, float] = {}
    for question in questions:
        part = label[question["id"]]
        weights[part] = max(weights.get(part, 0.0), question.get("weight", 1.0))
    found = []
    for plan in np.ndindex(3, 3, 3, 3):
        if all(still_open[row, column] for row, column in enumerate(plan)):
            products = dict.fromkeys(weights, 1.0)
            for row, column in enumerate(plan):
                products[label[f"q{row}"]] *= quality[row, column]
            total = sum(weights[part] * product for part, product in products.items())
            found.append((total / sum(weights.values()), sum(costs[c] for c in plan)))
    return found


@given(batches(), st.integers(0, 40), st.floats(0.0, 1.0))
@settings(max_examples=80)
def test_plans_equal_trying_every_plan(batch: Any, budget: int, share: float) -> None:
    """The best plan within a budget and the cheapest at a target are those of all plans tried."""
    quality, costs, questions, still_open = batch
    router, plans = make_router(make_menu(costs), quality), try_all(*batch)
    if not plans:
        with pytest.raises(QuestionError, match="no option is left of 3"):
            router.allocate(questions, {"usd": budget})
        return
    affordable = [mean for mean, cost in plans if cost <= budget]
    if affordable:
        plan = router.allocate(questions, {"usd": budget})
        assert plan.totals["mean_quality"] == pytest.approx(max(affordable), abs=1e-9)
        assert plan.totals["cost"]["usd"] <= budget
        assert all(still_open[row, column] for row, column in enumerate(plan.choice_index))
        json.dumps(plan.to_dict(), allow_nan=False)
    else:
        with pytest.raises(BudgetError, match="does not reach the cheapest plan"):
            router.allocate(questions, {"usd": budget})
    target = share * max(mean for mean, _ in plans)
    # A target that is missed by a rounding may count as reached, or not.
    least, most = (
        min(cost for mean, cost in plans if mean >= target - slack) for slack in (1e-9, 0.0)
    )
    cheapest = router.allocate(questions, target_quality=target)
    assert cheapest.totals["mean_quality"] >= target - 1e-9
    assert least - 1e-4 <= cheapest.totals["cost"]["usd"] <= most + 1e-4
    assert cheapest.totals["budget"] == {}
    assert cheapest.gap == 0.0


@given(batches(), st.integers(0, 40), st.floats(0.0, 1.0))
@settings(max_examples=40)
def test_what_cannot_be_funded_is_marked_and_nothing_overspent(
    batch: Any, budget: int, target: float
) -> None:
    """With leave every batch has a plan that keeps budget and conditions, whatever is asked."""
    quality, costs, questions, still_open = batch
    router = make_router(make_menu(costs), quality)
    for aim in (None, target):
        plan = router.allocate(questions, {"usd": budget}, target_quality=aim, allow_unfunded=True)
        funded = np.flatnonzero(plan.choice_index >= 0)
        assert still_open[funded, plan.choice_index[funded]].all()
        assert plan.totals["cost"]["usd"] <= budget
        for choice in plan:
            assert (choice.option == "") == (choice.status == "unfunded")
            assert bool(choice.required_cost) == (choice.bound_by == "budget")
        json.dumps(plan.to_dict(), allow_nan=False)


def test_targets_say_what_they_need_and_what_is_reached() -> None:
    """Above the budget, above all that is possible, and below the cheapest plan: each says more."""
    router = small_router()
    plan = router.allocate(ask(3), target_quality=0.7)
    assert plan.units == ("usd",)
    assert plan.totals["cost"]["usd"] == 10.0
    assert "3 questions, 10 usd, expected quality 2.300" in repr(plan)
    with pytest.raises(BudgetError, match=r"target_quality 0.7 needs usd=10, above the budget usd"):
        router.allocate(ask(3), {"usd": 9}, target_quality=0.7)
    with pytest.raises(BudgetError, match=r"0.9 is above what can be reached, a mean of 0.8000: "):
        router.allocate(ask(3), target_quality=0.9)
    with pytest.raises(BudgetError, match=r"0.9 is above what can be reached, a mean of 0.8000: "):
        router.allocate(ask(3), {"usd": 9}, target_quality=0.9)
    with pytest.raises(BudgetError, match="does not reach the cheapest plan"):
        router.allocate(ask(3), {"usd": 2}, target_quality=0.1)
    message = r"0.7 is not reached within the budgets usd=9, seconds=100, for which a mean of 0.6"
    with pytest.raises(BudgetError, match=message):
        router.allocate(ask(3), {"usd": 9, "seconds": 100}, target_quality=0.7)


def test_missed_targets_may_be_allowed() -> None:
    """With leave the closest plan comes back, and a note says by how much it misses."""
    plan = small_router().allocate(ask(3), {"usd": 9}, target_quality=0.7, allow_unfunded=True)
    best = small_router().allocate(ask(3), {"usd": 9})
    assert plan.totals["mean_quality"] == pytest.approx(best.totals["mean_quality"])
    assert plan.notes == ("target_quality 0.7 is not reached: this plan has a mean of 0.6667",)
    assert plan.totals["target_quality"] == 0.7
    assert small_router().allocate(ask(3), target_quality=0.7).notes == ()


def test_the_cheapest_plan_that_keeps_all_floors() -> None:
    """A target of zero leaves nothing but the questions' own floors."""
    questions = asked(min_quality={0: 0.5, 2: 0.5})
    plan = small_router().allocate(questions, target_quality=0)
    assert [choice.option for choice in plan] == ["o1", "o0", "o2"]
    assert [choice.bound_by for choice in plan] == ["floor", None, "floor"]
    assert "its floor keeps out 'o0'" in plan.choices[0].reason


def test_unfunded_questions_say_what_they_need() -> None:
    """Where the budget reaches some questions only, the rest is marked with its least cost."""
    router = small_router()
    questions = asked(priority={2: 1}, forbidden_options={1: ["o0"]})
    plan = router.allocate(questions, {"usd": 2}, allow_unfunded=True)
    assert [choice.status for choice in plan] == ["minimum", "unfunded", "minimum"]
    assert plan.totals["minimum_required"] == {"usd": 4.0}
    unfunded = plan.choices[1]
    assert unfunded.required_cost == {"usd": 2.0}
    assert unfunded.bound_by == "budget"
    assert unfunded.reason == ("the budget is used up; at least 'o1' would be needed, for 2 usd")
    nothing = router.allocate(questions, {"usd": 1}, allow_unfunded=True)
    assert [choice.status for choice in nothing] == ["unfunded", "unfunded", "minimum"]
    assert nothing.totals["mean_quality"] == pytest.approx(0.1 / 3)


def test_questions_without_options_are_named_or_marked() -> None:
    """The message counts what each condition closes and names the best of what is closed."""
    router = small_router()
    conditions: dict[str, Any] = {
        "forbidden_options": {1: ["o0"]},
        "max_latency_s": {1: 5},
        "min_quality": {1: 0.65},
        "depends_on": {2: ["q1"]},
    }
    message = (
        r"no option is left of 3: 1 forbidden, 1 over max_latency_s 5 \(the fastest, 'o2', is "
        r"planned with 9\), 1 below min_quality 0.65 \(the best, 'o1', is expected to reach 0.6000"
    )
    with pytest.raises(QuestionError, match="question 'q1': " + message):
        router.allocate(asked(**conditions), {"usd": 100})
    plan = router.allocate(asked(**conditions), {"usd": 100}, allow_unfunded=True)
    assert [choice.status for choice in plan] == ["funded", "unfunded", "unfunded"]
    assert [choice.bound_by for choice in plan] == [None, "conditions", "conditions"]
    assert plan.choices[1].reason.startswith("no option is left of 3")
    assert plan.choices[2].reason.startswith("for 'q1', which it goes with, no option is left")
    ceiling = asked(max_cost={0: {"usd": 0.5}})
    with pytest.raises(QuestionError, match="no option is left of 3: 3 over max_cost"):
        router.allocate(ceiling, {"usd": 100})


def test_ceilings_need_known_costs_and_known_options() -> None:
    """A latency that nobody knows cannot be kept, and an option that is not there not forbidden."""
    router = make_router(make_menu([1.0, 2.0, 4.0]), QUALITY)
    message = r"question 'q0': max_latency_s cannot be kept: .*'o0' has no known cost in seconds"
    with pytest.raises(QuestionError, match=message):
        router.allocate(asked(max_latency_s={0: 5}), {"usd": 100})
    with pytest.raises(QuestionError, match="question 'q0': max_cost in tokens cannot be kept"):
        router.allocate(asked(max_cost={0: {"tokens": 5}}), {"usd": 100})
    message = "forbidden option 'o9' is not on the menu, which has 3 options: o0, o1, o2"
    with pytest.raises(QuestionError, match=message):
        router.allocate(asked(forbidden_options={0: ["o9"]}), {"usd": 100})
    plan = router.allocate(asked(forbidden_options={0: ["skip"]}), {"usd": 100})
    assert plan.choices[0].option == "o2"


def test_a_question_may_forbid_to_skip_it() -> None:
    """Where skipping is on offer, it is an option like any other."""
    router = small_router()
    free = router.allocate(asked(), {"usd": 0}, allow_skip=True)
    assert {choice.option for choice in free} == {"skip"}
    kept = asked(forbidden_options={1: ["skip"]})
    plan = router.allocate(kept, {"usd": 1}, allow_skip=True)
    assert [choice.option for choice in plan] == ["skip", "o0", "skip"]
    with pytest.raises(BudgetError, match=r"raise it, or fund what it reaches|raise it, fund"):
        router.allocate(kept, {"usd": 0}, allow_skip=True)


def test_curves_keep_conditions_weights_and_dependences() -> None:
    """A point of the curve is a plan that allocate finds, whatever the questions ask for."""
    questions = asked(
        weight={0: 3.0}, min_quality={1: 0.5}, depends_on={2: ["q1"]}, max_latency_s={0: 5}
    )
    router = small_router()
    points = router.curve(questions, n_points=10)
    assert points[0].budget == 4.0
    for point in points:
        plan = router.allocate(questions, {"usd": point.budget})
        assert plan.totals["mean_quality"] >= point.expected_quality - 1e-9
    assert points[-1].expected_quality == pytest.approx((3 * 0.5 + 0.7 * 0.8) / 4)


@pytest.mark.parametrize("target", [-0.1, 1.1, float("nan"), True, "0.5"])
def test_targets_are_means(target: Any) -> None:
    """A target that is no mean quality is refused, and so are neither target nor budget."""
    with pytest.raises(BudgetError, match="a mean quality from 0 to 1 is needed"):
        small_router().allocate(ask(3), target_quality=target)
    with pytest.raises(BudgetError, match=r"neither budget nor target_quality"):
        small_router().allocate(ask(3))


def test_weights_of_nothing_are_refused() -> None:
    """A mean needs a question that counts; without a target there is none to take."""
    questions = asked(weight={0: 0, 1: 0, 2: 0})
    with pytest.raises(QuestionError, match="all questions have weight 0"):
        small_router().allocate(questions, target_quality=0.1)


def test_targets_take_the_unit_that_is_known() -> None:
    """Without a budget the least is spent of dollars where known, else of the first known unit."""
    nominal = make_router(make_menu([1.0, 2.0], "nominal"), [[0.1, 0.9]])
    plan = nominal.allocate(ask(1), target_quality=0.5)
    assert (plan.units, plan.totals["cost"]["nominal"]) == (("nominal",), 2.0)


def test_least_costs_leave_out_what_is_closed() -> None:
    """The least total counts open options only, and each unit on its own."""
    cost = np.array([[[1, 9], [5, 2]], [[3, 3], [4, 1]]])
    assert find_least(cost, None, 2) == [4, 3]
    assert find_least(cost, np.array([[1, 0], [0, 4]], dtype=np.int8), 2) == [8, 5]
    assert find_least(cost, np.array([[1, 1], [0, 0]], dtype=np.int8), 2) == [3, 1]
    assert write_amounts({"usd": MICRO // 4, "tokens": 7 * MICRO}) == "usd=0.25, tokens=7"


@pytest.mark.parametrize(
    ("price", "options"),
    [
        # One more unit brings .3, .2 a unit; .3, .05; .1, .3 from the cheapest to the dearest.
        (0.01, ["o2", "o2", "o2"]),
        (0.07, ["o2", "o1", "o2"]),
        (0.24, ["o1", "o1", "o0"]),
        (9.0, ["o0", "o0", "o0"]),
    ],
)
def test_shadow_price_leaves_what_is_not_worth_it(price: float, options: list[str]) -> None:
    """At a price every question takes the option of which most is left after it is paid."""
    plan = small_router().allocate(asked(), {"usd": 100}, shadow_price={"usd": price})
    assert [choice.option for choice in plan] == options
    assert plan.totals["budget"] == {"usd": 100}


def test_shadow_price_never_raises_a_budget() -> None:
    """Where the budget is what binds, a price changes nothing."""
    router = small_router()
    free = router.allocate(asked(), {"usd": 5})
    priced = router.allocate(asked(), {"usd": 5}, shadow_price={"usd": 1e-9})
    assert [choice.option for choice in priced] == [choice.option for choice in free]
