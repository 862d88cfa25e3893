"""Points of cost and product: the undominated ones, and what thinning them loses."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.allocation.pareto import find_undominated, thin_points

if TYPE_CHECKING:
    from numpy.typing import NDArray


def make_points(seed: int, n_costs: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Draw points with many ties."""
    chance = np.random.default_rng(seed)
    n_points = int(chance.integers(1, 40))
    return chance.integers(0, 8, (n_points, n_costs)), chance.integers(0, 8, n_points) / 8.0


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_every_point_is_matched_by_a_kept_one(seed: int, n_costs: int) -> None:
    """What is dropped has a kept point at most as dear and at least as good; kept ones have not."""
    cost, product = make_points(seed, n_costs)
    kept = find_undominated(cost, product)
    assert (np.diff(product[kept]) >= 0).all()
    for point in range(len(product)):
        matched = (cost[kept] <= cost[point]).all(axis=1) & (product[kept] >= product[point])
        assert matched.any()
        if point in kept:
            assert kept[matched].tolist() == [point]


@given(st.integers(0, 2**32 - 1), st.integers(1, 3), st.integers(4, 12))
def test_thinned_points_lose_no_more_than_stated(seed: int, n_costs: int, points_max: int) -> None:
    """At most so many points stay, the best among them, and each of the others has a substitute."""
    cost, product = make_points(seed, n_costs)
    front = find_undominated(cost, product)
    cost, product = cost[front], product[front]
    kept, loss = thin_points(cost, product, points_max)
    assert len(kept) <= points_max
    assert len(product) - 1 in kept
    assert (np.diff(kept) > 0).all()
    if loss < product[-1]:
        for point in range(len(product)):
            cheaper = (cost[kept] <= cost[point]).all(axis=1)
            assert product[kept][cheaper].max() >= product[point] - loss - 1e-12
    if len(product) <= points_max:
        assert loss == 0.0


@pytest.mark.parametrize("n_costs", [2, 3])
def test_equal_products_at_different_costs_are_spread(n_costs: int) -> None:
    """Points that only costs tell apart cannot be bucketed; the cheapest in every unit stay."""
    cost = np.stack([np.arange(20), *[np.arange(20)[::-1]] * (n_costs - 1)], axis=1)
    kept, loss = thin_points(cost, np.full(20, 0.5), 5)
    assert len(kept) <= 5
    assert {0, 19} <= set(kept.tolist())
    assert loss == 0.5
