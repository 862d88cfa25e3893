"""The normal law without SciPy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import multivariate_normal

from router.strategies.normal_law import compute_joint, compute_share_below, find_quantile


def test_shares_and_quantiles_are_scipys() -> None:
    """Both agree with SciPy as closely as they say."""
    values = np.linspace(-6.0, 6.0, 1_001)
    assert compute_share_below(values) == pytest.approx(ndtr(values), abs=1.5e-7)
    shares = np.linspace(0.001, 0.999, 999)
    assert find_quantile(shares) == pytest.approx(ndtri(shares), abs=1e-9)


@pytest.mark.parametrize("correlation", [-0.9, 0.0, 0.6, 0.95])
def test_joint_is_that_of_a_numerical_integral(correlation: float) -> None:
    """SciPy's integral of the bivariate density gives the same probability."""
    expected = multivariate_normal.cdf([0.4, -0.8], cov=[[1.0, correlation], [correlation, 1.0]])
    assert float(compute_joint(0.4, -0.8, correlation)) == pytest.approx(expected, abs=1e-6)
