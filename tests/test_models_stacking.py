"""Stacking: non-negative least squares, nothing for the useless, nothing without evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy.optimize import lsq_linear

from router.models.stacking import KEPT_MIN, SCALE_MAX, WEIGHT_MIN, WEIGHT_PENALTY, stack_members

if TYPE_CHECKING:
    from numpy.typing import NDArray


def draw(
    seed: int, n: int = 400, r: int = 2, k: int = 4
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Draw learners and a target that none of them knows anything of."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, r, k)), rng.normal(size=(n, r))


def test_weights_solve_the_penalised_problem() -> None:
    """Another solver with bounds comes to the same weights, learners that hardly count left out."""
    for seed in range(5):
        predicted, target = draw(seed)
        predicted[:, :, 0] += 0.8 * target
        predicted[:, :, 1] -= 0.4 * target
        penalty = np.sqrt(WEIGHT_PENALTY * (target**2).sum())
        aim = np.r_[target.ravel(), np.zeros(4)]
        system = np.vstack((predicted.reshape(-1, 4), penalty * np.eye(4)))
        first = lsq_linear(system, aim, bounds=(0, np.inf), tol=1e-12).x
        kept = first >= WEIGHT_MIN
        expected = np.zeros(4)
        expected[kept] = lsq_linear(system[:, kept], aim, bounds=(0, np.inf), tol=1e-12).x
        weights, _ = stack_members(predicted, target)
        np.testing.assert_allclose(weights, expected, atol=1e-6)
        assert weights[0] > WEIGHT_MIN
        assert weights[1] == 0.0


def test_useless_learners_get_nothing() -> None:
    """Beside a learner that knows the target, learners of noise weigh next to nothing."""
    for seed in range(5):
        predicted, target = draw(seed)
        predicted[:, :, 2] = target
        weights, scale = stack_members(predicted, target)
        assert weights[2] > 0.95
        assert np.delete(weights, 2).max() < 0.05
        np.testing.assert_allclose(scale, 1.0, atol=0.05)


def test_harmful_learners_vanish() -> None:
    """Learners that err on the wrong side leave a stack of exactly nothing."""
    predicted, target = draw(1)
    weights, scale = stack_members(predicted - target[:, :, None], target)
    assert not weights.any()
    assert scale.max() < 1e-9


def test_stack_without_signal_adds_nothing() -> None:
    """Where learners predict noise, what is left of the stack explains nothing away."""
    harm = []
    for seed in range(40):
        predicted, target = draw(seed)
        weights, scale = stack_members(0.3 * predicted, target)
        harm.append((((0.3 * predicted @ weights) * scale) ** 2).mean())
    assert np.median(harm) < 0.003
    assert max(harm) < 0.02


def test_no_target_leaves_no_stack() -> None:
    """Options that never differ, and learners that never speak, divide nothing by zero."""
    predicted, target = draw(0)
    for inputs, aim in ((predicted, 0.0 * target), (0.0 * predicted, target)):
        weights, scale = stack_members(inputs, aim)
        assert not (weights @ weights)
        assert scale.max() < 1e-9


def test_directions_are_scaled_by_their_own_evidence() -> None:
    """A direction that is predicted keeps its scale, one that is noise loses most of it."""
    predicted, target = draw(3, n=2000, k=1)
    predicted[:, 0, 0] = target[:, 0]
    _, scale = stack_members(predicted, target)
    assert scale[0] > 0.9
    assert scale[1] < 0.3


def test_scales_stay_within_bounds() -> None:
    """However timid the learner in one direction, its scale is not blown up beyond the bound."""
    predicted, target = draw(5, n=3000, k=1)
    predicted[:, 0, 0], predicted[:, 1, 0] = target[:, 0], 0.1 * target[:, 1]
    _, scale = stack_members(predicted, target)
    assert scale[1] == pytest.approx(SCALE_MAX, rel=1e-3)
    assert np.all(scale >= 0)


def test_a_stack_without_evidence_keeps_a_trace() -> None:
    """Where the slope is no surer than chance, a twentieth is left to order equals by."""
    kept = []
    for seed in range(30):
        predicted, target = draw(seed)
        weights, scale = stack_members(predicted + 0.05 * target[:, :, None], target)
        if weights.any():
            kept.append(scale.max())
    assert 0.0 < min(kept) <= SCALE_MAX * KEPT_MIN
