"""Retention: what is older than it has to be is forgotten, a little at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router.ledger.store import fetch

if TYPE_CHECKING:
    import apsw

__all__ = ["UNREPORTED_SECONDS", "Retention"]

MICRO = 1_000_000
# A plan that nobody has reported on for a week is not reported on any more.
UNREPORTED_SECONDS = 7 * 24 * 3600
# A round deletes few, so that requests between two rounds wait no longer than otherwise.
ROUND_MAX = 64
# What was passed over may be due by now: a plan was open then, or is reported on only now. So all
# are gone through again, so long after the last time began and once it has reached the end.
PASS_SECONDS = 3600
SELECT_OLD = """
    SELECT plan, created_us, pool, EXISTS (SELECT 1 FROM outcomes WHERE outcomes.plan = plans.plan),
        features IS NOT NULL OR texts IS NOT NULL
    FROM plans WHERE n_open = 0 AND (created_us, plan) > (?, ?) AND created_us < ?
    ORDER BY created_us, plan LIMIT ?
"""


class Retention:
    """Forgets plans of which nothing came, and on demand those of which something did.

    Parameters
    ----------
    outcome_seconds : float, optional
        How long plans with outcomes are kept after they were made; for ever by default. Of those
        that a pool paid for, texts and features go and amounts stay, as the pool's account is their
        sum. What is reported only after that time goes within the hour.
    """

    def __init__(self, outcome_seconds: float | None = None) -> None:
        self._outcome_us = None if outcome_seconds is None else int(outcome_seconds * MICRO)
        self.restart()

    def restart(self) -> None:
        """Go through all plans anew, as after a commit that failed."""
        # How far each of the two goes through the plans was reached.
        self._unreported = (-1, -1)
        self._reported = (-1, -1)
        self._began_us: int | None = None
        self._has_ended = False

    def drop(self, connection: apsw.Connection, now_us: int) -> int:
        """Forget what is old, some dozens of plans at a time.

        Parameters
        ----------
        connection : apsw.Connection
            Inside a transaction.
        now_us : int
            Lease time.

        Returns
        -------
        int
            How many plans were forgotten.
        """
        if self._began_us is None:
            self._began_us = now_us
        elif self._has_ended and now_us - self._began_us >= PASS_SECONDS * MICRO:
            self.restart()
            self._began_us = now_us
        n_due, n_forgotten = self._drop_unreported(connection, now_us)
        n_old = 0
        if self._outcome_us is not None:
            n_old, n_more = self._drop_reported(connection, now_us - self._outcome_us)
            n_forgotten += n_more
        self._has_ended = max(n_due, n_old) < ROUND_MAX
        return n_forgotten

    def _drop_unreported(self, connection: apsw.Connection, now_us: int) -> tuple[int, int]:
        """Forget plans of which nothing came; count those looked at and those forgotten."""
        before = now_us - UNREPORTED_SECONDS * MICRO
        due = fetch(connection, SELECT_OLD, (*self._unreported, before, ROUND_MAX))
        n_forgotten = 0
        for plan, created_us, _, is_reported, _ in due:
            self._unreported = created_us, plan
            if not is_reported:
                connection.execute("DELETE FROM reservations WHERE plan = ?", (plan,))
                connection.execute("DELETE FROM plans WHERE plan = ?", (plan,))
                n_forgotten += 1
        return len(due), n_forgotten

    def _drop_reported(self, connection: apsw.Connection, before: int) -> tuple[int, int]:
        """Forget plans with outcomes; count those looked at and those forgotten."""
        old = fetch(connection, SELECT_OLD, (*self._reported, before, ROUND_MAX))
        n_forgotten = 0
        for plan, created_us, pool, is_reported, has_words in old:
            self._reported = created_us, plan
            if is_reported and (pool is None or has_words):
                _forget(connection, plan, paid=pool is not None)
                n_forgotten += 1
        return len(old), n_forgotten


def _forget(connection: apsw.Connection, plan: int, *, paid: bool) -> None:
    """Forget a plan of which something came."""
    if paid:
        connection.execute("UPDATE plans SET features = NULL, texts = NULL WHERE plan = ?", (plan,))
        return
    connection.execute("DELETE FROM outcomes WHERE plan = ?", (plan,))
    connection.execute("DELETE FROM plans WHERE plan = ?", (plan,))
