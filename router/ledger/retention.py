"""Retention: what is older than it has to be is forgotten, a little at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.ledger.store import fetch

if TYPE_CHECKING:
    import apsw

__all__ = ["drop_plans"]

# A round deletes few, so that requests between two rounds wait no longer than otherwise.
DROP_MAX = 64


def drop_plans(connection: apsw.Connection, before_us: int) -> int:
    """Forget plans without pool that were made long ago, with their outcomes.

    A plan that a pool paid for stays, because the pool's account is the sum of such plans; only
    its questions' texts and features go.

    Parameters
    ----------
    connection : apsw.Connection
        Inside a transaction.
    before_us : int
        Lease time before which plans are old.

    Returns
    -------
    int
        How many were forgotten.
    """
    due = fetch(
        connection,
        "SELECT plan, pool FROM plans WHERE n_open = 0 AND created_us < ? "
        "AND (pool IS NULL OR features IS NOT NULL OR texts IS NOT NULL) LIMIT ?",
        (before_us, DROP_MAX),
    )
    for plan, pool in due:
        if pool is None:
            connection.execute("DELETE FROM outcomes WHERE plan = ?", (plan,))
            connection.execute("DELETE FROM plans WHERE plan = ?", (plan,))
        else:
            connection.execute(
                "UPDATE plans SET features = NULL, texts = NULL WHERE plan = ?", (plan,)
            )
    return len(due)
