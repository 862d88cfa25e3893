"""Policies of voting: the best there is, and what they promise is what happens."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.vote_policy import VoteCost, VotePolicy, find_price
from router.strategies.vote_prior import VotePrior

if TYPE_CHECKING:
    from router.strategies.vote_prior import VoteOutlook

ONE = VoteCost(0.0, 1.0)
VOTES_MAX = 7


def draw_prior(rng: np.random.Generator, n_questions: int = 6) -> VotePrior:
    """Draw questions of three choices, the first of which is right."""
    votes = rng.multinomial(30, rng.dirichlet([2.0, 1.0, 1.0], n_questions))
    return VotePrior.fit(votes, [0] * n_questions, ["a"] * n_questions, VOTES_MAX)


def find_best(outlook: VoteOutlook, cost: VoteCost, price: float) -> float:
    """Find the best value there is from the first answer on, by trying everything."""
    counts = outlook.counts

    @cache
    def value(place: int) -> float:
        """Take the better of stopping and every batch."""
        best = float(outlook.leader_right[place])
        left = VOTES_MAX - int(counts.n_votes[place])
        tries = [ask(place, more) for more in range(1, min(cost.batch_max, left) + 1)]
        return max([best, *tries])

    def ask(place: int, more: int) -> float:
        """Pay for a batch and go on after it."""
        return walk(place, more) - price * (cost.call + more * cost.answer)

    def walk(place: int, more: int) -> float:
        """Average over the next votes."""
        if more == 0:
            return value(place)
        return sum(
            float(outlook.next_vote[place, position])
            * walk(int(counts.successors[place, position]), more - 1)
            for position in range(3)
        )

    return max(ask(0, more) for more in range(1, min(cost.batch_max, VOTES_MAX) + 1))


@pytest.mark.parametrize("cost", [ONE, VoteCost(2.0, 0.5, 4), VoteCost(1.0, 1.0, 16)])
@pytest.mark.parametrize("price", [0.0, 0.003, 0.02, 0.3])
def test_policy_is_the_best_there_is(
    rng: np.random.Generator, cost: VoteCost, price: float
) -> None:
    """No other way to ask brings more at the price."""
    outlook = draw_prior(rng).look()
    policy = VotePolicy.plan(outlook, cost, price)
    value = policy.expected_quality - price * policy.expected_cost
    assert value == pytest.approx(find_best(outlook, cost, price), abs=1e-12)


def test_promises_are_kept_in_simulation(rng: np.random.Generator) -> None:
    """Expected quality and cost are those of many questions of the population."""
    votes = rng.multinomial(30, rng.dirichlet([2.0, 1.0, 1.0], 8))
    prior = VotePrior.fit(votes, [0] * 8, ["a"] * 8, 15, blanks=[10] * 8, smoothing=1.0)
    policy = VotePolicy.plan(prior.look(), ONE, 0.002)
    spread = (votes + 1.0 / 3) / 31.0
    qualities, costs = [], []
    for _ in range(4000):
        chances = rng.permutation(np.column_stack((spread[rng.integers(8)], [1, 0, 0])))
        count, paid = np.zeros(3, dtype=np.int64), 0
        while policy.ask(count):
            paid += 1
            if rng.random() >= 0.25:
                count[rng.choice(3, p=chances[:, 0])] += 1
        leaders = count == count.max()
        qualities.append(float(chances[leaders, 1].mean()))
        costs.append(paid)
    for promised, seen in (
        (policy.expected_quality, qualities),
        (policy.expected_cost, costs),
    ):
        error = 4.5 * float(np.std(seen)) / np.sqrt(len(seen))
        assert abs(float(np.mean(seen)) - promised) < error


def test_votes_that_never_help_are_not_bought(rng: np.random.Generator) -> None:
    """Where answers scatter and none is better than chance, one answer is all that is asked for."""
    votes = rng.multinomial(600, np.ones(3) / 3, 30)
    prior = VotePrior.fit(votes, rng.integers(0, 3, 30), ["a"] * 30, VOTES_MAX, smoothing=300.0)
    policy = VotePolicy.plan(prior.look(), ONE, 0.02)
    assert policy.expected_cost == 1.0


def test_calls_that_cost_are_made_larger(rng: np.random.Generator) -> None:
    """Where every call pays again for its input, more answers are asked for at once."""
    outlook = draw_prior(rng).look()
    single = VotePolicy.plan(outlook, VoteCost(0.0, 1.0, 8), 0.001)
    dear = VotePolicy.plan(outlook, VoteCost(5.0, 1.0, 8), 0.001)
    assert dear.ask([0, 0, 0]) >= single.ask([0, 0, 0])
    assert single.expected_cost <= dear.expected_cost


def test_price_spends_the_budget_and_no_more(rng: np.random.Generator) -> None:
    """The price found keeps within the budget, and a little less would not."""
    outlooks = [draw_prior(rng).look(), draw_prior(rng).look()]
    price = find_price(outlooks, [3, 5], ONE, 20.0)

    def spend(at: float) -> float:
        """Sum what is expected to be spent."""
        costs = [VotePolicy.plan(outlook, ONE, at).expected_cost for outlook in outlooks]
        return 3 * costs[0] + 5 * costs[1]

    assert spend(price) <= 20.0
    assert price == 0.0 or spend(price * 0.99) > 20.0
    assert find_price(outlooks, [3, 5], ONE, 1e9) == 0.0
    with pytest.raises(InputError, match="one answer a question, which takes 8"):
        find_price(outlooks, [3, 5], ONE, 7.9)


@pytest.mark.parametrize(
    "costs", [(-1.0, 1.0, 1), (0.0, 0.0, 1), (float("nan"), 1.0, 1), (1.0, 1.0, 0)]
)
def test_impossible_costs_are_refused(costs: tuple[float, float, int]) -> None:
    """Costs are not negative, and something costs."""
    with pytest.raises(InputError):
        VoteCost(*costs)


@pytest.mark.parametrize("price", [-0.1, float("nan"), float("inf")])
def test_impossible_price_is_refused(rng: np.random.Generator, price: float) -> None:
    """A price is a finite number from 0 up."""
    with pytest.raises(InputError, match="price"):
        VotePolicy.plan(draw_prior(rng).look(), ONE, price)
