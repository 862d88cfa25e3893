"""Votes that stop when they agree: rules, exact quality and samples, and replays."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special

from router.exceptions import InputError
from router.strategies import AdaptiveVote, Consumption, MajorityVote

SHARES = np.array([0.5, 0.3, 0.2])
RULES = [
    AdaptiveVote(3, 10, confidence=0.9),
    AdaptiveVote(3, 12, lead=2),
    AdaptiveVote(3, 9, price=0.01),
]


@pytest.mark.parametrize("vote", RULES)
def test_quality_and_samples_are_those_of_the_process(
    rng: np.random.Generator, vote: AdaptiveVote
) -> None:
    """Drawn votes under the rule average to both predictions."""
    quality, samples = vote.simulate(rng, SHARES, 20_000)
    predicted_quality, predicted_samples = vote.predict(SHARES[None, :])
    for drawn, predicted in ((quality, predicted_quality), (samples, predicted_samples)):
        assert abs(drawn.mean() - float(predicted[0])) < 4.5 * drawn.std() / np.sqrt(len(drawn))


def test_confidence_rule_is_the_published_one() -> None:
    """It stops exactly where the upper half of the beta distribution reaches the level."""
    vote = AdaptiveVote(2, 30, confidence=0.95)
    for first in range(1, 20):
        for second in range(min(first, 10) + 1):
            level = 1 - special.betainc(first + 1, second + 1, 0.5)
            assert bool(vote.should_stop([second, first])) == (level >= 0.95)


def test_lead_of_two_follows_the_gambler_s_ruin() -> None:
    """Without a cap in the way, right answers win with odds (p / q)^k."""
    quality, samples = AdaptiveVote(2, 150, lead=2).predict([[0.6, 0.4]])
    odds = (0.6 / 0.4) ** 2
    assert float(quality[0]) == pytest.approx(odds / (1 + odds), abs=1e-9)
    expected = 2 / 0.2 * (odds - 1) / (odds + 1)
    assert float(samples[0]) == pytest.approx(expected, rel=1e-9)


def test_rule_that_never_stops_is_a_majority_vote() -> None:
    """With a lead that the cap cannot reach, quality is that of a vote over all samples."""
    quality, samples = AdaptiveVote(3, 7, lead=8).predict(SHARES[None, :])
    fixed = MajorityVote(SHARES[:1], SHARES[None, 1:]).predict([7])
    np.testing.assert_allclose(quality, fixed[:, 0], atol=1e-12)
    assert samples.tolist() == pytest.approx([7.0])


def test_looking_ahead_asks_a_second_vote() -> None:
    """A second vote changes no majority, so that only looking further ahead asks for it."""
    vote = AdaptiveVote(4, 16, price=0.01)
    assert not bool(vote.should_stop([1, 0, 0, 0]))
    assert bool(AdaptiveVote(4, 2, price=0.1).should_stop([1, 0, 0, 0]))


def test_dearer_votes_are_fewer() -> None:
    """Samples fall as their price rises, down to the one that every answer takes."""
    prices = (0.001, 0.01, 0.03, 1.0)
    samples = [
        float(AdaptiveVote(3, 12, price=price).predict(SHARES[None, :])[1][0]) for price in prices
    ]
    assert samples == sorted(samples, reverse=True)
    assert samples[-1] == 1.0 < samples[0]


def test_replay_charges_samples_without_a_vote() -> None:
    """A sample that gives no answer costs one and moves nothing; no vote at all is a guess."""
    vote = AdaptiveVote(2, 4, lead=2)
    quality, samples = vote.replay([[0, -1, 0, 1], [1, 1, 0, 0], [-1, -1, -1, -1], [0, 1, 0, 1]])
    assert quality.tolist() == [1.0, 0.0, 0.5, 0.5]
    assert samples.tolist() == [3, 2, 4, 4]


def test_offer_tells_what_is_drawn_on_average() -> None:
    """The option has the cap as its samples, and quantities of what is really drawn."""
    vote = AdaptiveVote(3, 10, confidence=0.9)
    offer = vote.offer(SHARES[None, :], Consumption(100.0, 50.0, 2.0))
    samples = float(vote.predict(SHARES[None, :])[1][0])
    option = offer.options[0]
    assert (option.samples, option.kind) == (10, "external")
    assert option.output_tokens == pytest.approx(50 * samples)
    assert option.input_tokens == pytest.approx(100 * samples)
    assert float(offer.latency_seconds[0, 0]) == pytest.approx(2 * samples)


def test_impossible_arguments_are_refused() -> None:
    """No rule, two rules, numbers out of range and wrong shapes are refused."""
    with pytest.raises(InputError, match="nothing is given"):
        AdaptiveVote(3, 5)
    with pytest.raises(InputError, match="is given"):
        AdaptiveVote(3, 5, lead=2, price=0.1)
    with pytest.raises(InputError, match="confidence is 1"):
        AdaptiveVote(3, 5, confidence=1)
    with pytest.raises(InputError, match="lead is 0"):
        AdaptiveVote(3, 5, lead=0)
    with pytest.raises(InputError, match="price is 0"):
        AdaptiveVote(3, 5, price=0)
    with pytest.raises(InputError, match="n_samples_max is 0"):
        AdaptiveVote(3, 0, lead=1)
    with pytest.raises(InputError, match="shape"):
        AdaptiveVote(3, 5, lead=2).predict([[0.5, 0.5]])
    with pytest.raises(InputError, match="sum to 1"):
        AdaptiveVote(2, 5, lead=2).predict([[0.5, 0.4]])
    with pytest.raises(InputError, match="answers have shape"):
        AdaptiveVote(2, 5, lead=2).replay([[0, 1]])
    with pytest.raises(InputError, match="from -1 to 1"):
        AdaptiveVote(2, 2, lead=2).replay([[0, 2]])


def test_no_question_takes_nothing() -> None:
    """Without any question there is no quality and no sample, and no error."""
    quality, samples = AdaptiveVote(3, 8, lead=2).predict(np.zeros((0, 3)))
    assert quality.shape == samples.shape == (0,)
