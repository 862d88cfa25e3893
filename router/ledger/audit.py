"""The auditor: adds every row up again and compares with what the pools say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.budgets import BUDGET_UNITS
from router.ledger.schema import OVERRUN_MAX_MICRO
from router.ledger.store import fetch

if TYPE_CHECKING:
    import apsw

__all__ = ["audit_store"]

# A unit that a report left out counts as it was planned.
SPENT = "coalesce(o.{unit}, r.{unit})"
SUMS = """
    SELECT
        sum(CASE WHEN r.state = 'open' THEN r.{unit} ELSE 0 END),
        sum(CASE WHEN r.state = 'settled' THEN min({spent}, r.{unit}) ELSE 0 END),
        sum(CASE WHEN r.state = 'settled' THEN max({spent} - r.{unit}, 0)
                 WHEN o.plan IS NOT NULL THEN {spent} ELSE 0 END)
    FROM plans AS p
    JOIN reservations AS r ON r.plan = p.plan
    LEFT JOIN outcomes AS o ON o.plan = r.plan AND o.position = r.position
    WHERE p.pool = ? AND r.{unit} IS NOT NULL
"""


def audit_store(connection: apsw.Connection) -> list[str]:
    """Check that pools, reservations and outcomes agree, and that the file is sound.

    Parameters
    ----------
    connection : apsw.Connection
        Any, with nobody writing.

    Returns
    -------
    list of str
        What is wrong, a line each; nothing where all is well.
    """
    ((report,),) = fetch(connection, "PRAGMA integrity_check(1)")
    if report != "ok":
        return [f"the file is damaged: {' '.join(str(report).split())}"]
    faults = _check_accounts(connection)
    wrong = fetch(
        connection,
        "SELECT plan_id FROM plans AS p WHERE n_open != "
        "(SELECT count(*) FROM reservations AS r WHERE r.plan = p.plan AND r.state = 'open')",
    )
    faults += [f"plan {plan_id} counts its open reservations wrongly" for (plan_id,) in wrong]
    unsettled = fetch(
        connection,
        "SELECT p.plan_id, r.position FROM reservations AS r JOIN plans AS p ON p.plan = r.plan "
        "LEFT JOIN outcomes AS o ON o.plan = r.plan AND o.position = r.position "
        "WHERE (r.state = 'settled') != (o.plan IS NOT NULL AND o.late = 0)",
    )
    faults += [
        f"plan {plan_id}, question {place}: state and outcome" for plan_id, place in unsettled
    ]
    return faults


def _check_accounts(connection: apsw.Connection) -> list[str]:
    """Add up what was drawn on every account."""
    faults = []
    rows = fetch(
        connection, "SELECT pool, unit, capacity, reserved, settled, overrun FROM accounts"
    )
    for pool, unit, capacity, *stated in rows:
        if unit not in BUDGET_UNITS:
            faults.append(f"pool {pool} has an unknown unit {unit}")
            continue
        query = SUMS.format(unit=unit, spent=SPENT.format(unit=unit))
        (sums,) = fetch(connection, query, (pool,))
        found = [amount or 0 for amount in sums]
        found[2] = min(found[2], OVERRUN_MAX_MICRO)
        if found != stated:
            faults.append(
                f"pool {pool}, {unit}: reserved, settled, overrun are {stated}, rows give {found}"
            )
        if stated[0] + stated[1] > capacity:
            faults.append(f"pool {pool}, {unit}: more is granted than the capacity {capacity}")
    return faults
