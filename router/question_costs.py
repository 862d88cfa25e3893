"""Costs of a batch: what each question is expected to consume under each option, and its doubt."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.budgets import to_micro_ceil
from router.exceptions import BudgetError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.costs import MenuCosts
    from router.models.quantities import Consumption

__all__ = ["COST_MARGIN", "MARGIN_MAX", "QuestionCosts", "check_margin", "exceed_probability"]

COST_MARGIN = 0.05
MARGIN_MAX = 10.0
# Dollars follow tokens where no log measured dollars themselves.
STAND_INS = {"usd": "tokens"}


def check_margin(margin: float) -> None:
    """Check that a margin is one.

    Parameters
    ----------
    margin : float
        Share of the expected cost that is reserved on top of it.

    Raises
    ------
    BudgetError
        If it is not from 0 to 10.

    Examples
    --------
    >>> check_margin(-0.1)
    Traceback (most recent call last):
    ...
    router.exceptions.BudgetError: cost_margin is -0.1: a share from 0 to 10 is needed
    """
    if not 0.0 <= margin <= MARGIN_MAX:
        raise BudgetError(f"cost_margin is {margin}: a share from 0 to 10 is needed")


def exceed_probability(budget: float, expected: float, deviation: float | None) -> float | None:
    """Tell how likely a sum of many costs exceeds a budget, taking the sum for normal.

    Parameters
    ----------
    budget, expected : float
        In one unit.
    deviation : float or None
        Standard deviation of the sum; None where it was not measured.

    Returns
    -------
    float or None
        From 0 to 1; None without a deviation.

    Examples
    --------
    >>> round(exceed_probability(1.1, 1.0, 0.1), 3)
    0.159
    """
    if deviation is None:
        return None
    if deviation == 0.0:
        return float(expected > budget)
    return 0.5 * math.erfc((budget - expected) / (deviation * math.sqrt(2.0)))


@dataclass(frozen=True)
class QuestionCosts:
    """Costs of n questions under the m options of a menu.

    Where nothing is known of the single question, every question costs what the option costs on
    average, nothing is reserved on top, and arrays have shape (m,) instead of (n, m).

    Parameters
    ----------
    menu : MenuCosts
        What every option costs on average.
    consumption : Consumption, optional
        By what factor each question differs.
    margin : float, default=0.05
        Share of the expected cost that is reserved on top where consumption is uncertain.
    """

    menu: MenuCosts
    consumption: Consumption | None = None
    margin: float = COST_MARGIN

    @property
    def units(self) -> tuple[str, ...]:
        """Units in which every option's cost is known."""
        return tuple(self.menu.amounts)

    def expect(self, unit: str) -> NDArray[np.float64]:
        """Return expected costs in a unit, shape (n, m) or (m,)."""
        amount, source = self.menu.amounts[unit], self._find_source(unit)
        if self.consumption is None or source is None:
            return amount
        return np.asarray(amount * self.consumption.factor[source])

    def deviate(self, unit: str) -> NDArray[np.float64] | None:
        """Return standard deviations in a unit, shape (n, m); None where none were measured."""
        source = self._find_source(unit)
        if self.consumption is None or source is None:
            return None
        return np.asarray(self.menu.amounts[unit] * self.consumption.deviation[source])

    def to_micro(self, units: Sequence[str]) -> NDArray[np.int64]:
        """Return what is planned with, margin included, in micro-units.

        Parameters
        ----------
        units : sequence of str, length k
            Units of a budget.

        Returns
        -------
        ndarray of int64, shape (n, m, k) or (m, k)
            Rounded up.

        Raises
        ------
        BudgetError
            If the menu's costs are not known in one of the units; the message says why.
        """
        fixed = self.menu.to_micro(units)
        if all(self._find_source(unit) is None for unit in units):
            return fixed
        columns = []
        for position, unit in enumerate(units):
            deviation = self.deviate(unit)
            if deviation is None:
                columns.append(fixed[:, position])
                continue
            reserved = self.expect(unit) * (1.0 + self.margin * (deviation > 0.0))
            columns.append(to_micro_ceil(reserved))
        return np.stack(np.broadcast_arrays(*columns), axis=-1)

    def sum_up(
        self, unit: str, rows: NDArray[np.int64], columns: NDArray[np.int64]
    ) -> tuple[float, float | None]:
        """Sum chosen options' expected costs, with the standard deviation of the sum.

        Errors of single questions are independent; each task adds one that its questions share.

        Parameters
        ----------
        unit : str
            One whose costs are known.
        rows, columns : ndarray of int64, shape (k,)
            Questions and their options.

        Returns
        -------
        expected : float
        deviation : float or None
            None where it was not measured.
        """
        expected = self.expect(unit)
        chosen = expected[columns] if expected.ndim == 1 else expected[rows, columns]
        deviation, source = self.deviate(unit), self._find_source(unit)
        if deviation is None or self.consumption is None or source is None:
            return float(chosen.sum()), None
        single = deviation[rows, columns]
        uncertain = np.where(single > 0.0, chosen, 0.0)
        by_task = np.bincount(self.consumption.task_index[rows], uncertain)
        common = self.consumption.task_deviation[source] * by_task
        return float(chosen.sum()), math.sqrt(float((single**2).sum() + (common**2).sum()))

    def _find_source(self, unit: str) -> str | None:
        """Find the measured unit whose factors hold for another."""
        if self.consumption is None:
            return None
        measured = self.consumption.factor
        stand_in = STAND_INS.get(unit, unit)
        return unit if unit in measured else stand_in if stand_in in measured else None
