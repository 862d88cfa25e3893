"""Deciding question by question by prices that follow the spend."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.allocation import DualMirrorDescent, OnlinePolicy, bound_hindsight
from router.allocation.online import best_score
from router.exceptions import AllocationError
from tests.contracts.allocators import draw


def send(policy: OnlinePolicy, quality: Any, cost: Any) -> list[int]:
    """Let a policy decide all rows in their order."""
    return [policy.decide(*rows) for rows in zip(quality, cost, strict=True)]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_never_spends_more_than_the_pool(data: st.DataObject) -> None:
    """Whatever arrives, the planned cost of all decisions stays within every budget."""
    n_budgets = data.draw(st.integers(1, 4))
    budgets = data.draw(st.tuples(*[st.integers(0, 300)] * n_budgets))
    horizon = data.draw(st.none() | st.integers(1, 30))
    chance = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    policy = DualMirrorDescent(budgets, horizon)
    spent = np.zeros(n_budgets, dtype=np.int64)
    for _ in range(20):
        cost = chance.integers(0, 60, (5, n_budgets))
        allowed = chance.random(5) < 0.7
        before = np.array(policy.remaining)
        choice = policy.decide(chance.random(5), cost, allowed)
        fits = allowed & (cost <= before).all(axis=1)
        assert (choice == -1) == (not fits.any())
        if choice >= 0:
            assert fits[choice]
            spent += cost[choice]
        assert (spent <= budgets).all()
        assert policy.spent == tuple(spent)


def test_decisions_maximise_quality_minus_priced_cost() -> None:
    """At the prices before a decision no option that fits is worth more than the one taken."""
    x = draw("noisy", 200, 9, seed=3)
    policy = DualMirrorDescent(x.budget // 3, horizon=200, prior_price=0.001)
    prices = policy.prices
    for quality, cost in zip(x.quality, x.cost, strict=True):
        assert prices is not None
        scores = np.where(cost <= policy.remaining[0], quality - prices[0] * cost, -np.inf)
        assert policy.decide(quality, cost) == int(scores.argmax())
        prices = policy.prices


def test_scores_of_several_budgets_add_their_prices() -> None:
    """The cost of every budget is paid at its own price, and options that do not fit are off."""
    quality, cost = np.array([0.1, 0.8, 0.9]), np.array([[0, 0], [10, 1], [1, 10]])
    fits = np.ones(3, dtype=np.bool_)
    assert best_score(quality, cost, [0.001, 0.1], fits) == 1
    assert best_score(quality, cost, [0.1, 0.001], fits) == 2
    assert best_score(quality, cost, [0.1, 0.001], np.array([True, False, False])) == 0


def test_same_stream_same_decisions() -> None:
    """No clock and no random number takes part."""
    x = draw("noisy", 300, 7, seed=1)
    plans = [send(DualMirrorDescent(x.budget, horizon=300), x.quality, x.cost) for _ in range(2)]
    assert plans[0] == plans[1]


@pytest.mark.parametrize("prior", [None, 0.0004])
@pytest.mark.parametrize("cut", [0, 1, 150])
def test_state_continues_the_same_decisions(prior: float | None, cut: int) -> None:
    """A stream that is exported, sent through JSON and continued decides as one in one piece."""
    x = draw("noisy", 300, 7, seed=2)
    whole = DualMirrorDescent(x.budget // 2, horizon=300, prior_price=prior)
    plan = send(whole, x.quality, x.cost)
    first = DualMirrorDescent(x.budget // 2, horizon=300, prior_price=prior)
    start = send(first, x.quality[:cut], x.cost[:cut])
    second = DualMirrorDescent.from_state(json.loads(json.dumps(first.export_state())))
    assert start + send(second, x.quality[cut:], x.cost[cut:]) == plan
    assert second.export_state() == whole.export_state()


def test_real_costs_correct_the_pool() -> None:
    """Where everything costs twice the plan, the pool still lasts and is used up in real cost."""
    x = draw("noisy", 400, 8, seed=5)
    policy = DualMirrorDescent(x.budget, horizon=400)
    for quality, cost in zip(x.quality, x.cost, strict=True):
        choice = policy.decide(quality, cost)
        policy.settle(2 * int(cost[choice]))
    assert 0.97 * x.budget <= policy.spent[0] <= x.budget + 2 * 1000


def test_real_costs_move_the_price() -> None:
    """A question that cost more than planned makes the next ones dearer, a cheaper one cheaper."""
    prices = []
    for real in (0, 30, 90):
        policy = DualMirrorDescent(1000, horizon=100)
        policy.decide([0.1, 0.9], [0, 30])
        policy.settle(real)
        prices.append(policy.prices or ())
    assert prices[0] < prices[1] < prices[2]


def test_at_the_end_of_the_pool_only_free_options_are_left() -> None:
    """An empty pool takes the free option where there is one, and else turns questions away."""
    policy = DualMirrorDescent(10, horizon=5, prior_price=0.0)
    assert policy.decide([0.0, 0.9], [0, 10]) == 1
    assert policy.decide([0.2, 0.9], [0, 10]) == 0
    assert policy.decide([0.2, 0.9], [1, 10]) == -1
    assert policy.pool.n_questions == 3


def test_stationary_streams_come_near_hindsight() -> None:
    """On a thousand alike questions more than 98 % of the hindsight bound is reached."""
    x = draw("noisy", 1000, 8, seed=0, share=0.15)
    plan = send(DualMirrorDescent(x.budget, horizon=1000), x.quality, x.cost)
    value = x.quality[np.arange(1000), plan].sum()
    assert 0.98 <= value / bound_hindsight(x.quality, x.cost, x.budget) <= 1.0


def test_several_budgets_come_near_hindsight() -> None:
    """With two budgets that both bind more than 95 % of the bound is reached."""
    x = draw("noisy", 600, 8, seed=4)
    other = np.random.default_rng(0).integers(0, 1000, x.cost.shape)
    other[:, 0] = 0
    cost = np.stack([x.cost, other], axis=2)
    budgets = (x.budget // 2, x.budget // 2)
    plan = send(DualMirrorDescent(budgets, horizon=600), x.quality, cost)
    value = x.quality[np.arange(600), plan].sum()
    assert 0.95 <= value / bound_hindsight(x.quality, cost, budgets) <= 1.0


def test_bad_rows_change_nothing() -> None:
    """After a refused row the state is as before."""
    policy = DualMirrorDescent(100, horizon=5)
    before = policy.export_state()
    with pytest.raises(AllocationError, match="quality_row"):
        policy.decide([2.0], [0])
    assert policy.export_state() == before


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"policy": "greedy"}, "is of policy 'greedy'; 'dual_mirror_descent' is needed"),
        ({"prices": [-1.0]}, "prices must be finite"),
        ({"pool": 3}, "cannot be read"),
    ],
)
def test_damaged_states_are_refused(change: dict[str, Any], message: str) -> None:
    """A state of another policy, or with an entry out of range, is an error that says so."""
    state = DualMirrorDescent(100).export_state() | change
    with pytest.raises(AllocationError, match=message):
        DualMirrorDescent.from_state(state)


def test_an_incomplete_state_is_refused() -> None:
    """The missing entry is named."""
    state = DualMirrorDescent(100).export_state()
    del state["floors"]
    with pytest.raises(AllocationError, match="floors"):
        DualMirrorDescent.from_state(state)
