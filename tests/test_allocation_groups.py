"""Dependent rows: one knapsack row a group, equal to trying every combination."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.allocation import Solution, solve
from router.allocation.groups import Folded, fold_groups
from router.allocation.problem import Problem
from router.exceptions import AllocationError, BudgetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

QUALITY = np.array([[0.1, 0.5, 0.7], [0.2, 0.4, 0.9], [0.0, 0.6, 0.8]])
COST = np.array([[0, 10, 20], [1, 11, 21], [2, 12, 22]])
CHAIN = [[], [0], [1]]


def value_of(
    quality: NDArray[np.float64],
    choices: Sequence[int],
    labels: Sequence[int],
    weights: NDArray[np.float64],
) -> float:
    """Total up the groups' products, each times the largest weight of its rows."""
    total = 0.0
    for label in sorted(set(labels)):
        rows = [row for row, other in enumerate(labels) if other == label]
        product = np.prod([quality[row, choices[row]] for row in rows])
        total += float(product) * max(weights[row] for row in rows)
    return total


def check_groups(
    plan: Solution, quality: Any, cost: Any, labels: Sequence[int], weights: Any
) -> None:
    """Assert that value and spend of a plan are those of its unfolded choices."""
    rows = np.arange(len(quality))
    assert plan.choices.shape == (len(quality),)
    spend = cost[rows, plan.choices].reshape((len(rows), -1)).sum(axis=0)
    assert list(plan.spends) == spend.tolist()
    expected = value_of(quality, plan.choices.tolist(), labels, weights)
    assert plan.value == pytest.approx(expected, abs=1e-9)


@st.composite
def problems(draw: st.DrawFn) -> Any:
    """Draw five rows of three options, their dependences on earlier ones, weights and a budget."""
    chance = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    quality = chance.integers(0, 9, (5, 3)) / 8.0
    cost = chance.integers(0, 12, (5, 3))
    depends_on = [draw(st.lists(st.integers(0, row - 1), max_size=2)) if row else [] for row in
                  range(5)]  # fmt: skip
    labels = list(range(5))
    for row, needed in enumerate(depends_on):
        for other in needed:
            old, new = max(labels[row], labels[other]), min(labels[row], labels[other])
            labels = [new if label == old else label for label in labels]
    weights = chance.integers(0, 4, 5).astype(float)
    least, most = int(cost.min(axis=1).sum()), int(cost.max(axis=1).sum())
    return quality, cost, depends_on, labels, weights, draw(st.integers(least, most))


@given(problems())
@settings(max_examples=100)
def test_plans_equal_trying_every_combination(problem: Any) -> None:
    """The best value within a budget, and the least cost of reaching it, are those of all plans."""
    quality, cost, depends_on, labels, weights, budget = problem
    plans = list(np.ndindex(3, 3, 3, 3, 3))
    values = np.array([value_of(quality, plan, labels, weights) for plan in plans])
    spends = np.array([cost[np.arange(5), plan].sum() for plan in plans])
    best = float(values[spends <= budget].max())
    plan = solve(quality, cost, budget, weights=weights, depends_on=depends_on)
    check_groups(plan, quality, cost, labels, weights)
    assert plan.spends[0] <= budget
    assert plan.value == pytest.approx(best, abs=1e-9)
    assert plan.proven
    reached = solve(quality, cost, target=best, weights=weights, depends_on=depends_on)
    check_groups(reached, quality, cost, labels, weights)
    assert reached.spends[0] == int(spends[values >= best - 1e-9].min())


