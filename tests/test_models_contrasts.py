"""Contrasts: generalised least squares, no bias at any coverage, and dense logs as the limit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.models.contrasts import (
    GLS_ROUNDS,
    estimate_contrasts,
    estimate_option_means,
    split_variance,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


def simulate(
    n: int, m: int, coverage: float, *, seed: int = 0, noise: float = 0.05
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Draw outcomes with question effects; return them with the true means and contrasts."""
    rng = np.random.default_rng(seed)
    means = rng.uniform(0.2, 0.8, m)
    contrast = 0.2 * rng.normal(size=(n, m))
    contrast -= contrast.mean(axis=1, keepdims=True)
    quality = means + 0.3 * rng.normal(size=(n, 1)) + contrast + noise * rng.normal(size=(n, m))
    seen = rng.random((n, m)) < coverage
    kept = seen.any(axis=1)
    return np.where(seen, quality, np.nan)[kept], means, contrast[kept]


def solve_densely(
    quality: NDArray[np.float64], noise: float, between: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Estimate means by least squares with every row's covariance written out."""
    rows, columns = np.nonzero(~np.isnan(quality))
    design = np.eye(quality.shape[1])[columns]
    covariance = noise * np.eye(len(rows)) + between * (rows[:, None] == rows)
    weighted = np.linalg.solve(covariance, design)
    information = design.T @ weighted
    covariance_of_means = np.asarray(np.linalg.inv(information), dtype=np.float64)
    means = covariance_of_means @ (weighted.T @ quality[rows, columns])
    return np.asarray(means, dtype=np.float64), covariance_of_means


def test_sparse_means_are_generalised_least_squares() -> None:
    """The means, and how sure they are, come out of the full covariance matrix just as well."""
    for seed in range(4):
        quality, _, _ = simulate(40, 4, 0.6, seed=seed)
        level = 0.1 * np.random.default_rng(seed).normal(size=len(quality))
        adjusted = quality - level[:, None]
        seen = ~np.isnan(quality)
        expected = np.nanmean(adjusted, axis=0)
        for _ in range(GLS_ROUNDS):
            residual = np.where(seen, adjusted - expected, 0.0)
            noise, between = split_variance(residual, seen.astype(float))
            expected, covariance = solve_densely(adjusted, noise, between)
        found, found_covariance = estimate_option_means(quality, level)
        np.testing.assert_allclose(found, expected, atol=1e-7)
        np.testing.assert_allclose(found_covariance, covariance, rtol=1e-4)


def test_dense_means_are_column_means(rng: np.random.Generator) -> None:
    """On a dense log the means are plain, whatever the level, and their variances too."""
    quality = rng.random((50, 3))
    means, covariance = estimate_option_means(quality, rng.random(50))
    np.testing.assert_allclose(means, quality.mean(axis=0))
    np.testing.assert_allclose(np.diag(covariance), quality.var(axis=0, ddof=1) / 50)


def test_covariance_goes_from_one_correlation_to_the_plain_one(rng: np.random.Generator) -> None:
    """With fewer questions than options all correlations are one; with many they are their own."""
    shared = rng.random((4000, 1))
    quality = np.hstack((shared + 0.1 * rng.random((4000, 4)), rng.random((4000, 4))))
    _, few = estimate_option_means(quality[:8], np.zeros(8))
    spread = np.sqrt(np.diag(few))
    correlation = (few / np.outer(spread, spread))[~np.eye(8, dtype=bool)]
    np.testing.assert_allclose(correlation, correlation[0])
    assert np.linalg.eigvalsh(few).min() > 0
    _, many = estimate_option_means(quality, np.zeros(4000))
    np.testing.assert_allclose(many * 4000, np.cov(quality.T), atol=2e-3)


def test_option_tried_on_hard_questions_is_not_blamed() -> None:
    """Where the better option saw the harder questions only, it still comes out ahead."""
    rng = np.random.default_rng(2)
    effect = rng.normal(scale=0.3, size=4000)
    quality = np.stack((effect, effect + 0.1, effect + 0.05), axis=1) + 0.5
    quality += 0.05 * rng.normal(size=quality.shape)
    quality[(effect > 0) & (rng.random(4000) < 0.9), 1] = np.nan
    assert np.nanmean(quality[:, 1]) < np.nanmean(quality[:, 0])
    means, _ = estimate_option_means(quality, np.zeros(4000))
    assert means[1] - means[0] == pytest.approx(0.1, abs=0.03)


def test_variance_is_split_as_it_was_drawn() -> None:
    """Noise and question effect are found again at any coverage."""
    rng = np.random.default_rng(4)
    for coverage in (1.0, 0.5):
        seen = (rng.random((6000, 4)) < coverage).astype(float)
        residual = seen * (0.3 * rng.normal(size=(6000, 1)) + 0.2 * rng.normal(size=(6000, 4)))
        noise, between = split_variance(residual, seen)
        assert noise == pytest.approx(0.04, rel=0.1)
        assert between == pytest.approx(0.09, rel=0.1)


def test_lone_rows_have_no_question_effect() -> None:
    """Where no question has two rows all variance is noise; no variance is not zero noise."""
    seen = np.eye(3)
    assert split_variance(2.0 * seen, seen) == (4.0, 0.0)
    noise, between = split_variance(np.zeros((2, 2)), np.ones((2, 2)))
    assert noise > 0
    assert between == 0


@pytest.mark.parametrize(
    ("n_options", "coverage"), [(2, 0.99), (2, 0.9), (4, 0.95), (5, 0.5), (20, 0.3)]
)
def test_contrasts_have_no_bias(n_options: int, coverage: float) -> None:
    """Regressed on the truth, contrasts have slope 1, from nearly dense logs to sparse ones."""
    quality, _, truth = simulate(20_000, n_options, coverage)
    means, _ = estimate_option_means(quality, np.zeros(len(quality)))
    found = estimate_contrasts(quality, means, np.zeros(len(quality)))
    slope = float((found * truth).sum() / (truth**2).sum())
    assert slope == pytest.approx(1.0, abs=0.03)
    np.testing.assert_allclose(found.mean(axis=0), 0.0, atol=0.02)


def test_contrasts_of_single_rows_have_no_bias() -> None:
    """A log with one option a question still says on average what each option adds."""
    rng = np.random.default_rng(9)
    kind = rng.integers(0, 2, 30_000)
    gains = np.array([[0.0, 0.3, 0.0], [0.0, -0.3, 0.0]])
    quality = np.full((30_000, 3), np.nan)
    chosen = rng.integers(0, 3, 30_000)
    rows = np.arange(30_000)
    quality[rows, chosen] = 0.5 + gains[kind, chosen] + 0.1 * rng.normal(size=30_000)
    means, _ = estimate_option_means(quality, np.zeros(30_000))
    found = estimate_contrasts(quality, means, np.zeros(30_000))
    by_kind = np.stack([found[kind == k].mean(axis=0) for k in range(2)])
    expected = gains - gains.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(by_kind, expected, atol=0.02)


def test_dense_contrasts_are_plain_differences(rng: np.random.Generator) -> None:
    """On a dense log a contrast is quality less option's mean less question's mean."""
    quality = rng.random((30, 4))
    found = estimate_contrasts(quality, quality.mean(axis=0), rng.random(30))
    expected = quality - quality.mean(axis=0)
    np.testing.assert_allclose(found, expected - expected.mean(axis=1, keepdims=True))


def test_dense_is_the_limit_of_sparse() -> None:
    """One missing pair among thousands moves the other questions' contrasts hardly at all."""
    quality, _, _ = simulate(3000, 3, 1.0)
    level = np.zeros(3000)
    dense = estimate_contrasts(quality, quality.mean(axis=0), level)
    quality[0, 1] = np.nan
    sparse = estimate_contrasts(quality, estimate_option_means(quality, level)[0], level)
    np.testing.assert_allclose(sparse[1:], dense[1:], atol=2e-3)


@pytest.mark.parametrize("coverage", [1.0, 0.4])
def test_rows_sum_to_zero(coverage: float) -> None:
    """A contrast says nothing of a question's level, which may be shifted at will."""
    quality, means, _ = simulate(200, 5, coverage)
    found = estimate_contrasts(quality, means, np.zeros(len(quality)))
    np.testing.assert_allclose(found.sum(axis=1), 0.0, atol=1e-12)
    if coverage == 1.0:
        shifted = estimate_contrasts(quality + np.arange(200)[:, None], means, np.zeros(200))
        np.testing.assert_allclose(shifted, found, atol=1e-10)


def test_one_question_has_means_and_no_warning() -> None:
    """A fold of a small log may hold one question; its means are its outcomes."""
    means, covariance = estimate_option_means(np.array([[0.0, 1.0, 0.5]]), np.zeros(1))
    assert means.tolist() == [0.0, 1.0, 0.5]
    assert np.isfinite(covariance).all()
