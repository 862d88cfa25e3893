"""Large problems: feasible, bounded, independent of the sample, and checked on the way."""

from __future__ import annotations

import math
import tracemalloc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.allocation import large, problem, reader, solve
from router.allocation.large import _fit_smallest
from router.exceptions import AllocationError, BudgetError
from tests.contracts.allocators import KINDS, best_by_table, check_plan, draw, solve_both

if TYPE_CHECKING:
    from router.allocation.engines import Engine


@pytest.fixture
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every problem as a large one, read in parts of a few rows by two threads."""
    monkeypatch.setattr(problem, "DENSE_ELEMENTS", 20)
    monkeypatch.setattr(reader, "PART_ELEMENTS", 30)
    monkeypatch.setattr(reader, "THREADED_ELEMENTS", 0)
    monkeypatch.setattr(large, "POLISH_ROWS", 8)


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("masked", [False, True])
def test_blockwise_plans_are_feasible_and_bounded(kind: str, *, masked: bool) -> None:
    """Read in blocks, a problem gets a feasible plan, a true bound and a small gap."""
    for seed in range(6):
        x = draw(kind, 30, 5, seed=seed, share=0.3 + 0.1 * seed)
        allowed = None
        if masked:
            allowed = np.random.default_rng(seed).random(x.quality.shape) < 0.8
            allowed[:, 0] = True
        plan = solve_both(x.quality, x.cost, x.budget, allowed=allowed)
        check_plan(plan, x.quality, x.cost, x.budget)
        best = best_by_table(x.quality, x.cost, x.budget, allowed)
        assert plan.value <= best + 1e-9
        assert plan.bound >= best - 1e-9
        assert plan.value >= 0.97 * best


@pytest.mark.usefixtures("_small_limits")
def test_blockwise_weights_and_shared_costs() -> None:
    """Weights, shared costs and a slack budget mean the same in blocks as in one piece."""
    x = draw("noisy", 40, 5, seed=5)
    weights = np.linspace(0.0, 2.0, 40)
    shared = x.cost[0]
    blockwise = solve_both(x.quality, shared, 4000, weights=weights)
    wide = np.tile(shared, (40, 1))
    best = best_by_table(x.quality * weights[:, None], wide, 4000)
    assert blockwise.bound >= best - 1e-9 >= blockwise.value - 2e-9
    assert blockwise.value >= 0.97 * best
    assert solve_both(x.quality, shared, 10**9).method == "slack"


@pytest.mark.usefixtures("_small_limits")
def test_blockwise_choice_of_many_options() -> None:
    """Option numbers beyond one byte survive the narrow type of large plans."""
    quality = np.tile(np.linspace(0.0, 1.0, 300), (4, 1))
    plan = solve_both(quality, np.arange(300), 4 * 290)
    assert plan.value == pytest.approx(4 * 290 / 299)
    assert plan.choices.max() > 255


def test_few_rows_of_very_many_options() -> None:
    """A row may have more options than a block has room for."""
    quality = np.linspace(0.0, 1.0, 400_000)[None, :]
    plan = solve_both(quality, np.arange(400_000), 123_456)
    assert plan.choices.tolist() == [123_456]
    assert plan.proven


@pytest.mark.parametrize("kind", ["noisy", "concave", "ties", "linear"])
def test_large_problems_are_solved_to_a_tiny_gap(kind: str) -> None:
    """Above the dense limit the sampled bracket leads to a gap below a hundred-thousandth."""
    x = draw(kind, 20_000, 16, seed=0)
    plan = solve_both(x.quality.astype(np.float32), x.cost, x.budget)
    check_plan(plan, x.quality.astype(np.float32), x.cost, x.budget)
    assert plan.gap < 1e-5


def test_heavy_tails_do_not_mislead_the_sample() -> None:
    """A few rows that hold nearly all the cost are missed by the sample, not by the plan."""
    x = draw("noisy", 20_000, 16, seed=1)
    cost = x.cost.copy()
    cost[7::5000] *= 1_000_000
    budget = int(cost[7::5000].max(axis=1).sum() // 2)
    plan = solve_both(x.quality, cost, budget)
    check_plan(plan, x.quality, cost, budget)
    assert plan.gap < 1e-3


@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_large_problems_are_not_copied(engine: Engine) -> None:
    """Solving a float32 surface takes less extra memory than the surface itself."""
    chance = np.random.default_rng(0)
    quality = chance.random((200_000, 16), dtype=np.float32)
    cost = np.arange(16, dtype=np.int64) * 10
    solve(quality, cost, 200_000 * 40, engine=engine)
    tracemalloc.start()
    solve(quality, cost, 200_000 * 40, engine=engine)
    extra = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert extra < quality.nbytes


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize("prices", [(1e-9, 2e-9), (5.0, 6.0), (0.0, math.inf), (0.0, 1e-4)])
@pytest.mark.parametrize("kind", KINDS)
def test_a_sample_that_misses_costs_no_correctness(
    monkeypatch: pytest.MonkeyPatch, kind: str, prices: tuple[float, float]
) -> None:
    """Whatever bracket the sample proposes, the search ends at the same price and bound."""
    x = draw(kind, 60, 6, seed=2)
    expected = solve_both(x.quality, x.cost, x.budget)
    monkeypatch.setattr(large, "sample_prices", lambda *_: prices)
    plan = solve_both(x.quality, x.cost, x.budget)
    check_plan(plan, x.quality, x.cost, x.budget)
    assert plan.shadow_price == pytest.approx(expected.shadow_price, rel=1e-9)
    assert plan.bound == pytest.approx(expected.bound, rel=1e-9)
    assert plan.value >= 0.98 * expected.value


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize("prices", [(1e-9, 2e-9), (5.0, 6.0), (0.0, math.inf)])
def test_ends_of_the_budget_are_seen_in_any_bracket(
    monkeypatch: pytest.MonkeyPatch, prices: tuple[float, float]
) -> None:
    """A budget below the cheapest plan is refused, one above the richest leaves it untouched."""
    x = draw("noisy", 30, 5, seed=4)
    cost = x.cost + 3
    monkeypatch.setattr(large, "sample_prices", lambda *_: prices)
    engines: tuple[Engine, Engine] = ("numpy", "numba")
    for engine in engines:
        with pytest.raises(BudgetError, match=r"89 micro-units .* 30 rows, which costs 90"):
            solve(x.quality, cost, 89, engine=engine)
    assert solve_both(x.quality, cost, 90).spend == 90
    slack = solve_both(x.quality, cost, 10**6)
    best = np.where(x.quality == x.quality.max(axis=1, keepdims=True), cost, 10**6).argmin(axis=1)
    assert slack.choices.tolist() == best.tolist()
    assert (slack.method, slack.proven, slack.shadow_price) == ("slack", True, 0.0)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_order_of_rows_does_not_matter(
    monkeypatch: pytest.MonkeyPatch, kind: str, dtype: type[np.floating[Any]]
) -> None:
    """Shuffled rows have the same price and bound, and a plan as good within the gap."""
    monkeypatch.setattr(problem, "DENSE_ELEMENTS", 1 << 12)
    x = draw(kind, 3000, 6, seed=1)
    quality = x.quality.astype(dtype)
    order = np.random.default_rng(0).permutation(3000)
    plan, shuffled = (
        solve_both(quality[rows], x.cost[rows], x.budget) for rows in (np.arange(3000), order)
    )
    check_plan(plan, quality, x.cost, x.budget)
    check_plan(shuffled, quality[order], x.cost[order], x.budget)
    assert shuffled.shadow_price == pytest.approx(plan.shadow_price, rel=1e-9)
    assert max(plan.bound, shuffled.bound) <= min(plan.bound, shuffled.bound) * (1.0 + 1e-6)
    assert max(plan.gap, shuffled.gap) < (1e-3 if kind == "ties" else 1e-5)


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize(
    "place",
    [
        ("quality", math.nan, r"quality\[777, 2\] is nan"),
        ("quality", 1.5, r"quality\[777, 2\] is 1.5"),
        ("quality", -0.1, r"quality\[777, 2\] is -0.1"),
        ("cost", -1, r"cost\[777, 2\] is -1"),
        ("cost", 2**63 - 1, r"dearest plan costs .*, above 2\*\*63 - 1; .* cost\[777, 2\]"),
    ],
)
@pytest.mark.parametrize("sampled", [1, 4096])
@pytest.mark.parametrize("n_options", [4, 11])
@pytest.mark.parametrize("engine", ["numpy", "numba"])
def test_wrong_entries_are_named(
    monkeypatch: pytest.MonkeyPatch,
    place: tuple[str, float, str],
    engine: Engine,
    *,
    sampled: int,
    n_options: int,
) -> None:
    """An entry that cannot be used is found on the way, in the sample or outside it."""
    monkeypatch.setattr("router.allocation.sample.SAMPLE_ROWS", sampled)
    array, entry, message = place
    x = draw("noisy", 1000, n_options, seed=0)
    arrays = {"quality": x.quality, "cost": x.cost}
    arrays[array][777, 2] = entry
    with pytest.raises(AllocationError, match=message):
        solve(x.quality, x.cost, x.budget, engine=engine)


@pytest.mark.usefixtures("_small_limits")
def test_unusual_entries_are_allowed() -> None:
    """Negative zeros, costs whose total nearly fills 64 bits and unsigned costs are no fault."""
    x = draw("noisy", 100, 4, seed=0)
    x.quality[x.quality == 0.0] = -0.0
    cost = x.cost.copy()
    cost[50, 3] = 2**62
    expected = solve_both(x.quality, x.cost, x.budget)
    for costs in (cost, cost.astype(np.uint64)):
        plan = solve_both(x.quality, costs, x.budget)
        check_plan(plan, x.quality, cost, x.budget)
        assert plan.value >= 0.98 * expected.value


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", ["strided", "frozen", "bytes", "unsigned", "masked", "weighted"])
def test_arrays_of_any_form_give_the_same_plan(kind: str, form: str) -> None:
    """Strides, types, masks and arrays not to be written to are read alike by both engines."""
    x = draw(kind, 60, 10, seed=8)
    quality, cost = x.quality, x.cost // 5
    keywords: dict[str, Any] = {}
    if form == "strided":
        quality, cost = np.asfortranarray(quality), np.repeat(cost, 2, axis=1)[:, ::2]
    elif form == "frozen":
        quality.flags.writeable = cost.flags.writeable = False
    elif form in {"bytes", "unsigned"}:
        cost = cost.astype(np.uint8 if form == "bytes" else np.uint64)
    elif form == "masked":
        keywords = {"allowed": np.random.default_rng(1).random((60, 10)) < 0.7}
        keywords["allowed"][:, 3] = True
    else:
        keywords = {"weights": np.linspace(0.0, 3.0, 60)}
    plan = solve_both(quality, cost, x.budget // 5, **keywords)
    assert plan.spends[0] <= x.budget // 5
    same = solve_both(np.array(quality), cost.astype(np.int64), x.budget // 5, **keywords)
    assert plan.choices.tolist() == same.choices.tolist()


@pytest.mark.parametrize("room", [0, 1, 7, 30, 1000])
def test_smallest_steps_go_first(room: int) -> None:
    """As many steps as fit are taken from the sorted list, the earlier of equal ones."""
    step = np.random.default_rng(room).integers(1, 6, 40)
    order = step.argsort(kind="stable")
    fitting = order[step[order].cumsum() <= room]
    assert sorted(_fit_smallest(step, room).tolist()) == sorted(fitting.tolist())


def test_equal_rows_are_split_among_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where every row is tied at one price, as many as the budget pays for move up."""
    monkeypatch.setattr(problem, "DENSE_ELEMENTS", 100)
    quality, cost = np.tile([0.0, 0.5, 1.0], (1000, 1)), np.array([0, 1, 2])
    for budget in (0, 1, 999, 1000, 1001, 1999):
        plan = solve_both(quality, cost, budget)
        assert plan.value == pytest.approx(budget / 2)
        assert plan.spend == budget
        assert plan.proven
