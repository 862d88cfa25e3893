"""The effective-compute multiplier: the frontier of fixed mixes, and a router beside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import InputError
from router.scoring.mixture import best_mixture
from router.scoring.multiplier import (
    build_frontier,
    compute_capped_ratios,
    compute_multiplier,
)

OPTIONS = st.lists(
    st.tuples(st.integers(1, 20).map(float), st.integers(0, 10).map(lambda tenth: tenth / 10)),
    min_size=1,
    max_size=8,
)


@given(options=OPTIONS, share=st.floats(0, 1))
def test_frontier_is_what_the_best_mixture_reaches(
    options: list[tuple[float, float]], share: float
) -> None:
    """At every cost between its ends the frontier has the quality of the best fixed mix."""
    cost, quality = np.array(options).T
    frontier = build_frontier(cost, quality)
    budget = float((1 - share) * frontier.cost[0] + share * frontier.cost[-1])
    budget = max(budget, float(cost.min()))
    reached = float(best_mixture(cost, quality, budget).blend(quality))
    assert np.interp(budget, frontier.cost, frontier.quality) == pytest.approx(reached, abs=1e-9)


@given(options=OPTIONS)
def test_frontier_rises_ever_more_slowly(options: list[tuple[float, float]]) -> None:
    """Corners rise strictly in cost and quality, with falling gain per cost."""
    cost, quality = np.array(options).T
    frontier = build_frontier(cost, quality)
    assert (np.diff(frontier.cost) > 0).all()
    assert (np.diff(frontier.quality) > 0).all()
    slope = np.diff(frontier.quality) / np.diff(frontier.cost)
    assert (np.diff(slope) < 1e-12).all()
    assert frontier.quality[-1] == quality.max()


@given(options=OPTIONS, share=st.floats(0, 1))
def test_a_fixed_mix_itself_has_multiplier_one(
    options: list[tuple[float, float]], share: float
) -> None:
    """Whoever does what the best fixed mix does gets exactly its compute."""
    cost, quality = np.array(options).T
    frontier = build_frontier(cost, quality)
    spent = float((1 - share) * frontier.cost[0] + share * frontier.cost[-1])
    reached = float(np.interp(spent, frontier.cost, frontier.quality))
    multiplier = compute_multiplier(frontier, reached, spent)
    assert multiplier.status == "reached"
    assert multiplier.value == pytest.approx(1.0)


def test_half_the_cost_doubles_the_multiplier() -> None:
    """The multiplier is inverse to the router's cost at equal quality."""
    frontier = build_frontier([1.0, 3.0], [0.25, 0.75])
    assert compute_multiplier(frontier, 0.5, 2.0) == (1.0, "reached")
    assert compute_multiplier(frontier, 0.5, 1.0) == (2.0, "reached")
    assert compute_multiplier(frontier, 0.5, 4.0) == (0.5, "reached")


def test_every_status_is_told_apart() -> None:
    """Qualities above, below and at the ends of the frontier, and a router that costs nothing."""
    frontier = build_frontier([1.0, 3.0], [0.25, 0.75])
    assert compute_multiplier(frontier, 0.75 + 1e-15, 1.5) == (2.0, "reached")
    assert compute_multiplier(frontier, 0.76, 1.5) == (2.0, "beyond")
    assert compute_multiplier(frontier, 0.24, 1.5) == (None, "below")
    assert compute_multiplier(frontier, 0.25, 1.0) == (1.0, "reached")
    assert compute_multiplier(frontier, 0.5, 0.0) == (None, "free")


def test_dominated_options_are_no_corners() -> None:
    """An option that is dearer and no better, or under the line of two others, is left out."""
    frontier = build_frontier([1.0, 1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3, 0.6, 0.6])
    assert frontier.cost.tolist() == [1.0, 3.0]
    assert frontier.quality.tolist() == [0.2, 0.6]


def test_capped_ratios_hold_at_the_ends() -> None:
    """Outside the frontier the nearer end counts."""
    frontier = build_frontier([1.0, 3.0], [0.25, 0.75])
    ratios = compute_capped_ratios(frontier, np.array([0.0, 0.5, 1.0]), np.array([2.0, 2.0, 2.0]))
    assert ratios.tolist() == [0.5, 1.0, 1.5]


@pytest.mark.parametrize(("quality", "cost"), [(np.nan, 1.0), (0.5, np.inf), (0.5, -1.0)])
def test_bad_numbers_are_refused(quality: float, cost: float) -> None:
    """A quality or cost that is not finite, or a negative cost, is an error."""
    with pytest.raises(InputError, match="finite"):
        compute_multiplier(build_frontier([1.0], [0.5]), quality, cost)
