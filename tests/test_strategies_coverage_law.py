"""The power law of coverage: its own process, its inverse, and fitting it."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies import BetaPopulation, Consumption, CoverageLaw

LAW = CoverageLaw(1.347, 0.435)


def test_coverage_is_that_of_the_process(rng: np.random.Generator) -> None:
    """The share of drawn questions solved within k attempts is the law's."""
    attempts = LAW.simulate(rng, 40_000)
    assert (attempts == np.floor(attempts)).all()
    for k in (1, 3, 10, 100):
        share, predicted = float((attempts <= k).mean()), float(LAW.predict(k))
        assert abs(share - predicted) < 4.5 * np.sqrt(predicted * (1 - predicted) / 40_000)


def test_inverse_undoes_the_law() -> None:
    """The samples that a coverage takes cover as much."""
    shares = np.linspace(0.05, 0.95, 19)
    np.testing.assert_allclose(LAW.predict(LAW.invert(shares)), shares, rtol=1e-9)


def test_fit_follows_a_population(rng: np.random.Generator) -> None:
    """Fitted to 100 trials of a beta population, it stays within .02 of the closed form."""
    population = BetaPopulation(0.38, 1.13)
    right = rng.binomial(100, rng.beta(population.a, population.b, 4000))
    fitted = CoverageLaw.fit(right, 100, n_resamples=20)
    k = np.array([1, 2, 5, 10, 30, 100])
    np.testing.assert_allclose(fitted.predict(k), population.cover(k), atol=0.035)
    for name in ("a", "b"):
        low, high = fitted.estimates[name].low, fitted.estimates[name].high
        assert low < getattr(fitted, name) < high


def test_fit_finds_a_law_that_holds_exactly() -> None:
    """A curve of the law gives its parameters back."""
    from router.strategies.coverage_law import _fit_curve

    k = np.array([1.0, 2, 4, 8, 16, 64])
    assert _fit_curve(k, LAW.predict(k)) == pytest.approx((1.347, 0.435), rel=1e-6)


def test_offer_stops_at_success(rng: np.random.Generator) -> None:
    """One at a time a question takes as many attempts as drawn ones do, up to the cap."""
    offer = LAW.offer([1, 10], Consumption(1.0, 2.0, 3.0, is_parallel=False))
    drawn = np.minimum(LAW.simulate(rng, 40_000), 10)
    error = drawn.std() / np.sqrt(len(drawn))
    assert offer.samples[0, 0] == 1.0
    assert abs(drawn.mean() - offer.samples[0, 1]) < 4.5 * error
    np.testing.assert_allclose(offer.quality[0], LAW.predict([1, 10]))
    together = LAW.offer([10], Consumption(1.0, 2.0, 3.0))
    assert together.samples.tolist() == [[10.0]]


def test_impossible_arguments_are_refused() -> None:
    """Parameters and samples of zero, shares above 1 and a single trial are refused."""
    with pytest.raises(InputError, match="b has -1"):
        CoverageLaw(1, -1)
    with pytest.raises(InputError, match="n_samples has 0"):
        LAW.predict(0)
    with pytest.raises(InputError, match="coverage has 2"):
        LAW.invert(2)
    with pytest.raises(InputError, match="1 trials"):
        CoverageLaw.fit([0, 1], 1)
