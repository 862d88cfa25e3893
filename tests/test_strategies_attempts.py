"""What attempts say: coverage without bias, and how many failures refute a probability."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies import count_failures_needed, estimate_coverage


def test_estimated_coverage_is_right_on_average(rng: np.random.Generator) -> None:
    """The mean estimate from 6 trials is the coverage itself, whatever the question."""
    right = rng.binomial(6, 0.3, 40_000)
    estimates = estimate_coverage(right, 6, 3)
    error = estimates.std() / np.sqrt(len(estimates))
    assert abs(estimates.mean() - (1 - 0.7**3)) < 4.5 * error


def test_fewer_failures_refute_larger_probabilities() -> None:
    """Each number of failures is just enough for its probability."""
    for p in (0.5, 0.1, 0.02, 0.001):
        n = count_failures_needed(p, 0.9)
        assert (1 - p) ** n <= 0.1 < (1 - p) ** (n - 1)


def test_impossible_arguments_are_refused() -> None:
    """More samples than trials, and chances that are none, are refused."""
    with pytest.raises(InputError, match="n_trials"):
        estimate_coverage([1], 2, 3)
    with pytest.raises(InputError, match="between"):
        count_failures_needed(1.0)
