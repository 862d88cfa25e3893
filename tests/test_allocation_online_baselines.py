"""The simpler policies of a stream, and the bound of hindsight."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.allocation import (
    EvenSplit,
    FixedThreshold,
    Greedy,
    OnlinePolicy,
    Resolving,
    bound_hindsight,
    solve,
)
from router.exceptions import AllocationError
from tests.contracts.allocators import best_by_enumeration, draw

if TYPE_CHECKING:
    from collections.abc import Callable

MAKERS: dict[str, Callable[[int | tuple[int, ...]], OnlinePolicy]] = {
    "greedy": Greedy,
    "even_split": lambda budget: EvenSplit(budget, horizon=60),
    "fixed_threshold": lambda budget: FixedThreshold(
        budget, 0.0005 if isinstance(budget, int) else (0.0005,) * len(budget)
    ),
    "resolving": lambda budget: Resolving(budget, horizon=60),
}


@pytest.mark.parametrize("n_budgets", [1, 2])
@pytest.mark.parametrize("name", MAKERS)
def test_every_policy_keeps_the_pool_and_its_state(name: str, n_budgets: int) -> None:
    """No policy overspends, and half a stream continued from JSON equals the whole."""
    x = draw("noisy", 60, 6, seed=7)
    budget: int | tuple[int, ...] = x.budget // 4
    cost = x.cost
    if n_budgets == 2:
        budget = (x.budget // 4, x.budget // 5)
        cost = np.stack([x.cost, x.cost[:, ::-1]], axis=2)
    whole, half = MAKERS[name](budget), MAKERS[name](budget)
    plan = [whole.decide(*rows) for rows in zip(x.quality, cost, strict=True)]
    start = [half.decide(*rows) for rows in zip(x.quality[:30], cost[:30], strict=True)]
    again = type(half).from_state(json.loads(json.dumps(half.export_state())))
    rest = [again.decide(*rows) for rows in zip(x.quality[30:], cost[30:], strict=True)]
    assert start + rest == plan
    taken = [row[option] for row, option in zip(cost, plan, strict=True) if option >= 0]
    spent = np.atleast_1d(np.sum(taken, axis=0))
    assert whole.spent == tuple(spent)
    assert (spent <= np.atleast_1d(budget)).all()


def test_greedy_takes_the_best_that_fits() -> None:
    """The best quality, the cheapest of equal ones, and later what is still paid for."""
    policy = Greedy(100)
    assert policy.decide([0.9, 0.2, 0.9], [80, 0, 70]) == 2
    assert policy.decide([0.9, 0.2, 0.8], [80, 0, 30]) == 2
    assert policy.decide([0.9, 0.2], [80, 1]) == -1


def test_even_split_hands_unused_shares_on() -> None:
    """A question gets at most the even share of what is left."""
    policy = EvenSplit(100, horizon=4)
    assert policy.decide([0.1, 0.2, 0.9], [0, 25, 26]) == 1
    assert policy.decide([0.1, 0.2, 0.9], [0, 25, 26], [True, False, False]) == 0
    assert policy.decide([0.1, 0.9], [0, 37]) == 1
    # Nothing is within the share of 38, so the cheapest that the pool pays for is taken.
    assert policy.decide([0.9, 0.1], [39, 38]) == 1


def test_fixed_threshold_stays_at_its_price() -> None:
    """The choice is the best score at the price, whatever was spent before."""
    policy = FixedThreshold(1000, 0.01)
    assert [policy.decide([0.1, 0.5, 0.8], [0, 30, 70]) for _ in range(9)] == [1] * 9


def test_resolving_uses_the_offline_price_of_what_it_saw() -> None:
    """After a stretch its price is that of the offline plan for the questions seen."""
    x = draw("noisy", 40, 6, seed=1)
    policy = Resolving(x.budget, horizon=80)
    for rows in zip(x.quality[:1], x.cost[:1], strict=True):
        policy.decide(*rows)
    left = policy.remaining[0]
    policy.decide(x.quality[1], x.cost[1])
    offline = solve(x.quality[:2], x.cost[:2], int(left / 79 * 2), method="dual")
    assert policy.prices == pytest.approx(offline.shadow_prices)


def test_resolving_refuses_another_number_of_options() -> None:
    """Questions of one stream have the same options."""
    policy = Resolving(100)
    policy.decide([0.1, 0.2], [0, 1])
    with pytest.raises(AllocationError, match="has 3 options; the questions before had 2"):
        policy.decide([0.1, 0.2, 0.3], [0, 1, 2])


@pytest.mark.parametrize("n_budgets", [1, 2])
def test_hindsight_bounds_every_plan(n_budgets: int) -> None:
    """The bound is at least the best of all plans, questions turned away included."""
    chance = np.random.default_rng(0)
    for _ in range(20):
        quality = chance.random((4, 3))
        cost = chance.integers(0, 50, (4, 3, n_budgets))
        budgets = [int(x) for x in chance.integers(0, 100, n_budgets)]
        wide_quality = np.pad(quality, ((0, 0), (0, 1)))
        wide_cost = np.pad(cost, ((0, 0), (0, 1), (0, 0)))
        best = best_by_enumeration(wide_quality, wide_cost, budgets)
        costs, budget = (cost[:, :, 0], budgets[0]) if n_budgets == 1 else (cost, budgets)
        assert bound_hindsight(quality, costs, budget) >= best - 1e-12


def test_hindsight_reads_shared_costs_and_masks() -> None:
    """Costs shared by all questions and forbidden options are read as the solver reads them."""
    quality = [[0.2, 0.9], [0.3, 0.8]]
    allowed = [[True, False], [True, True]]
    assert bound_hindsight(quality, [0, 10], 20, allowed=allowed) == pytest.approx(1.0)
