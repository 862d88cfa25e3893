"""Smoothing of means: little noise changes little, much noise leans on options alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.models.smoothing import OPTIONS_MIN, fit_option_means, smooth_means
from router.options import Option

if TYPE_CHECKING:
    from numpy.typing import NDArray

GRID = [
    Option(f"{model}|{effort}|{samples}", model=model, reasoning_effort=effort, samples=samples)
    for model in ("small", "large")
    for effort in ("none", "high")
    for samples in (1, 2, 4, 8)
]
COST = np.array([option.samples * (1.0 + 4.0 * (option.model == "large")) for option in GRID])
TRUTH = np.array([0.3 + 0.2 * (o.model == "large") + 0.05 * np.log2(o.samples) for o in GRID])


@pytest.mark.parametrize("m", [2, OPTIONS_MIN - 1])
def test_few_options_are_left_alone(m: int) -> None:
    """With too few options to learn a kernel from, estimates stand as they are."""
    smoothed, kernel = smooth_means(TRUTH[:m], np.eye(m), GRID[:m], COST[:m])
    np.testing.assert_array_equal(smoothed, TRUTH[:m])
    assert kernel is None


def test_sure_means_stay() -> None:
    """Estimates without noise come out as they went in."""
    smoothed, _ = smooth_means(TRUTH, 1e-10 * np.eye(16), GRID, COST)
    np.testing.assert_allclose(smoothed, TRUTH, atol=1e-4)


def test_noise_drowns_in_the_mean() -> None:
    """Estimates that are all noise come out nearly level, none further out than before."""
    smoothed, _ = smooth_means(TRUTH, 25.0 * np.eye(16), GRID, COST)
    assert np.ptp(smoothed) < 0.1 * np.ptp(TRUTH)


def test_smoothing_lowers_the_error() -> None:
    """Over many draws, smoothed means are nearer to a truth that follows the descriptors."""
    rng = np.random.default_rng(0)
    errors = np.zeros(2)
    for _ in range(12):
        means = TRUTH + 0.06 * rng.normal(size=16)
        smoothed, _ = smooth_means(means, 0.06**2 * np.eye(16), GRID, COST)
        errors += ((smoothed - TRUTH) ** 2).mean(), ((means - TRUTH) ** 2).mean()
    assert errors[0] < 0.7 * errors[1]


def test_less_certain_means_move_more() -> None:
    """Of two outliers the one with the larger variance is pulled in further."""
    means = TRUTH.copy()
    means[[1, 9]] += 0.2
    variance = np.full(16, 1e-3)
    variance[9] = 1e-1
    smoothed, _ = smooth_means(means, np.diag(variance), GRID, COST)
    moved = np.abs(smoothed - means)
    assert moved[9] > 2 * moved[1]


def test_kernel_is_a_covariance() -> None:
    """The kernel is symmetric, has no negative eigenvalue, and is highest between options alike."""
    _, kernel = smooth_means(TRUTH, 1e-3 * np.eye(16), GRID, COST)
    assert kernel is not None
    np.testing.assert_allclose(kernel, kernel.T)
    assert np.linalg.eigvalsh(kernel).min() > -1e-9
    assert kernel[0, 1] > kernel[0, 3] > kernel[0, 11]


def test_equal_means_and_options_alike_do_no_harm() -> None:
    """Means without any spread, and options that cannot be told apart, stay finite."""
    flat, _ = smooth_means(np.full(16, 0.5), 1e-3 * np.eye(16), GRID, COST)
    np.testing.assert_allclose(flat, 0.5, atol=1e-6)
    twins = [Option(f"o{i}") for i in range(8)]
    smoothed, _ = smooth_means(TRUTH[:8], 1e-3 * np.eye(8), twins, np.ones(8))
    assert np.isfinite(smoothed).all()


def test_order_of_the_options_does_not_matter(rng: np.random.Generator) -> None:
    """Shuffled options get the same means, shuffled."""
    means = TRUTH + 0.03 * rng.normal(size=16)
    covariance = np.diag(rng.uniform(1e-4, 1e-3, 16))
    order = rng.permutation(16)
    first, _ = smooth_means(means, covariance, GRID, COST)
    shuffled = [GRID[i] for i in order]
    second, _ = smooth_means(means[order], covariance[np.ix_(order, order)], shuffled, COST[order])
    np.testing.assert_allclose(second, first[order], atol=1e-3)


def test_a_curve_of_cost_is_found(rng: np.random.Generator) -> None:
    """Options that nothing but their cost tells apart lend each other strength along it."""
    options = [Option(f"o{i}") for i in range(12)]
    cost = np.power(1.5, np.arange(12.0))
    truth = 0.8 - 0.6 / cost**0.5
    errors = np.zeros(2)
    for _ in range(24):
        means = truth + 0.05 * rng.normal(size=12)
        smoothed, _ = smooth_means(means, 0.05**2 * np.eye(12), options, cost)
        errors += ((smoothed - truth) ** 2).mean(), ((means - truth) ** 2).mean()
    assert errors[0] < 0.8 * errors[1]


@pytest.mark.parametrize(
    "cost", [np.zeros(16), np.full(16, np.nan), np.where(COST > 4, COST, np.nan)]
)
def test_costs_may_be_nothing_or_unknown(cost: NDArray[np.float64]) -> None:
    """Free options and options of unknown cost are smoothed by the rest of their descriptors."""
    smoothed, kernel = smooth_means(TRUTH, 1e-3 * np.eye(16), GRID, cost)
    assert np.isfinite(smoothed).all()
    assert kernel is not None
    assert np.linalg.eigvalsh(kernel).min() > -1e-9


def _deal(n: int) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Deal rows into five folds in turn."""
    fold = np.arange(n) % 5
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(5)]


