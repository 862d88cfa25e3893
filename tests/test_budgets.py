"""Budgets: exact conversion to micro-units, and every way to write one that is refused."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from router.budgets import (
    AMOUNT_MAX_MICRO,
    BUDGET_UNITS,
    MICRO,
    Budget,
    from_micro,
    to_micro_ceil,
    to_micro_floor,
)
from router.exceptions import BudgetError

AMOUNT_MAX = AMOUNT_MAX_MICRO // MICRO
amounts = st.floats(0, AMOUNT_MAX)


@given(amounts)
def test_budgets_round_down_exactly(amount: float) -> None:
    """A budget never grants more than the decimal its writer wrote, nor a micro-unit less."""
    written = Fraction(Decimal(repr(amount))) * MICRO
    assert to_micro_floor(amount) == math.floor(written)


@given(amounts)
def test_costs_round_up(amount: float) -> None:
    """A reserved cost covers the amount up to a part in 10**12, and no whole unit more."""
    exact = Fraction(Decimal(repr(amount))) * MICRO
    reserved = int(to_micro_ceil(amount))
    assert reserved >= exact * (1 - Fraction(1, 10**12))
    assert reserved - exact < 1 + exact / 10**12


@given(st.integers(0, 10**12))
@example(16_825_984_335)
def test_whole_micro_units_are_kept(micro: int) -> None:
    """What is a whole number of micro-units converts without loss, in both directions."""
    amount = from_micro(micro)
    assert to_micro_floor(amount) == micro
    assert int(to_micro_ceil(amount)) == micro


@given(st.floats(5e-324, 1e-6))
def test_small_costs_are_never_free(amount: float) -> None:
    """Any cost above nothing reserves at least one micro-unit, and one is enough."""
    assert int(to_micro_ceil(amount)) == 1


@pytest.mark.parametrize(
    ("amount", "micro"),
    [(0.1 + 0.2, 300_000), (3 * 0.000243, 729), (sum([0.1] * 10), 1_000_000), (0.0, 0), (-0.0, 0)],
)
def test_binary_noise_does_not_cost(amount: float, micro: int) -> None:
    """Sums that are whole in decimals do not gain a micro-unit by being computed in floats."""
    assert int(to_micro_ceil(amount)) == micro


def test_costs_keep_their_shape() -> None:
    """An array converts entry by entry to 64-bit integers of the same shape."""
    micro = to_micro_ceil([[0.1, 2], [0, 1e-9]])
    assert micro.dtype == np.int64
    assert micro.tolist() == [[100_000, 2_000_000], [0, 1]]


@pytest.mark.parametrize("amount", [-1e-9, math.nan, math.inf, -math.inf, AMOUNT_MAX * 1.001])
def test_impossible_costs_are_refused(amount: float) -> None:
    """A cost that is negative, not finite or too large is named with the range."""
    with pytest.raises(BudgetError, match=rf"cost .* is not allowed: .* 0 to {AMOUNT_MAX}"):
        to_micro_ceil([1.0, amount])


@given(st.dictionaries(st.sampled_from(BUDGET_UNITS), amounts, min_size=1))
def test_mappings_round_trip(given_amounts: dict[str, float]) -> None:
    """A budget gives back what it was made of, in the fixed order of units."""
    budget = Budget.from_mapping(given_amounts)
    assert budget.to_dict() == given_amounts
    assert list(budget.to_dict()) == [unit for unit in BUDGET_UNITS if unit in given_amounts]
    assert budget.to_micro() == {u: to_micro_floor(a) for u, a in budget.to_dict().items()}


@given(st.dictionaries(st.sampled_from(BUDGET_UNITS), amounts, min_size=1))
def test_texts_parse_to_the_same_budget(given_amounts: dict[str, float]) -> None:
    """Amounts written out and parsed make the same budget as the numbers."""
    texts = [f" {unit} = {amount!r} " for unit, amount in given_amounts.items()]
    assert Budget.parse(texts) == Budget.from_mapping(given_amounts)


@pytest.mark.parametrize("amount", [np.float32(0.5), np.int64(3), np.float64(0.25), 7, 0])
def test_plain_numbers_of_any_kind_are_taken(amount: float) -> None:
    """Integers, floats and NumPy's scalars are numbers, and zero is a budget."""
    assert Budget(usd=amount).to_micro() == {"usd": round(float(amount) * MICRO)}


@pytest.mark.parametrize(
    "amount", [True, np.bool_(1), "0.5", [1], 1j, np.complex128(1), Decimal("0.5"), {}]
)
def test_other_than_plain_numbers_is_refused(amount: Any) -> None:
    """Whatever is no plain number is named with its unit."""
    with pytest.raises(BudgetError, match=r"budget tokens=.* is not a number"):
        Budget(tokens=amount)


@pytest.mark.parametrize(
    "amount", [-1, -1e-12, math.nan, math.inf, -math.inf, AMOUNT_MAX + 1, 10**400, -(10**400)]
)
def test_impossible_budgets_are_refused(amount: float) -> None:
    """A negative, not finite or too large budget is named with the range."""
    with pytest.raises(BudgetError, match=rf"budget usd=.* it must be from 0 to {AMOUNT_MAX}"):
        Budget(usd=amount)


@pytest.mark.parametrize("make", [Budget, lambda: Budget.parse([]), lambda: Budget(usd=None)])
def test_empty_budgets_are_refused(make: Any) -> None:
    """A budget without a ceiling is refused with the units there are."""
    with pytest.raises(BudgetError, match="at least one of usd, tokens, searches, seconds"):
        make()


@pytest.mark.parametrize("unit", ["eur", "USD", "", 5])
def test_unknown_units_are_refused(unit: Any) -> None:
    """A unit that does not exist is named with those that do."""
    with pytest.raises(BudgetError, match=r"unit .* is unknown: allowed are usd, tokens"):
        Budget.from_mapping({unit: 1.0})


@pytest.mark.parametrize("amount", [0.5, None, "usd=1", ["usd"]])
def test_budgets_without_a_unit_are_refused(amount: Any) -> None:
    """A bare number, text or list where a mapping belongs is told how to be written."""
    with pytest.raises(BudgetError, match="has no unit: write it by unit"):
        Budget.from_mapping(amount)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["usd"], r"'usd' is malformed: write unit=amount"),
        (["0.5"], r"'0.5' is malformed: write unit=amount"),
        (["usd=1", " usd =2"], r"unit 'usd' is given twice"),
        (["usd="], r"'usd=' has no number behind the equals sign"),
        (["usd=ten"], r"has no number behind"),
        (["usd=0x10"], r"has no number behind"),
        (["usd=1=2"], r"has no number behind"),
        (["usd=sNaN"], r"has no number behind"),
        (["usd=nan"], r"usd=nan is not allowed"),
        (["usd=1e999"], r"usd=inf is not allowed"),
        (["usd=-1"], r"usd=-1.0 is not allowed"),
        (["eur=1"], r"unit 'eur' is unknown"),
        (["=1"], r"unit '' is unknown"),
    ],
)
def test_malformed_texts_are_refused(texts: list[str], message: str) -> None:
    """Every way to miswrite a budget on the command line gets its own line."""
    with pytest.raises(BudgetError, match=message):
        Budget.parse(texts)
