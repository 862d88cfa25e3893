"""Planning what is left of a batch, against fresh plans of the open rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.allocation import Reallocation, Solution, solve
from router.exceptions import AllocationError, BudgetError
from tests.contracts.allocators import KINDS, Instance, check_plan, draw


def assert_same(first: Solution, second: Solution) -> None:
    """Compare everything that two plans say."""
    assert first.choices.tolist() == second.choices.tolist()
    assert (first.value, first.spend, first.bound) == (second.value, second.spend, second.bound)
    assert (first.shadow_price, first.minimum_required) == (
        second.shadow_price,
        second.minimum_required,
    )


def close_half(batch: Reallocation, x: Instance, plan: Solution, factor: float) -> None:
    """Close every other row at a multiple of its planned cost."""
    for row in range(0, len(x.cost), 2):
        batch.close(row, int(factor * x.cost[row, plan.choices[row]]))


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("kind", KINDS)
def test_open_half_has_the_bound_of_a_fresh_solve(kind: str, factor: float) -> None:
    """Real costs move what is left; bound and price are the fresh dual's, the plan nearly so."""
    x = draw(kind, 60, 12, seed=1)
    batch = Reallocation(x.quality, x.cost, x.budget)
    close_half(batch, x, batch.solve(), factor)
    plan, rows = batch.solve(), batch.open_rows
    assert rows.tolist() == list(range(1, 60, 2))
    fresh = solve(x.quality[rows], x.cost[rows], batch.remaining, method="dual")
    check_plan(plan, x.quality[rows], x.cost[rows], batch.remaining)
    assert plan.bound == pytest.approx(fresh.bound, rel=1e-12)
    assert plan.shadow_price == pytest.approx(fresh.shadow_price, rel=1e-9)
    # Where many rows are tied at the price, the two fill up in another order.
    assert plan.value == pytest.approx(fresh.value, rel=2e-2)


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_changes_in_any_order_equal_a_fresh_start(data: st.DataObject) -> None:
    """However a batch came to its state, its plan is the one of a batch that starts there."""
    x = draw(data.draw(st.sampled_from(KINDS)), 9, 5, seed=data.draw(st.integers(0, 30)))
    chance = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    batch = Reallocation(x.quality, x.cost, x.budget)
    quality, cost = x.quality.copy(), x.cost.copy()
    paid, allowed = np.zeros(9, dtype=np.int64), np.ones((9, 5), dtype=np.bool_)
    done = np.zeros(9, dtype=np.bool_)
    for action in data.draw(st.lists(st.sampled_from(["close", "advance", "update"]), max_size=8)):
        row = int(chance.choice(np.flatnonzero(~done)))
        if action == "close":
            paid[row] += chance.integers(0, 900)
            done[row] = True
            batch.close(row, int(paid[row]))
        elif action == "advance":
            paid[row] += chance.integers(0, 300)
            reachable = chance.random(5) < 0.8
            if not (allowed[row] & reachable).any():
                reachable[:] = True
            allowed[row] &= reachable
            batch.advance(row, int(paid[row]), reachable)
        else:
            quality[row], cost[row] = chance.random(5), chance.integers(0, 1000, 5)
            batch.update([row], quality[row : row + 1], cost[row : row + 1])
        if chance.random() < 0.5:
            batch.solve()
    assert batch.spent == paid.sum()
    assert batch.remaining == max(0, x.budget - paid.sum())
    rows = batch.open_rows
    rest = np.maximum(cost - paid[:, None], 0)[rows]
    left = batch.remaining
    plan = batch.solve()
    funded = plan.choices >= 0
    chosen = rest[np.flatnonzero(funded), plan.choices[funded]]
    assert plan.spend == chosen.sum() <= left
    assert allowed[rows[funded], plan.choices[funded]].all()
    fresh = Reallocation(quality[rows], rest, left, allowed=allowed[rows]).solve()
    assert plan.choices.tolist() == fresh.choices.tolist()
    assert plan.value == pytest.approx(fresh.value)
    assert plan.bound == pytest.approx(fresh.bound)


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_engines_plan_the_rest_alike(data: st.DataObject) -> None:
    """NumPy and the kernel give the same plan to the last digit, marked rows and masks included."""
    kind = data.draw(st.sampled_from(KINDS))
    n_rows, n_options = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 12))
    x = draw(kind, n_rows, n_options, seed=data.draw(st.integers(0, 1000)))
    chance = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    allowed = chance.random((n_rows, n_options)) < data.draw(st.sampled_from([0.7, 1.0]))
    allowed[np.arange(n_rows), chance.integers(0, n_options, n_rows)] = True
    weights = chance.choice([0.5, 1.0, 3.0], n_rows)
    budget = int(x.budget * data.draw(st.sampled_from([0.3, 1.0, 2.0, 1e15])))
    batches = [
        Reallocation(x.quality, x.cost, budget, weights=weights, allowed=allowed, engine=engine)
        for engine in ("numpy", "numba")
    ]
    assert_same(*(batch.solve() for batch in batches))
    for row in chance.permutation(n_rows)[: n_rows // 2].tolist():
        spent = int(chance.integers(0, 1 + x.cost[row].max()))
        for batch in batches:
            if row % 2:
                batch.close(row, spent)
            else:
                batch.advance(row, spent)
    assert_same(*(batch.solve() for batch in batches))


def test_an_unknown_engine_is_refused() -> None:
    """A misspelt word is named beside the known ones."""
    engine: Any = "numby"
    with pytest.raises(AllocationError, match=r"'numby'; known are auto, numpy, numba"):
        Reallocation([[0.1]], [[1]], 1, engine=engine)


def test_repeated_plans_are_equal() -> None:
    """Planning changes nothing by itself."""
    x = draw("noisy", 40, 8, seed=3)
    batch = Reallocation(x.quality, x.cost, x.budget)
    assert_same(batch.solve(), batch.solve())


def test_an_overrun_leaves_the_cheapest_options() -> None:
    """A row that spends more than the budget is closed so, and the others take what is free."""
    quality, cost = np.array([[0.1, 0.9]] * 3), np.array([0, 10])
    batch = Reallocation(quality, cost, 30)
    batch.close(1, real_cost=100)
    assert (batch.spent, batch.remaining) == (100, 0)
    assert batch.solve(unfunded="raise").choices.tolist() == [0, 0]


def test_rows_that_are_no_longer_paid_for_are_marked() -> None:
    """Cheapest first, the earlier of equal ones; the rest ends at -1, or is an error."""
    quality, cost = np.array([[0.1, 0.9]] * 4), np.array([[5, 9], [3, 9], [5, 9], [4, 9]])
    batch = Reallocation(quality, cost, 30)
    batch.close(3, real_cost=19)
    plan = batch.solve()
    assert plan.choices.tolist() == [0, 0, -1]
    assert (plan.spend, plan.minimum_required) == (8, 13)
    with pytest.raises(BudgetError, match=r"the 11 micro-units left .* which costs 13"):
        batch.solve(unfunded="raise")


def test_money_spent_on_an_open_row_is_not_asked_for_again() -> None:
    """What a row has spent counts towards its options, and those out of reach are off."""
    quality, cost = np.array([[0.1, 0.5, 0.6], [0.1, 0.5, 0.9]]), np.array([0, 10, 30])
    batch = Reallocation(quality, cost, 40)
    assert batch.solve().choices.tolist() == [1, 2]
    batch.advance(0, spent=12, reachable=[False, True, True])
    plan = batch.solve()
    # The middle option of the first row is paid for; 28 are left, and 30 are too much.
    assert (batch.spent, batch.remaining) == (12, 28)
    assert (plan.choices.tolist(), plan.spend) == ([2, 1], 28)


def test_weights_and_masks_stay_when_surfaces_change() -> None:
    """An update counts with the weight of its row and brings no forbidden option back."""
    quality, cost = np.array([[0.1, 0.3], [0.1, 0.5]]), np.array([0, 10])
    allowed = np.array([[True, True], [True, False]])
    batch = Reallocation(quality, cost, 10, weights=[3.0, 1.0], allowed=allowed)
    batch.update([0, 1], [[0.2, 0.4], [0.2, 0.9]])
    plan = batch.solve()
    assert plan.choices.tolist() == [1, 0]
    assert plan.value == pytest.approx(3.0 * 0.4 + 0.2)
    batch.update([], np.zeros((1, 2)))
    assert_same(plan, batch.solve())


def test_the_fill_reaches_options_inside_the_hull() -> None:
    """What the hull steps leave goes to the best upgrade, also one that is no vertex."""
    quality, cost = np.array([[0.0, 0.3, 0.9]]), np.array([0, 40, 100])
    assert Reallocation(quality, cost, 60).solve().choices.tolist() == [1]


def test_a_batch_that_is_done_has_an_empty_plan() -> None:
    """Without open rows nothing is chosen, spent or bounded."""
    batch = Reallocation([[0.5]], [3], 10)
    batch.close(0, 4)
    plan = batch.solve()
    assert plan.choices.shape == (0,)
    assert (plan.value, plan.spend, plan.bound, plan.minimum_required) == (0.0, 0, 0.0, 0)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda b: b.close(0, 1), AllocationError, "row 0 is done; only open rows"),
        (lambda b: b.close(4, 1), AllocationError, "row is 4; rows are 0 to 2"),
        (lambda b: b.close(-1, 1), AllocationError, "row is -1"),
        (lambda b: b.close(1, -1), BudgetError, "real_cost is -1"),
        (lambda b: b.close(1, 1.5), BudgetError, "real_cost is 1.5"),
        (lambda b: b.close(2, 3), AllocationError, "real_cost of row 2 is 3, below the 4"),
        (lambda b: b.advance(2, 3), AllocationError, "spent of row 2 is 3, below the 4"),
        (lambda b: b.advance(1, 1, [True]), AllocationError, r"shape \(1,\)"),
        (lambda b: b.advance(1, 1, [False] * 2), AllocationError, "row 1 can reach no option"),
        (lambda b: b.update([1, 1], [[0.1, 0.2]] * 2), AllocationError, "each may stand there"),
        (lambda b: b.update([1], [[0.1]], [3]), AllocationError, r"\(1, 2\) is needed"),
        (lambda b: b.update([1], [[0.1, 2.0]]), AllocationError, r"quality\[0, 1\] is 2.0"),
        (lambda b: b.update([1], [[0.1, 0.2]], [1, -1]), AllocationError, "must not be negative"),
        (lambda b: b.update([1, 2], [[0, 1]] * 2, [0, 2**62]), AllocationError, "above 2"),
        (lambda b: b.update([2], [[0, 1]], [0, 2**63 - 9]), AllocationError, "costs 92233"),
        (lambda b: b.solve(unfunded="drop"), AllocationError, "unfunded is 'drop'"),
    ],
)
def test_bad_reports_are_refused_and_change_nothing(
    call: Any, error: type[Exception], message: str
) -> None:
    """The error names the row and the value, and the next plan is as before."""
    batch = Reallocation([[0.1, 0.2]] * 3, [0, 10], 30)
    batch.close(0, 10)
    batch.advance(2, 4)
    before = batch.solve()
    with pytest.raises(error, match=message):
        call(batch)
    assert_same(batch.solve(), before)
