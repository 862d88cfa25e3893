"""Best of n by reward: expected maxima and improvements against draws."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies import Consumption, RewardChoice

CHOICE = RewardChoice((0.0, 1.0), (1.0, 0.5))


@pytest.mark.parametrize("n_samples", [1, 2, 7, 40])
def test_expected_maximum_is_that_of_the_process(rng: np.random.Generator, n_samples: int) -> None:
    """The best of n drawn rewards averages to the prediction."""
    drawn = CHOICE.simulate(rng, n_samples, 20_000)
    error = drawn.std(axis=0) / np.sqrt(len(drawn))
    assert (np.abs(drawn.mean(axis=0) - CHOICE.predict([n_samples])[:, 0]) < 4.5 * error).all()


def test_known_maxima() -> None:
    """Of two and of three normal variables the expected maximum has a closed form."""
    maxima = RewardChoice((0.0,), (1.0,)).predict([1, 2, 3])[0]
    np.testing.assert_allclose(maxima, [0, 1 / np.sqrt(np.pi), 1.5 / np.sqrt(np.pi)], atol=1e-9)


def test_improvement_is_that_of_one_more_draw(rng: np.random.Generator) -> None:
    """What a further sample adds to the best so far averages to the prediction."""
    best = np.array([0.7, 0.2])
    more = np.array(CHOICE.mean) + np.array(CHOICE.deviation) * rng.standard_normal((40_000, 2))
    gain = np.maximum(more - best, 0.0)
    error = gain.std(axis=0) / np.sqrt(len(gain))
    assert (np.abs(gain.mean(axis=0) - CHOICE.improve(best)) < 4.5 * error).all()


def test_fit_is_right_on_average(rng: np.random.Generator) -> None:
    """Means and deviations from five samples a question average to the true ones."""
    fitted = RewardChoice.fit(2.0 + 3.0 * rng.standard_normal((4000, 5)), n_resamples=50)
    for name, value in (("mean", 2.0), ("deviation", 3.0)):
        estimate = fitted.estimates[name]
        width = estimate.high - estimate.low
        assert 0 < width < 0.2
        assert abs(estimate.value - value) < 1.5 * width


def test_offer_holds_expected_rewards() -> None:
    """Each option's quality is the expected reward of its best sample."""
    offer = CHOICE.offer([1, 8], Consumption(seconds=3.0))
    np.testing.assert_array_equal(offer.quality, CHOICE.predict([1, 8]))
    assert offer.latency_seconds.max() == 3.0


def test_impossible_arguments_are_refused() -> None:
    """Deviations of zero, lengths that differ and a single sample are refused."""
    with pytest.raises(InputError, match="deviation has 0"):
        RewardChoice((0.0,), (0.0,))
    with pytest.raises(InputError, match="2 means"):
        RewardChoice((0.0, 1.0), (1.0,))
    with pytest.raises(InputError, match="mean has nan"):
        RewardChoice((float("nan"),), (1.0,))
    with pytest.raises(InputError, match="shape"):
        RewardChoice.fit([[1.0], [2.0]])
