"""What is held for a plan, moved between its questions: nothing is granted, and nothing let go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.budgets import BUDGET_UNITS
from router.exceptions import ConflictError, UnknownError
from router.ledger.plans import COLUMNS, find_plan
from router.ledger.store import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    import apsw

__all__ = ["move_reserved", "read_open"]


def read_open(
    connection: apsw.Connection, tenant: str, plan_id: str
) -> dict[str, dict[str, int]] | None:
    """Read what is held for each question of a plan that is not settled.

    Parameters
    ----------
    connection : apsw.Connection
        Any.
    tenant, plan_id : str
        Whose plan, and which.

    Returns
    -------
    dict of str to dict of str to int, or None
        By question and unit, in micro-units; None where the plan holds nothing of any pool.

    Raises
    ------
    UnknownError
        If there is no such plan.
    """
    plan = find_plan(connection, tenant, plan_id)
    if plan.pool is None:
        return None
    rows = fetch(
        connection,
        f"SELECT position, {COLUMNS} FROM reservations WHERE plan = ? AND state = 'open' "
        "ORDER BY position",
        (plan.plan,),
    )
    return {
        plan.content.ids[position]: {
            unit: amount
            for unit, amount in zip(BUDGET_UNITS, amounts, strict=True)
            if amount is not None
        }
        for position, *amounts in rows
    }


def move_reserved(
    connection: apsw.Connection,
    tenant: str,
    plan_id: str,
    amounts_micro: Mapping[str, Mapping[str, int]],
) -> None:
    """Hold other amounts for the questions of a plan, together as much as before.

    Parameters
    ----------
    connection : apsw.Connection
        Inside a savepoint, which the caller rolls back if this raises.
    tenant, plan_id : str
        Whose plan, and which.
    amounts_micro : mapping of str to mapping of str to int
        By question and unit what is needed for it; questions that are settled by now are left out.
        What nobody needs stays where it is, so that no question that needs no more comes to hold
        more: a report without a cost is charged what is held.

    Raises
    ------
    UnknownError
        If there is no such plan, or no such question in it.
    ConflictError
        If nothing is held any more, as when the lease has ended, or more is needed than is held.
    """
    plan = find_plan(connection, tenant, plan_id)
    places = {name: position for position, name in enumerate(plan.content.ids)}
    for name in amounts_micro:
        if name not in places:
            raise UnknownError(f"the plan has no question {name!r}")
    held = read_open(connection, tenant, plan_id)
    if not held:
        raise ConflictError("nothing is held for this plan any more: allocate anew")
    wanted = {name: dict(amounts_micro.get(name, held[name])) for name in held}
    for unit in next(iter(held.values())):
        _leave_rest(unit, wanted, held)
    for name, row in wanted.items():
        terms = ", ".join(f"{unit} = ?" for unit in held[name])
        connection.execute(
            f"UPDATE reservations SET {terms} WHERE plan = ? AND position = ? AND state = 'open'",
            (*(row[unit] for unit in held[name]), plan.plan, places[name]),
        )


def _leave_rest(
    unit: str, wanted: Mapping[str, dict[str, int]], held: Mapping[str, Mapping[str, int]]
) -> None:
    """Leave what nobody needs of a unit with those that hold it."""
    rest = sum(row[unit] for row in held.values())
    rest -= sum(row.setdefault(unit, 0) for row in wanted.values())
    if rest < 0:
        raise ConflictError(
            f"questions of this plan need {-rest} micro-units of {unit} more than is held"
        )
    for name, row in wanted.items():
        kept = min(rest, max(0, held[name][unit] - row[unit]))
        row[unit] += kept
        rest -= kept
