"""A pool of budgets: what is left, what is expected, and settling."""

from __future__ import annotations

import json
from typing import Any

import pytest

from router.allocation.pool import Pool, check_prices
from router.exceptions import AllocationError, BudgetError


def test_expectation_follows_the_horizon_and_goes_on_past_it() -> None:
    """Questions to come are counted down; after the horizon a tenth of it is expected again."""
    pool = Pool(100, horizon=20)
    assert pool.expected == 20
    for _ in range(20):
        pool.skip()
    assert pool.expected == 2


def test_without_a_horizon_thrice_as_many_are_expected_as_have_come() -> None:
    """At least three hundred, later three times as many as have come."""
    pool = Pool(100)
    assert pool.expected == 300
    for _ in range(250):
        pool.skip()
    assert pool.expected == 750


def test_settling_replaces_the_planned_cost() -> None:
    """The latest question is settled without naming its cost, and only once."""
    pool = Pool((100, 50))
    pool.reserve((30, 5))
    assert pool.settle((10, 9)) == (-20, 4)
    assert pool.remaining == (90, 41)
    with pytest.raises(AllocationError, match="already settled"):
        pool.settle((1, 1))
    assert pool.settle((12, 9), (10, 9)) == (2, 0)
    assert pool.spent == (12, 9)


def test_a_debt_is_kept_and_nothing_is_left() -> None:
    """Real costs above the pool leave zero, and the debt stands in what was spent."""
    pool = Pool(10)
    pool.reserve((5,))
    pool.settle(25)
    assert (pool.remaining, pool.spent) == ((0,), (25,))


def test_no_more_flows_back_than_was_spent() -> None:
    """A planned cost that was never reserved is refused, and nothing changes."""
    pool = Pool(10)
    pool.reserve((5,))
    with pytest.raises(AllocationError, match="only 5 micro-units were spent"):
        pool.settle(0, 6)
    assert pool.remaining == (5,)


@pytest.mark.parametrize(
    ("cost", "message"),
    [
        (-1, "real_cost is -1; budgets must not be negative"),
        (1.5, "real_cost is 1.5; an integer"),
        ((1,), "1 budgets have to be settled"),
    ],
)
def test_bad_real_costs_are_refused(cost: Any, message: str) -> None:
    """Costs are whole, not negative and shaped like the budget."""
    pool = Pool(10)
    pool.reserve((5,))
    with pytest.raises(BudgetError, match=message):
        pool.settle(cost)


@pytest.mark.parametrize(
    ("budget", "horizon", "error", "message"),
    [
        ((1,) * 5, None, BudgetError, "has 5 entries; at most 4"),
        (-1, None, BudgetError, "budget is -1"),
        (1, 0, AllocationError, "horizon is 0; it must be at least 1"),
        (1, 2.5, AllocationError, "horizon is 2.5; a whole number is needed"),
        (1, True, AllocationError, "horizon is True; a whole number is needed"),
    ],
)
def test_bad_pools_are_refused(
    budget: Any, horizon: Any, error: type[Exception], message: str
) -> None:
    """Budget and horizon are checked where the pool is made."""
    with pytest.raises(error, match=message):
        Pool(budget, horizon)


@pytest.mark.parametrize("budget", [100, (100, 70)])
def test_state_survives_json(budget: Any) -> None:
    """A pool read back from JSON is in the same state, an open question included."""
    pool = Pool(budget, horizon=9)
    pool.reserve((30,) * len(pool.budgets))
    state = json.loads(json.dumps(pool.export_state()))
    again = Pool.from_state(state)
    assert again.export_state() == pool.export_state()
    assert again.settle(40 if budget == 100 else (40, 40)) == (10,) * len(pool.budgets)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"balance": [1, 2]}, "2 entries for 1 budgets"),
        ({"balance": [101]}, "is 101, above its budget of 100"),
        ({"balance": None}, "cannot be read"),
        ({"n_questions": -1}, "is -1; it must be at least 0"),
    ],
)
def test_damaged_states_are_refused(change: dict[str, Any], message: str) -> None:
    """The error names the entry."""
    with pytest.raises(AllocationError, match=message):
        Pool.from_state(Pool(100).export_state() | change)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-0.1, "price is -0.1"),
        (float("nan"), "price is nan"),
        ((0.1, 0.2), "2 entries for 1 budgets"),
        ("a", "cannot be read as numbers"),
    ],
)
def test_bad_prices_are_refused(value: Any, message: str) -> None:
    """Prices are finite, not negative and one per budget."""
    with pytest.raises(AllocationError, match=message):
        check_prices("price", value, 1)
