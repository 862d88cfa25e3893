"""What requests about pools and outcomes may hold, and how pools are shown."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from msgspec import Meta, Struct

from router.budgets import Budget, from_micro, to_micro_ceil
from router.exceptions import InputError
from router.ledger.pools import SHARE_MAX
from router.ledger.records import Account, PoolState, Report
from router.service.schemas import QUESTIONS_MAX, Amount, Name, Share, Unit

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = [
    "OutcomeBody",
    "OutcomesBody",
    "PoolBody",
    "check_pool_name",
    "make_pool",
    "make_reports",
    "show_pool",
]

POOL_NAME = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# In a path these stand for another place, and clients take them out before they ask.
NO_NAMES = frozenset({".", ".."})

Part = Annotated[float, Meta(gt=0, le=1)]
Count = Annotated[int, Meta(ge=1, le=10**12)]


class PoolBody(Struct, forbid_unknown_fields=True):
    """The body of ``POST /v1/pools``."""

    name: Annotated[str, Meta(pattern=f"^{POOL_NAME.pattern}$")]
    capacity: Annotated[dict[Unit, Amount], Meta(min_length=1)]
    share_max: Part = SHARE_MAX
    expected_questions: Count | None = None


class OutcomeBody(Struct, forbid_unknown_fields=True):
    """What came of one question; what is left out is not known, or not yet."""

    id: Name
    cost: dict[Unit, Amount] | None = None
    quality: Share | None = None
    released: bool = False


class OutcomesBody(Struct, forbid_unknown_fields=True):
    """The body of ``POST /v1/outcomes``."""

    plan_id: Name
    outcomes: Annotated[list[OutcomeBody], Meta(min_length=1, max_length=QUESTIONS_MAX)]


def check_pool_name(name: str) -> str:
    """Refuse a name that no pool can have.

    Parameters
    ----------
    name : str
        As in a path.

    Returns
    -------
    str
        The same.

    Raises
    ------
    InputError
        If a character is not allowed, or it is ``.`` or ``..``.

    Examples
    --------
    >>> check_pool_name("night-run")
    'night-run'
    """
    if not POOL_NAME.fullmatch(name):
        raise InputError("a pool's name has 1 to 128 letters, digits, dots, colons, _ and -")
    if name in NO_NAMES:
        raise InputError(f"a pool's name cannot be {name!r}, which no path can hold")
    return name


def make_pool(body: PoolBody) -> PoolState:
    """Turn a request's pool into the ledger's.

    Parameters
    ----------
    body : PoolBody
        As decoded.

    Returns
    -------
    PoolState

    Raises
    ------
    InputError
        If no pool can have the name.

    Examples
    --------
    >>> make_pool(PoolBody("night", {"usd": 0.5})).accounts["usd"].capacity
    500000
    """
    capacity = Budget.from_mapping({str(unit): amount for unit, amount in body.capacity.items()})
    accounts = {unit: Account(amount) for unit, amount in capacity.to_micro().items()}
    # The decoder's pattern lets a line's end through behind the name.
    name = check_pool_name(body.name)
    return PoolState(name, accounts, body.share_max, body.expected_questions, 0)


def make_reports(bodies: Sequence[OutcomeBody]) -> list[Report]:
    """Turn a request's outcomes into the ledger's reports.

    Parameters
    ----------
    bodies : sequence of OutcomeBody
        As decoded.

    Returns
    -------
    list of Report
        Costs in micro-units, rounded up.

    Raises
    ------
    InputError
        If a question occurs twice, or was released and cost something nevertheless.

    Examples
    --------
    >>> make_reports([OutcomeBody("a", {"usd": 0.25}, 1.0)])[0].cost_micro
    {'usd': 250000}
    """
    seen = set()
    for place, body in enumerate(bodies, start=1):
        if body.id in seen:
            raise InputError(f"outcome {place}: its id occurs twice, a request reports once")
        seen.add(body.id)
        if body.released and (body.cost or body.quality is not None):
            raise InputError(f"outcome {place}: what is released has neither cost nor quality")
    # All at once, as one at a time takes as long for a few: others would wait for thousands.
    amounts = [amount for body in bodies for amount in (body.cost or {}).values()]
    rounded = iter(to_micro_ceil(np.array(amounts)).tolist())
    return [
        Report(
            body.id,
            {str(unit): next(rounded) for unit in body.cost or {}},
            body.quality,
            body.released,
        )
        for body in bodies
    ]


def show_pool(state: PoolState) -> dict[str, Any]:
    """Show a pool by unit.

    Parameters
    ----------
    state : PoolState
        As it stands.

    Returns
    -------
    dict
        ``capacity``, ``reserved``, ``settled``, ``overrun``, ``free`` and ``price`` (quality that
        one more unit is worth, None before the first plan), each by unit, and the pool's terms.

    Examples
    --------
    >>> show_pool(PoolState("night", {"usd": Account(10**6, reserved=3 * 10**5)}, 0.25, None, 2))[
    ...     "free"]
    {'usd': 0.7}
    """

    def show(amounts: Mapping[str, int]) -> dict[str, float]:
        """Give amounts in their units."""
        return {unit: from_micro(amount) for unit, amount in amounts.items()}

    accounts = state.accounts
    return {
        "name": state.name,
        "capacity": show({unit: account.capacity for unit, account in accounts.items()}),
        "reserved": show({unit: account.reserved for unit, account in accounts.items()}),
        "settled": show({unit: account.settled for unit, account in accounts.items()}),
        "overrun": show({unit: account.overrun for unit, account in accounts.items()}),
        "free": show({unit: account.free for unit, account in accounts.items()}),
        "price": {unit: account.price for unit, account in accounts.items()},
        "share_max": state.share_max,
        "expected_questions": state.expected_questions,
        "n_questions": state.n_questions,
    }
