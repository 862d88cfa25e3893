"""Shrinkage of group means: the method of moments, group by group, and its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import stats

from router.models.shrinkage import CONFIDENCE, shrink_group_means

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shrink_slowly(values: list[float], groups: list[int], n_groups: int) -> list[float]:
    """Shrink one column with sums written out."""
    n = len(values)
    overall = sum(values) / n
    inside = [[v for v, g in zip(values, groups, strict=True) if g == k] for k in range(n_groups)]
    seen = [part for part in inside if part]
    if len(seen) < 2 or len(seen) == n:
        return [overall] * n_groups
    means = [sum(part) / len(part) for part in seen]
    within = sum((v - m) ** 2 for part, m in zip(seen, means, strict=True) for v in part) / (
        n - len(seen)
    )
    between_square = sum(
        len(part) * (m - overall) ** 2 for part, m in zip(seen, means, strict=True)
    ) / (len(seen) - 1)
    size = (n - sum(len(part) ** 2 for part in seen) / n) / (len(seen) - 1)
    chance = stats.f.ppf(CONFIDENCE, len(seen) - 1, n - len(seen))
    between = max((between_square - chance * within) / size, 0.0)
    shrunk = []
    for part in inside:
        if not part or between == 0:
            shrunk.append(overall)
            continue
        kept = between / (between + within / len(part))
        shrunk.append(overall + kept * (sum(part) / len(part) - overall))
    return shrunk


@pytest.mark.parametrize("between", [0.0, 0.05, 1.0])
def test_shrinkage_is_the_formula(rng: np.random.Generator, between: float) -> None:
    """With unequal and empty groups each column shrinks as the formula written out says."""
    for _ in range(30):
        n_groups = int(rng.integers(2, 7))
        groups = rng.integers(0, n_groups, int(rng.integers(3, 40)))
        offset = between * rng.normal(size=(n_groups, 3))
        values = offset[groups] + 0.3 * rng.normal(size=(len(groups), 3))
        found = shrink_group_means(values, groups, n_groups)
        for column in range(3):
            expected = shrink_slowly(values[:, column].tolist(), groups.tolist(), n_groups)
            np.testing.assert_allclose(found[:, column], expected, atol=1e-10)


def make_groups(between: float, size: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Make four groups of one size, so far apart."""
    rng = np.random.default_rng(1)
    group = np.repeat(np.arange(4), size)
    return (between * group + rng.normal(size=4 * size))[:, None], group


def test_huge_groups_keep_their_own_mean() -> None:
    """With enough questions a group's own mean stands."""
    values, group = make_groups(1.0, 20_000)
    own = [values[group == g].mean() for g in range(4)]
    np.testing.assert_allclose(shrink_group_means(values, group, 4)[:, 0], own, atol=1e-3)


def test_chance_seldom_passes_for_a_difference() -> None:
    """Of columns in which groups differ by chance alone, about one of twenty keeps anything."""
    rng = np.random.default_rng(2)
    values, group = rng.normal(size=(200, 2000)), np.arange(200) % 8
    table = shrink_group_means(values, group, 8)
    kept = np.abs(table - values.mean(axis=0)).max(axis=0) > 1e-12
    assert 0.03 < kept.mean() < 0.07


def test_groups_alike_get_the_overall_mean() -> None:
    """Groups whose means differ less than chance would have it are one group."""
    values = np.tile([[0.0], [1.0]], (8, 1))
    group = np.repeat(np.arange(4), 4)
    assert shrink_group_means(values, group, 4).tolist() == [[0.5]] * 4


def test_small_groups_are_trusted_less() -> None:
    """Of two groups equally far off, the larger one keeps more of it."""
    rng = np.random.default_rng(3)
    noise = rng.normal(size=200)
    group = np.r_[np.zeros(100, int), np.ones(90, int), np.full(10, 2)]
    values = noise.copy()
    for g, mean in enumerate((0.0, 2.0, 2.0)):
        values[group == g] += mean - noise[group == g].mean()
    shrunk = shrink_group_means(values[:, None], group, 3)[:, 0]
    assert values.mean() < shrunk[2] < shrunk[1] < 2.0


@pytest.mark.parametrize("groups", [[0, 0, 0], [0, 1, 2]])
def test_one_group_and_lone_rows_get_the_overall_mean(groups: list[int]) -> None:
    """Without two rows somewhere or two groups, nothing can be told apart."""
    values = np.array([[0.0], [1.0], [5.0]])
    assert shrink_group_means(values, np.array(groups), 3).tolist() == [[2.0]] * 3


def test_constant_values_stay() -> None:
    """No variance at all divides nothing by nothing."""
    values = np.full((6, 2), 0.25)
    assert shrink_group_means(values, np.array([0, 0, 1, 1, 2, 2]), 3).tolist() == [[0.25] * 2] * 3


def test_shrinkage_lowers_the_error() -> None:
    """Over many draws shrunk means are nearer to the truth than raw means and than the overall."""
    rng = np.random.default_rng(8)
    errors = np.zeros(3)
    for _ in range(60):
        truth = 0.1 * rng.normal(size=12)
        group = rng.integers(0, 12, 200)
        values = (truth[group] + 0.5 * rng.normal(size=200))[:, None]
        raw = np.array([values[group == g].mean() for g in range(12)])
        shrunk = shrink_group_means(values, group, 12)[:, 0]
        guesses = (shrunk, raw, np.full(12, values.mean()))
        errors += [((guess - truth) ** 2).mean() for guess in guesses]
    assert errors[0] < errors[1]
    assert errors[0] < errors[2]
