"""Planning rows from sorted steps, against all plans tried one by one."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest

from router.allocation import Reallocation
from router.allocation.rest import Batch, plan_rest

# Two rows of two steps each; the third option of the first row lies inside its hull.
GAIN = np.array([[0.0, 0.5, 0.25, 0.75], [0.0, 0.25, 0.5, 0.5]])
COST = np.array([[0, 10, 6, 30], [0, 2, 20, 25]])
TO_BETTER = np.array([[6, 20, 4, 99], [2, 18, 99, 99]])
START = np.array([0, 0])
STEPS = (
    np.array([1, 0, 1, 0]),
    np.array([1, 1, 2, 3]),
    np.array([2, 10, 18, 20]),
    np.array([0.125, 0.05, 0.25 / 18, 0.0125]),
)
BATCH = Batch(GAIN, COST, TO_BETTER, START, *STEPS, 8.0)
BOTH, ALL = np.arange(2), np.arange(4)


@pytest.mark.parametrize("left", range(0, 60, 3))
def test_plans_stay_within_what_is_left_and_below_their_bound(left: int) -> None:
    """No plan of all is above the bound, and totals are those of the choices."""
    found = plan_rest(BATCH, BOTH, ALL, left)
    assert found.spend == COST[BOTH, found.choices].sum() <= left
    assert found.units == 8 * GAIN[BOTH, found.choices].sum()
    best = max(
        GAIN[0, a] + GAIN[1, b]
        for a, b in product(range(4), repeat=2)
        if COST[0, a] + COST[1, b] <= left
    )
    assert found.units / 8 <= best <= found.bound + 1e-12


def test_only_rows_that_are_planned_are_paid_for() -> None:
    """A row that is left out takes no step, whatever its steps are worth."""
    first = np.flatnonzero(STEPS[0] == 0)
    found = plan_rest(BATCH, np.array([0]), first, 10)
    assert (found.choices.tolist(), found.spend, found.price) == ([1], 10, 0.0125)


def test_what_steps_leave_goes_to_options_inside_the_hull() -> None:
    """Two units pay for the second row's first step, and six are left for the third option."""
    found = plan_rest(BATCH, BOTH, ALL, 8)
    assert found.choices.tolist() == [2, 1]
    whole = Reallocation(GAIN, COST, 8, engine="numpy").solve()
    assert whole.choices.tolist() == [2, 1]
