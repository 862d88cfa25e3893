"""The rounds: few of them, also where the sample misleads."""

from __future__ import annotations

import math

import numpy as np
import pytest

from router.allocation import solve
from router.allocation.problem import Problem
from router.allocation.sharded.candidates import sample_prices, secant_prices, wider_prices
from router.allocation.sharded.totals import Total
from tests.contracts.shards import (
    NARROW,
    TIED,
    allocate_within,
    check_sharded,
    cut,
    float_rows,
    shared_rows,
)


@pytest.mark.parametrize("limits", [NARROW, TIED], ids=["narrow", "tied"])
@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_misleading_sample_costs_rounds_only(share: float, limits: object) -> None:
    """Where the sampled rows are unlike all others the bracket widens until it holds the price."""
    quality, cost = float_rows(2000, 8, seed=5), shared_rows(8)
    limits = NARROW._replace(sample_rows=4) if limits is NARROW else TIED._replace(sample_rows=4)
    for fill in (0.0, 1.0):
        # The four rows that are looked at first gain nothing, or all that there is.
        wrong = quality.copy()
        wrong[np.linspace(0, 1999, 4).astype(np.int64)] = np.where(cost > 0, fill, 0.0)
        budget = int(share * cost[wrong.argmax(axis=1)].sum())
        plan = allocate_within(cut(wrong, cost, 3), budget, limits)
        check_sharded(plan, wrong, cost, budget)
        whole = solve(wrong, cost, budget, method="dual")
        assert plan.bound == pytest.approx(whole.bound, rel=1e-8)
        assert plan.bound - plan.value <= 1.0


def test_rows_are_read_once_and_then_few() -> None:
    """After the sample all rows are read once, later rounds look at a small part of them."""
    quality, cost = float_rows(60_000, 8, seed=6), shared_rows(8)
    limits = NARROW._replace(sample_rows=4000, gather_elements=20_000)
    plan = allocate_within(cut(quality, cost, 4), 6_000_000, limits)
    check_sharded(plan, quality, cost, 6_000_000)
    assert plan.rows_read[:2] == (4000, 60_000)
    assert len(plan.rows_read) <= 4
    assert sum(plan.rows_read[2:]) <= 12_000
    assert plan.gap <= 1e-5


def test_prices_of_a_sample_enclose_its_own() -> None:
    """The first prices rise strictly around the sample's price; an extreme share opens an end."""
    quality, cost = float_rows(500, 6, seed=7).astype(float), shared_rows(6)
    sample = Problem(quality, cost)
    prices = sample_prices(sample, 60_000.0)
    assert list(prices) == sorted(set(prices))
    assert prices[0] < solve(quality, cost, 60_000).shadow_prices[0] < prices[-1] < math.inf
    assert sample_prices(sample, -1e12)[-1] == math.inf
    assert sample_prices(sample, 1e12)[0] == 0.0
    flat = Problem(np.zeros((3, 2)), np.array([1, 2]))
    assert sample_prices(flat, 1e12) == (0.0, math.inf)
    assert sample_prices(flat, 0.0) == (0.0, math.inf)


def test_prices_close_in_on_the_crossing() -> None:
    """The crossing of two tangents is asked, and prices on both sides, ever closer to it."""
    prices = secant_prices((1.0, Total(48, 4)), (5.0, Total(16, 2)), 8.0)
    assert prices[0] == 1.0
    assert prices[-1] == 5.0
    assert 2.0 in prices
    assert min(abs(price - 2.0) for price in prices if price != 2.0) < 1e-5
    assert len(secant_prices((0.0, Total(48, 4)), (math.inf, Total(0, 0)), 8.0)) > 10


def test_wider_prices_reach_the_ends_of_the_scale() -> None:
    """Upward prices end with the cheapest plan, downward ones begin with the richest."""
    up, down = wider_prices(2.0, upward=True), wider_prices(2.0, upward=False)
    assert (up[0], up[-1]) == (2.0, math.inf)
    assert (down[0], down[-1]) == (0.0, 2.0)
    assert list(up) == sorted(up)
    assert list(down) == sorted(down)
