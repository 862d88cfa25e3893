"""Allocation over shards in one process: the plan of one problem, wherever it is cut."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.allocation import Shard, allocate_sharded, solve
from router.exceptions import AllocationError, BudgetError, MissingExtraError
from tests.contracts.allocators import KINDS, best_by_table, draw
from tests.contracts.shards import (
    NARROW,
    TIED,
    allocate_within,
    check_sharded,
    cut,
    float_rows,
    shared_rows,
)

if TYPE_CHECKING:
    from pathlib import Path

    from router.allocation.sharded.search import Limits

SIZE = 1500, 6


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limits", [None, NARROW, TIED], ids=["whole", "narrow", "tied"])
def test_plans_match_the_solver_of_one_process(kind: str, limits: Limits | None) -> None:
    """The bound is that of `solve`, and the value within the gap that rounding one row leaves."""
    for seed, share in enumerate((0.1, 0.5)):
        x = draw(kind, *SIZE, seed=seed, share=share)
        whole = solve(x.quality, x.cost, x.budget, method="dual")
        shards = cut(x.quality, x.cost, 4)
        plan = (
            allocate_sharded(shards, x.budget)
            if limits is None
            else allocate_within(shards, x.budget, limits)
        )
        check_sharded(plan, x.quality, x.cost, x.budget)
        assert plan.bound == pytest.approx(whole.bound, rel=1e-9 if limits is TIED else 1e-11)
        assert plan.minimum_required == whole.minimum_required
        assert plan.shadow_price == pytest.approx(whole.shadow_price, rel=1e-2)
        assert plan.bound - plan.value <= x.quality.max() + 1e-9
        # Where all rows are tied even the narrow limits are too few to gather them.
        assert plan.method == "ties" if limits is TIED else plan.method in {"dual", "ties"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("limits", [NARROW, TIED], ids=["narrow", "tied"])
def test_plans_do_not_depend_on_the_cut(kind: str, limits: Limits) -> None:
    """One shard, five, or two of which one is empty: the same plan, price and bound to the bit."""
    x = draw(kind, *SIZE, seed=7)
    plans = [allocate_within(cut(x.quality, x.cost, n), x.budget, limits) for n in (1, 5)]
    empty = Shard(x.quality[:0], x.cost[:0])
    plans.append(allocate_within([empty, *cut(x.quality, x.cost, 2), empty], x.budget, limits))
    first = np.concatenate(plans[0].choices)
    for plan in plans[1:]:
        assert np.concatenate(plan.choices).tolist() == first.tolist()
        assert (plan.value, plan.bound) == (plans[0].value, plans[0].bound)
        assert (plan.shadow_price, plan.spend) == (plans[0].shadow_price, plans[0].spend)


def test_order_of_shards_moves_ties_only() -> None:
    """Shards in another order have the same bound and a value within the gap."""
    quality, cost = float_rows(2000, 8, seed=1), shared_rows(8)
    shards = cut(quality, cost, 5)
    plans = [allocate_within(order, 300_000, NARROW) for order in (shards, shards[::-1])]
    assert plans[0].bound == pytest.approx(plans[1].bound, rel=1e-12)
    assert abs(plans[0].value - plans[1].value) <= plans[0].bound - min(p.value for p in plans)


def test_ties_go_to_earlier_rows() -> None:
    """Where all rows are the same, the first ones get the better option, the rest the cheaper."""
    quality = np.tile(np.array([0.2, 0.6]), (1000, 1))
    for limits in (NARROW, TIED):
        plan = allocate_within(cut(quality, np.array([1, 11]), 3), 1000 + 10 * 457 + 9, limits)
        choices = check_sharded(plan, quality, np.array([1, 11]), 1000 + 10 * 457 + 9)
        assert choices.tolist() == [1] * 457 + [0] * 543


def test_many_tied_rows_end_the_search() -> None:
    """Rows tied at the price take no more rounds than others, however many they are."""
    x = draw("ties", 4000, 6, seed=3)
    cost = shared_rows(6)
    budget = int(0.3 * cost[x.quality.argmax(axis=1)].sum())
    plan = allocate_within(cut(x.quality, cost, 4), budget, NARROW)
    check_sharded(plan, x.quality, cost, budget)
    assert len(plan.rows_read) <= 4
    assert plan.bound - plan.value <= 1.0


@pytest.mark.parametrize("limits", [None, NARROW, TIED], ids=["whole", "narrow", "tied"])
def test_weights_and_masks_are_respected(limits: Limits | None) -> None:
    """Weights scale rows, forbidden options are never taken, and the bound is that of `solve`."""
    x = draw("noisy", 800, 5, seed=4)
    chance = np.random.default_rng(4)
    allowed = chance.random(x.quality.shape) < 0.7
    allowed[np.arange(800), np.arange(800) % 5] = True
    weights = chance.uniform(0.0, 3.0, 800)
    least = int(np.where(allowed, x.cost, 10**6).min(axis=1).sum())
    budget = least + x.budget // 2
    shards = cut(x.quality, x.cost, 3, weights=weights, allowed=allowed)
    plan = (
        allocate_sharded(shards, budget)
        if limits is None
        else allocate_within(shards, budget, limits)
    )
    choices = check_sharded(plan, x.quality, x.cost, budget, weights)
    assert allowed[np.arange(800), choices].all()
    assert plan.minimum_required == least
    whole = solve(x.quality, x.cost, budget, weights=weights, allowed=allowed, method="dual")
    assert plan.bound == pytest.approx(whole.bound, rel=1e-9)


@pytest.mark.parametrize("factor", [1e-30, 1.0, 3.0, 1e30])
def test_scale_of_weights_does_not_matter(factor: float) -> None:
    """Weights may be of any size: totals are as exact as with weights of one."""
    x = draw("noisy", 600, 5, seed=5)
    shards = cut(x.quality, x.cost, 2, weights=np.full(600, factor))
    plan = allocate_within(shards, x.budget, NARROW)
    plain = allocate_within(cut(x.quality, x.cost, 2), x.budget, NARROW)
    assert plan.value == pytest.approx(factor * plain.value, rel=1e-4)
    assert plan.bound == pytest.approx(factor * plain.bound, rel=1e-11)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_small_plans_stay_between_oracle_and_rounding(data: st.DataObject) -> None:
    """Any small problem in any cut: within budget, below its bound, which covers the best plan."""
    n_rows = data.draw(st.integers(1, 12), label="rows")
    n_options = data.draw(st.integers(1, 5), label="options")
    steps = st.integers(0, 10).map(lambda tenth: tenth / 10)
    shape = n_rows * n_options
    quality = np.array(data.draw(st.lists(steps, min_size=shape, max_size=shape)))
    cost = np.array(data.draw(st.lists(st.integers(0, 9), min_size=shape, max_size=shape)))
    quality, cost = quality.reshape(n_rows, -1), cost.reshape(n_rows, -1)
    least = int(cost.min(axis=1).sum())
    budget = least + data.draw(st.integers(0, 40), label="room")
    limits = data.draw(st.sampled_from([NARROW, TIED, NARROW._replace(sample_rows=2)]))
    shards = cut(quality, cost, data.draw(st.integers(1, 3), label="shards"))
    plan = allocate_within(shards, budget, limits)
    check_sharded(plan, quality, cost, budget)
    best = best_by_table(quality, cost, budget)
    assert plan.value <= best + 1e-9 <= plan.bound + 2e-9
    assert plan.minimum_required == least


@pytest.mark.parametrize("limits", [None, NARROW], ids=["whole", "narrow"])
def test_a_slack_budget_buys_the_richest_plan(limits: Limits | None) -> None:
    """A budget that reaches the richest plan has no price, and the plan is its own bound."""
    x = draw("concave", 700, 5, seed=6)
    shards, budget = cut(x.quality, x.cost, 3), int(x.cost.max(axis=1).sum())
    plan = (
        allocate_sharded(shards, budget)
        if limits is None
        else allocate_within(shards, budget, limits)
    )
    check_sharded(plan, x.quality, x.cost, budget)
    assert (plan.method, plan.shadow_price, plan.gap) == ("slack", 0.0, 0.0)
    assert plan.value == pytest.approx(float(x.quality.max(axis=1).sum()), rel=1e-11)


@pytest.mark.parametrize("limits", [None, NARROW], ids=["whole", "narrow"])
def test_the_cheapest_plan_is_the_smallest_budget(limits: Limits | None) -> None:
    """The least budget has a plan; one micro-unit less is an error that names both figures."""
    x = draw("concave", 700, 5, seed=8)
    cost = x.cost + 3
    shards, least = cut(x.quality, cost, 3), int(cost.min(axis=1).sum())

    def run(budget: int) -> int:
        """Allocate with a budget and give the spend."""
        if limits is None:
            return allocate_sharded(shards, budget).spend
        return allocate_within(shards, budget, limits).spend

    assert run(least) == least
    with pytest.raises(BudgetError, match=f"{least - 1} micro-units .* 700 rows, .* {least}"):
        run(least - 1)


def test_choices_can_be_written(tmp_path: Path) -> None:
    """With a directory the choices lie there, shard by shard, and nothing else is left behind."""
    quality, cost = float_rows(900, 7, seed=2), shared_rows(7)
    shards = cut(quality, cost, 3)
    np.save(tmp_path / "first.npy", quality[:300])
    shards[0] = Shard(tmp_path / "first.npy", cost)
    scratch, output = tmp_path / "scratch", tmp_path / "a" / "b"
    scratch.mkdir()
    told = allocate_sharded(shards, 90_000)
    plan = allocate_sharded(shards, 90_000, output_directory=output, scratch_directory=scratch)
    assert plan.choices == ()
    assert [path.name for path in plan.paths] == ["00000-first.npy", "00001.npy", "00002.npy"]
    written = [np.load(path) for path in plan.paths]
    assert {array.dtype for array in written} == {np.dtype(np.uint8)}
    assert np.concatenate(written).tolist() == np.concatenate(told.choices).tolist()
    assert sorted(output.iterdir()) == sorted(plan.paths)
    assert list(scratch.iterdir()) == []


def test_shards_of_other_options_are_refused() -> None:
    """All shards offer the same number of options, and there is at least one row."""
    with pytest.raises(AllocationError, match="shard 1 has 3 options, shard 0 has 2"):
        allocate_sharded([Shard(np.ones((2, 2)), [1, 2]), Shard(np.ones((2, 3)), [1, 2, 3])], 9)
    with pytest.raises(AllocationError, match="2 shards have no rows"):
        allocate_sharded([np.ones((0, 2)), np.ones((0, 2))], 9, cost=[1, 2])
    with pytest.raises(AllocationError, match="no shards"):
        allocate_sharded([], 9, cost=[1, 2])


def test_a_missing_joblib_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without joblib the error says which extra to install."""
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(MissingExtraError, match=r"\[sharded\]"):
        allocate_sharded([np.ones((1, 1))], 9, cost=[1])
