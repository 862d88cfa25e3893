"""Costs: what an option consumes on one question, in each unit a budget may be given in."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from router.budgets import AMOUNT_MAX_MICRO, BUDGET_UNITS, MICRO, to_micro_ceil
from router.exceptions import BudgetError, PriceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.options import Menu, Option
    from router.prices import Prices

__all__ = ["MenuCosts", "cost_by_either", "cost_menu"]


@dataclass(frozen=True)
class MenuCosts:
    """The cost of every option of a menu by unit.

    Parameters
    ----------
    amounts : mapping of str to ndarray of float64, shape (m,)
        By unit, only units in which every option's cost is known.
    missing : mapping of str to str
        By the other units, why they are not known.
    price_id : str
        The prices that made the dollars, or ``measured`` where a log did.
    token_share : ndarray of float64, shape (m,), optional
        Which share of an option's dollars its tokens cost, the rest being fees for searches and
        time; None where dollars do not come from prices.
    """

    amounts: Mapping[str, NDArray[np.float64]]
    missing: Mapping[str, str]
    price_id: str
    token_share: NDArray[np.float64] | None = None

    def to_micro(self, units: Sequence[str]) -> NDArray[np.int64]:
        """Return costs in micro-units for the asked units.

        Parameters
        ----------
        units : sequence of str, length k
            Units of a budget.

        Returns
        -------
        ndarray of int64, shape (m, k)
            Rounded up.

        Raises
        ------
        BudgetError
            If the menu's costs are not known in one of the units; the message says why.

        Examples
        --------
        >>> from router.options import Menu, Option
        >>> costs = cost_menu(Menu((Option("a", searches=2.0, costs={"usd": 0.5}),)))
        >>> costs.to_micro(["usd", "searches"]).tolist()
        [[500000, 2000000]]
        """
        for unit in units:
            if unit not in self.amounts:
                reason = self.missing.get(unit, "no cost is known")
                known = ", ".join(self.amounts) or "none"
                raise BudgetError(
                    f"a budget in {unit} cannot be planned: {reason} "
                    f"(units with known costs: {known})"
                )
        return np.stack([self._micro[unit] for unit in units], axis=1)

    @cached_property
    def _micro(self) -> Mapping[str, NDArray[np.int64]]:
        """Costs in micro-units by unit, each rounded up once."""
        return {unit: to_micro_ceil(amount) for unit, amount in self.amounts.items()}


def cost_menu(menu: Menu, prices: Prices | None = None) -> MenuCosts:
    """Cost every option of a menu in every unit where that can be done.

    Dollars come from prices where prices are given, and otherwise from what a log measured; a menu
    never mixes the two.

    Parameters
    ----------
    menu : Menu
        The options, m of them.
    prices : Prices, optional
        What tokens, searches and seconds cost.

    Returns
    -------
    MenuCosts

    Examples
    --------
    >>> from router.options import Menu, Option
    >>> cost_menu(Menu((Option("a", input_tokens=10.0, output_tokens=5.0),))).amounts
    {'tokens': array([15.])}
    """
    amounts: dict[str, NDArray[np.float64]] = {}
    missing: dict[str, str] = {}
    for unit in BUDGET_UNITS:
        try:
            values = [_cost_option(option, unit, prices) for option in menu]
        except PriceError as error:
            missing[unit] = str(error)
        else:
            amounts[unit] = np.array(values, dtype=np.float64)
    if prices is None:
        return MenuCosts(amounts, missing, "measured")
    share = _share_tokens(menu, prices, amounts["usd"]) if "usd" in amounts else None
    return MenuCosts(amounts, missing, prices.price_id, share)


def _share_tokens(menu: Menu, prices: Prices, usd: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute which share of each option's dollars is paid for tokens."""
    tokens = np.array([prices.compute_token_usd(option) for option in menu])
    share: NDArray[np.float64] = np.ones_like(usd)
    np.divide(tokens, usd, out=share, where=usd > 0.0)
    return share


def _cost_option(option: Option, unit: str, prices: Prices | None) -> float:
    """Cost one option in one unit, or say what is missing."""
    if option.is_skip:
        return 0.0
    if unit == "usd" and prices is not None:
        cost: float | None = prices.compute_usd(option)
    else:
        amount = {
            "tokens": option.tokens,
            "searches": option.searches if option.searches is not None else option.search_steps,
            "seconds": option.seconds,
        }.get(unit)
        cost = option.costs.get(unit, amount)
    if cost is None:
        hint = "; give prices" if unit == "usd" else ""
        raise PriceError(f"option {option.name!r} has no known cost in {unit}{hint}")
    if cost > AMOUNT_MAX_MICRO // MICRO:
        raise PriceError(
            f"option {option.name!r} costs {cost:.4g} {unit} on one question, "
            f"allowed are {AMOUNT_MAX_MICRO // MICRO}"
        )
    return cost


def cost_by_either(menu: Menu, prices: Prices | None) -> MenuCosts:
    """Cost a menu by prices, or as its log measured it where prices do not fit it.

    Parameters
    ----------
    menu : Menu
        m options.
    prices : Prices or None
        What tokens and searches cost.

    Returns
    -------
    MenuCosts
    """
    costs = cost_menu(menu, prices)
    if "usd" in costs.amounts or prices is None:
        return costs
    measured = cost_menu(menu)
    return measured if "usd" in measured.amounts else costs