@given(problems(), st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_several_budgets_equal_trying_every_combination(problem: Any, seed: int) -> None:
    """With a second cost beside the first the best plan within both is found."""
    quality, first, depends_on, labels, weights, budget = problem
    second = np.random.default_rng(seed).integers(0, 12, (5, 3))
    cost = np.stack([first, second], axis=2)
    budgets = [budget, int(second.mean(axis=1).sum())]
    plans = list(np.ndindex(3, 3, 3, 3, 3))
    fits = [(cost[np.arange(5), p].sum(axis=0) <= budgets).all() for p in plans]
    if not any(fits):
        with pytest.raises(BudgetError):
            solve(quality, cost, budgets, weights=weights, depends_on=depends_on)
        return
    best = max(value_of(quality, p, labels, weights) for p, f in zip(plans, fits, strict=True) if f)
    plan = solve(quality, cost, budgets, weights=weights, depends_on=depends_on)
    check_groups(plan, quality, cost, labels, weights)
    assert (np.array(plan.spends) <= budgets).all()
    assert plan.value == pytest.approx(best, abs=1e-9)


@given(problems(), st.permutations(range(5)))
@settings(max_examples=40)
def test_order_of_rows_does_not_matter(problem: Any, order: list[int]) -> None:
    """Rows in another order are worth as much, with their dependences carried along."""
    quality, cost, depends_on, _, weights, budget = problem
    place = {row: position for position, row in enumerate(order)}
    moved = [[place[other] for other in depends_on[row]] for row in order]
    plan = solve(quality, cost, budget, weights=weights, depends_on=depends_on)
    other = solve(quality[order], cost[order], budget, weights=weights[order], depends_on=moved)
    assert other.value == pytest.approx(plan.value, abs=1e-9)


@given(problems(), st.integers(0, 8), st.integers(2, 10**9), st.integers(0, 2))
@settings(max_examples=40)
def test_laws_of_plans_hold_for_groups(problem: Any, more: int, unit: int, column: int) -> None:
    """More budget buys no less, units do not matter, and a dominated option changes nothing."""
    quality, cost, depends_on, _, weights, budget = problem
    plan = solve(quality, cost, budget, weights=weights, depends_on=depends_on)
    richer = solve(quality, cost, budget + more, weights=weights, depends_on=depends_on)
    assert richer.value >= plan.value - 1e-9
    scaled = solve(quality, cost * unit, budget * unit, weights=weights, depends_on=depends_on)
    assert scaled.value == pytest.approx(plan.value, abs=1e-9)
    worse = np.column_stack([quality, quality[:, column] / 2.0])
    dearer = np.column_stack([cost, cost[:, column] + more])
    longer = solve(worse, dearer, budget, weights=weights, depends_on=depends_on)
    assert longer.value == pytest.approx(plan.value, abs=1e-9)


def points_of(folded: Folded) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Give products and costs of the frontier of a problem that is one group."""
    problem = folded.problem
    assert problem.allowed is not None
    still_open = problem.allowed[0]
    return problem.quality[0][still_open], problem.cost[0][still_open]


@pytest.mark.parametrize("n_budgets", [None, 2])
@pytest.mark.parametrize("points_max", [5, 12, 20])
def test_thinned_frontiers_state_their_loss(n_budgets: int | None, points_max: int) -> None:
    """With few points a group loses no more than is said, and whatever is kept is a real plan."""
    chance = np.random.default_rng(7)
    tail = () if n_budgets is None else (n_budgets,)
    quality = np.sort(chance.random((5, 4)), axis=1)
    cost = np.sort(chance.integers(0, 1000, (5, 4, *tail)), axis=1)
    problem, labels = Problem(quality, cost, n_budgets=n_budgets), np.zeros(5, dtype=np.int64)
    full = fold_groups(problem, labels, points_max=10**6)
    thin = fold_groups(problem, labels, points_max=points_max)
    assert full.loss == 0.0 < thin.loss
    (exact, spends), (kept, costs) = points_of(full), points_of(thin)
    assert len(kept) <= points_max < len(exact)
    assert kept.max() == exact.max()
    if thin.loss < exact.max():
        for value, spend in zip(exact, spends, strict=True):
            affordable = (costs <= spend).reshape((len(kept), -1)).all(axis=1)
            assert kept[affordable].max() >= value - thin.loss - 1e-12
    for point, (value, spend) in enumerate(zip(kept, costs, strict=True)):
        choices = thin.unfold(np.array([point]))
        assert np.prod(quality[np.arange(5), choices]) == pytest.approx(value)
        assert (cost[np.arange(5), choices].sum(axis=0) == spend).all()


def test_long_chains_are_planned() -> None:
    """A chain of dozens of sub-questions is folded without trying all combinations."""
    chance = np.random.default_rng(9)
    quality = np.sort(0.8 + 0.2 * chance.random((40, 12)), axis=1)
    cost = np.sort(chance.integers(0, 1000, (40, 12)), axis=1)
    chain = [[row - 1] if row else [] for row in range(40)]
    plan = solve(quality, cost, 15_000, depends_on=chain)
    check_groups(plan, quality, cost, [0] * 40, np.ones(40))
    assert plan.spends[0] <= 15_000
    # The logarithm of a single chain is a plain total, which is planned without any thinning.
    plain = solve(1.0 + np.log(quality) / 10.0, cost, 15_000)
    best = float(np.exp(10.0 * (plain.value - 40.0)))
    assert best - 1e-3 <= plan.value <= best * (1.0 + 1e-9)
    assert best * (1.0 - 1e-9) <= plan.bound <= plan.value + 5e-3


def test_groups_are_funded_as_a_whole() -> None:
    """What cannot be funded together is marked together, and so is a group with a closed member."""
    free = [[], [0], []]
    plan = solve(QUALITY, COST, 2, depends_on=free, unfunded="mark")
    assert plan.choices.tolist() == [0, 0, -1]
    assert solve(QUALITY, COST, 0, depends_on=CHAIN, unfunded="mark").choices.tolist() == [-1] * 3
    floors = solve(
        QUALITY, COST, 100, depends_on=free, unfunded="mark", min_quality=[0.0, 0.95, 0.0]
    )
    assert floors.choices.tolist() == [-1, -1, 2]
    ranked = solve(QUALITY, COST, 2, depends_on=free, unfunded="mark", priority=[0, 0, 5])
    assert ranked.choices.tolist() == [-1, -1, 0]


@pytest.mark.parametrize(
    ("depends_on", "message"),
    [
        ([[], [1], []], "row 1 depends on itself"),
        ([[], [7], []], "row 1 depends on 7, which is not in the batch"),
        ([[], [-1], []], "row 1 depends on -1, which is not in the batch"),
        ([[2], [0], [1]], "rows depend on each other in a circle: "),
        ([[], []], "depends_on has length 2; 3 is needed"),
        ([[], [0.5], []], r"depends_on\[1\] is \[0.5\]; a list of rows is needed"),
        ([[], 0, []], r"depends_on\[1\] is 0; a list of rows is needed"),
    ],
)
def test_impossible_dependences_are_refused(depends_on: Any, message: str) -> None:
    """Rows that depend on themselves, on none or in a circle are named."""
    with pytest.raises(AllocationError, match=message):
        solve(QUALITY, COST, 100, depends_on=depends_on)


def test_what_marked_rows_leave_is_open_to_groups() -> None:
    """Where rows are marked as no plan keeps all budgets together, groups may spend their share."""
    quality = np.array([[0.1, 0.9], [0.1, 0.9], [0.5, 0.5]])
    cost = np.array([[[0, 0], [2, 2]], [[0, 0], [2, 2]], [[3, 5], [5, 3]]])
    needed: list[list[int]] = [[], [0], []]
    plan = solve(quality, cost, [4, 4], depends_on=needed, unfunded="mark")
    assert (plan.choices.tolist(), plan.spend, plan.proven) == ([1, 1, -1], (4, 4), True)
