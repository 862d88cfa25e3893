"""What a plan is made in: the units of its budget, or the one that is spent least of."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.budgets import BUDGET_UNITS, MICRO, Budget
from router.exceptions import BudgetError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from router.allocation import Solution
    from router.costs import MenuCosts

__all__ = ["check_unit", "choose_unit", "choose_units", "price_by_unit", "read_budget"]


def read_budget(
    budget: Budget | Mapping[str, float] | None, target_quality: float | None
) -> dict[str, int]:
    """Read ceilings by unit in micro-units; without a target there has to be one."""
    if budget is None:
        if target_quality is None:
            raise BudgetError("neither budget nor target_quality is given: one of them is needed")
        return {}
    return (budget if isinstance(budget, Budget) else Budget.from_mapping(budget)).to_micro()


def choose_units(costs: MenuCosts, budget_micro: Collection[str]) -> tuple[str, ...]:
    """Plan in the units of a budget, and refuse those without costs before all else is done."""
    units = tuple(budget_micro) or (choose_unit(costs),)
    costs.to_micro(units)
    return units


def check_unit(unit: str | None) -> tuple[str, ...]:
    """Check that a budget may have a unit; none where none is named."""
    if unit and unit not in BUDGET_UNITS:
        raise BudgetError(f"budget unit {unit!r} is unknown: allowed are {', '.join(BUDGET_UNITS)}")
    return (unit,) if unit else ()


def choose_unit(costs: MenuCosts) -> str:
    """Choose dollars where they are known, else the first unit that is."""
    return next((name for name in BUDGET_UNITS if name in costs.amounts), "usd")


def price_by_unit(solution: Solution, units: Sequence[str]) -> dict[str, float]:
    """Turn prices a micro-unit into prices a unit, by name."""
    prices = np.atleast_1d(np.asarray(solution.shadow_price, dtype=np.float64))
    return {unit: float(price) * MICRO for unit, price in zip(units, prices, strict=True)}
