"""Curves of quality over cost: worked by hand and by their invariants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import InputError
from router.scoring.multiplier import build_frontier
from router.scoring.tradeoff import compute_aiq, compute_arena_score, compute_qnc

if TYPE_CHECKING:
    from numpy.typing import NDArray

POINTS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=30).map(
    lambda pairs: np.array(pairs, dtype=np.float64).T
)


def test_aiq_of_a_worked_example() -> None:
    """A dominated point and a worse, dearer one do not count; the hull is flat to the end."""
    cost, quality = [1.0, 2.0, 3.0, 5.0], [0.2, 0.3, 0.8, 0.4]
    # From 1 to 3 the hull rises from .2 to .8, then it stays.
    assert compute_aiq(cost, quality, cost_min=1, cost_max=5) == pytest.approx(
        (2 * 0.5 + 2 * 0.8) / 4
    )
    in_code = compute_aiq(cost, quality, cost_min=1, cost_max=5, normalisation="code")
    assert in_code == pytest.approx((2 * 0.5 + 2 * 0.8) / 5)


@given(points=POINTS, more=POINTS)
def test_hull_is_never_below_a_point(
    points: NDArray[np.float64], more: NDArray[np.float64]
) -> None:
    """The hull lies on or above every point, and further points never lower the area."""
    cost, quality = points
    frontier = build_frontier(cost, quality)
    assert (np.interp(cost, frontier.cost, frontier.quality) >= quality - 1e-9).all()
    area = compute_aiq(cost, quality, cost_min=0, cost_max=20)
    assert area <= quality.max() + 1e-9
    both = np.hstack([points, more])
    assert compute_aiq(both[0], both[1], cost_min=0, cost_max=20) >= area - 1e-9


@given(points=POINTS)
def test_area_equals_a_fine_sum(points: NDArray[np.float64]) -> None:
    """The exact area is what summing the hull in small steps gives."""
    cost, quality = points
    frontier = build_frontier(cost, quality)
    middles = (np.arange(40_000) + 0.5) / 40_000 * 20
    heights = np.interp(middles, frontier.cost, frontier.quality)
    heights = np.where(middles < frontier.cost[0], 0.0, heights)
    assert compute_aiq(cost, quality, cost_min=0, cost_max=20) == pytest.approx(
        float(heights.mean()), abs=1e-3
    )


def test_range_without_width_is_refused() -> None:
    """Equal ends and free options leave no range of costs to average over."""
    for low, high in ((2.0, 2.0), (0.0, 0.0), (0.0, np.inf)):
        with pytest.raises(InputError, match="two rising finite numbers"):
            compute_aiq([1.0], [0.5], cost_min=low, cost_max=high)


def test_qnc_finds_the_cheapest_crossing() -> None:
    """A curve that bends back is searched for its least cost, not its first knot."""
    cost, quality = np.array([1.0, 4.0, 2.0]), np.array([0.2, 0.6, 0.8])
    assert float(compute_qnc(cost, quality, goal=0.4, goal_cost=5.0)) == pytest.approx(0.4)
    assert float(compute_qnc(cost, quality, goal=0.8, goal_cost=4.0)) == pytest.approx(0.5)
    assert np.isinf(compute_qnc(cost, quality, goal=0.9, goal_cost=4.0))
    assert np.isnan(compute_qnc(cost, quality, goal=0.4, goal_cost=0.0))


def test_qnc_scores_curves_together() -> None:
    """Goals differ by curve."""
    cost, quality = np.tile([1.0, 3.0], (2, 1)), np.tile([0.0, 1.0], (2, 1))
    ratio = compute_qnc(cost, quality, goal=[0.5, 0.25], goal_cost=[4.0, 3.0])
    np.testing.assert_allclose(ratio, [0.5, 0.5])


@given(quality=st.floats(0.01, 1), usd=st.floats(0.0044, 200), factor=st.floats(1, 10))
def test_arena_score_falls_with_cost(quality: float, usd: float, factor: float) -> None:
    """Dearer is never better, better is never worse, and the score stays from 0 to 1."""
    score = float(compute_arena_score(quality, usd))
    assert 0 <= score <= 1 + 1e-12
    assert float(compute_arena_score(quality, usd * factor)) <= score + 1e-12
    assert float(compute_arena_score(min(1.0, quality * factor), usd)) >= score - 1e-12


def test_arena_score_has_its_published_anchor_and_ends() -> None:
    """The leader board's line comes out; the dearest end has no score at all."""
    assert float(compute_arena_score(0.7597, 0.11)) == pytest.approx(0.7538, abs=5e-5)
    assert float(compute_arena_score(0.9, 500.0)) == 0.0
    assert float(compute_arena_score(1.0, 0.0)) == pytest.approx(1.0)
    assert float(compute_arena_score(0.0, 500.0)) == 0.0
