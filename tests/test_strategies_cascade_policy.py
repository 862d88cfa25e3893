"""Policies over several models: the best there is, and what they promise is what happens."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.cascade_calls import CascadeCall
from router.strategies.cascade_policy import CascadePolicy, find_cascade_price
from router.strategies.cascade_prior import CascadePrior
from tests.test_strategies_cascade_prior import CALLS, draw, fit

COST = np.array([1.0, 2.5, 8.0])


def find_best(
    prior: CascadePrior, share: np.ndarray, price: float, place: int = 0, *, last: int
) -> float:
    """Find the value of a state by trying every plan; the last answer counts or does not."""
    state = prior.states[place]
    best = max([0.0, *(state.right[:last] @ share)])
    for call, branches in state.branches.items():
        value = -price * COST[call] * float(state.mass @ share)
        for branch in branches:
            if branch.state < 0:
                value += max([0.0, *(branch.right[:last] @ share)])
            else:
                value += find_best(prior, share, price, branch.state, last=last)
        best = max(best, value)
    return float(best)


@pytest.mark.parametrize("may_guess", [False, True])
@pytest.mark.parametrize("price", [0.0, 0.003, 0.02, 0.2, 5.0])
def test_policy_is_the_best_there_is(
    rng: np.random.Generator, price: float, *, may_guess: bool
) -> None:
    """Quality minus price times cost is the best of all plans, found by trying each."""
    prior = fit(rng, calls_max=3)
    weights = prior.weigh(["a", "b"])
    policy = CascadePolicy.plan(prior, weights, COST, price, may_guess=may_guess)
    for question in range(2):
        value = policy.quality[question] - price * policy.cost[question]
        last = 4 if may_guess else -1
        assert value == pytest.approx(find_best(prior, weights[:, question], price, last=last))


def test_promises_are_kept(rng: np.random.Generator) -> None:
    """Over new questions of the same kind, quality and cost are what was expected."""
    answers, right = draw(rng, 1500, n_answers=12)
    prior = CascadePrior.fit(answers, right, [""] * 1500, CALLS, n_choices=3)
    policy = CascadePolicy.plan(prior, prior.weigh([""]), COST, 0.02)
    fresh, truth = draw(rng, 3000, n_answers=12)
    quality, cost = [], []
    for row in range(3000):
        dealt = {
            key: [one if one >= 0 else None for one in table[row].tolist()]
            for key, table in fresh.items()
        }
        end = policy.follow(0, dealt)
        quality.append(end.answer == truth[row])
        cost.append(COST[list(end.calls)].sum())
    assert np.mean(quality) == pytest.approx(policy.quality[0], abs=0.03)
    assert np.mean(cost) == pytest.approx(policy.cost[0], rel=0.05)
    assert len(set(cost)) > 1


def test_following_is_asking(rng: np.random.Generator) -> None:
    """Following known answers makes the calls that asking step by step makes."""
    prior = fit(rng, 100)
    policy = CascadePolicy.plan(prior, prior.weigh(["a"]), COST, 0.02)
    answers = {("small", ""): list("ABACBA"), ("large", "long"): list("BBABBB")}
    end = policy.follow(0, answers)
    history: list[tuple[CascadeCall, list[str]]] = []
    used = dict.fromkeys(answers, 0)
    while (call := policy.ask(0, history)) is not None:
        key = call.model, call.strategy
        history.append((call, answers[key][used[key] : used[key] + call.samples]))
        used[key] += call.samples
    assert [prior.calls.index(call) for call, _ in history] == list(end.calls)
    assert policy.answer(0, history) == end.answer


def test_nothing_worth_its_price_is_asked(rng: np.random.Generator) -> None:
    """At a price above everything nobody is asked, and there is no answer."""
    prior = fit(rng)
    policy = CascadePolicy.plan(prior, prior.weigh(["a"]), COST, 100.0)
    assert policy.ask(0, []) is None
    assert policy.answer(0, []) is None
    assert (policy.cost[0], policy.quality[0]) == (0.0, 0.0)
    guess = CascadePolicy.plan(prior, prior.weigh(["a"]), COST, 100.0, may_guess=True)
    assert guess.quality[0] == pytest.approx(1 / 3)


@pytest.mark.parametrize("mean", [0.5, 3.0, 7.0])
def test_price_meets_the_budget(rng: np.random.Generator, mean: float) -> None:
    """At the price found no more than the budget is expected to be spent, and at less it is."""
    prior = fit(rng)
    weights = prior.weigh(["a", "b", None])
    price = find_cascade_price(prior, weights, COST, 3 * mean)
    assert CascadePolicy.plan(prior, weights, COST, price).cost.sum() <= 3 * mean
    assert CascadePolicy.plan(prior, weights, COST, 0.99 * price).cost.sum() > 3 * mean


def test_budget_for_everything_takes_the_lowest_price(rng: np.random.Generator) -> None:
    """A budget that reaches for all that brings anything is not spent for its own sake."""
    prior = fit(rng)
    price = find_cascade_price(prior, prior.weigh(["a"]), COST, 1e6)
    assert price < 1e-5


def test_what_was_not_planned_is_refused(rng: np.random.Generator) -> None:
    """Unknown calls, wrong numbers of answers, calls past the end and odd shapes are refused."""
    prior = fit(rng)
    weights = prior.weigh(["a"])
    policy = CascadePolicy.plan(prior, weights, COST, 0.02)
    small, _, large = CALLS
    with pytest.raises(InputError, match="none of the 3 calls"):
        policy.ask(0, [(CascadeCall("other", 1), ["A"])])
    with pytest.raises(InputError, match="brought 2 answers"):
        policy.ask(0, [(small, ["A", "B"])])
    with pytest.raises(InputError, match="after the last call"):
        policy.ask(0, [(small, ["A"]), (large, ["A"]), (small, ["A"])])
    with pytest.raises(InputError, match="costs have shape"):
        CascadePolicy.plan(prior, weights, [1.0], 0.02)
    with pytest.raises(InputError, match="not negative"):
        CascadePolicy.plan(prior, weights, [-1.0, 1.0, 1.0], 0.02)
    with pytest.raises(InputError, match="weights have shape"):
        CascadePolicy.plan(prior, weights[:-1], COST, 0.02)
    with pytest.raises(InputError, match="price is nan"):
        CascadePolicy.plan(prior, weights, COST, float("nan"))
    with pytest.raises(InputError, match=r"budget is 0\.0"):
        find_cascade_price(prior, weights, COST, 0.0)
