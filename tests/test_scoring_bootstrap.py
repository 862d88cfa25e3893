"""The paired bootstrap: repeatable, paired, and as wide as theory says."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.scoring import bootstrap
from router.scoring.bootstrap import bootstrap_interval, bootstrap_means, percentile_interval


def test_same_seed_gives_the_same_interval(rng: np.random.Generator) -> None:
    """An interval repeats with its seed and moves with another."""
    first, second = rng.random(200), rng.random(200)
    one = bootstrap_interval(first, second, seed=1, n_resamples=200)
    assert bootstrap_interval(first, second, seed=1, n_resamples=200) == one
    assert bootstrap_interval(first, second, seed=2, n_resamples=200) != one


def test_interval_has_the_width_of_the_normal_approximation() -> None:
    """For many questions the interval is 1.96 standard errors to both sides."""
    difference = np.random.default_rng(5).normal(0.1, 1.0, 4000)
    interval = bootstrap_interval(difference, np.zeros(4000), seed=3, n_resamples=10_000)
    error = difference.std() / np.sqrt(4000)
    assert interval.mean == pytest.approx(difference.mean())
    assert interval.low == pytest.approx(difference.mean() - 1.96 * error, abs=0.15 * error)
    assert interval.high == pytest.approx(difference.mean() + 1.96 * error, abs=0.15 * error)


def test_pairing_removes_what_both_scores_share(rng: np.random.Generator) -> None:
    """A constant difference has an interval of width zero, however much the scores vary."""
    score = rng.random(100)
    interval = bootstrap_interval(score + 0.25, score, n_resamples=50)
    assert interval == pytest.approx((0.25, 0.25, 0.25), abs=1e-12)


def test_rows_share_their_resamples(rng: np.random.Generator) -> None:
    """The draws of a sum of rows are the sums of their draws."""
    first, second = rng.random(60), rng.random(60)
    draws = bootstrap_means(np.vstack([first, second, first + second]), n_resamples=40)
    np.testing.assert_allclose(draws[:, 0] + draws[:, 1], draws[:, 2])


def test_draws_are_means_of_questions_drawn_with_replacement() -> None:
    """Of indicator rows, draws are shares: whole counts that sum to the number of questions."""
    draws = bootstrap_means(np.eye(7), seed=4, n_resamples=300) * 7
    np.testing.assert_allclose(draws, np.round(draws), atol=1e-12)
    np.testing.assert_allclose(draws.sum(1), 7)
    assert draws.max() >= 3
    np.testing.assert_allclose(draws.mean(0), 1, atol=0.25)


def test_chunks_are_all_filled(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    """Working in chunks draws afresh for each, and leaves no resample out."""
    monkeypatch.setattr(bootstrap, "CHUNK_ELEMENTS", 64)
    draws = bootstrap_means(rng.random((1, 30)) + 1.0, n_resamples=25)
    assert len(np.unique(draws.round(12))) == 25
    assert draws.min() >= 1.0


def test_confidence_sets_the_tails() -> None:
    """The interval leaves half of what is outside at each end."""
    interval = percentile_interval(np.arange(1001.0), 500.0)
    assert interval == pytest.approx((500.0, 25.0, 975.0))


@pytest.mark.parametrize("confidence", [0.0, 1.0, 95.0, np.nan])
def test_impossible_confidence_is_refused(confidence: float) -> None:
    """A confidence is a share between 0 and 1, not a percentage."""
    with pytest.raises(InputError, match="between 0 and 1"):
        percentile_interval([0.0, 1.0], 0.5, confidence=confidence)


@pytest.mark.parametrize(
    ("first", "second", "n_resamples"),
    [([0.1], [0.1, 0.2], 10), ([], [], 10), ([np.nan], [0.1], 10), ([0.1], [0.2], 0)],
)
def test_bad_scores_are_refused(first: list[float], second: list[float], n_resamples: int) -> None:
    """Scores of different questions, of none, NaN, and no resample at all are errors."""
    with pytest.raises(InputError, match="needed"):
        bootstrap_interval(first, second, n_resamples=n_resamples)
