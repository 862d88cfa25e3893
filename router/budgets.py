"""Budgets and the exact arithmetic of micro-units.

Money, tokens, searches and seconds are integers of one millionth of their unit inside the library,
so that three purchases of 0.1 fit a budget of 0.3 and no sum ever drifts. Conversion happens once,
at the door: budgets round down, costs and reservations round up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal, InvalidOperation
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BudgetError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import ArrayLike, NDArray

__all__ = ["BUDGET_UNITS", "MICRO", "Budget", "from_micro", "to_micro_ceil", "to_micro_floor"]

BUDGET_UNITS = ("usd", "tokens", "searches", "seconds", "nominal")
MICRO = 1_000_000
# Above this many micro-units a total could leave the range in which JSON readers and SQLite are
# exact, so a single amount may not exceed it.
AMOUNT_MAX_MICRO = 10**15
# Binary noise in an amount of micro-units: what may be dropped where a cost is rounded up.
NOISE_RELATIVE = 1e-12
NOISE_MAX_MICRO = 5e-7


def to_micro_floor(amount: float) -> int:
    """Convert an amount to micro-units, rounding down: the direction for budgets.

    Parameters
    ----------
    amount : float
        Amount in its unit; finite.

    Returns
    -------
    int
        Micro-units.

    Examples
    --------
    >>> to_micro_floor(0.3)
    300000
    """
    # The shortest decimal that prints as this float is what its writer meant: 0.3 is three tenths.
    exact = Decimal(repr(float(amount))) * MICRO
    return int(exact.to_integral_value(rounding=ROUND_FLOOR))


def to_micro_ceil(amounts: ArrayLike) -> NDArray[np.int64]:
    """Convert amounts to micro-units, rounding up: the direction for costs and reservations.

    Parameters
    ----------
    amounts : array_like of float
        Amounts in their unit; finite and not negative.

    Returns
    -------
    ndarray of int64, same shape
        Micro-units.

    Raises
    ------
    BudgetError
        If an amount is negative, not finite, or above 10**15 micro-units.

    Examples
    --------
    >>> to_micro_ceil([0.1, 0.000729, 0.0000001]).tolist()
    [100000, 729, 1]
    """
    values = np.asarray(amounts, dtype=np.float64)
    wrong = ~(np.isfinite(values) & (values >= 0.0) & (values <= AMOUNT_MAX_MICRO / MICRO))
    if wrong.any():
        value = values[wrong].flat[0]
        msg = f"cost {value} is not allowed: costs are from 0 to {AMOUNT_MAX_MICRO // MICRO}"
        raise BudgetError(msg)
    # Dropping the noise first keeps 729.0000000001 micro-dollars from becoming 730. Being relative,
    # it never makes a small cost free.
    scaled = values * MICRO
    noise = np.minimum(scaled * NOISE_RELATIVE, NOISE_MAX_MICRO)
    # An amount and its product with a million are each off by half of their last place at most.
    noise = np.maximum(noise, 2.0 * np.spacing(scaled))
    return np.ceil(scaled - noise).astype(np.int64)


def from_micro(amount: int) -> float:
    """Convert micro-units back to the unit, for display.

    Examples
    --------
    >>> from_micro(729)
    0.000729
    """
    return float(amount) / MICRO


@dataclass(frozen=True, slots=True)
class Budget:
    """One or more ceilings over a whole batch of questions.

    Parameters
    ----------
    usd : float, optional
        Dollars.
    tokens : float, optional
        Tokens, read and written together.
    searches : float, optional
        Search calls.
    seconds : float, optional
        Seconds of work, summed over questions.
    nominal : float, optional
        The own unit of a log whose costs are nominal (parameters, attempts, passages).

    Raises
    ------
    BudgetError
        If no ceiling is given, or one is negative, not finite or too large.

    Examples
    --------
    >>> Budget(usd=0.50, searches=40).to_micro()
    {'usd': 500000, 'searches': 40000000}
    """

    usd: float | None = None
    tokens: float | None = None
    searches: float | None = None
    seconds: float | None = None
    nominal: float | None = None

    def __post_init__(self) -> None:
        """Refuse an empty budget and impossible amounts."""
        given = self.to_dict()
        if not given:
            raise BudgetError("a budget needs at least one of " + ", ".join(BUDGET_UNITS))
        for unit, amount in given.items():
            # Anything but a plain number (a bool above all) is a mistake of the caller.
            number_types = (int, float, np.integer, np.floating)
            if isinstance(amount, bool) or not isinstance(amount, number_types):
                raise BudgetError(f"budget {unit}={amount!r} is not a number")
            if not 0 <= amount <= AMOUNT_MAX_MICRO / MICRO:
                raise BudgetError(
                    f"budget {unit}={amount} is not allowed: "
                    f"it must be from 0 to {AMOUNT_MAX_MICRO // MICRO}"
                )

    def to_dict(self) -> dict[str, float]:
        """Return the ceilings that are set, by unit.

        Examples
        --------
        >>> Budget(tokens=1000).to_dict()
        {'tokens': 1000}
        """
        values = {unit: getattr(self, unit) for unit in BUDGET_UNITS}
        return {unit: amount for unit, amount in values.items() if amount is not None}

    def to_micro(self) -> dict[str, int]:
        """Return the ceilings that are set, by unit, in micro-units rounded down."""
        return {unit: to_micro_floor(amount) for unit, amount in self.to_dict().items()}

    @classmethod
    def from_mapping(cls, amounts: Mapping[str, float]) -> Budget:
        """Build a budget from amounts by unit.

        Raises
        ------
        BudgetError
            If a unit is unknown or an amount impossible.

        Examples
        --------
        >>> Budget.from_mapping({"usd": 1.5})
        Budget(usd=1.5, tokens=None, searches=None, seconds=None, nominal=None)
        """
        if not isinstance(amounts, Mapping):
            raise BudgetError(f"budget {amounts!r} has no unit: write it by unit, as usd=0.50")
        for unit in amounts:
            if unit not in BUDGET_UNITS:
                raise BudgetError(
                    f"budget unit {unit!r} is unknown: allowed are {', '.join(BUDGET_UNITS)}"
                )
        return cls(**dict(amounts))

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Budget:
        """Build a budget from texts such as ``usd=0.50``.

        Parameters
        ----------
        texts : iterable of str
            One ``unit=amount`` each.

        Raises
        ------
        BudgetError
            If a text is malformed, repeats a unit, or names an unknown one.

        Examples
        --------
        >>> Budget.parse(["usd=0.5", "searches=40"]).to_dict()
        {'usd': 0.5, 'searches': 40.0}
        """
        amounts: dict[str, float] = {}
        for text in texts:
            unit, equals, amount = text.partition("=")
            unit = unit.strip()
            if not equals:
                raise BudgetError(f"budget {text!r} is malformed: write unit=amount, as usd=0.50")
            if unit in amounts:
                raise BudgetError(f"budget unit {unit!r} is given twice")
            try:
                amounts[unit] = float(Decimal(amount.strip()))
            except (InvalidOperation, ValueError):
                raise BudgetError(f"budget {text!r} has no number behind the equals sign") from None
        return cls.from_mapping(amounts)
