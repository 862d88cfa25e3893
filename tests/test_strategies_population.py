"""Beta populations: closed forms against draws, a known table, and evidence to give up."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies import BetaPopulation, Consumption, count_failures_needed

PUBLISHED = BetaPopulation(0.38, 1.13)
MEANS = np.array([2, 4, 8, 16, 32])


def test_table_of_a_synthetic_population_is_reproduced() -> None:
    """Coverage without and with stopping at success, and what stopping is worth, to the digit."""
    uniform, stopping = PUBLISHED.cover(MEANS), PUBLISHED.cover_stopping(MEANS)
    assert uniform.round(3).tolist() == [0.365, 0.481, 0.588, 0.677, 0.750]
    assert stopping.round(3).tolist() == [0.392, 0.548, 0.682, 0.785, 0.857]
    worth = PUBLISHED.multiply(MEANS)
    np.testing.assert_allclose(worth, [1.20, 1.53, 2.09, 2.99, 4.42], atol=0.006)


def test_stopping_costs_and_solves_what_the_process_does(rng: np.random.Generator) -> None:
    """Attempts and solved questions of a drawn population lie within 4.5 standard errors."""
    solved, attempts = PUBLISHED.simulate(rng, 40_000, 12)
    for drawn, predicted in (
        (solved.astype(float), float(PUBLISHED.cover(12))),
        (attempts.astype(float), float(PUBLISHED.expect_attempts(12))),
    ):
        assert abs(drawn.mean() - predicted) < 4.5 * drawn.std() / np.sqrt(len(drawn))


def test_posterior_is_that_of_questions_with_such_records(rng: np.random.Generator) -> None:
    """Among drawn questions with 1 right of 4, the next attempt succeeds as often as predicted."""
    p = rng.beta(0.8, 1.6, 60_000)
    alike = p[rng.binomial(4, p) == 1]
    following = rng.random(len(alike)) < alike
    predicted = float(BetaPopulation(0.8, 1.6).predict(1, 4))
    assert abs(following.mean() - predicted) < 4.5 * following.std() / np.sqrt(len(alike))
    doubt = float(BetaPopulation(0.8, 1.6).doubt(0.2, 1, 4))
    below = (alike < 0.2).mean()
    assert abs(below - doubt) < 4.5 * np.sqrt(doubt * (1 - doubt) / len(alike))


def test_eight_failures_do_not_prove_a_question_hopeless() -> None:
    """After 8 failures most questions of the population may still be above .02; it takes 149."""
    population = BetaPopulation(0.9, 1.2)
    assert float(population.doubt(0.02, 0, 8)) < 0.5
    assert float(population.doubt(0.02, 0, 150)) > 0.9
    assert count_failures_needed(0.02) == 149
    assert 0.98**149 <= 0.05 < 0.98**148


def test_fit_finds_the_population(rng: np.random.Generator) -> None:
    """Parameters are found again, and their intervals are of sensible width."""
    p = rng.beta(0.7, 1.5, 3000)
    fitted = BetaPopulation.fit(rng.binomial(10, p), 10, n_resamples=60)
    for name, value in (("a", 0.7), ("b", 1.5), ("mean", 0.7 / 2.2)):
        estimate = fitted.estimates[name]
        width = estimate.high - estimate.low
        assert 0 < width < 0.4 * value
        assert abs(estimate.value - value) < 1.5 * width


def test_fit_is_a_maximum(rng: np.random.Generator) -> None:
    """No neighbour of what was fitted is likelier."""
    trials = rng.integers(2, 9, 400)
    right = rng.binomial(trials, rng.beta(2.0, 3.0, 400))
    fitted = BetaPopulation.fit(right, trials, n_resamples=1)

    def judge(a: float, b: float) -> float:
        """Compute the likelihood by rising factorials."""
        return float(
            sum(
                np.log(a + np.arange(r)).sum()
                + np.log(b + np.arange(t - r)).sum()
                - np.log(a + b + np.arange(t)).sum()
                for r, t in zip(right.tolist(), trials.tolist(), strict=True)
            )
        )

    best = judge(fitted.a, fitted.b)
    for factor in (0.98, 1.02):
        assert judge(fitted.a * factor, fitted.b) < best
        assert judge(fitted.a, fitted.b * factor) < best


@pytest.mark.parametrize("is_parallel", [True, False])
def test_offer_judges_each_question_by_its_record(*, is_parallel: bool) -> None:
    """Each row is the coverage of its posterior; one at a time attempts stop at success."""
    amounts = Consumption(10.0, 20.0, 1.0, is_parallel=is_parallel)
    offer = PUBLISHED.offer([0, 0, 2], [0, 6, 4], [1, 5], amounts)
    for row, (right, trials) in enumerate([(0, 0), (0, 6), (2, 4)]):
        own = BetaPopulation(PUBLISHED.a + right, PUBLISHED.b + trials - right)
        np.testing.assert_allclose(offer.quality[row], own.cover([1, 5]), rtol=1e-9)
        expected = [1.0, 5.0] if is_parallel else own.expect_attempts([1, 5])
        np.testing.assert_allclose(offer.samples[row], expected, rtol=1e-9)
    assert [option.kind for option in offer.options] == ["internal", "external"]


def test_impossible_counts_are_refused() -> None:
    """More right than tried, no failures, parameters of zero and chances of 1 are refused."""
    with pytest.raises(InputError, match="n_right"):
        BetaPopulation(1, 1).predict(3, 2)
    with pytest.raises(InputError, match="fitting needs"):
        BetaPopulation.fit([2, 2], 2)
    with pytest.raises(InputError, match="n_right"):
        BetaPopulation.fit([3, 1], 2)
    with pytest.raises(InputError, match="a has 0"):
        BetaPopulation(0, 1)
    with pytest.raises(InputError, match="cap"):
        BetaPopulation(1, 1).expect_attempts(2_000_000)
