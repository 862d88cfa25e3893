"""Intervals: equal to closed forms, and covering what is known as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from router.evaluation.off_policy_intervals import (
    find_bernstein_interval,
    find_normal_interval,
    find_skewness_interval,
    find_studentised_interval,
)


def test_normal_interval_is_scipys() -> None:
    """The same ends as SciPy's normal law at the standard error."""
    scores = np.random.default_rng(0).exponential(size=300)
    error = stats.sem(scores)
    expected = stats.norm.interval(0.9, loc=scores.mean(), scale=error)
    assert find_normal_interval(scores, confidence=0.9) == pytest.approx(expected)


def test_studentised_interval_is_the_t_interval_of_normal_scores() -> None:
    """Where scores are normal the resampled quantiles are Student's, up to chance."""
    scores = np.random.default_rng(1).normal(size=400)
    expected = stats.t.interval(0.95, 399, loc=scores.mean(), scale=stats.sem(scores))
    assert find_studentised_interval(scores) == pytest.approx(expected, abs=0.02)


def test_skewed_scores_are_covered_better() -> None:
    """With rare large weights the corrected interval misses less often than the normal one."""
    generator, missed = np.random.default_rng(2), np.zeros(2)
    for _ in range(2000):
        scores = np.where(generator.random(400) < 0.025, 40.0, 0.0)
        for row, (low, high) in enumerate(
            (find_normal_interval(scores), find_skewness_interval(scores))
        ):
            missed[row] += not low <= 1.0 <= high
    assert missed[1] < missed[0]
    assert missed[1] / 2000 < 0.07


def test_correction_in_closed_form_is_the_one_by_resampling() -> None:
    """Both move the interval the same way, by about the same; without skewness neither does."""
    scores = np.random.default_rng(5).exponential(size=1000) ** 2
    drawn = find_studentised_interval(scores)
    width = drawn[1] - drawn[0]
    assert find_skewness_interval(scores) == pytest.approx(drawn, abs=0.06 * width)
    assert find_normal_interval(scores)[1] < drawn[1] - 0.05 * width
    even = np.array([0.0, 1.0] * 200)
    assert find_skewness_interval(even) == pytest.approx(find_normal_interval(even))


def test_bernstein_interval_is_wide_and_covers() -> None:
    """It contains the normal interval, and in 300 draws never misses."""
    generator = np.random.default_rng(3)
    for _ in range(300):
        scores = np.where(generator.random(500) < 0.05, 20.0, 0.0)
        low, high = find_bernstein_interval(scores, 20.0)
        inner = find_normal_interval(scores)
        assert low < inner[0] < inner[1] < high
        assert low <= 1.0 <= high


def test_equal_scores_leave_no_doubt() -> None:
    """Without spread the corrected intervals are the mean itself."""
    assert find_skewness_interval(np.full(60, 0.25)) == (0.25, 0.25)
    assert find_studentised_interval(np.full(60, 0.25)) == (0.25, 0.25)
