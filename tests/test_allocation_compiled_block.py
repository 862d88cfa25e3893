"""The compiled way from arrays to a plan: the same digits as with NumPy, and all its refusals."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from router.allocation import solve
from router.exceptions import AllocationError, BudgetError
from tests.contracts.allocators import KINDS, best_by_table, check_plan, draw, solve_both

if TYPE_CHECKING:
    from router.allocation.engines import Engine

SHAPES = [(8, 16), (40, 9), (100, 32), (400, 12)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", SHAPES)
def test_plans_are_those_of_numpy(kind: str, shape: tuple[int, int]) -> None:
    """Choices, spend, value, bound and price do not differ in a digit, ties included."""
    for seed, share in enumerate((0.1, 0.4, 0.8)):
        x = draw(kind, *shape, seed=seed, share=share)
        for states_max in (0, 50, 20_000):
            plan = solve_both(x.quality, x.cost, x.budget, states_max=states_max)
            check_plan(plan, x.quality, x.cost, x.budget)


@pytest.mark.parametrize("kind", KINDS)
def test_random_plans_are_optimal(kind: str) -> None:
    """Small instances have the value of the exact table with either engine."""
    for seed in range(12):
        shape = (1 + seed % 5, 1 + seed // 2)
        x = draw(kind, *shape, seed=seed, share=0.1 + 0.07 * seed)
        plan = solve_both(x.quality, x.cost, x.budget)
        assert plan.value == pytest.approx(best_by_table(x.quality, x.cost, x.budget), abs=1e-9)
        assert plan.proven


@pytest.mark.parametrize("kind", KINDS)
def test_side_conditions_are_those_of_numpy(kind: str) -> None:
    """Masks, weights, shared costs, targets and marked rows go through the kernels as well."""
    for seed in range(4):
        x = draw(kind, 30, 7, seed=seed)
        chance = np.random.default_rng(seed)
        allowed = chance.random(x.quality.shape) < 0.7
        allowed[:, 0] = True
        weights = chance.choice([0.0, 0.5, 1.0, 3.7], 30)
        solve_both(x.quality, x.cost, x.budget, allowed=allowed, weights=weights)
        solve_both(x.quality, x.cost[0], x.budget, allowed=allowed)
        solve_both(x.quality, x.cost[0], x.budget, weights=weights)
        solve_both(x.quality.astype(np.float32), x.cost.astype(np.int32), x.budget)
        solve_both(np.asfortranarray(x.quality), x.cost, x.budget)
        solve_both(x.quality, x.cost, target=float(x.quality.max(axis=1).sum()) * 0.8)
        dear = x.cost + 50
        marked = solve_both(x.quality, dear, 1000, unfunded="mark")
        assert (marked.choices == -1).any()


GAINS = st.one_of(
    st.sampled_from([0.0, 0.1, 0.2, 0.3, 0.7, 1.0]), st.floats(0.0, 1.0, allow_subnormal=False)
)
COSTS = st.one_of(st.sampled_from([0, 1, 2, 3, 6]), st.integers(0, 2**40))


@given(st.integers(1, 7), st.integers(1, 6), st.data())
@settings(max_examples=150)
def test_any_plan_is_that_of_numpy(n_rows: int, n_options: int, data: st.DataObject) -> None:
    """Ties, zero costs, equal costs, skip rows and single options change no digit."""
    quality = data.draw(arrays.arrays(np.float64, (n_rows, n_options), elements=GAINS))
    cost = data.draw(arrays.arrays(np.int64, (n_rows, n_options), elements=COSTS))
    cost *= data.draw(st.sampled_from([0, 1]))
    least, most = int(cost.min(axis=1).sum()), int(cost.max(axis=1).sum())
    budget = data.draw(st.integers(least, most))
    keywords: dict[str, Any] = {"states_max": data.draw(st.sampled_from([0, 20, 100_000]))}
    if data.draw(st.booleans()):
        keywords["weights"] = data.draw(
            arrays.arrays(np.float64, n_rows, elements=st.floats(0.0, 1e6))
        )
    assert solve_both(quality, cost, budget, **keywords).spends[0] <= budget


@pytest.mark.parametrize(
    ("quality", "cost", "budget"),
    [
        ([[0.5, np.nan]], [0, 1], 1),
        ([[0.5, 1.5]], [0, 1], 1),
        ([[0.5, -0.1]], [0, 1], 1),
        ([[0.5, np.inf]], [0, 1], 1),
        ([[0.5, 0.6]], [0, -1], 1),
        ([[0.5, 0.6]], [3, 4], 2),
        ([[0.5, 0.6]] * 4, [2**61, 2**61 + 1], 2**62),
        ([[0.5, 0.6]], [1], 2),
        ([0.5, 0.6], [1, 2], 2),
    ],
)
def test_refusals_are_those_of_numpy(quality: Any, cost: Any, budget: int) -> None:
    """What cannot be planned is refused in the same words."""
    messages = []
    engines: tuple[Engine, ...] = ("numpy", "numba")
    for engine in engines:
        with pytest.raises((AllocationError, BudgetError)) as caught:
            solve(np.array(quality), np.array(cost), budget, engine=engine)
        messages.append(f"{caught.type.__name__} {caught.value}")
    assert messages[0] == messages[1]


def test_largest_costs_and_budgets() -> None:
    """The largest integers are neither overlooked nor overflow."""
    most = 2**63 - 1
    for budget, choice in ((most, 1), (most - 1, 0)):
        assert solve_both(np.array([[0.1, 0.9]]), np.array([0, most]), budget).choices == [choice]
    for budget, choices in ((most - 1, [1, 1]), (most - 2, [1, 0])):
        plan = solve_both(np.full((2, 2), [0.1, 0.9]), np.array([0, 2**62 - 1]), budget)
        assert plan.choices.tolist() == choices


def test_arrays_that_may_not_be_written_to() -> None:
    """Arrays borrowed from elsewhere are planned all the same, and left as they are."""
    x = draw("noisy", 20, 6, seed=0)
    expected = solve_both(x.quality, x.cost, x.budget)
    before = x.quality.copy(), x.cost.copy()
    x.quality.flags.writeable = x.cost.flags.writeable = False
    assert solve_both(x.quality, x.cost, x.budget).choices.tolist() == expected.choices.tolist()
    assert np.array_equal(x.quality, before[0])
    assert np.array_equal(x.cost, before[1])


def test_no_kernel_is_compiled_twice() -> None:
    """Whatever arrays are handed in, the kernel for plans knows one combination of types."""
    from router.allocation.compiled.block import plan_block

    x = draw("noisy", 6, 4, seed=0)
    for quality, cost in itertools.product(
        (x.quality, x.quality.astype(np.float32), x.quality[::2], x.quality.tolist()),
        (x.cost[0], x.cost[0].astype(np.uint64), np.broadcast_to(x.cost[0], 4)),
    ):
        solve(quality, cost, 500, engine="numba")
    assert len(plan_block.signatures) == 1  # type: ignore[attr-defined]
