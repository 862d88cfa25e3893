"""Plans: within their budgets in integers, and scored on what really followed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.evaluation.plans import plan_in_integers, score_plans
from router.evaluation.protocol import FRACTIONS, DenseView, assign_folds
from router.scoring import knapsack

if TYPE_CHECKING:
    from numpy.typing import NDArray


def plan_by_protocol(
    quality: NDArray[np.float64],
    cost: NDArray[np.int64],
    budget: int,
    /,
    *,
    allowed: NDArray[np.bool_] | None,
) -> NDArray[np.int64]:
    """Plan with the protocol's knapsack, as an allocator."""
    return knapsack(quality, cost.astype(np.float64), budget / len(quality), allowed=allowed)


def make_view(seed: int, *, gaps: bool = False, n_options: int = 4) -> DenseView:
    """Make 60 questions with drawn outcomes; with gaps each saw two options at least."""
    generator = np.random.default_rng(seed)
    shape = (60, n_options)
    allowed = np.ones(shape, dtype=bool)
    if gaps:
        allowed = generator.random(shape) < 0.4
        allowed[:, 0] |= True
        allowed[np.arange(60), generator.integers(1, n_options, 60)] = True
    texts = np.empty(60, dtype=object)
    texts[:] = [f"question {number}" for number in range(60)]
    base = np.cumsum(generator.random(n_options) + 0.1)
    return DenseView(
        rows=np.arange(60),
        texts=texts,
        groups=np.array([None] * 60, dtype=object),
        folds=assign_folds(list(texts)),
        quality=np.where(allowed, generator.integers(0, 5, shape) / 4, 0.0),
        cost=base * generator.uniform(0.5, 1.5, shape),
        allowed=allowed,
    )


@given(
    seed=st.integers(0, 2**32 - 1),
    exponent=st.integers(-12, 12),
    share=st.floats(0, 1),
    gaps=st.booleans(),
)
def test_integer_plan_never_exceeds_its_budget(
    seed: int, exponent: int, share: float, *, gaps: bool
) -> None:
    """Whatever the unit of costs, the plan's cost is within the budget and options are open."""
    generator = np.random.default_rng(seed)
    view = make_view(seed, gaps=gaps)
    cost = generator.random(4) * 10.0**exponent
    least = np.where(view.allowed, cost, np.inf).min(1).mean()
    budget = float(least + share * (cost.max() - least))
    choices = plan_in_integers(generator.normal(size=(60, 4)), cost, budget, view.allowed)
    assert view.allowed[np.arange(60), choices].all()
    assert cost[choices].mean() <= budget * (1 + 1e-12)


@given(seed=st.integers(0, 2**32 - 1))
def test_integer_plan_is_no_worse_than_the_protocol(seed: int) -> None:
    """On whole costs, which the grid keeps exact, the allocator matches or beats the knapsack."""
    generator = np.random.default_rng(seed)
    quality, cost = generator.random((40, 4)), generator.integers(0, 9, 4).astype(float)
    budget = float(cost.min() + generator.random() * np.ptp(cost))
    rows = np.arange(40)
    ours = quality[rows, plan_in_integers(quality, cost, budget, np.ones((40, 4), dtype=bool))]
    assert ours.sum() >= quality[rows, knapsack(quality, cost, budget)].sum() - 1e-9


def test_surfaces_outside_the_unit_range_plan_alike() -> None:
    """Shifting rows and stretching all of a surface changes no plan."""
    generator = np.random.default_rng(7)
    quality, cost = generator.random((50, 3)), np.array([1.0, 2.0, 5.0])
    everything = np.ones((50, 3), dtype=bool)
    plain = plan_in_integers(quality, cost, 2.5, everything)
    moved = plan_in_integers(quality * 8 + generator.normal(size=(50, 1)), cost, 2.5, everything)
    assert plain.tolist() == moved.tolist()


def test_budget_of_the_cheapest_plan_buys_its_best() -> None:
    """At the lowest budget, of equally cheap options the better one is taken."""
    quality, cost = np.array([[0.1, 0.4, 0.9]] * 7), np.array([0.1, 0.1, 0.3])
    choices = plan_in_integers(quality, cost, 0.1, np.ones((7, 3), dtype=bool))
    assert choices.tolist() == [1] * 7


def test_free_options_are_planned() -> None:
    """Where nothing costs anything every question gets its best option."""
    quality = np.array([[0.1, 0.4], [0.6, 0.2]])
    choices = plan_in_integers(quality, np.zeros(2), 0.0, np.ones((2, 2), dtype=bool))
    assert choices.tolist() == [1, 0]


@pytest.mark.parametrize("gaps", [False, True])
def test_allocator_is_asked_with_integers(*, gaps: bool) -> None:
    """With the protocol's knapsack as allocator, both plans of a surface agree."""
    view = make_view(1, gaps=gaps)
    surface = np.random.default_rng(2).random(view.quality.shape)
    scores = score_plans(
        view, {"router_knapsack": surface}, router=surface, allocator=plan_by_protocol
    )
    difference = scores.quality["router"] - scores.quality["router_knapsack"]
    # The grid may cost one upgrade a fold.
    assert np.count_nonzero(difference) <= 5 * len(FRACTIONS)


@pytest.mark.parametrize("gaps", [False, True])
@pytest.mark.parametrize("seed", range(3))
def test_oracle_is_above_every_plan(seed: int, *, gaps: bool) -> None:
    """Of all plans at equal planned cost, true outcomes make the best, but for the last fill."""
    view = make_view(seed, gaps=gaps)
    surface = np.random.default_rng(seed).random(view.quality.shape)
    quality = score_plans(view, {"drawn": surface}, router=surface).quality
    for name in ("drawn", "router", "blind", "uniform"):
        assert (quality["oracle"].mean(1) >= quality[name].mean(1) - 5 / 60).all()


@pytest.mark.parametrize("gaps", [False, True])
def test_spend_is_the_cost_really_incurred(*, gaps: bool) -> None:
    """A plan of one option spends that option's own costs; mixes spend in proportion."""
    view = make_view(4, gaps=gaps, n_options=2)
    scores = score_plans(view, {"best": np.tile([0.0, 1.0], (60, 1))})
    np.testing.assert_allclose(scores.spend["cheapest"], np.tile(view.cost[:, 0], (5, 1)))
    for name, spent in scores.spend.items():
        low, high = view.cost.min(1), view.cost.max(1)
        assert (spent >= low - 1e-12).all(), name
        assert (spent <= high + 1e-12).all(), name


def test_only_seen_options_are_scored() -> None:
    """With gaps, no plan is credited with an outcome that was not observed."""
    view = make_view(5, gaps=True)
    view.quality[~view.allowed] = 99.0
    surface = np.random.default_rng(0).random(view.quality.shape)
    scores = score_plans(view, {"drawn": surface}, router=surface)
    assert max(float(values.max()) for values in scores.quality.values()) <= 1.0


def test_blind_with_gaps_ignores_the_questions() -> None:
    """With gaps blind plans by means of options, so it is the knapsack on a constant surface."""
    view = make_view(6, gaps=True)
    scores = score_plans(view, {})
    mean = np.zeros(view.quality.shape)
    for fold in range(5):
        train = np.flatnonzero(view.folds != fold)
        mean[view.folds == fold] = view.mean_by_option(view.quality, train)
    again = score_plans(view, {"means": mean})
    np.testing.assert_array_equal(scores.quality["blind"], again.quality["means"])
