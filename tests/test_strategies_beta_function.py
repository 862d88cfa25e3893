"""The beta distribution against an independent implementation."""

from __future__ import annotations

import numpy as np
from scipy import special

from router.strategies.beta_function import compute_beta_cdf, compute_log_beta


def test_beta_function_agrees_with_scipy(rng: np.random.Generator) -> None:
    """The logarithm of the beta function agrees to twelve digits."""
    a, b = np.exp(rng.uniform(-3, 7, (2, 300)))
    np.testing.assert_allclose(compute_log_beta(a, b), special.betaln(a, b), rtol=1e-9, atol=1e-9)


def test_distribution_agrees_with_scipy(rng: np.random.Generator) -> None:
    """The distribution agrees from small to large parameters, and at both ends."""
    a, b = np.exp(rng.uniform(-3, 6, (2, 500)))
    x = rng.random(500)
    x[:2] = 0.0, 1.0
    np.testing.assert_allclose(compute_beta_cdf(x, a, b), special.betainc(a, b, x), atol=1e-10)
