"""Plans: written down with what was reserved for them, found again when they are reported on."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import msgspec

from router.budgets import BUDGET_UNITS
from router.exceptions import UnknownError
from router.ledger.pools import book, grant, read_pool, require_pool
from router.ledger.records import PlanContent, decode_content
from router.ledger.store import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping

    import apsw

    from router.ledger.records import PlanRecord

__all__ = ["Found", "expire_plans", "find_plan", "insert_plan", "insert_reserved"]

EXPIRE_MAX = 256
COLUMNS = ", ".join(BUDGET_UNITS)
INSERT_RESERVATION = (
    f"INSERT INTO reservations (plan, position, state, {COLUMNS}) "
    f"VALUES (?, ?, 'open', {', '.join('?' * len(BUDGET_UNITS))})"
)


class Found(msgspec.Struct, frozen=True):
    """A plan that was found: its number, its pool's, and what it says."""

    plan: int
    pool: int | None
    content: PlanContent


def insert_plan(
    connection: apsw.Connection,
    record: PlanRecord,
    *,
    now_us: int,
    wall_us: int,
    pool: int | None = None,
    lease_us: int | None = None,
) -> int:
    """Write down a plan.

    Parameters
    ----------
    connection : apsw.Connection
        Inside a transaction.
    record : PlanRecord
        The plan.
    now_us, wall_us : int
        Lease time and time of day, in microseconds.
    pool : int, optional
        From which something is reserved.
    lease_us : int, optional
        For how long.

    Returns
    -------
    int
        Its number.
    """
    digest = hashlib.sha256(record.menu).digest()
    connection.execute(
        "INSERT OR IGNORE INTO menus (digest, content) VALUES (?, ?)", (digest, record.menu)
    )
    ((menu,),) = fetch(connection, "SELECT menu FROM menus WHERE digest = ?", (digest,))
    n_open = 0 if pool is None else len(record.content.ids)
    texts = None if record.texts is None else msgspec.msgpack.encode(record.texts)
    connection.execute(
        "INSERT INTO plans (plan_id, tenant, pool, menu, bundle_id, price_id, shadow, created_us, "
        "created_wall_us, expires_us, n_open, content, fingerprint, features, texts) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(record.plan_id, record.tenant, pool, menu, record.bundle_id, record.price_id),
            *(int(record.shadow), now_us, wall_us),
            *(None if lease_us is None else now_us + lease_us, n_open),
            *(msgspec.msgpack.encode(record.content), record.fingerprint, record.features, texts),
        ),
    )
    return int(connection.last_insert_rowid())


def insert_reserved(
    connection: apsw.Connection,
    record: PlanRecord,
    pool_name: str,
    *,
    lease_us: int,
    opening_price: Mapping[str, float],
    now_us: int,
    wall_us: int,
) -> None:
    """Reserve what a plan costs in a pool and write both down.

    Parameters
    ----------
    connection : apsw.Connection
        Inside a savepoint.
    record : PlanRecord
        Planned in every unit of the pool.
    pool_name : str
        The pool.
    lease_us : int
        For how long it is held for a report that does not come.
    opening_price : mapping of str to float
        See :func:`~router.ledger.pools.grant`.
    now_us, wall_us : int
        Lease time and time of day.

    Raises
    ------
    UnknownError
        If there is no such pool.
    PoolExhaustedError
        If it does not reach.
    """
    pool = require_pool(connection, record.tenant, pool_name)
    units = tuple(read_pool(connection, pool).accounts)
    n_questions = len(record.content.ids)
    grant(connection, pool, record.totals_micro, n_questions, opening_price)
    plan = insert_plan(
        connection, record, now_us=now_us, wall_us=wall_us, pool=pool, lease_us=lease_us
    )
    planned = record.content.planned
    columns = [planned[unit] if unit in units else [None] * n_questions for unit in BUDGET_UNITS]
    connection.executemany(
        INSERT_RESERVATION,
        [(plan, position, *row) for position, row in enumerate(zip(*columns, strict=True))],
    )


def find_plan(connection: apsw.Connection, tenant: str, plan_id: str) -> Found:
    """Find a plan by its identifier.

    Raises
    ------
    UnknownError
        If its tenant has none of that identifier.
    """
    found = fetch(
        connection,
        "SELECT plan, pool, content FROM plans WHERE plan_id = ? AND tenant = ?",
        (plan_id, tenant),
    )
    if not found:
        raise UnknownError("there is no plan of this plan_id")
    plan, pool, content = found[0]
    return Found(plan, pool, decode_content(content))


def expire_plans(connection: apsw.Connection, now_us: int) -> int:
    """Give back what is reserved for plans whose lease is over.

    Parameters
    ----------
    connection : apsw.Connection
        Inside a transaction.
    now_us : int
        Lease time.

    Returns
    -------
    int
        How many plans; what is beyond some hundreds is left to the next call.
    """
    due = fetch(
        connection,
        "SELECT plan, pool FROM plans WHERE n_open > 0 AND expires_us <= ? LIMIT ?",
        (now_us, EXPIRE_MAX),
    )
    sums = ", ".join(f"sum({unit})" for unit in BUDGET_UNITS)
    for plan, pool in due:
        (amounts,) = fetch(
            connection,
            f"SELECT {sums} FROM reservations WHERE plan = ? AND state = 'open'",
            (plan,),
        )
        for unit, amount in zip(BUDGET_UNITS, amounts, strict=True):
            if amount is not None:
                book(connection, pool, unit, returned=amount)
        connection.execute(
            "UPDATE reservations SET state = 'expired' WHERE plan = ? AND state = 'open'", (plan,)
        )
        connection.execute("UPDATE plans SET n_open = 0 WHERE plan = ?", (plan,))
    return len(due)
