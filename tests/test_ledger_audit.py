"""The auditor: whatever is changed behind the ledger's back is named."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from router.ledger import Ledger
from router.ledger.audit import audit_store
from router.ledger.records import Report
from router.ledger.schema import OVERRUN_MAX_MICRO
from router.ledger.store import open_writer
from tests.contracts.ledgers import VirtualClock, make_pool, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import apsw

PAGE = 4096


@pytest.fixture
def store(tmp_path: Path) -> Iterator[apsw.Connection]:
    """Give a store in which one of everything has happened, without the tables' own guards."""
    clock = VirtualClock()
    with Ledger(tmp_path, clock=clock) as ledger:
        ledger.create_pool("default", make_pool(usd=1000)).result()
        ledger.create_pool("default", make_pool("other", usd=1000, searches=5)).result()
        for plan_id in ("a", "b"):
            record = make_record(plan_id, [100, 100, 100, 100])
            ledger.reserve(record, "pool", lease_seconds=60, opening_price={}).result()
        for report in (
            Report("q0", {"usd": 60}),
            Report("q1", {"usd": 130}),
            Report("q2", released=True),
        ):
            ledger.settle("default", "a", [report]).result()
        clock.pass_seconds(60)
        ledger.settle("default", "b", [Report("q0", {"usd": 7}), Report("q1")]).result()
        assert ledger.audit() == []
    connection = open_writer(tmp_path / "ledger.sqlite")
    connection.execute("PRAGMA ignore_check_constraints = ON")
    connection.execute("PRAGMA foreign_keys = OFF")
    yield connection
    connection.close()


def test_store_in_order_has_no_faults(store: apsw.Connection) -> None:
    """Settled, overrun, released, expired and late questions add up."""
    assert audit_store(store) == []
    rows = store.execute("SELECT reserved, settled, overrun FROM accounts WHERE pool = 1")
    assert rows.fetchall() == [(0, 160, 30 + 7 + 100)]


@pytest.mark.parametrize(
    ("statement", "fault"),
    [
        ("UPDATE accounts SET reserved = 1 WHERE pool = 2", "pool 2, usd: reserved, settled"),
        ("UPDATE accounts SET settled = settled - 1 WHERE pool = 1", r"\[0, 159, 137\], rows"),
        ("UPDATE accounts SET overrun = overrun + 1 WHERE pool = 1", r"\[0, 160, 138\], rows"),
        ("UPDATE accounts SET capacity = 159 WHERE pool = 1", "more is granted than the capac"),
        ("UPDATE accounts SET unit = 'euro' WHERE unit = 'searches'", "unknown unit euro"),
        ("UPDATE plans SET n_open = 1 WHERE plan_id = 'b'", "plan b counts its open"),
        ("DELETE FROM outcomes WHERE plan = 1 AND position = 0", "plan a, question 0: state and"),
        ("UPDATE outcomes SET late = 0 WHERE plan = 2 AND position = 0", "plan b, question 0"),
        ("UPDATE reservations SET state = 'settled' WHERE plan = 2 AND position = 3", "question 3"),
        ("UPDATE reservations SET usd = 1 WHERE plan = 1 AND position = 0", "rows give"),
    ],
)
def test_change_behind_its_back_is_named(
    store: apsw.Connection, statement: str, fault: str
) -> None:
    """One row or one figure that is wrong is found."""
    store.execute(statement)
    assert store.changes() >= 1
    found = audit_store(store)
    assert any(re.search(fault, line) for line in found), found


def test_overrun_that_has_reached_its_end_is_no_fault(store: apsw.Connection) -> None:
    """Beyond what a column holds overrun is not added up any more, and that is no damage."""
    store.execute("UPDATE accounts SET overrun = ? WHERE pool = 1", (OVERRUN_MAX_MICRO,))
    store.execute("UPDATE outcomes SET usd = ? WHERE plan = 2", (OVERRUN_MAX_MICRO,))
    assert audit_store(store) == []


def test_damaged_file_is_named(store: apsw.Connection, tmp_path: Path) -> None:
    """A page of nonsense is damage, and nothing else is said of such a file."""
    ((page,),) = store.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'outcomes'")
    store.close()
    file = tmp_path / "ledger.sqlite"
    data = bytearray(file.read_bytes())
    data[(page - 1) * PAGE : page * PAGE] = b"\x07" * PAGE
    file.write_bytes(data)
    connection = open_writer(file)
    (fault,) = audit_store(connection)
    assert fault.startswith("the file is damaged: ")
    assert "\n" not in fault
    connection.close()
