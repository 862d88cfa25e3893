"""Joining: the posterior against a direct solve, its limits, and the map it is folded into."""

from __future__ import annotations

import numpy as np
import pytest

from router.models.joining import (
    BLOCKS,
    JoinPrior,
    ModelDesign,
    infer_coefficients,
    measure_residual,
)
from router.models.kinship import find_kin
from tests.contracts.newcomers import STRENGTHS, make_option

KNOWN = [make_option(model, effort) for model in ("weak", "strong") for effort in ("none", "high")]
NEW = [make_option("new"), make_option("new", "high")]


def make_design() -> ModelDesign:
    """Make the design of two new options over four known ones and three tasks."""
    return ModelDesign(find_kin(KNOWN, NEW, STRENGTHS), np.array([0.3, 0.35, 0.6, 0.7]), 3)


def make_prior() -> JoinPrior:
    """Make a prior with another figure a block."""
    n = len(BLOCKS)
    return JoinPrior(np.linspace(-0.3, 0.4, n), np.linspace(0.01, 0.08, n), 0.5, 0.1, 0.05)


def test_posterior_equals_a_direct_solve(rng: np.random.Generator) -> None:
    """The weighted sums give what the whole covariance of the noise gives."""
    columns, target = rng.normal(size=(40, 6)), rng.normal(size=40)
    question, common = rng.integers(0, 15, 40), rng.uniform(0.1, 0.5, 15)
    mean, variance = rng.normal(size=6), rng.uniform(0.1, 2.0, 6)
    found, covariance = infer_coefficients(
        columns, target, question, (mean, variance), (0.3, common[question])
    )
    noise = 0.3 * np.eye(40) + (question[:, None] == question) * common[question]
    inverse = np.linalg.inv(noise)
    direct = np.linalg.inv(np.diag(1 / variance) + columns.T @ inverse @ columns)
    np.testing.assert_allclose(covariance, direct, rtol=1e-9)
    expected = direct @ (mean / variance + columns.T @ inverse @ target)
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_no_outcome_leaves_the_prior() -> None:
    """Without a row the posterior is the prior."""
    mean, variance = np.array([0.2, -0.1]), np.array([0.3, 0.4])
    none = np.zeros(0)
    found, covariance = infer_coefficients(
        np.zeros((0, 2)), none, none.astype(np.int64), (mean, variance), (0.1, none)
    )
    np.testing.assert_allclose(found, mean)
    np.testing.assert_allclose(covariance, np.diag(variance))


def test_many_outcomes_approach_least_squares(rng: np.random.Generator) -> None:
    """With enough rows the prior no longer counts."""
    columns = rng.normal(size=(20_000, 3))
    target = columns @ [1.0, -2.0, 0.5] + 0.1 * rng.normal(size=20_000)
    prior = np.full(3, 5.0), np.full(3, 0.5)
    found, _ = infer_coefficients(
        columns, target, np.arange(20_000), prior, (0.01, np.zeros(20_000))
    )
    squares = np.linalg.lstsq(columns, target, rcond=None)[0]
    np.testing.assert_allclose(found, squares, atol=1e-4)


def test_errors_are_calibrated(rng: np.random.Generator) -> None:
    """Drawn from the prior and its noise, coefficients lie within the stated covariance."""
    mean, variance, squared = np.array([0.5, 0.0, -1.0]), np.array([0.2, 1.0, 0.1]), []
    question = np.repeat(np.arange(10), 3)
    for _ in range(300):
        columns, truth = rng.normal(size=(30, 3)), rng.normal(mean, np.sqrt(variance))
        effect = rng.normal(scale=0.4, size=10)[question]
        target = columns @ truth + effect + rng.normal(scale=0.5, size=30)
        found, covariance = infer_coefficients(
            columns, target, question, (mean, variance), (0.25, np.full(30, 0.16))
        )
        squared.append((found - truth) @ np.linalg.solve(covariance, found - truth))
    # The sum of 300 chi-squared values of three degrees: 900, give or take 42.
    assert np.sum(squared) == pytest.approx(900.0, abs=6 * 42.5)


def test_folded_map_equals_the_columns(rng: np.random.Generator) -> None:
    """What is served is what was fitted, for any coefficients and questions."""
    design = make_design()
    surface, membership = rng.random((20, 4)), rng.dirichlet(np.ones(3), 20)
    coefficients = rng.normal(size=len(design.blocks))
    weights, offset, tasks = design.fold(coefficients)
    served = surface @ weights + offset + (membership @ tasks)[:, None]
    for option in range(2):
        columns, base = design.build(surface, membership, np.zeros(20), np.full(20, option))
        np.testing.assert_allclose(base + columns @ coefficients, served[:, option])


def test_prior_expects_what_kin_do() -> None:
    """Strength moves the ability and kin the gain; other blocks have the prior's own figures."""
    design, prior = make_design(), make_prior()
    mean, variance = design.expect(prior)
    kin = find_kin(KNOWN, [make_option("thinker"), make_option("thinker", "high")], STRENGTHS)
    trained, _ = ModelDesign(kin, design.surface_mean, 3).expect(prior)
    own_gain = np.flatnonzero(design.blocks == BLOCKS.index("own_gain"))
    assert trained[own_gain[0]] == pytest.approx(mean[own_gain[0]] + 0.1)
    np.testing.assert_allclose(np.delete(trained, own_gain[0]), np.delete(mean, own_gain[0]))
    np.testing.assert_array_equal(variance, prior.variance[design.blocks])
    strong = find_kin(KNOWN, [make_option("new", model_strength=0.8)], STRENGTHS)
    ability = ModelDesign(strong, design.surface_mean, 3).expect(prior)[0][0]
    assert ability == pytest.approx(prior.mean[0] + 0.5 * 0.2)


def test_evidence_overrules_a_small_gain(rng: np.random.Generator) -> None:
    """A model expected to gain .03 that gains .3 is believed, the sooner the more it shows."""
    known = [make_option("weak"), make_option("strong")]
    design = ModelDesign(find_kin(known, NEW, STRENGTHS), np.array([0.3, 0.6]), 1)
    n = len(BLOCKS)
    prior = JoinPrior(np.zeros(n), np.full(n, 0.15**2), 0.5, 0.2, 0.0)
    found = []
    for count in (0, 50, 1000):
        option = np.arange(count) % 2
        surface = np.tile(design.surface_mean, (count, 1))
        columns, base = design.build(surface, np.ones((count, 1)), np.zeros(count), option)
        target = (rng.random(count) < 0.4 + 0.3 * option).astype(np.float64) - base
        coefficients, _ = infer_coefficients(
            columns, target, np.arange(count), design.expect(prior), (0.2, np.zeros(count))
        )
        weights, offset, _ = design.fold(coefficients)
        quality = design.surface_mean @ weights + offset
        found.append(quality[1] - quality[0])
    assert found[0] == pytest.approx(0.03)
    assert found[2] == pytest.approx(0.3, abs=0.12)
    assert abs(found[2] - 0.3) < abs(found[0] - 0.3)


def test_residual_counts_what_was_tried() -> None:
    """The mean miss of the options tried, shrunk by one; nothing where none was."""
    quality = np.array([[1.0, 1.0], [np.nan, 0.0], [np.nan, np.nan]])
    found = measure_residual(quality, np.full((3, 2), 0.5))
    np.testing.assert_allclose(found, [1.0 / 3.0, -0.25, 0.0])
