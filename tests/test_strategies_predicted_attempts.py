"""Attempts with a perfect verifier and a predictor; all figures synthetic, perfect verifier."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies import BetaPopulation, PredictedAttempts

POPULATION = BetaPopulation(0.38, 1.13)


@pytest.mark.parametrize(
    ("strength", "published"),
    [(0.5, (1.38, 1.74, 2.35, 3.36, 4.94)), (0.7, (1.64, 2.04, 2.75, 3.91, 5.75))],
)
def test_multipliers_are_those_of_the_table(strength: float, published: tuple[float, ...]) -> None:
    """Stopping, forecasting and giving up together are worth what was computed elsewhere."""
    found = PredictedAttempts(POPULATION, strength).multiply([2, 4, 8, 16, 32])
    assert found == pytest.approx(published, rel=0.01)


def test_without_a_forecast_only_stopping_is_left() -> None:
    """A predictor that sees nothing adds nothing to stopping at success."""
    blind = PredictedAttempts(POPULATION, 0.0)
    assert blind.cover([4, 16]) == pytest.approx(POPULATION.cover_stopping([4, 16]), abs=0.003)
    # Without a forecast all questions have one cap, but for the rounding of equal chances.
    assert np.ptp(blind.choose_caps(4.0).caps) <= 1


@pytest.mark.parametrize("mean_samples", [2.0, 8.0])
def test_caps_solve_and_spend_what_a_simulation_does(mean_samples: float) -> None:
    """Drawn questions, attempted within the caps, are solved as often and cost as much."""
    attempts = PredictedAttempts(POPULATION, 0.5)
    caps = attempts.choose_caps(mean_samples)
    coverage, spent = attempts.measure(caps)
    solved, made = attempts.simulate(caps, 200_000, np.random.default_rng(1))
    assert coverage == pytest.approx(solved.mean(), abs=0.005)
    assert spent == pytest.approx(made.mean(), rel=0.02)
    assert spent <= mean_samples * 1.02
    assert coverage == pytest.approx(float(attempts.cover([spent])[0]), abs=0.003)


def test_hopeless_forecasts_are_given_up_and_caps_rise_to_the_middle() -> None:
    """At a small budget the worst forecasts get nothing."""
    caps = PredictedAttempts(POPULATION, 0.7).choose_caps(2.0).caps
    assert caps[0] == 0
    assert caps.max() > 2


def test_a_population_estimated_from_attempts_loses_little() -> None:
    """Caps chosen by a population fitted to a few hundred questions' attempts do nearly as well."""
    chance = np.random.default_rng(3)
    truth = PredictedAttempts(POPULATION, 0.5)
    right = chance.binomial(8, chance.beta(POPULATION.a, POPULATION.b, 500))
    fitted = BetaPopulation.fit(right, 8, n_resamples=1)
    coverage, spent = truth.measure(PredictedAttempts(fitted, 0.5).choose_caps(8.0))
    assert coverage > float(truth.cover([spent])[0]) - 0.005


def test_impossible_numbers_are_refused() -> None:
    """Strengths and budgets out of range are named."""
    with pytest.raises(InputError, match=r"strength is 1\.0"):
        PredictedAttempts(POPULATION, 1.0)
    with pytest.raises(InputError, match="mean_samples"):
        PredictedAttempts(POPULATION, 0.5).choose_caps(0.0)


@pytest.mark.parametrize(("a", "b"), [(20.0, 20.0), (100.0, 300.0), (50.0, 2.0)])
def test_populations_of_like_questions_are_covered(a: float, b: float) -> None:
    """A narrow population lies within the grid, and few attempts solve as many as they can."""
    population = BetaPopulation(a, b)
    found = PredictedAttempts(population, 0.0).cover([0.5, 1.0])
    assert found == pytest.approx(population.cover_stopping([0.5, 1.0]), rel=0.01)
