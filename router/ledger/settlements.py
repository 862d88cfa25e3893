"""Settlements: each reservation ends exactly once, and what was really spent is always charged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from router.budgets import BUDGET_UNITS
from router.exceptions import ConflictError, UnknownError
from router.ledger.plans import COLUMNS, find_plan
from router.ledger.pools import book, correct_prices, read_pool
from router.ledger.records import Settled, list_ids
from router.ledger.store import fetch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import apsw

    from router.ledger.plans import Found
    from router.ledger.records import Report

__all__ = ["Settlement", "settle_reports"]

INSERT_OUTCOME = (
    f"INSERT INTO outcomes (plan, position, reported_wall_us, late, quality, {COLUMNS}) "
    f"VALUES (?, ?, ?, ?, ?, {', '.join('?' * len(BUDGET_UNITS))})"
)


def settle_reports(
    connection: apsw.Connection,
    tenant: str,
    plan_id: str,
    reports: Sequence[Report],
    wall_us: int,
) -> Settled:
    """Take in what came of questions of a plan: all reports, or none.

    Parameters
    ----------
    connection : apsw.Connection
        Inside a savepoint, which the caller rolls back if this raises.
    tenant, plan_id : str
        Whose plan, and which.
    reports : sequence of Report
        Different questions.
    wall_us : int
        Time of day.

    Returns
    -------
    Settled

    Raises
    ------
    UnknownError
        If there is no such plan, or no such question in it.
    ConflictError
        If a report contradicts an earlier one.
    """
    found = find_plan(connection, tenant, plan_id)
    positions = list_ids(found.content, [report.id for report in reports])
    words, excess, n_overruns = [], dict.fromkeys(BUDGET_UNITS, 0), 0
    for place, (report, position) in enumerate(zip(reports, positions, strict=True), start=1):
        if position is None:
            raise UnknownError(f"outcome {place}: the plan has no question of this id")
        settlement = Settlement(connection, found, position, wall_us)
        try:
            words.append(settlement.take(report))
        except ConflictError as error:
            raise ConflictError(f"outcome {place}: {error}") from None
        n_overruns += any(amount > 0 for amount in settlement.excess.values())
        for unit, amount in settlement.excess.items():
            excess[unit] += amount
    if found.pool is None:
        return Settled(words)
    correct_prices(connection, found.pool, excess)
    return Settled(words, read_pool(connection, found.pool), n_overruns)


class Settlement:
    """What has to be done about one question of a plan.

    Parameters
    ----------
    connection : apsw.Connection
        Inside a savepoint.
    found : Found
        The plan.
    position : int
        The question's position in it.
    wall_us : int
        Time of day.
    """

    def __init__(
        self, connection: apsw.Connection, found: Found, position: int, wall_us: int
    ) -> None:
        self._connection = connection
        self._found = found
        self._place = (found.plan, position)
        self._wall_us = wall_us
        self.excess: dict[str, int] = {}

    def take(self, report: Report) -> str:
        """Take in a report and say in a word what it was."""
        earlier = self._read(f"SELECT quality, {COLUMNS} FROM outcomes")
        if earlier is not None:
            return self._complete(report, *earlier)
        reserved = self._read(f"SELECT state, {COLUMNS} FROM reservations")
        state = "none" if reserved is None else str(reserved[0])
        amounts = {} if reserved is None else self._name(reserved[1:])
        if report.released:
            return self._release(state, amounts)
        if state == "open":
            self._end("settled")
            self._charge(report.cost_micro, amounts)
        elif state != "none":
            self._charge_late(report.cost_micro, amounts)
        late = state in ("expired", "released")
        self._insert(report, late=late)
        return "late" if late else "settled"

    def _complete(self, report: Report, quality: float | None, *costs: int | None) -> str:
        """Compare a second report with the first, and take its quality if that is what was open."""
        if report.released:
            raise ConflictError("was reported before, so that it cannot be released")
        known = self._name(costs)
        for unit, amount in report.cost_micro.items():
            if known.get(unit) != amount:
                raise ConflictError(f"its cost in {unit} was reported before, and was another")
        if report.quality is None or report.quality == quality:
            return "repeated"
        if quality is not None:
            raise ConflictError("its quality was reported before, and was another")
        self._connection.execute(
            "UPDATE outcomes SET quality = ? WHERE plan = ? AND position = ?",
            (report.quality, *self._place),
        )
        return "completed"

    def _release(self, state: str, amounts: Mapping[str, int]) -> str:
        """Give back what was reserved for a question that was not run."""
        if state != "open":
            # Without a pool there was nothing to give back.
            return "released" if state == "none" else "repeated"
        self._end("released")
        for unit, amount in amounts.items():
            self._book(unit, returned=amount)
            self.excess[unit] = -amount
        return "released"

    def _charge(self, spent: Mapping[str, int], reserved: Mapping[str, int]) -> None:
        """Charge what was spent: within the reservation, and beyond it."""
        for unit, amount in reserved.items():
            real = spent.get(unit, amount)
            within = min(real, amount)
            self._book(unit, returned=amount, settled=within, overrun=real - within)
            self.excess[unit] = real - amount

    def _charge_late(self, spent: Mapping[str, int], reserved: Mapping[str, int]) -> None:
        """Charge what was spent after the reservation had ended: nothing holds it any more."""
        for unit, amount in reserved.items():
            real = spent.get(unit, amount)
            self._book(unit, overrun=real)
            self.excess[unit] = real

    def _book(self, unit: str, *, returned: int = 0, settled: int = 0, overrun: int = 0) -> None:
        """Move an amount in the plan's pool."""
        if self._found.pool is not None:
            book(
                *(self._connection, self._found.pool, unit),
                returned=returned,
                settled=settled,
                overrun=overrun,
            )

    def _end(self, state: str) -> None:
        """End the reservation, once."""
        self._connection.execute(
            "UPDATE reservations SET state = ? WHERE plan = ? AND position = ? AND state = 'open'",
            (state, *self._place),
        )
        self._connection.execute(
            "UPDATE plans SET n_open = n_open - 1 WHERE plan = ?", (self._found.plan,)
        )

    def _insert(self, report: Report, *, late: bool) -> None:
        """Write the outcome down."""
        costs = [report.cost_micro.get(unit) for unit in BUDGET_UNITS]
        self._connection.execute(
            INSERT_OUTCOME, (*self._place, self._wall_us, int(late), report.quality, *costs)
        )

    def _read(self, select: str) -> tuple[Any, ...] | None:
        """Read the question's one row of a table."""
        found = fetch(self._connection, f"{select} WHERE plan = ? AND position = ?", self._place)
        return found[0] if found else None

    @staticmethod
    def _name(amounts: Sequence[object]) -> dict[str, int]:
        """Give amounts their units, without those that are not there."""
        named = zip(BUDGET_UNITS, amounts, strict=True)
        return {unit: int(amount) for unit, amount in named if isinstance(amount, int)}
