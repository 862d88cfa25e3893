"""Costs of a batch: factors, margins only where they are needed, sums with their doubt."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from router.costs import MenuCosts
from router.exceptions import BudgetError
from router.models.quantities import Consumption
from router.question_costs import QuestionCosts, check_margin, exceed_probability

MENU = MenuCosts(
    {"usd": np.array([0.1, 0.3]), "searches": np.array([1.0, 2.0])},
    {"tokens": "no tokens are known"},
    "measured",
)
FACTOR = np.array([[1.0, 1.0], [2.0, 0.5], [1.0, 1.0]])
DEVIATION = np.array([[0.5, 0.0], [1.0, 0.25], [0.0, 0.0]])


def make_costs(unit: str = "usd", margin: float = 0.1, common: float = 0.0) -> QuestionCosts:
    """Make costs of three questions that differ in one unit."""
    consumption = Consumption(
        {unit: FACTOR}, {unit: DEVIATION}, {unit: common}, np.array([0, 0, 1])
    )
    return QuestionCosts(MENU, consumption, margin)


def test_without_consumption_costs_are_the_menus() -> None:
    """Every question costs what the option costs, as whole micro-units, without a margin."""
    costs = QuestionCosts(MENU, margin=5.0)
    np.testing.assert_array_equal(costs.to_micro(["usd"]), [[100_000], [300_000]])
    assert costs.deviate("usd") is None
    expected, deviation = costs.sum_up("usd", np.array([0, 1]), np.array([1, 1]))
    assert expected == pytest.approx(0.6)
    assert deviation is None


def test_margins_are_reserved_where_consumption_is_uncertain() -> None:
    """Only cells with a deviation get the margin; units without factors stay as they are."""
    micro = make_costs().to_micro(["usd", "searches"])
    assert micro.shape == (3, 2, 2)
    assert micro[:, :, 0].tolist() == [
        [110_000, 300_000],
        [220_000, 165_000],
        [100_000, 300_000],
    ]
    assert micro[:, :, 1].tolist() == [[1_000_000, 2_000_000]] * 3


def test_priced_dollars_follow_tokens_but_for_fees() -> None:
    """Factors of tokens move the share of dollars that tokens cost, and nothing else."""
    costs = make_costs("tokens")
    # Without prices nobody knows what of the dollars is tokens.
    np.testing.assert_array_equal(costs.expect("usd"), [0.1, 0.3])
    share = np.array([1.0, 0.5])
    priced = replace(costs, menu=replace(MENU, token_share=share))
    np.testing.assert_allclose(priced.expect("usd"), [0.1, 0.3] * (1.0 + share * (FACTOR - 1.0)))
    deviation = priced.deviate("usd")
    assert deviation is not None
    np.testing.assert_allclose(deviation, DEVIATION * share * [0.1, 0.3])
    np.testing.assert_array_equal(priced.expect("searches"), [1.0, 2.0])


def test_options_nobody_measured_leave_the_doubt_unknown() -> None:
    """A chosen option without a measured deviation makes the sum's unknown; it gets the margin."""
    deviation = DEVIATION.copy()
    deviation[:, 1] = np.nan
    consumption = Consumption({"usd": FACTOR}, {"usd": deviation}, {"usd": 0.0}, np.zeros(3, int))
    costs = QuestionCosts(MENU, consumption, 0.1)
    rows = np.arange(3)
    assert costs.sum_up("usd", rows, np.array([0, 1, 0]))[1] is None
    assert costs.sum_up("usd", rows, np.array([0, 0, 0]))[1] is not None
    assert costs.to_micro(["usd"])[0, 1, 0] == 330_000


def test_strange_questions_cost_what_options_do_on_average() -> None:
    """Neutral rows have factor 1 and their relative deviation, others stay."""
    consumption = make_costs().consumption
    assert consumption is not None
    neutral = consumption.neutralise(np.array([False, True, False]))
    np.testing.assert_array_equal(neutral.factor["usd"], [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    np.testing.assert_array_equal(neutral.deviation["usd"][1], [0.5, 0.5])
    np.testing.assert_array_equal(neutral.deviation["usd"][0], DEVIATION[0])


def test_unknown_units_are_refused() -> None:
    """A unit without costs raises with the menu's reason."""
    with pytest.raises(BudgetError, match="no tokens are known"):
        make_costs().to_micro(["tokens"])


def test_sums_add_variances_and_tasks_add_errors() -> None:
    """Single errors add in squares; the error of a task is common to its questions."""
    rows, columns = np.arange(3), np.array([0, 1, 0])
    expected, single = make_costs().sum_up("usd", rows, columns)
    assert expected == pytest.approx(0.1 + 0.15 + 0.1)
    assert single == pytest.approx(math.hypot(0.05, 0.075))
    _, both = make_costs(common=0.2).sum_up("usd", rows, columns)
    # The third question is certain, so its task adds nothing.
    assert both == pytest.approx(math.hypot(0.05, 0.075, 0.2 * 0.25))


def test_sums_hold_in_simulation(rng: np.random.Generator) -> None:
    """The stated deviation is that of drawn totals."""
    costs = make_costs(common=0.3)
    rows, columns = np.arange(3), np.array([0, 1, 0])
    expected, deviation = costs.sum_up("usd", rows, columns)
    assert deviation is not None
    mean = np.array([0.1, 0.15, 0.1])
    single = np.array([0.05, 0.075, 0.0]) * rng.normal(size=(40_000, 3))
    task = 0.3 * rng.normal(size=(40_000, 1)) * np.array([0.1, 0.15, 0.0])
    totals = (mean + single + task).sum(axis=1)
    assert totals.mean() == pytest.approx(expected, abs=0.005)
    assert totals.std() == pytest.approx(deviation, rel=0.03)


def test_probabilities_are_the_normal_ones() -> None:
    """Half at the expectation, one in forty two deviations above, certain without doubt."""
    assert exceed_probability(1.0, 1.0, 0.1) == pytest.approx(0.5)
    assert exceed_probability(1.196, 1.0, 0.1) == pytest.approx(0.025, abs=1e-4)
    assert exceed_probability(1.0, 1.0, 0.0) == 0.0
    assert exceed_probability(0.9, 1.0, 0.0) == 1.0
    assert exceed_probability(1.0, 1.0, None) is None


@pytest.mark.parametrize("margin", [-0.01, 10.1, math.nan, "a"])
def test_margins_out_of_range_are_refused(margin: Any) -> None:
    """A margin is from 0 to 10 and a number."""
    with pytest.raises(BudgetError, match="cost_margin"):
        check_margin(margin)
