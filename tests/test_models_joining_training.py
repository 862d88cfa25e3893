"""The prior of a new model: planted models are found again, and one model alone gives defaults."""

from __future__ import annotations

import numpy as np
import pytest

from router.models.joining import BLOCKS
from router.models.joining_training import DEFAULTS, STRENGTH_SLOPE, fit_join_prior
from router.models.strengths import StrengthTable
from router.options import Option
from tests.contracts.newcomers import STRENGTHS, make_option

N_QUESTIONS, N_MODELS, N_TASKS = 300, 24, 6


def plant(
    rng: np.random.Generator, *, ability: float, task: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[Option]]:
    """Plant models that differ by so much in ability and from task to task, with noise of .1."""
    membership = np.eye(N_TASKS)[rng.integers(0, N_TASKS, N_QUESTIONS)]
    level = rng.normal(scale=0.1, size=N_QUESTIONS)
    held_out = 0.5 + level[:, None] + rng.normal(scale=ability, size=N_MODELS)
    held_out += membership @ rng.normal(scale=task, size=(N_TASKS, N_MODELS))
    quality = held_out + rng.normal(scale=0.1, size=held_out.shape)
    return quality, held_out, membership, [Option(f"m{i}") for i in range(N_MODELS)]


def read_deviation(prior: object, block: str) -> float:
    """Return a block's standard deviation."""
    return float(np.sqrt(prior.variance[BLOCKS.index(block)]))  # type: ignore[attr-defined]


@pytest.mark.parametrize(("ability", "task"), [(0.05, 0.1), (0.3, 0.02)])
def test_spread_of_models_is_found(ability: float, task: float, rng: np.random.Generator) -> None:
    """Deviations of ability and tasks are those planted, as far as 24 models and a prior let."""
    prior = fit_join_prior(*plant(rng, ability=ability, task=task), STRENGTHS)
    # The default, worth two models of 26, keeps a small spread from being found as it is, and what
    # the tasks add on average is part of the ability.
    expected = np.hypot(np.hypot(ability, task / 6**0.5), 0.15 / 13**0.5)
    assert read_deviation(prior, "ability") == pytest.approx(expected, rel=0.6)
    assert read_deviation(prior, "task") == pytest.approx(np.hypot(task, 0.12 / 13**0.5), rel=0.5)
    assert prior.noise + prior.between == pytest.approx(0.01, rel=0.3)


def test_strength_counts_where_it_tells(rng: np.random.Generator) -> None:
    """Where ability rises with strength, the slope is found; without strengths it stays put."""
    quality, held_out, membership, options = plant(rng, ability=0.01, task=0.02)
    strength = np.linspace(0.2, 0.9, N_MODELS)
    lift = 0.9 * (strength - strength.mean())
    table = StrengthTable("2026-11-22", {f"m{i}": s for i, s in enumerate(strength)}, ())
    options = [Option(option.name, model=option.name) for option in options]
    found = fit_join_prior(quality + lift, held_out + lift, membership, options, table)
    assert found.strength_slope == pytest.approx(0.9, abs=0.15)
    blank = StrengthTable("2026-11-22", {}, ())
    found = fit_join_prior(quality, held_out, membership, options, blank)
    assert found.strength_slope == STRENGTH_SLOPE


def test_one_model_alone_gives_the_defaults(rng: np.random.Generator) -> None:
    """Without a second model nothing is known of how models differ, but the noise is."""
    held_out = rng.uniform(0.3, 0.7, (200, 2))
    quality = held_out + rng.normal(scale=0.2, size=(200, 2))
    options = [make_option("a"), make_option("a", "high")]
    prior = fit_join_prior(quality, held_out, np.ones((200, 1)), options, STRENGTHS)
    for block, (mean, deviation) in DEFAULTS.items():
        assert prior.mean[BLOCKS.index(block)] == mean
        assert read_deviation(prior, block) == pytest.approx(deviation)
    assert prior.noise + prior.between == pytest.approx(0.04, rel=0.4)


def test_sparse_logs_have_a_prior_too(rng: np.random.Generator) -> None:
    """With one outcome a question in two, everything stays finite and in range."""
    quality, held_out, membership, options = plant(rng, ability=0.1, task=0.05)
    quality[rng.random(quality.shape) < 0.95] = np.nan
    prior = fit_join_prior(quality, held_out, membership, options, STRENGTHS)
    assert np.isfinite(prior.mean).all()
    assert (prior.variance > 0.0).all()
    assert prior.noise > 0.0
