"""Populations fitted to logs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.evaluation.simulation import Population, fit_population
from router.exceptions import LogError
from router.options import Option
from router.outcomes import OutcomeLog

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRUTH = Population(
    ("a", "b", "c"), [0.1, 0.6, -0.4], [[0.8, 0.0], [0.5, 0.6], [0.6, -0.3]], [0.1, 0.0, 0.2]
)


def make_log(quality: NDArray[Any], trials: int = 1) -> OutcomeLog:
    """Make a log in which every question saw every option."""
    n_questions, n_options = quality.shape
    return OutcomeLog(
        query_ids=tuple(f"q{row:05d}" for row in range(n_questions)),
        texts=tuple(f"question {row}" for row in range(n_questions)),
        groups=(None,) * n_questions,
        options=tuple(Option(name) for name in "abcdefgh"[:n_options]),
        question_index=np.repeat(np.arange(n_questions), n_options),
        option_index=np.tile(np.arange(n_options), n_questions),
        quality=quality.ravel().astype(np.float64),
        cost=np.ones(quality.size),
        trials=np.full(quality.size, trials),
        cost_unit="usd",
    )


def draw(n_questions: int, n_runs: int, seed: int = 1) -> NDArray[Any]:
    """Draw the outcomes of a known population."""
    chance = np.random.default_rng(seed)
    return TRUTH.observe(TRUTH.judge(TRUTH.draw(n_questions, chance)), chance, n_runs)


@pytest.mark.parametrize("n_runs", [1, 5])
def test_a_known_population_is_found_again(n_runs: int) -> None:
    """Means are those of the log; correlations between options are those they were drawn with."""
    observed = draw(20_000, n_runs).astype(np.float64)
    fit = fit_population(make_log(observed, n_runs))
    assert fit.population.mean == pytest.approx(observed.mean(axis=0), abs=1e-9)
    off = ~np.eye(3, dtype=bool)
    assert fit.population.correlation[off] == pytest.approx(TRUTH.correlation[off], abs=0.04)
    assert fit.oracle_drawn == pytest.approx(fit.oracle, abs=0.01)
    assert fit.repeatable == (n_runs > 1)


def test_several_runs_say_what_repeats_and_one_does_not() -> None:
    """With several runs the option's own part is found; with one it counts as chance."""
    many = fit_population(make_log(draw(20_000, 5), 5)).population
    once = fit_population(make_log(draw(20_000, 1), 1)).population
    assert many.share == pytest.approx(TRUTH.share, abs=0.03)
    assert np.asarray(once.own).tolist() == [0.0, 0.0, 0.0]
    assert once.share[2] < TRUTH.share[2] - 0.1


def test_options_that_never_differ_are_kept_out_of_the_correlations() -> None:
    """An option that always fails has its mean, and nothing in common with others."""
    observed = draw(300, 1)
    observed[:, 2] = 0.0
    population = fit_population(make_log(observed)).population
    assert population.mean[2] < 0.01
    assert population.correlation[2, :2] == pytest.approx([0.0, 0.0], abs=1e-6)


def test_few_questions_are_refused() -> None:
    """A log of too few full rows says how many it has and needs."""
    with pytest.raises(LogError, match="20 questions saw all of 3 options; at least 50"):
        fit_population(make_log(draw(20, 1)))
