"""Thinking longer: rise, peak and decline, responsiveness, and fitting both."""

from __future__ import annotations

import math

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies import EffortCurve, compare_responsiveness

OVERTHINKING = EffortCurve(0.3, 0.6, 300.0, 1500.0)
SATURATING = EffortCurve(0.2, 0.5, 300.0)
TOKENS = np.array([0.0, 100.0, 300.0, 800.0, 2000.0, 5000.0])


@pytest.mark.parametrize("curve", [OVERTHINKING, SATURATING, EffortCurve(0.1, 0.8, 200.0, 200.0)])
def test_quality_is_that_of_the_process(rng: np.random.Generator, curve: EffortCurve) -> None:
    """Questions solved and spoiled are right as often as predicted, at every length."""
    drawn = curve.simulate(rng, TOKENS, 40_000).mean(axis=0)
    predicted = curve.predict(TOKENS)
    error = np.sqrt(predicted * (1 - predicted) / 40_000)
    assert (np.abs(drawn - predicted) < 4.5 * error).all()


def test_overthinking_rises_peaks_and_falls() -> None:
    """Quality rises up to the peak, falls behind it, and ends at what guessing gives."""
    peak = OVERTHINKING.peak_tokens
    before = OVERTHINKING.predict(np.linspace(0, peak, 50))
    after = OVERTHINKING.predict(np.linspace(peak, 20 * peak, 50))
    assert (np.diff(before) > 0).all()
    assert (np.diff(after) < 0).all()
    assert OVERTHINKING.predict([1e6]).tolist() == pytest.approx([0.3])


def test_saturating_curve_never_falls() -> None:
    """Where nothing is spoiled, quality rises towards guess and gain, and has no peak."""
    curve = SATURATING.predict(np.linspace(0, 6000, 100))
    assert (np.diff(curve) > 0).all()
    assert curve[-1] == pytest.approx(0.7, abs=1e-6)
    assert math.isinf(SATURATING.peak_tokens)


@pytest.mark.parametrize("curve", [OVERTHINKING, SATURATING])
def test_fit_gives_an_exact_curve_back(curve: EffortCurve) -> None:
    """Fitted to its own curve without noise, predictions agree to a thousandth."""
    fitted = EffortCurve.fit(TOKENS, curve.predict(TOKENS)[None, :], n_resamples=1)
    np.testing.assert_allclose(fitted.predict(TOKENS), curve.predict(TOKENS), atol=1e-3)


def test_fit_finds_a_peak_and_its_interval(rng: np.random.Generator) -> None:
    """From 3,000 questions the peak is found to within a third."""
    fitted = EffortCurve.fit(TOKENS, OVERTHINKING.simulate(rng, TOKENS, 3000), n_resamples=40)
    estimate = fitted.estimates["peak_tokens"]
    assert estimate.low <= estimate.value <= estimate.high
    assert estimate.value == pytest.approx(OVERTHINKING.peak_tokens, rel=0.33)
    np.testing.assert_allclose(fitted.predict(TOKENS), OVERTHINKING.predict(TOKENS), atol=0.05)


def test_responsiveness_is_found_model_by_model(rng: np.random.Generator) -> None:
    """A model of a quarter of the gain, and one of none, are told from the strongest."""
    curves = [OVERTHINKING, OVERTHINKING.respond(0.25), OVERTHINKING.respond(0.0)]
    quality = np.stack([curve.simulate(rng, TOKENS, 4000).astype(float) for curve in curves])
    found = compare_responsiveness(np.tile(TOKENS, (3, 1)), quality, n_resamples=30)
    for estimate, value in zip(found, (1.0, 0.25, 0.0), strict=True):
        assert estimate.value == pytest.approx(value, abs=0.08)
        assert estimate.low <= estimate.value + 1e-9


def test_offer_is_internal() -> None:
    """Options carry their tokens of thinking, and time as they take to write."""
    offer = OVERTHINKING.offer([100, 400], tokens_per_second=20, model="m")
    assert [option.name for option in offer.options] == ["m|effort|t100", "m|effort|t400"]
    assert {option.kind for option in offer.options} == {"internal"}
    assert offer.latency_seconds.tolist() == [[5.0, 20.0]]
    np.testing.assert_array_equal(offer.quality[0], OVERTHINKING.predict([100, 400]))


def test_impossible_arguments_are_refused() -> None:
    """Shares above 1 together, tokens of zero, too few lengths and no gain are refused."""
    with pytest.raises(InputError, match="at most 1"):
        EffortCurve(0.6, 0.6, 100)
    with pytest.raises(InputError, match="solve_tokens has 0"):
        EffortCurve(0.1, 0.1, 0)
    with pytest.raises(InputError, match="spoil_tokens is -1"):
        EffortCurve(0.1, 0.1, 1, -1)
    with pytest.raises(InputError, match="m >= 4"):
        EffortCurve.fit([1, 2, 3], [[0, 0, 1]])
    with pytest.raises(InputError, match="responsiveness has 2"):
        SATURATING.respond(2)
    with pytest.raises(InputError, match="nothing to compare"):
        compare_responsiveness([[0, 1, 2, 3]], [[[0.5, 0.5, 0.5, 0.5]]])
    with pytest.raises(InputError, match="and"):
        compare_responsiveness([0, 1], [[[0.5, 0.5]]])
