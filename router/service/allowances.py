"""What a call may take from a pool: at its price and at most a stated share, or an even share."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from router.ledger.prices import count_expected
from router.plan_problem import write_amounts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.ledger.records import PoolState

__all__ = ["Allowance", "decide_allowance", "explain_share", "raise_allowance"]


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a call may take from a pool.

    Parameters
    ----------
    amounts_micro : mapping of str to int
        At most, by unit.
    prices : mapping of str to float
        Quality that a unit has to bring at least.
    """

    amounts_micro: Mapping[str, int]
    prices: Mapping[str, float]


def decide_allowance(
    state: PoolState,
    pending_micro: Mapping[str, int],
    cap_micro: Mapping[str, int],
    n_questions: int,
) -> Allowance:
    """Decide what a call may take from a pool.

    Parameters
    ----------
    state : PoolState
        As it stands on disk.
    pending_micro : mapping of str to int
        What is being granted to others at this moment.
    cap_micro : mapping of str to int
        The call's own budget. In its units it may take all that is free below it.
    n_questions : int
        How many questions the call has.

    Returns
    -------
    Allowance
        In units without a cap: at the pool's price and at most its stated share of what is free;
        where it has no price yet, at most an even share a question.

    Examples
    --------
    >>> from router.ledger.records import Account, PoolState
    >>> state = PoolState("night", {"usd": Account(1000, price=2.0)}, 0.25, None, 0)
    >>> decide_allowance(state, {}, {}, 8)
    Allowance(amounts_micro={'usd': 250}, prices={'usd': 2.0})
    >>> decide_allowance(state, {"usd": 900}, {"usd": 300}, 8)
    Allowance(amounts_micro={'usd': 100}, prices={})
    """
    amounts, prices = {}, {}
    for unit, account in state.accounts.items():
        free = max(0, account.free - pending_micro.get(unit, 0))
        if unit in cap_micro:
            amounts[unit] = min(free, cap_micro[unit])
            continue
        amounts[unit] = math.floor(state.share_max * free)
        if account.price is not None:
            prices[unit] = account.price
        else:
            expected = count_expected(state.expected_questions, state.n_questions)
            amounts[unit] = min(amounts[unit], n_questions * free // expected)
    own = {unit: amount for unit, amount in cap_micro.items() if unit not in amounts}
    return Allowance(amounts | own, prices)


def explain_share(state: PoolState, allowance: Allowance, cap_micro: Mapping[str, int]) -> str:
    """Say that a call may take an even share only, for a pool that nobody has drawn on yet.

    Parameters
    ----------
    state : PoolState
        As it stands on disk.
    allowance : Allowance
        What the call may take.
    cap_micro : mapping of str to int
        The call's own budget.

    Returns
    -------
    str
        Empty where the pool has a price, or the call a budget, in every unit.

    Examples
    --------
    >>> from router.ledger.records import Account, PoolState
    >>> state = PoolState("night", {"usd": Account(600)}, 0.25, None, 0)
    >>> explain_share(state, decide_allowance(state, {}, {}, 8), {})
    "pool 'night' has no price yet, so this call gets an even share, usd=0.000016 of usd=0.0006 ..."
    """
    without_price = _list_unpriced(state, cap_micro)
    if not without_price:
        return ""
    share = write_amounts({unit: allowance.amounts_micro[unit] for unit in without_price})
    free = write_amounts({unit: max(0, state.accounts[unit].free) for unit in without_price})
    expected = count_expected(state.expected_questions, state.n_questions)
    return (
        f"pool {state.name!r} has no price yet, so this call gets an even share, {share} of {free} "
        f"free, as {expected} more questions are expected: a budget of the call's own lifts that, "
        "or expected_questions of a new pool"
    )


def raise_allowance(
    state: PoolState,
    pending_micro: Mapping[str, int],
    cap_micro: Mapping[str, int],
    allowance: Allowance,
    least_micro: Mapping[str, int],
) -> Allowance | None:
    """Raise an even share of a pool without a price to what the cheapest plan takes.

    A pool has no price before its first grant, so that shares too small for any option would never
    end, however many ask.

    Parameters
    ----------
    state : PoolState
        As it stands on disk.
    pending_micro : mapping of str to int
        What is being granted to others at this moment.
    cap_micro : mapping of str to int
        The call's own budget.
    allowance : Allowance
        What the call may take so far.
    least_micro : mapping of str to int
        What its cheapest plan takes, by unit.

    Returns
    -------
    Allowance or None
        None where no unit is shared evenly, or the cheapest plan takes more than the stated share
        of what is free.

    Examples
    --------
    >>> from router.ledger.records import Account, PoolState
    >>> state = PoolState("night", {"usd": Account(10_000)}, 0.25, None, 0)
    >>> share = decide_allowance(state, {}, {}, 1)
    >>> share.amounts_micro, raise_allowance(state, {}, {}, share, {"usd": 128}).amounts_micro
    ({'usd': 33}, {'usd': 128})
    >>> raise_allowance(state, {}, {}, share, {"usd": 2_501}) is None
    True
    """
    amounts = dict(allowance.amounts_micro)
    unpriced = _list_unpriced(state, cap_micro)
    for unit in unpriced:
        free = max(0, state.accounts[unit].free - pending_micro.get(unit, 0))
        amounts[unit] = max(amounts[unit], least_micro.get(unit, 0))
        if least_micro.get(unit, 0) > math.floor(state.share_max * free):
            return None
    return replace(allowance, amounts_micro=amounts) if unpriced else None


def _list_unpriced(state: PoolState, cap_micro: Mapping[str, int]) -> list[str]:
    """List the units of a pool that have no price yet, and no ceiling of the call's own."""
    return [
        unit
        for unit, account in state.accounts.items()
        if unit not in cap_micro and account.price is None
    ]
