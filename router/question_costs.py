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
    if not isinstance(margin, (int, float)) or not 0.0 <= margin <= MARGIN_MAX:
        raise BudgetError(f"cost_margin is {margin!r}: a share from 0 to 10 is needed")


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
        # Sums of floats may differ in the last digit from a budget that is used up exactly.
        return float(expected > budget * (1.0 + 1e-9))
    return 0.5 * math.erfc((budget - expected) / (deviation * math.sqrt(2.0)))


@dataclass(frozen=True)
class QuestionCosts:
    """Costs of n questions under the m options of a menu.

    Where nothing is known of the single question, every question costs what the option costs on
    average, nothing is reserved on top, and arrays have shape (m,) instead of (n, m). Dollars that
    come from prices follow measured tokens where no log measured dollars, fees for searches and
    time excepted.

    Parameters
    ----------
    menu : MenuCosts
        What every option costs on average.
    consumption : Consumption, optional
        By what factor each question differs.
    margin : float, default=0.05
        Share of the expected cost that is reserved on top wherever consumption is not known to be
        the same on every question.
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
        share = self._share(unit, source)
        return np.asarray(amount * (1.0 + share * (self.consumption.factor[source] - 1.0)))

    def deviate(self, unit: str) -> NDArray[np.float64] | None:
        """Return standard deviations in a unit, shape (n, m), NaN for options nobody measured.

        None where the unit does not differ from question to question.
        """
        source = self._find_source(unit)
        if self.consumption is None or source is None:
            return None
        exposed = self.menu.amounts[unit] * self._share(unit, source)
        # What costs nothing is certain, measured or not.
        return np.where(exposed > 0.0, exposed * self.consumption.deviation[source], 0.0)

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
            reserved = self.expect(unit) * (1.0 + self.margin * (deviation != 0.0))
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
            None where it was not measured, of one of the options even.
        """
        expected = self.expect(unit)
        chosen = expected[columns] if expected.ndim == 1 else expected[rows, columns]
        deviation, source = self.deviate(unit), self._find_source(unit)
        if deviation is None or self.consumption is None or source is None:
            return float(chosen.sum()), None
        single = deviation[rows, columns]
        if np.isnan(single).any():
            return float(chosen.sum()), None
        exposed = np.broadcast_to(self._share(unit, source), self.menu.amounts[unit].shape)[columns]
        uncertain = np.where(single > 0.0, chosen * exposed, 0.0)
        by_task = np.bincount(self.consumption.task_index[rows], uncertain)
        common = self.consumption.task_deviation[source] * by_task
        return float(chosen.sum()), math.sqrt(float((single**2).sum() + (common**2).sum()))

    def _find_source(self, unit: str) -> str | None:
        """Find the measured unit whose factors hold for another."""
        if self.consumption is None:
            return None
        measured = self.consumption.factor
        if unit in measured:
            return unit
        priced = unit == "usd" and self.menu.token_share is not None
        return "tokens" if priced and "tokens" in measured else None

    def _share(self, unit: str, source: str) -> NDArray[np.float64]:
        """Return which share of each option's cost follows the source, from 0 to 1."""
        share = self.menu.token_share
        return np.ones(1) if unit == source or share is None else share
