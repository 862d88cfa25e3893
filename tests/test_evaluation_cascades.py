"""Cascades: a second option where the first has failed."""

from __future__ import annotations

import numpy as np
import pytest

from router.evaluation.cascades import find_cascades
from router.evaluation.simulation import Population

COST = np.array([1.0, 4.0, 10.0])
POPULATION = Population(("a", "b", "c"), [-0.2, 0.3, 0.8], [[0.7, 0.2], [0.7, -0.2], [0.6, 0.1]])


def draw(n_questions: int, seed: int = 0) -> np.ndarray:
    """Draw outcomes of single runs."""
    chance = np.random.default_rng(seed)
    quality = POPULATION.judge(POPULATION.draw(n_questions, chance))
    return POPULATION.observe(quality, chance).astype(np.float64)


def test_predictions_are_what_pairs_do() -> None:
    """From the options' means alone, quality and cost of every pair come out right on average."""
    train, test = draw(40_000), draw(40_000, seed=1)
    found = find_cascades(train, np.tile(COST, (len(train), 1)))
    predicted = found.predict(np.tile(POPULATION.mean, (1, 1)), COST)
    real = found.observe(test, np.tile(COST, (len(test), 1)))
    assert len(found) > 2
    assert predicted[0][0] == pytest.approx(real[0].mean(axis=0), abs=0.01)
    assert predicted[1][0] == pytest.approx(real[1].mean(axis=0), rel=0.02)


def test_second_tries_cost_what_failed_questions_cost() -> None:
    """Where hard questions are longer, the second option is charged for those."""
    quality = draw(20_000)
    cost = np.tile(COST, (len(quality), 1)) * np.where(quality[:, :1] > 0.5, 1.0, 3.0)
    found = find_cascades(quality, cost)
    first_is_a = found.first == 0
    assert found.second_cost[first_is_a] == pytest.approx(3.0 * COST[found.second[first_is_a]])


def test_a_first_try_that_succeeds_costs_no_second() -> None:
    """Observed pairs pay the second option only where the first failed."""
    quality, cost = draw(500), np.tile(COST, (500, 1))
    found = find_cascades(quality, cost)
    reached, paid = found.observe(quality, cost)
    right = quality[:, found.first] == 1.0
    assert (paid[right] == np.broadcast_to(COST[found.first], paid.shape)[right]).all()
    assert (reached >= quality[:, found.first]).all()
    assert (found.first != found.second).all()
