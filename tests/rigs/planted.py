"""Faults that the rigs have to find, each one a mistake that has been made elsewhere."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import apsw

from router.ledger import pools, schema
from router.ledger.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["PLANTED", "list_changes"]

DISK_SECONDS = 0.005


def _answer_early(writer: Any, batch: list[Any]) -> None:
    """Tell everybody that all went well, and commit then, as a disk lets one wait."""
    connection = writer._connection
    try:
        connection.execute("BEGIN IMMEDIATE")
        now = writer._clock.now()
        writer._sweep(connection, now)
        for operation, future, _ in batch:
            result, refusal = writer._attempt(operation, now)
            if refusal is None:
                future.set_result(result)
            else:
                future.set_exception(refusal)
        if batch:
            writer._write_mark()
            time.sleep(DISK_SECONDS)
        connection.execute("COMMIT")
    except apsw.Error:
        writer.failing = True
        if connection.in_transaction:
            connection.execute("ROLLBACK")


def list_changes(name: str) -> Iterator[tuple[Any, str, Any]]:
    """Give the object, the attribute and the value of each change that makes a fault.

    Parameters
    ----------
    name : str
        One of :data:`PLANTED`.

    Yields
    ------
    tuple of (object, str, object)
    """
    if name == "early":
        yield Writer, "_write", _answer_early
        return
    condition = "reserved + settled + overrun + :amount <= capacity"
    guard = "CHECK (reserved + settled <= capacity),"
    if condition not in pools.GRANT or not any(guard in x for x in schema.STATEMENTS):
        raise ValueError("the statements read otherwise than they did: plant the fault anew")
    yield pools, "GRANT", pools.GRANT.replace(condition, "TRUE")
    yield schema, "STATEMENTS", tuple(x.replace(guard, "") for x in schema.STATEMENTS)


PLANTED = {
    "early": "answers before the commit",
    "unguarded": "grants without looking, and tables that take it",
}
