"""Costs: prices meet quantities, measured costs stand alone, and the two never mix."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.budgets import BUDGET_UNITS, MICRO
from router.costs import cost_menu
from router.exceptions import BudgetError
from router.options import SKIP, Menu, Option
from router.prices import ModelPrice, Prices

PRICES = Prices(
    "2026-11-22",
    {"small": ModelPrice(0.2, 0.8), "large": ModelPrice(3.0, 15.0)},
    search_usd_per_call=0.005,
    usd_per_second=0.0001,
)
PRICED = Option("a", model="small", input_tokens=1000.0, output_tokens=500.0, searches=2.0)
MEASURED = Option("b", model="unlisted", costs={"usd": 0.25, "nominal": 3.0})

quantities = st.floats(0, 1e5)


@given(quantities, quantities, quantities, quantities)
def test_dollars_are_the_sum_of_four_products(
    read: float, written: float, searches: float, seconds: float
) -> None:
    """Dollars equal the sum over tokens read and written, searches and seconds, in fractions."""
    option = Option(
        "a",
        model="large",
        input_tokens=read,
        output_tokens=written,
        searches=searches,
        seconds=seconds,
    )
    oracle = (
        Fraction(read) * 3 / 10**6
        + Fraction(written) * 15 / 10**6
        + Fraction(searches) * Fraction("0.005")
        + Fraction(seconds) * Fraction("0.0001")
    )
    dollars = cost_menu(Menu((option,)), PRICES).amounts["usd"][0]
    assert dollars == pytest.approx(float(oracle), rel=1e-12, abs=1e-18)


def test_units_without_prices() -> None:
    """Without prices tokens, searches and seconds are known and dollars ask for prices."""
    option = Option("a", input_tokens=10.0, output_tokens=5.0, search_steps=3.0, seconds=0.5)
    costs = cost_menu(Menu((option,)))
    assert {unit: amount.tolist() for unit, amount in costs.amounts.items()} == {
        "tokens": [15.0],
        "searches": [3.0],
        "seconds": [0.5],
    }
    assert costs.price_id == "measured"
    with pytest.raises(BudgetError, match=r"in usd .*'a' has no known cost in usd; give prices"):
        costs.to_micro(["usd"])


def test_prices_replace_measured_dollars() -> None:
    """Where prices are given a log's dollars are not used, even for an option that has them."""
    option = Option("a", model="small", input_tokens=1e6, output_tokens=0.0, costs={"usd": 9.0})
    costs = cost_menu(Menu((option,)), PRICES)
    assert costs.amounts["usd"].tolist() == [0.2]
    assert costs.price_id == PRICES.price_id


@pytest.mark.parametrize("prices", [None, PRICES])
def test_dollars_of_two_kinds_never_mix(prices: Prices | None) -> None:
    """A menu of one priced and one measured option has no dollars, with or without prices."""
    costs = cost_menu(Menu((PRICED, MEASURED)), prices)
    assert "usd" not in costs.amounts
    with pytest.raises(BudgetError, match=r"a budget in usd cannot be planned: option '[ab]'"):
        costs.to_micro(["usd"])


def test_nominal_budget_needs_nominal_costs() -> None:
    """A budget in a log's own unit is planned where all options have it, and only there."""
    assert cost_menu(Menu((MEASURED,))).to_micro(["nominal"]).tolist() == [[3 * MICRO]]
    with pytest.raises(BudgetError, match=r"in nominal .*'a' has no known cost in nominal"):
        cost_menu(Menu((MEASURED, PRICED)), PRICES).to_micro(["nominal"])


def test_refusal_lists_units_that_would_do() -> None:
    """The message ends with the units in which costs are known, or says that there are none."""
    with pytest.raises(BudgetError, match=r"units with known costs: usd, tokens, searches\)"):
        cost_menu(Menu((PRICED,)), PRICES).to_micro(["seconds"])
    with pytest.raises(BudgetError, match=r"units with known costs: none\)"):
        cost_menu(Menu((Option("x"),))).to_micro(["usd"])


def test_skip_costs_nothing_in_any_unit() -> None:
    """The option to answer nothing has cost zero in all units, whatever it says it costs."""
    odd = Option("nothing", is_skip=True, costs={"usd": 5.0})
    for skip in (SKIP, odd):
        for prices in (None, PRICES):
            costs = cost_menu(Menu((skip,)), prices)
            assert costs.to_micro(BUDGET_UNITS).tolist() == [[0] * len(BUDGET_UNITS)]


def test_zero_is_a_known_cost() -> None:
    """A cost of zero is a cost and not a gap."""
    option = Option("a", search_steps=0.0, seconds=0.0, costs={"usd": 0.0})
    assert set(cost_menu(Menu((option,))).amounts) == {"usd", "searches", "seconds"}


def test_searches_prefer_the_quantity() -> None:
    """The typical number of searches comes before the nominal steps, a measurement before both."""
    both = Option("a", search_steps=4.0, searches=3.5)
    measured = Option("b", search_steps=4.0, searches=3.5, costs={"searches": 2.0})
    assert cost_menu(Menu((both, measured))).amounts["searches"].tolist() == [3.5, 2.0]


@pytest.mark.parametrize("amount", [2e9, 1e300])
def test_absurd_cost_names_option_and_unit(amount: float) -> None:
    """A cost beyond what micro-units hold names the option, the unit and the limit."""
    menu = Menu((Option("huge", seconds=amount), PRICED))
    with pytest.raises(BudgetError, match=r"'huge' costs .* seconds on one question, .*1000000000"):
        cost_menu(menu).to_micro(["seconds"])


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=6))
def test_micro_units_cover_amounts(costs: list[float]) -> None:
    """Every cost in micro-units is at least its amount, one column a unit."""
    options = tuple(
        Option(f"o{i}", costs={"usd": cost, "tokens": 2 * cost}) for i, cost in enumerate(costs)
    )
    micro = cost_menu(Menu(options)).to_micro(["tokens", "usd"])
    assert micro.shape == (len(costs), 2)
    assert micro.dtype == np.int64
    for row, cost in zip(micro.tolist(), costs, strict=True):
        assert row[1] >= math.floor(cost * MICRO * (1 - 1e-12))
        assert row[0] >= row[1]


def test_the_share_of_tokens_in_dollars_leaves_fees_out() -> None:
    """Fees for searches and time are no share of tokens; without prices no share is known."""
    costs = cost_menu(Menu((PRICED, SKIP)), PRICES)
    assert costs.token_share is not None
    dollars = 1000 * 0.2e-6 + 500 * 0.8e-6
    assert costs.token_share[0] == pytest.approx(dollars / (dollars + 2 * 0.005))
    assert costs.token_share[1] == 1.0
    assert cost_menu(Menu((MEASURED,))).token_share is None
