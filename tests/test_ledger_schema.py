"""Tables: what may not stand in them whatever the code above them gets wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import apsw
import pytest

from router.exceptions import LedgerError
from router.ledger import schema
from router.ledger.schema import CAPACITY_MAX_MICRO, OVERRUN_MAX_MICRO, prepare_schema
from router.ledger.store import fetch, open_writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

POOL = "INSERT INTO pools VALUES (1, 't', 'p', 0.25, NULL, 0, 0)"
ACCOUNT = "INSERT INTO accounts (pool, unit, capacity) VALUES (1, 'usd', 100)"


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    """Give a store with its tables, and a pool."""
    connection = open_writer(tmp_path / "store")
    prepare_schema(connection)
    connection.execute(POOL)
    connection.execute(ACCOUNT)
    yield connection
    connection.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE accounts SET reserved = 60, settled = 41",
        "UPDATE accounts SET reserved = -1",
        "UPDATE accounts SET settled = -1",
        "UPDATE accounts SET overrun = -1",
        "UPDATE accounts SET overrun = 4000000000000000001",
        "UPDATE accounts SET reserved = 0.5",
        "UPDATE accounts SET price = -1.0",
        "INSERT INTO accounts (pool, unit, capacity) VALUES (1, 'tokens', 1000000000000001)",
        "INSERT INTO accounts (pool, unit, capacity) VALUES (1, 'euro', 1)",
        "INSERT INTO accounts (pool, unit, capacity) VALUES (2, 'usd', 1)",
        ACCOUNT,
        "INSERT INTO pools VALUES (2, 't', 'p', 0.25, NULL, 0, 0)",
        "INSERT INTO pools VALUES (2, 't', 'q', 0.0, NULL, 0, 0)",
        "INSERT INTO pools VALUES (2, 't', 'q', 1.1, NULL, 0, 0)",
        "INSERT INTO pools VALUES (2, 't', 'q', 0.5, 0, 0, 0)",
        "INSERT INTO reservations (plan, position, state) VALUES (9, 0, 'open')",
        "INSERT INTO outcomes (plan, position, reported_wall_us, late) VALUES (9, 0, 0, 0)",
    ],
)
def test_nonsense_is_not_taken(connection: apsw.Connection, statement: str) -> None:
    """Each of these breaks one condition that the tables themselves state."""
    with pytest.raises(apsw.ConstraintError):
        connection.execute(statement)


def test_limits_themselves_are_taken(connection: apsw.Connection) -> None:
    """A pool may be granted to the last unit, and overrun beside it."""
    connection.execute("UPDATE accounts SET reserved = 60, settled = 40, overrun = 1000")
    connection.execute("UPDATE accounts SET overrun = ?", (OVERRUN_MAX_MICRO,))
    connection.execute("UPDATE accounts SET reserved = 0, settled = 0, capacity = ?", (10**15,))
    assert (CAPACITY_MAX_MICRO, OVERRUN_MAX_MICRO) == (10**15, 4 * 10**18)
    assert connection.changes() == 1


def test_tables_are_made_once(connection: apsw.Connection) -> None:
    """A store that has them keeps what is in it."""
    prepare_schema(connection)
    assert fetch(connection, "SELECT count(*) FROM accounts") == [(1,)]
    assert not connection.in_transaction


@pytest.mark.parametrize("version", [0, 2, "1"])
def test_other_versions_are_refused(connection: apsw.Connection, version: object) -> None:
    """What an older or a newer program wrote is left alone."""
    connection.execute("UPDATE meta SET value = ? WHERE name = 'version'", (version,))
    with pytest.raises(LedgerError, match="this program reads 1"):
        prepare_schema(connection)
    assert not connection.in_transaction


def test_tables_are_made_all_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where making them fails half-way nothing is left, and the next start makes them."""
    statements = schema.STATEMENTS
    connection = open_writer(tmp_path / "store")
    for count in range(1, len(statements)):
        monkeypatch.setattr(schema, "STATEMENTS", (*statements[:count], "CREATE nonsense"))
        with pytest.raises(apsw.SQLError):
            prepare_schema(connection)
        assert fetch(connection, "SELECT count(*) FROM sqlite_schema") == [(0,)]
    monkeypatch.setattr(schema, "STATEMENTS", statements)
    prepare_schema(connection)
    assert fetch(connection, "SELECT name, value FROM meta") == [("version", 1)]
    connection.close()
