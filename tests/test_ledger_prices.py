"""Prices of pools: up with more than an even share, down with less, never out of bounds."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.ledger.prices import count_expected, move_price

AMOUNTS = st.integers(0, 10**15)


def test_pool_past_its_horizon_is_made_to_last() -> None:
    """For a tenth of what was expected again, and for one question at least."""
    assert count_expected(1000, 999) == 1
    assert count_expected(1000, 1000) == 100
    assert count_expected(5, 9) == 1


@pytest.mark.parametrize("n_questions", [1, 7])
def test_even_share_leaves_the_price(n_questions: int) -> None:
    """Exactly as much as was meant for so many questions moves nothing."""
    assert move_price(3.0, 10 * n_questions, 10, n_questions, expected=50) == 3.0


@given(
    spent=AMOUNTS, share=AMOUNTS, n_questions=st.integers(0, 512), expected=st.integers(1, 10**6)
)
def test_price_moves_the_right_way_and_by_one_fold_at_most(
    spent: int, share: int, n_questions: int, expected: int
) -> None:
    """Whatever was spent, the price stays finite and within one e-fold."""
    price = move_price(2.0, spent, share, n_questions, expected=expected)
    assert 2.0 / math.e - 1e-9 <= price <= 2.0 * math.e + 1e-9
    if spent > share * n_questions:
        assert price >= 2.0
    elif share > 0:
        assert price <= 2.0


def test_correction_moves_by_the_excess_alone() -> None:
    """Spending less than planned lowers the price, also where no share is left."""
    assert move_price(2.0, -5, 10, 0, expected=4) == pytest.approx(2.0 * math.exp(-0.125))
    assert move_price(2.0, 5, 0, 0, expected=4) == pytest.approx(2.0 * math.exp(0.25))
    assert move_price(2.0, -5, 0, 0, expected=4) == 2.0
