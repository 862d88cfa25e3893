"""The fallback: means by name or by the model's last word, budgets kept, conditions honoured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.budgets import Budget
from router.exceptions import BudgetError, BundleError, QuestionError
from router.fallback import Fallback, MeansPredictor
from router.options import SKIP, Menu, Option
from router.planner import Router
from router.questions import Question
from tests.contracts.commands import PRICES, tiny_bundle

BUNDLE = tiny_bundle()
FALLBACK = Fallback(Router(BUNDLE, PRICES))
QUESTIONS = [Question(f"q{number}", f"What is {number} plus two?") for number in range(5)]


@given(n=st.integers(1, 40), usd=st.floats(0, 0.2), allow_skip=st.booleans())
def test_plans_never_cost_more_than_the_budget(n: int, usd: float, *, allow_skip: bool) -> None:
    """Whatever the budget, what is planned without the model stays within it."""
    questions = [f"question {number}" for number in range(n)]
    plan = FALLBACK.allocate(
        "model_failed", questions, Budget(usd=usd), allow_skip=allow_skip, allow_unfunded=True
    )
    assert plan.totals["cost"]["usd"] <= usd
    assert sum(plan.totals["statuses"].values()) == n
    assert plan.totals["statuses"]["funded"] == plan.totals["statuses"]["minimum"] == 0


def test_expectations_are_the_options_means() -> None:
    """Every question is expected to be average, with the widest of intervals and no evidence."""
    surface = FALLBACK.predict(QUESTIONS)
    means = BUNDLE.predictor.predict_neutral(BUNDLE.menu)
    assert np.array_equal(surface.quality, np.tile(means, (5, 1)))
    assert (surface.low <= surface.quality).all()
    assert (surface.quality <= surface.high).all()
    assert set(surface.evidence) == {"none"}


def test_options_nobody_knows_are_taken_where_they_are_cheap() -> None:
    """Of a menu that was never predicted, the cheapest option is taken."""
    menu = Menu((Option("dear", costs={"usd": 0.02}), Option("cheap", costs={"usd": 0.01})))
    plan = FALLBACK.allocate("model_missing", QUESTIONS, {"usd": 1.0}, menu=menu)
    assert [choice.option for choice in plan] == ["cheap"] * 5


def test_what_the_model_said_of_a_menu_is_remembered() -> None:
    """Means of a request's menu are those of the model once it has answered for it."""
    fallback = Fallback(Router(BUNDLE, PRICES))
    menu = Menu(
        (SKIP, *(Option(f"o{n}", model="toy", search_steps=n, costs={"usd": n}) for n in (0, 4)))
    )
    guessed = fallback.predict(QUESTIONS, menu=menu).quality[0]
    fallback.remember(menu)
    told = fallback.predict(QUESTIONS, menu=menu).quality[0]
    assert guessed.tolist() == [0.0, 0.5, 0.5]
    assert told.tolist() == BUNDLE.predictor.predict_neutral(menu).tolist()


def test_bundles_without_means_plan_by_cost() -> None:
    """An older bundle that holds no average question leaves the cheapest options."""
    bundle = replace(BUNDLE)
    bundle.__dict__["predictor"] = replace(BUNDLE.predictor, novelty=None)
    fallback = Fallback(Router(bundle, PRICES))
    fallback.remember(bundle.menu)
    with pytest.raises(BundleError, match="no average question"):
        bundle.predictor.predict_neutral(bundle.menu)
    plan = fallback.allocate("model_failed", QUESTIONS, {"usd": 1.0})
    assert {choice.option for choice in plan} == {bundle.menu.names[0]}


def test_conditions_hold_but_floors_are_not_judged() -> None:
    """What can be kept without the model is kept; a floor under quality is dropped, and said so."""
    floors = [replace(question, min_quality=0.99) for question in QUESTIONS]
    plan = FALLBACK.allocate("model_slow", floors, {"usd": 0.05})
    assert plan.totals["statuses"]["fallback"] == 5
    assert any("min_quality of 5 of 5" in note for note in plan.notes)
    first, *others = BUNDLE.menu.names
    forbidding = [replace(question, forbidden_options=(first,)) for question in QUESTIONS]
    plan = FALLBACK.allocate("model_slow", forbidding, {"usd": 0.05})
    assert {choice.option for choice in plan} <= set(others)
    nothing = [replace(QUESTIONS[0], forbidden_options=BUNDLE.menu.names)]
    with pytest.raises(QuestionError, match="no option is left"):
        FALLBACK.allocate("model_slow", nothing, {"usd": 0.05})


def test_targets_out_of_reach_are_missed_and_not_refused() -> None:
    """A target beyond the means is come as close to as can be; a budget too low is refused."""
    plan = FALLBACK.allocate("model_slow", QUESTIONS, {"usd": 1.0}, target_quality=0.99)
    assert any("is not reached" in note for note in plan.notes)
    best = BUNDLE.predictor.predict_neutral(BUNDLE.menu).max()
    assert plan.totals["mean_quality"] == pytest.approx(best)
    with pytest.raises(BudgetError, match="does not reach the cheapest plan"):
        FALLBACK.allocate("model_slow", QUESTIONS, {"usd": 0.0}, target_quality=0.99)


def test_menus_that_are_gone_lend_nobody_their_means() -> None:
    """Of many menus that live shortly each gets its own means."""
    means = MeansPredictor({f"o{number}": number / 1000 for number in range(300)})
    for number in range(300):
        menu = Menu((Option(f"o{number}"),))
        assert means.predict(QUESTIONS, menu).quality.tolist() == [[number / 1000]] * 5
        means.remember(menu, np.array([0.25]))
