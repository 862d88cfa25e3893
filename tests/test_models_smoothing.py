"""Smoothing of means: little noise changes little, much noise leans on options alike."""

from __future__ import annotations

import numpy as np
import pytest

from router.models.smoothing import OPTIONS_MIN, smooth_means
from router.options import Option

GRID = [
    Option(f"{model}|{effort}|{samples}", model=model, reasoning_effort=effort, samples=samples)
    for model in ("small", "large")
    for effort in ("none", "high")
    for samples in (1, 2, 4, 8)
]
TRUTH = np.array([0.3 + 0.2 * (o.model == "large") + 0.05 * np.log2(o.samples) for o in GRID])


@pytest.mark.parametrize("m", [2, OPTIONS_MIN - 1])
def test_few_options_are_left_alone(m: int) -> None:
    """With too few options to learn a kernel from, estimates stand as they are."""
    smoothed, kernel = smooth_means(TRUTH[:m], np.eye(m), GRID[:m])
    np.testing.assert_array_equal(smoothed, TRUTH[:m])
    assert kernel is None


def test_sure_means_stay() -> None:
    """Estimates without noise come out as they went in."""
    smoothed, _ = smooth_means(TRUTH, 1e-10 * np.eye(16), GRID)
    np.testing.assert_allclose(smoothed, TRUTH, atol=1e-4)


def test_noise_drowns_in_the_mean() -> None:
    """Estimates that are all noise come out nearly level, none further out than before."""
    smoothed, _ = smooth_means(TRUTH, 25.0 * np.eye(16), GRID)
    assert np.ptp(smoothed) < 0.1 * np.ptp(TRUTH)


def test_smoothing_lowers_the_error() -> None:
    """Over many draws, smoothed means are nearer to a truth that follows the descriptors."""
    rng = np.random.default_rng(0)
    errors = np.zeros(2)
    for _ in range(12):
        means = TRUTH + 0.06 * rng.normal(size=16)
        smoothed, _ = smooth_means(means, 0.06**2 * np.eye(16), GRID)
        errors += ((smoothed - TRUTH) ** 2).mean(), ((means - TRUTH) ** 2).mean()
    assert errors[0] < 0.7 * errors[1]


def test_less_certain_means_move_more() -> None:
    """Of two outliers the one with the larger variance is pulled in further."""
    means = TRUTH.copy()
    means[[1, 9]] += 0.2
    variance = np.full(16, 1e-3)
    variance[9] = 1e-1
    smoothed, _ = smooth_means(means, np.diag(variance), GRID)
    moved = np.abs(smoothed - means)
    assert moved[9] > 2 * moved[1]


def test_kernel_is_a_covariance() -> None:
    """The kernel is symmetric, has no negative eigenvalue, and is highest between options alike."""
    _, kernel = smooth_means(TRUTH, 1e-3 * np.eye(16), GRID)
    assert kernel is not None
    np.testing.assert_allclose(kernel, kernel.T)
    assert np.linalg.eigvalsh(kernel).min() > -1e-9
    assert kernel[0, 1] > kernel[0, 3] > kernel[0, 11]


def test_equal_means_and_options_alike_do_no_harm() -> None:
    """Means without any spread, and options that cannot be told apart, stay finite."""
    flat, _ = smooth_means(np.full(16, 0.5), 1e-3 * np.eye(16), GRID)
    np.testing.assert_allclose(flat, 0.5, atol=1e-6)
    twins = [Option(f"o{i}") for i in range(8)]
    smoothed, _ = smooth_means(TRUTH[:8], 1e-3 * np.eye(8), twins)
    assert np.isfinite(smoothed).all()


def test_order_of_the_options_does_not_matter(rng: np.random.Generator) -> None:
    """Shuffled options get the same means, shuffled."""
    means = TRUTH + 0.03 * rng.normal(size=16)
    covariance = np.diag(rng.uniform(1e-4, 1e-3, 16))
    order = rng.permutation(16)
    first, _ = smooth_means(means, covariance, GRID)
    second, _ = smooth_means(
        means[order], covariance[np.ix_(order, order)], [GRID[i] for i in order]
    )
    np.testing.assert_allclose(second, first[order], atol=1e-3)