def test_smoothing_is_kept_where_held_out_questions_ask_for_it(rng: np.random.Generator) -> None:
    """On a sparse log whose means follow the descriptors, the result is nearer to them."""
    errors = np.zeros(2)
    for _ in range(4):
        quality = TRUTH + 0.3 * rng.normal(size=(320, 16))
        quality[rng.random((320, 16)) > 0.1] = np.nan
        plain = np.nanmean(quality, axis=0)
        means, _ = fit_option_means(quality, np.zeros(320), GRID, COST, _deal(320))
        for place, estimate in enumerate((means, plain)):
            error = estimate - TRUTH
            errors[place] += ((error - error.mean()) ** 2).mean()
    assert errors[0] < errors[1]


def test_smoothing_is_dropped_where_it_harms(rng: np.random.Generator) -> None:
    """Where means follow no descriptor and are well known, they stay as they are."""
    truth = rng.permutation(TRUTH) + 0.3 * (np.arange(16) % 5 == 0)
    quality = truth + 0.02 * rng.normal(size=(400, 16)) + 0.4 * rng.normal(size=(400, 1))
    means, _ = fit_option_means(quality, np.zeros(400), GRID, COST, _deal(400))
    error, plain = means - truth, quality.mean(axis=0) - truth
    assert (error - error.mean()).std() < 1.05 * (plain - plain.mean()).std()


def test_few_options_keep_their_plain_means(rng: np.random.Generator) -> None:
    """With too few options to smooth, the result is the column means to the bit."""
    quality = rng.random((50, 3))
    means, kernel = fit_option_means(quality, np.zeros(50), GRID[:3], COST[:3], _deal(50))
    np.testing.assert_array_equal(means, quality.mean(axis=0))
    assert kernel is None


def test_options_that_a_fold_never_saw_are_passed_over(rng: np.random.Generator) -> None:
    """An option tried on one question alone does not stop the others from being judged."""
    quality = TRUTH + 0.1 * rng.normal(size=(60, 16))
    quality[1:, 3] = np.nan
    means, _ = fit_option_means(quality, np.zeros(60), GRID, COST, _deal(60))
    assert np.isfinite(means).all()
