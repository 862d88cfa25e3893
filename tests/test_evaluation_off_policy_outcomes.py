"""The outcome model: the other folds' means, and nothing of one's own fold."""

from __future__ import annotations

import numpy as np
import pytest

from router.evaluation.off_policy import Decisions
from router.evaluation.off_policy_outcomes import predict_outcomes


def draw(n: int = 200, n_options: int = 3, seed: int = 0) -> Decisions:
    """Draw decisions on two tasks, some questions twice."""
    generator = np.random.default_rng(seed)
    return Decisions(
        action=generator.integers(n_options, size=n),
        propensity=np.full(n, 1 / n_options),
        outcome=generator.random(n),
        n_options=n_options,
        task=generator.choice(["x", "y"], size=n),
        question=generator.integers(n // 2, size=n),
    )


def test_predictions_are_shrunk_means_of_other_folds() -> None:
    """Every cell equals the same means computed by loops."""
    log = draw()
    assert log.task is not None
    predicted = predict_outcomes(log)
    for row in range(0, 200, 17):
        other = log.question % 5 != log.question[row] % 5
        overall = log.outcome[other].mean()
        for option in range(3):
            alike = other & (log.action == option)
            by_option = (log.outcome[alike].sum() + 10 * overall) / (alike.sum() + 10)
            cell = alike & (log.task == log.task[row])
            expected = (log.outcome[cell].sum() + 10 * by_option) / (cell.sum() + 10)
            assert predicted[row, option] == pytest.approx(expected)


def test_own_outcome_plays_no_part() -> None:
    """Changing all outcomes of a question leaves its own predictions as they were."""
    log = draw()
    before = predict_outcomes(log)
    own = log.question == log.question[0]
    log.outcome[own] += 100.0
    assert np.array_equal(predict_outcomes(log)[own], before[own])


def test_right_surface_leaves_nothing_to_learn() -> None:
    """Where predictions are exact they come back unchanged."""
    log = draw()
    surface = np.random.default_rng(4).random((200, 3))
    log.outcome[:] = surface[np.arange(200), log.action]
    assert predict_outcomes(log, surface=surface) == pytest.approx(surface)
