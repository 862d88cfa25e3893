"""Populations of questions as normal variables with thresholds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.evaluation.simulation import Population
from router.exceptions import InputError
from router.strategies.normal_law import compute_joint

if TYPE_CHECKING:
    from numpy.typing import NDArray

POPULATION = Population(
    ("a", "b", "c"), [0.2, -0.5, 1.0], [[0.6, 0.1], [0.5, -0.4], [0.3, 0.3]], [0.0, 0.2, 0.1]
)


def draw(n_questions: int = 200_000, seed: int = 3) -> NDArray[Any]:
    """Draw true qualities."""
    return POPULATION.judge(POPULATION.draw(n_questions, np.random.default_rng(seed)))


def test_options_have_their_means() -> None:
    """The mean over questions is what the threshold says."""
    assert draw().mean(axis=0) == pytest.approx(POPULATION.mean, abs=0.004)


def test_options_succeed_together_as_often_as_stated() -> None:
    """Two options' qualities multiply to the orthant's probability."""
    quality = draw().astype(np.float64)
    thresholds = np.asarray(POPULATION.thresholds)
    expected = compute_joint(thresholds[:, None], thresholds, POPULATION.correlation)
    assert quality.T @ quality / len(quality) == pytest.approx(expected, abs=0.004)


def test_runs_repeat_as_far_as_the_question_decides() -> None:
    """Two runs of one option agree by the share of variance that is the question's."""
    quality, chance = draw(), np.random.default_rng(0)
    runs = [POPULATION.observe(quality, chance) for _ in range(2)]
    expected = compute_joint(POPULATION.thresholds, POPULATION.thresholds, POPULATION.share)
    assert (runs[0] * runs[1]).mean(axis=0) == pytest.approx(expected, abs=0.004)


def test_means_of_runs_are_counts() -> None:
    """Several runs give multiples of one over their number."""
    observed = POPULATION.observe(draw(100), np.random.default_rng(1), [[4, 1, 2]])
    counts = observed * np.array([4, 1, 2])
    assert (counts == counts.round()).all()
    assert len(np.unique(observed[:, 0])) > 2


def test_draws_depend_on_the_seed_alone() -> None:
    """The same seed draws the same questions."""
    assert (draw(50, seed=5) == draw(50, seed=5)).all()
    assert (draw(50, seed=5) != draw(50, seed=6)).any()


def test_selecting_keeps_what_belongs_to_an_option() -> None:
    """Chosen options keep thresholds, correlations and their own part, in the order asked for."""
    kept = POPULATION.select([2, 0])
    assert kept.options == ("c", "a")
    assert kept.correlation == pytest.approx(POPULATION.correlation[np.ix_([2, 0], [2, 0])])


def test_easier_questions_are_answered_better() -> None:
    """A shift moves the thresholds, for all options or each by its own."""
    assert (POPULATION.shift(0.3).mean > POPULATION.mean).all()
    assert POPULATION.shift([0.0, 1.0, 0.0]).mean[[0, 2]] == pytest.approx(POPULATION.mean[[0, 2]])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((("a", "a"), [0.0, 0.0], [[0.5], [0.5]]), "different names"),
        (((), [], np.zeros((0, 1))), "one or more"),
        ((("a",), [0.0, 1.0], [[0.1]]), "thresholds has shape"),
        ((("a",), [np.nan], [[0.1]]), "finite"),
        ((("a",), [0.0], [[0.1], [0.2]]), "loadings has shape"),
        ((("a",), [0.0], [[1.1]]), "variance 1.21"),
        ((("a",), [0.0], [[0.1]], [-0.1]), "-0.1"),
    ],
)
def test_impossible_populations_are_refused(arguments: tuple[Any, ...], message: str) -> None:
    """Shapes that do not fit, and variances that cannot be, are named."""
    with pytest.raises(InputError, match=message):
        Population(*arguments)
