"""Predictors of chosen strength."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.evaluation.simulation import Population, SimulatedPredictor
from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

POPULATION = Population(("a", "b"), [0.2, 0.7], [[0.7, 0.0], [0.5, 0.4]], [0.1, 0.0])
N = 150_000


def predict(**wanted: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """Predict drawn questions, beside what they really are."""
    chance = np.random.default_rng(11)
    latent = POPULATION.draw(N, chance)
    predictor = SimulatedPredictor(**wanted)
    return predictor.predict(POPULATION, latent, chance), POPULATION.judge(latent)


@pytest.mark.parametrize("strength", [0.3, 0.7, 1.0])
def test_an_unbiased_predictor_is_calibrated(strength: float) -> None:
    """Of questions with one prediction, that share is answered right, at every strength."""
    predicted, true = predict(strength=strength)
    for option in range(2):
        order = np.argsort(predicted[:, option]).reshape(10, -1)
        said = predicted[:, option][order].mean(axis=1)
        assert true[:, option][order].mean(axis=1) == pytest.approx(said, abs=0.012)


def test_strength_one_knows_and_strength_zero_knows_averages() -> None:
    """The ends are the truth itself and the means of options."""
    predicted, true = predict(strength=1.0)
    assert predicted == pytest.approx(true, abs=1e-5)
    predicted, _ = predict(strength=0.0)
    assert np.ptp(predicted, axis=0).max() == 0.0
    assert predicted[0] == pytest.approx(POPULATION.mean, abs=1e-6)


def test_more_strength_explains_more() -> None:
    """The squared error falls as strength rises."""
    errors = []
    for strength in (0.0, 0.4, 0.8):
        predicted, true = predict(strength=strength)
        errors.append(((predicted - true) ** 2).mean())
    assert errors[0] > errors[1] > errors[2] > 0.0


def test_bias_and_trust_break_calibration_as_stated() -> None:
    """A bias moves what is believed of its option; too much trust spreads predictions."""
    plain, _ = predict(strength=0.5)
    biased, _ = predict(strength=0.5, bias=[0.0, 0.5])
    bold, _ = predict(strength=0.5, trust=2.0)
    assert biased[:, 0] == pytest.approx(plain[:, 0], abs=1e-6)
    assert (biased[:, 1] > plain[:, 1]).all()
    assert (bold.std(axis=0) > 1.4 * plain.std(axis=0)).all()


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"strength": 1.2}, "strength is 1.2"),
        ({"strength": 0.5, "trust": -1.0}, "trust is -1"),
        ({"strength": 0.5, "bias": np.nan}, "bias is nan"),
    ],
)
def test_impossible_predictors_are_refused(wanted: Any, message: str) -> None:
    """Numbers out of range are named."""
    with pytest.raises(InputError, match=message):
        SimulatedPredictor(**wanted)
