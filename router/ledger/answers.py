"""Answers that are kept, so that a repeated request gets the first one again, word for word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.exceptions import ConflictError
from router.ledger.records import Answer
from router.ledger.store import fetch

if TYPE_CHECKING:
    import apsw

    from router.ledger.records import RequestKey

__all__ = ["KEEP_SECONDS", "drop_answers", "find_answer", "insert_answer"]

KEEP_SECONDS = 24 * 3600
DROP_MAX = 512


def find_answer(connection: apsw.Connection, key: RequestKey) -> Answer | None:
    """Find what a request was answered before.

    Parameters
    ----------
    connection : apsw.Connection
        Any.
    key : RequestKey
        Of the request.

    Returns
    -------
    Answer or None

    Raises
    ------
    ConflictError
        If the key came with another body.
    """
    found = fetch(
        connection,
        "SELECT fingerprint, status, body FROM answers WHERE tenant = ? AND route = ? AND key = ?",
        (key.tenant, key.route, key.key),
    )
    if not found:
        return None
    fingerprint, status, body = found[0]
    if fingerprint != key.fingerprint:
        raise ConflictError("the Idempotency-Key was used before, with another body")
    return Answer(status, body)


def insert_answer(
    connection: apsw.Connection, key: RequestKey, answer: Answer, now_us: int
) -> None:
    """Keep an answer, in the transaction that does what it tells of.

    Parameters
    ----------
    connection : apsw.Connection
        Inside a savepoint, which the caller rolls back if this raises.
    key : RequestKey
        Of the request.
    answer : Answer
        What it is told.
    now_us : int
        Lease time, in microseconds.

    Raises
    ------
    ConflictError
        If one of the same key came first.
    """
    connection.execute(
        "INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            *(key.tenant, key.route, key.key, key.fingerprint),
            *(answer.status, answer.body, now_us + KEEP_SECONDS * 1_000_000),
        ),
    )
    if connection.changes() != 1:
        raise ConflictError("a request of the same Idempotency-Key came first")


def drop_answers(connection: apsw.Connection, now_us: int) -> int:
    """Forget answers that have been kept long enough, some hundreds at a time; tell how many."""
    connection.execute(
        "DELETE FROM answers WHERE (tenant, route, key) IN "
        "(SELECT tenant, route, key FROM answers WHERE expires_us <= ? LIMIT ?)",
        (now_us, DROP_MAX),
    )
    return connection.changes()
