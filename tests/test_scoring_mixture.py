"""The best fixed mix: exact, within its budget, and first among equals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import BudgetError, InputError
from router.scoring.mixture import Mixture, best_mixture, check_means

if TYPE_CHECKING:
    from numpy.typing import NDArray

AMOUNTS = st.integers(0, 20).map(float)
QUALITIES = st.integers(0, 10).map(lambda tenth: tenth / 10)


def search_mixture(
    cost: NDArray[np.float64], quality: NDArray[np.float64], budget: float
) -> tuple[int, int, float]:
    """Find the protocol's mix by its definition, one pair after the other."""
    best = -1.0
    pick: tuple[int, int, float] = (-1, -1, 0.0)
    for low in map(int, np.flatnonzero(cost <= budget)):
        if quality[low] > best:
            best, pick = quality[low], (low, low, 0.0)
        for high in map(int, np.flatnonzero(cost > budget)):
            share = (budget - cost[low]) / (cost[high] - cost[low])
            mixed = (1 - share) * quality[low] + share * quality[high]
            if mixed > best:
                best, pick = mixed, (low, high, share)
    return pick


@given(options=st.lists(st.tuples(AMOUNTS, QUALITIES), min_size=1, max_size=8), extra=AMOUNTS)
def test_mixture_equals_the_search_of_all_pairs(
    options: list[tuple[float, float]], extra: float
) -> None:
    """The mix is the one that trying every pair in order finds, ties included."""
    cost, quality = np.array(options).T
    budget = float(cost.min()) + extra / 3
    assert best_mixture(cost, quality, budget) == search_mixture(cost, quality, budget)


@given(options=st.lists(st.tuples(AMOUNTS, QUALITIES), min_size=1, max_size=8), extra=AMOUNTS)
def test_mixture_stays_within_the_budget_and_grows_with_it(
    options: list[tuple[float, float]], extra: float
) -> None:
    """No mix costs more than its budget, and more budget never buys less quality."""
    cost, quality = np.array(options).T
    budget = float(cost.min()) + extra / 3
    mixture, richer = best_mixture(cost, quality, budget), best_mixture(cost, quality, budget + 1)
    assert mixture.blend(cost) <= budget + 1e-9
    assert richer.blend(quality) >= mixture.blend(quality) - 1e-12


def test_blend_works_on_tables() -> None:
    """Blending a table of questions blends every row."""
    table = np.array([[0.0, 1.0], [1.0, 0.0], [0.5, 0.5]])
    np.testing.assert_allclose(Mixture(0, 1, 0.25).blend(table), [0.25, 0.75, 0.5])


def test_budget_below_the_cheapest_is_refused() -> None:
    """A budget that buys nothing is an error that names it."""
    with pytest.raises(BudgetError, match=r"budget 0.5 is below .* 1.0"):
        best_mixture([1.0, 2.0], [0.1, 0.2], 0.5)


@pytest.mark.parametrize(
    ("cost", "quality"),
    [([1.0], [0.1, 0.2]), ([], []), ([[1.0]], [[1.0]]), ([np.nan], [0.1]), ([1.0], [np.inf])],
)
def test_bad_means_are_refused(cost: list[float], quality: list[float]) -> None:
    """Shapes that differ, nothing at all, and numbers that are not finite are errors."""
    with pytest.raises(InputError, match=r"shapes|finite"):
        check_means(cost, quality)
