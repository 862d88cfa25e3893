"""The facade: open a data directory, draw on its pools, report, read."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import threading
from typing import TYPE_CHECKING, Self, TypeVar

import apsw

from router.exceptions import LedgerError, StoreError
from router.ledger.answers import drop_answers, find_answer, insert_answer
from router.ledger.audit import audit_store
from router.ledger.clock import LeaseClock, SystemClock
from router.ledger.directory import STORE_NAME, DataDirectory
from router.ledger.plans import expire_plans, insert_plan, insert_reserved
from router.ledger.pools import (
    build_pools,
    fetch_pools,
    insert_pool,
    read_pool,
    require_pool,
)
from router.ledger.reading import iterate_outcomes
from router.ledger.reapportioning import move_reserved, read_open
from router.ledger.retention import Retention
from router.ledger.schema import prepare_schema
from router.ledger.settlements import settle_reports
from router.ledger.store import check_soundness, open_reader, open_writer, read_mark
from router.ledger.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from router.ledger.clock import Clock
    from router.ledger.records import (
        Answer,
        PlanRecord,
        PoolState,
        Report,
        RequestKey,
        Settled,
        StoredOutcome,
    )
    from router.ledger.store import Synchronous

__all__ = ["Ledger", "read_outcomes"]

HASH_BYTES = 16
MICRO = 1_000_000
# Lease time is swept in rounds of some hundreds of plans; this many rounds a batch at most.
ROUNDS_MAX = 16

Result = TypeVar("Result")


class Ledger:
    """Pools of budget and what was planned, spent and gained, in a directory of this machine.

    Every method that changes something gives a future, which is done when the change is on disk.
    All are safe to call from any thread.

    Parameters
    ----------
    path : Path
        The data directory; made where it is missing.
    clock : Clock, optional
        Of this machine by default.
    synchronous : {"FULL", "NORMAL", "OFF"}, default="FULL"
        See :func:`~router.ledger.store.open_writer`.
    vfs : str, optional
        A registered virtual file system, for rigs.
    retention_seconds : float, optional
        How long plans with outcomes are kept after they were made; for ever by default. Plans of
        which nothing came go after a week.

    Raises
    ------
    LedgerError
        If another process holds the directory, it cannot be used, or is of another version.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from router.ledger.records import Account, PoolState
    >>> with tempfile.TemporaryDirectory() as path, Ledger(Path(path)) as ledger:
    ...     pool = PoolState("night", {"usd": Account(1_000_000)}, 0.25, None, 0)
    ...     ledger.create_pool("default", pool).result()[0].accounts["usd"].free
    1000000
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        synchronous: Synchronous = "FULL",
        vfs: str | None = None,
        retention_seconds: float | None = None,
    ) -> None:
        self._retention = Retention(retention_seconds)
        self._directory = DataDirectory(path)
        try:
            self._connection = open_writer(self._directory.store, synchronous=synchronous, vfs=vfs)
            try:
                prepare_schema(self._connection)
                check_soundness(self._connection)
                self._clock = LeaseClock(clock or SystemClock(), read_mark(self._connection))
                self._reader = open_reader(self._directory.store, vfs=vfs)
            except BaseException:
                self._connection.close()
                raise
        except (apsw.Error, OSError) as error:
            self._directory.close()
            if isinstance(error, LedgerError):
                raise
            raise LedgerError(f"{path}: the store cannot be opened ({error})") from None
        except BaseException:
            self._directory.close()
            raise
        self._reading = threading.Lock()
        # Told how many plans' leases ended.
        self.watch_expired: Callable[[int], None] | None = None
        self._writer = Writer(self._connection, self._clock, self._sweep, self._retention.restart)

    def __enter__(self) -> Self:
        """Give the ledger, to be closed at the end."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def close(self) -> None:
        """Finish what was handed in and let go of the directory; may be called twice."""
        self._writer.close()
        # The writer's connection goes last: only then does it fold the log into the store, so that
        # one file holds everything. Where that fails the next start does it.
        for connection in (self._reader, self._connection):
            with self._reading, contextlib.suppress(apsw.Error):
                connection.close()
        self._directory.close()

    @property
    def writer(self) -> Writer:
        """The writing thread, for those who watch it."""
        return self._writer

    def hash_text(self, text: str) -> bytes:
        """Hash a text by the directory's secret, so that it is known again but not known.

        Parameters
        ----------
        text : str
            A question.

        Returns
        -------
        bytes
            The same for the same text in this directory, and in no other.
        """
        digest = hmac.digest(self._directory.secret, text.encode(), hashlib.sha256)
        return digest[:HASH_BYTES]

    def create_pool(
        self,
        tenant: str,
        state: PoolState,
        *,
        key: RequestKey | None = None,
        write_answer: Callable[[PoolState, bool], Answer] | None = None,
    ) -> Future[tuple[PoolState, bool]]:
        """Create a pool; one of the same name and terms that is there already will do.

        Gives the pool and whether it is new.

        Raises in its future `ConflictError` where the terms differ.
        """

        def operate(connection: apsw.Connection, now_us: int) -> tuple[PoolState, bool]:
            """Create it, and keep the answer."""
            found = insert_pool(connection, tenant, state, self._clock.read_wall())
            if key is not None and write_answer is not None:
                insert_answer(connection, key, write_answer(*found), now_us)
            return found

        return self._writer.submit(operate)

    def record(
        self, record: PlanRecord, *, key: RequestKey | None = None, answer: Answer | None = None
    ) -> Future[None]:
        """Write down a plan that reserves nothing."""

        def operate(connection: apsw.Connection, now_us: int) -> None:
            """Write it down, and keep the answer."""
            insert_plan(connection, record, now_us=now_us, wall_us=self._clock.read_wall())
            if key is not None and answer is not None:
                insert_answer(connection, key, answer, now_us)

        return self._writer.submit(operate)

    def reserve(
        self,
        record: PlanRecord,
        pool: str,
        *,
        lease_seconds: float,
        opening_price: Mapping[str, float],
        key: RequestKey | None = None,
        answer: Answer | None = None,
    ) -> Future[None]:
        """Write down a plan and reserve what it costs, or neither.

        Raises in its future `UnknownError` where there is no such pool, `PoolExhaustedError` where
        it does not reach.
        """
        lease_us = int(lease_seconds * MICRO)

        def operate(connection: apsw.Connection, now_us: int) -> None:
            """Reserve, write down, and keep the answer."""
            insert_reserved(
                *(connection, record, pool),
                lease_us=lease_us,
                opening_price=opening_price,
                now_us=now_us,
                wall_us=self._clock.read_wall(),
            )
            if key is not None and answer is not None:
                insert_answer(connection, key, answer, now_us)

        return self._writer.submit(operate)

    def settle(
        self,
        tenant: str,
        plan_id: str,
        reports: Sequence[Report],
        *,
        key: RequestKey | None = None,
        write_answer: Callable[[Settled], Answer] | None = None,
    ) -> Future[Settled]:
        """Take in what came of questions of a plan: all reports, or none.

        See :func:`~router.ledger.settlements.settle_reports` for what the words say, and what is
        raised in the future.
        """

        def operate(connection: apsw.Connection, now_us: int) -> Settled:
            """Settle, and keep the answer."""
            settled = settle_reports(connection, tenant, plan_id, reports, self._clock.read_wall())
            if key is not None and write_answer is not None:
                insert_answer(connection, key, write_answer(settled), now_us)
            return settled

        return self._writer.submit(operate)

    def move_reserved(
        self, tenant: str, plan_id: str, amounts_micro: Mapping[str, Mapping[str, int]]
    ) -> Future[None]:
        """Hold other amounts for the questions of a plan, together as much as before.

        See :func:`~router.ledger.reapportioning.move_reserved` for what is raised in the future.
        """

        def operate(connection: apsw.Connection, _now_us: int) -> None:
            """Move what is held."""
            move_reserved(connection, tenant, plan_id, amounts_micro)

        return self._writer.submit(operate)

    def read_open(self, tenant: str, plan_id: str) -> dict[str, dict[str, int]] | None:
        """Read what is held for each open question of a plan; None where it draws on no pool.

        Raises
        ------
        UnknownError
            If there is no such plan.
        StoreError
            If the store cannot be read now.
        """
        return self._read(lambda reader: read_open(reader, tenant, plan_id))

    def probe(self) -> Future[None]:
        """Write nothing but the time, to see that the store can be written."""
        return self._writer.submit(lambda _connection, _now: None)

    def read_pool(self, tenant: str, name: str) -> PoolState:
        """Read a pool as it stands on disk.

        Raises
        ------
        UnknownError
            If the tenant has none of that name.
        StoreError
            If the store cannot be read now.
        """
        return self._read(lambda reader: read_pool(reader, require_pool(reader, tenant, name)))

    def list_pools(self, tenant: str) -> list[PoolState]:
        """Read all pools of a tenant, by name."""
        # Built when others may read again.
        return build_pools(self._read(lambda reader: fetch_pools(reader, tenant)))

    def find_answer(self, key: RequestKey) -> Answer | None:
        """Find what a request was answered before.

        Raises
        ------
        ConflictError
            If its key came with another body.
        """
        return self._read(lambda reader: find_answer(reader, key))

    def audit(self) -> list[str]:
        """Add every row up again; see :func:`~router.ledger.audit.audit_store`."""
        return self._read(audit_store)

    def _read(self, ask: Callable[[apsw.Connection], Result]) -> Result:
        """Ask the reading connection, one at a time, about one moment however many statements."""
        with self._reading:
            try:
                with self._reader:
                    answer = ask(self._reader)
            except apsw.Error as error:
                raise StoreError(f"the store cannot be read ({type(error).__name__})") from error
            return answer

    def _sweep(self, connection: apsw.Connection, now_us: int) -> bool:
        """Do what time demands."""
        changed = 0
        for _ in range(ROUNDS_MAX):
            expired = expire_plans(connection, now_us)
            changed += expired
            if expired and self.watch_expired is not None:
                self.watch_expired(expired)
            if not expired:
                break
        changed += drop_answers(connection, now_us)
        changed += self._retention.drop(connection, now_us)
        return changed > 0


def read_outcomes(
    path: Path, *, tenant: str | None = None, since_wall_us: int = 0
) -> Iterator[StoredOutcome]:
    """Go through the outcomes in a data directory, also while a server works on it.

    Parameters
    ----------
    path : Path
        The directory.
    tenant : str, optional
        Whose; everybody's by default.
    since_wall_us : int, default=0
        Only those reported from then on, in microseconds since 1970.

    Yields
    ------
    StoredOutcome

    Raises
    ------
    LedgerError
        If there is no store, or it cannot be read.
    """
    file = path / STORE_NAME
    if not file.is_file():
        raise LedgerError(f"{path}: holds no ledger")
    reader = open_reader(file)
    try:
        yield from iterate_outcomes(reader, tenant=tenant, since_wall_us=since_wall_us)
    except apsw.Error as error:
        raise LedgerError(f"{path}: the store cannot be read ({error})") from None
    finally:
        reader.close()
