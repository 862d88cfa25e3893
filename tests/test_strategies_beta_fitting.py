"""Fitting beta populations: no slope is left at the maximum, and limits hold."""

from __future__ import annotations

import numpy as np
import pytest

from router.strategies.beta_fitting import LOG_LIMITS, maximise_likelihood


def test_maximum_agrees_with_a_search(rng: np.random.Generator) -> None:
    """A general search for the same maximum ends at the same parameters."""
    from scipy import optimize, special

    trials = rng.integers(2, 12, 500)
    right = rng.binomial(trials, rng.beta(1.5, 0.8, 500))

    def lose(point: np.ndarray) -> float:
        """Compute the negative likelihood."""
        a, b = np.exp(point)
        return float(-(special.betaln(a + right, b + trials - right) - special.betaln(a, b)).sum())

    found = optimize.minimize(lose, [0.0, 0.0], method="Nelder-Mead", options={"fatol": 1e-10})
    assert maximise_likelihood(right, trials) == pytest.approx(np.exp(found.x), rel=1e-3)


def test_questions_that_are_all_alike_push_to_the_limit() -> None:
    """Without spread between questions the parameters stop at their limits."""
    a, b = maximise_likelihood(np.full(50, 5), np.full(50, 10))
    assert a == pytest.approx(b, rel=1e-6)
    assert np.log(a) == pytest.approx(LOG_LIMITS[1], abs=3)
