"""A small model with more compute against a large one: slopes, crossings, and real outcomes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.exceptions import InputError
from router.logs import read_log
from router.strategies import BestOfN, ModelExchange, ModelSide, count_samples_to_match

if TYPE_CHECKING:
    from pathlib import Path

EXCHANGE = ModelExchange(
    ModelSide(np.array([1.0, 2.0, 12.0]), np.array([[0.5, 0.6, 0.9], [0.05, 0.06, 0.2]])),
    ModelSide(np.array([6.0, 30.0]), np.array([[0.85, 0.95], [0.5, 0.6]])),
)


def test_matching_samples_do_as_much() -> None:
    """So many samples of the small model succeed as often as those of the large one."""
    small, large = np.array([0.3, 0.05]), np.array([0.6, 0.4])
    n = count_samples_to_match(small, large, 2)
    np.testing.assert_allclose(1 - (1 - small) ** n, 1 - (1 - large) ** 2, rtol=1e-12)
    whole = np.ceil(n).astype(int)
    assert (BestOfN.perfect().predict(small, whole) >= BestOfN.perfect().predict(large, 2)).all()
    assert count_samples_to_match([0, 0, 0.5, 1], [0.5, 0, 0, 1]).tolist() == [np.inf, 0, 0, 1]


def test_hull_leaves_out_what_mixing_beats() -> None:
    """Options below a mix of their neighbours, or no better than cheaper ones, are not on it."""
    side = ModelSide(np.array([1.0, 2.0, 3.0, 4.0]), np.array([[0.4, 0.45, 0.8, 0.7]]))
    costs, quality = side.find_hull(0)
    assert costs.tolist() == [0.0, 1.0, 3.0]
    assert quality.tolist() == [0.0, 0.4, 0.8]
    assert side.price_success([0.5, 1.0, 3.0]).tolist() == [[2.5, 5.0, np.inf]]


def test_sides_meet_at_their_crossings() -> None:
    """At a crossing both reach the same, and a little beside it the lead changes."""
    crossings = EXCHANGE.find_crossings()
    assert [len(found) for found in crossings] == [3, 0]
    for budget in crossings[0]:
        before, there, after = EXCHANGE.compare([budget - 0.01, budget, budget + 0.01])[0]
        assert there == pytest.approx(0, abs=1e-12)
        assert before * after < 0
    assert (EXCHANGE.compare(np.linspace(0.1, 40, 50))[1] < 0).all()


@pytest.mark.parametrize("budget", [0.5, 4.0, 40.0])
def test_mixes_reach_and_cost_what_they_should(rng: np.random.Generator, budget: float) -> None:
    """Questions answered by either side's mix succeed and cost as predicted."""
    drawn = EXCHANGE.simulate(rng, 40_000, budget)
    for place, side in enumerate((EXCHANGE.small, EXCHANGE.large)):
        reached = side.reach([budget])[:, 0]
        error = np.sqrt(reached * (1 - reached) / 40_000)
        assert (np.abs(drawn[:, place, 0] - reached) < 4.5 * error).all()
        assert (drawn[:, place, 1] <= budget * 1.1).all()


def test_fit_covers_what_it_was_drawn_from(rng: np.random.Generator) -> None:
    """Leads are found again within the neighbourhood of their intervals."""
    groups = rng.integers(0, 2, 4000)
    sides = []
    for side in (EXCHANGE.small, EXCHANGE.large):
        quality = (rng.random((4000, side.quality.shape[1])) < side.quality[groups]).astype(float)
        sides.append((np.broadcast_to(side.costs[0], quality.shape), quality))
    fitted = ModelExchange.fit(sides[0], sides[1], groups, budgets=[2.0, 12.0], n_resamples=60)
    truth = EXCHANGE.compare([2.0, 12.0])
    for g, k in np.ndindex(truth.shape):
        estimate = fitted.estimates[f"lead_{g}_{k}"]
        width = estimate.high - estimate.low
        assert 0 < width < 0.15
        assert abs(estimate.value - truth[g, k]) < 1.5 * width


def test_small_model_with_a_verifier_wins_where_it_did(shared_data: Path) -> None:
    """6B with 100 samples and a verifier beats 175B with one on all but the hardest questions.

    Difficulty is how many of two other runs, which are not compared, solved the question.
    """
    log = read_log(shared_data / "outcomes" / "gsm8k_verifier.parquet")
    names = [option.name for option in log.options]
    quality = log.to_matrix(log.quality)
    others = quality[:, [names.index("6b_finetuning"), names.index("175b_verification")]]
    small, large = (
        quality[:, [names.index(name)]] for name in ("6b_verification", "175b_finetuning")
    )
    fitted = ModelExchange.fit(
        (np.full_like(small, 600.0), small),
        (np.full_like(large, 175.0), large),
        others.sum(axis=1),
        budgets=[600.0],
        n_resamples=300,
    )
    hard, middle, easy = (fitted.estimates[f"lead_{group}_0"] for group in range(3))
    assert middle.low > 0.02
    assert easy.value > 0.05
    assert hard.low < 0 < hard.high
    assert hard.high < middle.value
    # At the price of the large model's one sample, the small side is nowhere ahead.
    assert (fitted.compare([175.0]) < 0).all()


def test_impossible_arguments_are_refused() -> None:
    """Classes that differ, costs of zero, wrong shapes and empty classes are refused."""
    side = ModelSide(np.array([1.0]), np.array([[0.5]]))
    with pytest.raises(InputError, match="classes"):
        ModelExchange(side, EXCHANGE.large)
    with pytest.raises(InputError, match="costs has 0"):
        ModelSide(np.array([0.0]), np.array([[0.5]]))
    with pytest.raises(InputError, match="costs have shape"):
        ModelSide(np.array([1.0, 2.0]), np.array([[0.5]]))
    with pytest.raises(InputError, match="quality has shape"):
        ModelSide(np.array([1.0]), np.array([0.5]))
    pair = (np.ones((3, 1)), np.ones((3, 1)))
    with pytest.raises(InputError, match="of 3 classes"):
        ModelExchange.fit(pair, pair, [0, 0, 2], budgets=[1.0])
    with pytest.raises(InputError, match="is needed"):
        ModelExchange.fit(pair, (np.ones((2, 1)), np.ones((2, 1))), [0, 0, 0], budgets=[1.0])


def test_sides_that_are_equal_for_a_while_cross_where_that_ends() -> None:
    """Where the lead is nothing at an option, it changes there and not on a line across it."""
    small = ModelSide(np.array([1.0, 2.0]), np.array([[0.3, 0.4]]))
    large = ModelSide(np.array([2.0, 4.0]), np.array([[0.4, 0.7]]))
    assert ModelExchange(small, large).find_crossings() == [[2.0]]
