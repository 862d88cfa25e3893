"""Instances of every kind, an exact oracle, and what every allocator's answer has to keep."""

from __future__ import annotations

from dataclasses import dataclass, fields
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from router.allocation import Solution, solve

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


__all__ = [
    "KINDS",
    "Instance",
    "best_by_enumeration",
    "best_by_table",
    "check_plan",
    "draw",
    "solve_both",
]

KINDS = ("concave", "noisy", "scurve", "random", "strong", "ties", "linear")


@dataclass(frozen=True)
class Instance:
    """Arrays of one problem and a budget that binds."""

    quality: NDArray[np.float64]
    cost: NDArray[np.int64]
    budget: int


def draw(kind: str, n_rows: int, n_options: int, *, seed: int, share: float = 0.4) -> Instance:
    """Draw an instance with integer costs below a thousand and free first options."""
    chance = np.random.default_rng([seed, n_rows, n_options, KINDS.index(kind)])
    cost = np.sort(chance.integers(5, 1001, (n_rows, n_options)), axis=1)
    cost[:, 0] = 0
    quality = np.clip(_quality(kind, chance, cost), 0.0, 1.0).round(6).astype(np.float64)
    dearest = cost[np.arange(n_rows), quality.argmax(axis=1)].sum()
    return Instance(quality, cost, int(share * dearest))


def _quality(
    kind: str, chance: np.random.Generator, cost: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Draw the quality of one kind of instance."""
    n_rows = len(cost)
    part = cost / 1000.0
    top, bend = chance.uniform(0.2, 0.95, (n_rows, 1)), chance.uniform(1.0, 8.0, (n_rows, 1))
    concave = top * (1.0 - np.exp(-bend * part)) / (1.0 - np.exp(-bend))
    noisy = concave + chance.normal(0.0, 0.05, cost.shape)
    middle = chance.uniform(0.1, 0.9, (n_rows, 1))
    qualities: dict[str, NDArray[np.float64]] = {
        "concave": concave,
        "noisy": noisy,
        "scurve": top / (1.0 + np.exp(-12.0 * (part - middle))),
        "random": chance.random(cost.shape),
        "strong": np.where(cost > 0, (cost + 100) / 1100.0, 0.0),
        "ties": np.round(noisy, 1),
        "linear": part,
    }
    return qualities[kind]


def solve_both(*arguments: Any, **keywords: Any) -> Solution:
    """Solve with NumPy and with the compiled kernels, and assert that not a digit differs."""
    plan = solve(*arguments, **keywords, engine="numpy")
    compiled = solve(*arguments, **keywords, engine="numba")
    for field in fields(plan):
        ours, theirs = getattr(plan, field.name), getattr(compiled, field.name)
        assert type(ours) is type(theirs), field.name
        assert np.array_equal(ours, theirs), f"{field.name}: NumPy {ours}, compiled {theirs}"
    return plan


def best_by_table(
    quality: NDArray[Any],
    cost: NDArray[Any],
    budget: int,
    allowed: NDArray[np.bool_] | None = None,
) -> float:
    """Find the best value by the textbook table over every budget up to the one given."""
    best = np.zeros(budget + 1)
    for row in range(len(quality)):
        longer = np.full(budget + 1, -np.inf)
        for option in range(quality.shape[1]):
            price = int(cost[row, option])
            if price <= budget and (allowed is None or allowed[row, option]):
                reached = best[: budget + 1 - price] + quality[row, option]
                longer[price:] = np.maximum(longer[price:], reached)
        best = longer
    return float(best.max())


def best_by_enumeration(
    quality: NDArray[np.float64], cost: NDArray[np.int64], budgets: Sequence[int]
) -> float:
    """Find the best value within k budgets by trying every plan; minus infinity without one."""
    n_rows, n_options = quality.shape
    rows = np.arange(n_rows)
    values = [
        float(quality[rows, plan].sum())
        for plan in map(list, product(range(n_options), repeat=n_rows))
        if (cost[rows, plan].sum(axis=0) <= np.asarray(budgets)).all()
    ]
    return max(values, default=-np.inf)


def check_plan(
    plan: Solution, quality: NDArray[Any], cost: NDArray[Any], budget: int | Sequence[int]
) -> None:
    """Assert that a plan keeps its budget to the unit and that its totals are its choices'."""
    n_rows, n_options = quality.shape
    rows = np.arange(n_rows)
    assert plan.choices.dtype == np.int64
    assert plan.choices.shape == (n_rows,)
    assert ((plan.choices >= 0) & (plan.choices < n_options)).all()
    ceilings = np.atleast_1d(np.asarray(budget))
    wide = np.broadcast_to(
        cost.reshape((-1, n_options, len(ceilings))), (n_rows, n_options, len(ceilings))
    )
    totals = [sum(int(x) for x in column) for column in wide[rows, plan.choices].T]
    assert list(plan.spends) == totals
    assert all(total <= ceiling for total, ceiling in zip(totals, ceilings, strict=True))
    value = float(quality[rows, plan.choices].astype(np.float64).sum())
    assert abs(plan.value - value) <= 1e-9 * max(1.0, value)
    assert plan.bound >= plan.value
    assert plan.gap >= 0.0
    assert min(plan.shadow_prices) >= 0.0
