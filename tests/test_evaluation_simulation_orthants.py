"""Joint probabilities of two normal variables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import multivariate_normal

from router.evaluation.simulation.orthants import find_correlation, load_normal
from router.exceptions import MissingExtraError
from router.strategies.normal_law import compute_joint

thresholds = st.floats(-3.0, 3.0)


@pytest.mark.parametrize("correlation", [-0.99, -0.5, 0.0, 0.3, 0.9, 0.99])
@pytest.mark.parametrize("pair", [(0.0, 0.0), (0.3, -0.7), (2.0, 1.5), (-2.5, 0.1)])
def test_the_joint_is_that_of_a_numerical_integral(
    pair: tuple[float, float], correlation: float
) -> None:
    """SciPy's integral of the bivariate density gives the same probability."""
    expected = multivariate_normal.cdf(pair, cov=[[1.0, correlation], [correlation, 1.0]])
    assert compute_joint(*pair, correlation) == pytest.approx(expected, abs=1e-6)


@given(thresholds, thresholds, st.floats(-0.98, 0.98))
def test_the_joint_keeps_frechets_bounds_and_symmetry(
    first: float, second: float, correlation: float
) -> None:
    """Both are below at most as often as either, and no less than both must be."""
    distribution, _ = load_normal()
    joint = float(compute_joint(first, second, correlation))
    low, high = float(distribution(first)), float(distribution(second))
    assert max(0.0, low + high - 1.0) - 1e-6 <= joint <= min(low, high) + 1e-6
    assert joint == pytest.approx(float(compute_joint(second, first, correlation)))


@given(st.floats(-1.5, 1.5), st.floats(-1.5, 1.5), st.floats(-0.9, 0.9))
def test_the_correlation_is_found_again(first: float, second: float, correlation: float) -> None:
    """The correlation behind a joint probability comes back."""
    joint = compute_joint(first, second, correlation)
    assert float(find_correlation(first, second, joint)) == pytest.approx(correlation, abs=1e-5)


def test_what_no_correlation_reaches_gives_the_end() -> None:
    """A joint above what thresholds allow gives the largest correlation."""
    assert find_correlation([0.0, 0.0], [0.0, 0.0], [0.6, 0.0]).round(3).tolist() == [0.995, -0.995]


def test_a_missing_scipy_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without SciPy the error says which extra brings it."""
    monkeypatch.setitem(__import__("sys").modules, "scipy.special", None)
    with pytest.raises(MissingExtraError, match="train"):
        load_normal()
