"""The mixed model: it equals textbook answers, weighs candidates, and finds what was planted."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from router.models.inputs import Inputs, fit_inputs
from router.models.mixed_model import (
    RATIOS,
    build_kernels,
    fit_mixed_model,
    score_covariance,
)
from tests.contracts.gains import make_texts


def make_inputs(n: int = 60) -> Inputs:
    """Make the features of n questions."""
    return fit_inputs(make_texts(n)[0])[1]


def test_task_effect_is_the_shrunk_mean() -> None:
    """With tasks alone and equal sizes, a task keeps n ratio / (1 + n ratio) of its deviation."""
    rng = np.random.default_rng(3)
    group = np.repeat(np.arange(4), 15)
    target = rng.normal(size=(60, 2)) + group[:, None]
    model = fit_mixed_model(make_inputs(), group, 4, target, np.array([[0.2, 0.0, 0.0]]))
    mean = target.reshape(4, 15, 2).mean(axis=1)
    np.testing.assert_allclose(model.overall, target.mean(axis=0))
    np.testing.assert_allclose(model.table, (mean - mean.mean(axis=0)) * 3.0 / 4.0, atol=1e-12)
    assert not model.words.any()
    assert not model.shape.any()


def test_text_effect_is_the_ridge() -> None:
    """With words alone, the answer is that of a ridge whose penalty is the inverse ratio."""
    inputs, group = make_inputs(), np.zeros(60, dtype=np.int64)
    target = np.random.default_rng(4).normal(size=(60, 1))
    model = fit_mixed_model(inputs, group, 1, target, np.array([[0.0, 0.5, 0.0]]))
    words = inputs.words.toarray().astype(np.float64)
    system = words.T @ words + 2.0 * np.eye(words.shape[1])
    ridge = np.linalg.solve(system, words.T @ (target - model.overall))
    np.testing.assert_allclose(model.words, ridge, atol=1e-6)
    fitted = np.asarray(model.predict(inputs, group))
    np.testing.assert_allclose(fitted, model.overall + words @ ridge, atol=1e-6)


def test_likelihood_is_that_of_contrasts() -> None:
    """Ratios of restricted likelihoods are those of outcomes with their mean projected out."""
    rng = np.random.default_rng(5)
    target = rng.normal(size=(12, 1))
    basis = np.linalg.qr(np.column_stack((np.ones(12), rng.normal(size=(12, 11)))))[0][:, 1:]
    scores, expected = [], []
    for ratio in (0.1, 2.0):
        covariance = np.eye(12) + ratio * np.kron(np.eye(3), np.ones((4, 4)))
        weighted, _, likelihood = score_covariance(covariance, target)
        scale = float(target[:, 0] @ weighted[:, 0]) / 11
        projected = basis.T @ covariance @ basis * scale
        density = scipy.stats.multivariate_normal(np.zeros(11), projected)
        scores.append(likelihood[0])
        expected.append(density.logpdf(basis.T @ target[:, 0]))
    np.testing.assert_allclose(scores[1] - scores[0], expected[1] - expected[0], rtol=1e-9)


@pytest.mark.parametrize(("strength", "kept"), [(0.0, False), (1.0, True)])
def test_evidence_picks_the_candidate(*, strength: float, kept: bool) -> None:
    """Where tasks differ, candidates in which they do get the weight, and the reverse."""
    rng = np.random.default_rng(6)
    group = np.arange(120) % 4
    target = rng.normal(size=(120, 2)) + strength * rng.normal(size=(4, 2))[group]
    candidates = np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    model = fit_mixed_model(make_inputs(120), group, 4, target, candidates)
    assert model.chances.sum() == pytest.approx(1.0)
    assert (model.chances[1] > 0.9) == kept
    assert (np.abs(model.table).max() > 0.2) == kept


def test_absurd_candidates_count_for_nothing() -> None:
    """Candidates that fit nothing leave the answers of the others as they are."""
    rng = np.random.default_rng(7)
    group, inputs = np.arange(60) % 3, make_inputs()
    target = rng.normal(size=(60, 2)) + 0.5 * rng.normal(size=(3, 2))[group]
    absurd = np.array([[0.0, 1e6, 1e6]])
    alone = fit_mixed_model(inputs, group, 3, target)
    beside = fit_mixed_model(inputs, group, 3, target, np.vstack((RATIOS, absurd)))
    assert beside.chances[-1] < 1e-3
    np.testing.assert_allclose(
        alone.predict(inputs, group), beside.predict(inputs, group), atol=1e-3
    )


def test_kernels_are_products_of_the_effects() -> None:
    """Each kernel is symmetric, has no negative eigenvalue, and about 1 on its diagonal."""
    kernels = build_kernels(make_inputs(), np.arange(60) % 3)
    for kernel in kernels:
        np.testing.assert_allclose(kernel, kernel.T, atol=1e-6)
        assert np.linalg.eigvalsh(kernel).min() > -1e-6
        assert 0.2 < np.diag(kernel).mean() < 1.5
