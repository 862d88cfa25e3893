"""Bad input at the allocator's door: each fault is refused and named, none becomes a plan."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.allocation import Hulls, solve, trace_frontier
from router.exceptions import AllocationError, BudgetError, InputError

QUALITY = np.array([[0.1, 0.5, 0.7], [0.2, 0.4, 0.9]])
COST = np.array([[0, 10, 20], [1, 11, 21]])


def changed(array: np.ndarray[Any, Any], place: tuple[int, ...], value: float) -> Any:
    """Copy an array with one entry changed."""
    copy = array.copy()
    copy[place] = value
    return copy


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -0.1, 1.000001])
def test_quality_outside_its_range_names_the_place(value: float) -> None:
    """Quality that is no number in [0, 1] is refused with row and column."""
    with pytest.raises(AllocationError, match=r"quality\[1, 2\] is .*; it must lie in \[0, 1\]"):
        solve(changed(QUALITY, (1, 2), value), COST, 30)


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (6,), (1, 2, 3)])
def test_quality_needs_a_table(shape: tuple[int, ...]) -> None:
    """No rows, no options or a wrong number of axes is refused with the shape."""
    with pytest.raises(AllocationError, match=r"quality has shape .*at least one row"):
        solve(np.zeros(shape), np.zeros(3, dtype=int), 30)


def test_quality_of_words_is_refused() -> None:
    """Text is no quality."""
    with pytest.raises(AllocationError, match="quality has type <U1"):
        solve(np.array([["a", "b"]]), np.array([0, 1]), 1)


def test_quality_of_integers_is_accepted() -> None:
    """Zeros and ones may come as integers or booleans."""
    assert solve(np.array([[0, 1]]), np.array([0, 5]), 5).choices.tolist() == [1]
    assert solve(np.array([[False, True]]), np.array([0, 5]), 5).choices.tolist() == [1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.bool_, np.complex128])
def test_cost_needs_integers(dtype: type) -> None:
    """Costs that are not integers are refused, because they could not be exact."""
    with pytest.raises(AllocationError, match=r"cost has type .*; integer micro-units"):
        solve(QUALITY, COST.astype(dtype), 30)


def test_negative_cost_names_the_place() -> None:
    """A negative cost is refused with row and column, or its column where it is shared."""
    with pytest.raises(AllocationError, match=r"cost\[0, 1\] is -3"):
        solve(QUALITY, changed(COST, (0, 1), -3), 30)
    with pytest.raises(AllocationError, match=r"cost\[2\] is -1"):
        solve(QUALITY, np.array([0, 1, -1]), 30)


@pytest.mark.parametrize("shape", [(3, 2), (2,), (2, 3, 1), (1, 3), (4, 3)])
def test_cost_of_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    """The message names the shape given and both shapes that would fit."""
    with pytest.raises(AllocationError, match=r"cost has shape .*; \(2, 3\) or \(3,\) is needed"):
        solve(QUALITY, np.zeros(shape, dtype=int), 30)


def test_cost_shape_for_several_budgets() -> None:
    """With k budgets the costs need one more axis."""
    with pytest.raises(AllocationError, match=r"\(2, 3, 2\) or \(3, 2\) is needed"):
        solve(QUALITY, COST, [30, 30])


def test_totals_beyond_64_bits_are_refused() -> None:
    """Costs whose total could wrap around are refused before any total is taken."""
    huge = 2**62
    with pytest.raises(AllocationError, match=r"the dearest plan costs 9223372036854775829"):
        solve(QUALITY, np.array([[0, 10, huge], [1, 11, huge + 21]]), 30)
    with pytest.raises(AllocationError, match=r"largest entry is cost\[2\] = 4611686018427387904"):
        solve(QUALITY, np.array([0, 1, huge]), 30)
    with pytest.raises(AllocationError, match=r"above 2\*\*63 - 1"):
        solve(QUALITY, np.array([0, 1, 2**64 - 1], dtype=np.uint64), 30)


def test_totals_just_within_64_bits_are_exact() -> None:
    """The largest total that fits is planned to the unit."""
    top = 2**63 - 1
    plan = solve(np.array([[0.0, 1.0], [0.0, 1.0]]), np.array([[0, top - 7], [0, 7]]), top)
    assert plan.spend == top
    assert solve(np.array([[0.0, 1.0]]), np.array([0, top]), top - 1).spend == 0


@pytest.mark.parametrize("budget", [1.0, "5", None, True, np.float64(3.0), np.True_])
def test_budget_needs_an_integer(budget: Any) -> None:
    """A budget that is no integer is refused, fractions of micro-units included."""
    with pytest.raises(BudgetError, match=r"budget is .*; an integer of micro-units is needed"):
        solve(QUALITY, COST, budget)


def test_negative_budget_is_refused() -> None:
    """A negative budget is refused, also as one of several."""
    with pytest.raises(BudgetError, match="budget is -1; budgets must not be negative"):
        solve(QUALITY, COST, -1)
    with pytest.raises(BudgetError, match=r"budget\[1\] is -2; budgets must not be negative"):
        solve(QUALITY, np.zeros((3, 2), dtype=int), [1, -2])


@pytest.mark.parametrize("budget", [[], [[1, 2]]])
def test_budgets_need_one_row(budget: Any) -> None:
    """No budget at all and a table of budgets are refused with their shape."""
    with pytest.raises(BudgetError, match="budget has shape"):
        solve(QUALITY, COST, budget)


@pytest.mark.parametrize("budget", [np.int64(30), np.uint8(30), np.array(30)])
def test_numpy_integers_are_budgets(budget: Any) -> None:
    """Integers of every type are accepted."""
    assert solve(QUALITY, COST, budget).spends[0] <= 30


@pytest.mark.parametrize("value", [np.nan, np.inf, -1.0])
def test_weights_must_be_finite_and_not_negative(value: float) -> None:
    """A wrong weight is refused with its row."""
    with pytest.raises(AllocationError, match=r"weights\[1\] is .*; weights must be finite"):
        solve(QUALITY, COST, 30, weights=[1.0, value])


def test_weights_need_one_number_a_row() -> None:
    """Weights of another shape, and words, are refused."""
    with pytest.raises(AllocationError, match=r"weights have shape \(3,\); \(2,\) is needed"):
        solve(QUALITY, COST, 30, weights=[1.0, 1.0, 1.0])
    with pytest.raises(AllocationError, match="weights cannot be read as numbers"):
        solve(QUALITY, COST, 30, weights=["a", "b"])


def test_masks_need_booleans_of_the_same_shape() -> None:
    """A mask of numbers or of another shape is refused with type and shape."""
    with pytest.raises(AllocationError, match=r"allowed has type int64 and shape \(2, 3\)"):
        solve(QUALITY, COST, 30, allowed=np.ones((2, 3), dtype=int))
    with pytest.raises(AllocationError, match=r"allowed has type bool and shape \(3,\)"):
        solve(QUALITY, COST, 30, allowed=np.ones(3, dtype=bool))


def test_a_row_without_options_is_refused() -> None:
    """A mask that leaves a row nothing is refused with the row."""
    allowed = np.array([[True, True, True], [False, False, False]])
    with pytest.raises(AllocationError, match=r"allowed\[1\] forbids all 3 options"):
        solve(QUALITY, COST, 30, allowed=allowed)


def test_every_door_checks() -> None:
    """Hulls and the frontier refuse the same faults as the solver."""
    for door in (Hulls.build, trace_frontier):
        with pytest.raises(InputError, match=r"quality\[0, 0\] is nan"):
            door(changed(QUALITY, (0, 0), np.nan), COST)


def test_input_is_left_alone() -> None:
    """No array handed in is written to."""
    quality, cost = QUALITY.copy(), COST.copy()
    for array in (quality, cost):
        array.setflags(write=False)
    for method in ("auto", "dual", "milp"):
        solve(quality, cost, 15, method=method)
    assert (quality == QUALITY).all()
    assert (cost == COST).all()
