"""Offers on the menu: what a law expects is planned with, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from router import Router
from router.exceptions import InputError
from router.offers import add_offers, expect_offers
from router.options import Menu, Option
from router.strategies import BetaPopulation, Consumption, offer_samples

QUESTIONS = ["What is 2 + 2?", "Who ruled Zurich in 1336?", "Is P equal to NP?"]
ONE = Option("one", model="small", input_tokens=100.0, output_tokens=50.0, searches=0.0)
VOTES = Consumption(input_tokens=100.0, output_tokens=50.0)


def test_offered_quality_is_planned_with() -> None:
    """The question for which an offer expects most gets the offered option, within the budget."""
    offer = offer_samples("vote", [8], np.array([[0.2], [0.2], [0.99]]), VOTES, model="small")
    plan = Router.load().allocate(QUESTIONS, {"tokens": 1000}, menu=Menu((ONE,)), offers=[offer])
    assert [choice.option for choice in plan.choices] == ["one", "one", "small|vote|n8"]
    assert plan.choices[2].expected_quality == pytest.approx(0.99)
    assert plan.totals["cost"]["tokens"] <= 1000


def test_options_of_the_menu_are_predicted_as_before() -> None:
    """What is not offered keeps what the bundle expects of it."""
    router = Router.load()
    offer = offer_samples("vote", [4], np.full((3, 1), 0.5), VOTES)
    plan = router.allocate(QUESTIONS, {"tokens": 5000}, menu=Menu((ONE,)), offers=[offer])
    alone = router.predict(QUESTIONS, menu=Menu((ONE,)))
    assert plan.surface.quality[:, 0] == pytest.approx(alone.quality[:, 0], abs=1e-6)
    assert plan.surface.quality[:, 1].tolist() == [0.5, 0.5, 0.5]
    assert plan.surface.evidence[1] == "descriptors"


def test_one_row_is_for_all_questions() -> None:
    """A law of the population, with one row of quality, is offered to every question."""
    offer = BetaPopulation(0.4, 0.6).offer([0], [0], [1, 4], VOTES, model="small")
    plan = Router.load().allocate(
        QUESTIONS, {"tokens": 5000}, menu=Menu(offer.options), offers=[offer]
    )
    assert plan.surface.menu.names == ("small|attempts|n1", "small|attempts|n4")
    assert plan.surface.quality == pytest.approx(np.repeat(offer.quality, 3, axis=0))


def test_intervals_move_along() -> None:
    """An interval keeps its width around what is offered, within 0 and 1."""
    menu = Menu((ONE, Option("two", model="small", samples=2)))
    surface = Router.load().predict(QUESTIONS, menu=menu)
    offer = offer_samples("two", [1], np.full((1, 1), 0.5), VOTES)
    offered = Menu((*menu.options, *offer.options))
    before = Router.load().predict(QUESTIONS, menu=offered)
    after = expect_offers(before, [offer])
    assert after.low[:, :2] == pytest.approx(surface.low, abs=1e-6)
    assert (after.low[:, 2] <= 0.5).all()
    assert (after.high[:, 2] >= 0.5).all()
    assert expect_offers(before, []) is before


def test_what_does_not_fit_is_refused() -> None:
    """An offer of other questions, out of range, or with a name twice is refused."""
    router = Router.load()
    two = offer_samples("vote", [2], np.full((2, 1), 0.5), VOTES)
    with pytest.raises(InputError, match="one row for all questions"):
        router.allocate(QUESTIONS, {"tokens": 5000}, menu=Menu((ONE,)), offers=[two])
    odd = offer_samples("vote", [2], np.full((3, 1), 1.5), VOTES)
    with pytest.raises(InputError, match="not from 0 to 1"):
        router.allocate(QUESTIONS, {"tokens": 5000}, menu=Menu((ONE,)), offers=[odd])
    with pytest.raises(InputError, match="more than one offer"):
        add_offers(Menu((ONE,)), [two, two])
