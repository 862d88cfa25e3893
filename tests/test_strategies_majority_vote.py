"""Majority votes: exact for any number of answers, with and without replacement."""

from __future__ import annotations

import itertools
from math import comb

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies import Consumption, MajorityVote, count_votes

VOTE = MajorityVote(
    np.array([0.5, 0.3, 0.2, 0.0]),
    np.array([[0.3, 0.2, 0.0], [0.4, 0.3, 0.0], [0.3, 0.3, 0.2], [1.0, 0.0, 0.0]]),
)


def test_two_answers_give_condorcet_s_sum() -> None:
    """Between two answers the vote is the upper half of a binomial distribution."""
    vote = MajorityVote(np.array([0.6]), np.array([[0.4]]))
    for n in (1, 3, 9, 51):
        expected = sum(comb(n, k) * 0.6**k * 0.4 ** (n - k) for k in range(n // 2 + 1, n + 1))
        assert float(vote.predict([n])[0, 0]) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("n_samples", [1, 2, 3, 6])
def test_vote_agrees_with_every_sequence_of_answers(n_samples: int) -> None:
    """Summing over all sequences of answers, ties split evenly, gives the same."""
    shares = np.column_stack((VOTE.right, VOTE.others))
    expected = np.zeros(len(shares))
    for sequence in itertools.product(range(4), repeat=n_samples):
        votes = np.bincount(sequence, minlength=4)
        if votes[0] == votes.max():
            expected += shares[:, list(sequence)].prod(axis=1) / (votes == votes.max()).sum()
    np.testing.assert_allclose(VOTE.predict([n_samples])[:, 0], expected, atol=1e-12)


@pytest.mark.parametrize("n_samples", [2, 5, 20])
def test_vote_is_that_of_the_process(rng: np.random.Generator, n_samples: int) -> None:
    """Drawn votes average to the prediction within four standard errors."""
    drawn = VOTE.simulate(rng, n_samples, 20_000)
    error = drawn.std(axis=0) / np.sqrt(len(drawn)) + 1e-9
    assert (np.abs(drawn.mean(axis=0) - VOTE.predict([n_samples])[:, 0]) < 4.5 * error).all()


def test_many_votes_converge_to_the_share_of_right_modes() -> None:
    """With votes the population nears the share of questions whose mode is right, and no more."""
    vote = MajorityVote(np.array([0.5, 0.2, 0.45]), np.array([[0.2, 0.3], [0.6, 0.2], [0.1, 0.45]]))
    assert vote.find_modes().tolist() == [1.0, 0.0, 0.5]
    assert vote.limit == 0.5
    curve = vote.predict([1, 150]).mean(axis=0)
    assert abs(curve[1] - vote.limit) < 0.005 < abs(curve[0] - vote.limit)


def test_votes_without_replacement_average_over_all_draws() -> None:
    """Every subset of the answers given is as likely as every other."""
    answers = [0, 0, 0, 1, 1, 2, 3]
    for n in (1, 2, 4, 7):
        expected = []
        for subset in itertools.combinations(answers, n):
            votes = np.bincount(subset, minlength=4)
            leads = votes == votes.max()
            expected.append(leads[0] / leads.sum())
        got = float(count_votes([3], [[2, 1, 1]], [n])[0, 0])
        assert got == pytest.approx(np.mean(expected), abs=1e-12)


def test_fit_has_no_bias_towards_its_sample(rng: np.random.Generator) -> None:
    """From 8 answers, the vote of 4 is estimated as it is, though shares alone overstate it."""
    truth = MajorityVote(np.full(3000, 0.4), np.tile([0.35, 0.25], (3000, 1)))
    answers = rng.multinomial(8, [0.4, 0.35, 0.25], 3000)
    fitted = MajorityVote.fit(answers[:, 0], answers[:, 1:], n_resamples=100)
    estimate = fitted.estimates["vote_4"]
    width = estimate.high - estimate.low
    assert 0.005 < width < 0.05
    assert abs(estimate.value - float(truth.predict([4])[0, 0])) < 1.5 * width
    assert fitted.estimates["limit"].value == fitted.limit


def test_offer_predicts_its_options() -> None:
    """Options of several votes are external; side by side they take as long as one."""
    offer = VOTE.offer([1, 5], Consumption(10.0, 20.0, 4.0), model="m")
    assert [option.kind for option in offer.options] == ["internal", "external"]
    assert offer.options[1].output_tokens == 100.0
    assert offer.options[1].input_tokens == 10.0
    np.testing.assert_array_equal(offer.quality, VOTE.predict([1, 5]))


def test_impossible_arguments_are_refused() -> None:
    """Shares that are none, questions without answers and too many votes are refused."""
    with pytest.raises(InputError, match="sum to 1"):
        MajorityVote(np.array([0.5]), np.array([[0.4]]))
    with pytest.raises(InputError, match="are needed"):
        MajorityVote(np.array([0.5]), np.array([0.5]))
    with pytest.raises(InputError, match="up to 150"):
        VOTE.predict([151])
    with pytest.raises(InputError, match="up to 3"):
        count_votes([2], [[1]], [4])
    with pytest.raises(InputError, match="are needed"):
        count_votes([2, 1], [[1]], [1])
    with pytest.raises(InputError, match="needs an answer"):
        MajorityVote.fit([0], [[0]])


def test_votes_are_counted_over_thousands_of_answers() -> None:
    """Ways too many for a float leave the vote what it is: even where both answers are as often."""
    assert count_votes([4000, 6000], [[4000], [2000]], [1, 149, 150])[0] == pytest.approx([0.5] * 3)
