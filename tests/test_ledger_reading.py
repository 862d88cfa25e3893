"""Outcomes read back: all that was known when they were chosen, in order, beside a server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from router.exceptions import LedgerError
from router.ledger import Ledger
from router.ledger.ledger import read_outcomes
from router.ledger.records import Report
from router.ledger.store import open_writer
from tests.contracts.ledgers import VirtualClock, make_pool, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> VirtualClock:
    """Give a clock that stands still."""
    return VirtualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: VirtualClock) -> Iterator[Ledger]:
    """Give a ledger."""
    with Ledger(tmp_path, clock=clock) as ledger:
        yield ledger


def report(ledger: Ledger, plan_id: str, *reports: Report, tenant: str = "default") -> None:
    """Report on questions of a plan."""
    ledger.settle(tenant, plan_id, reports).result()


def test_outcome_comes_with_all_that_was_known(ledger: Ledger, tmp_path: Path) -> None:
    """Everything that was written down is read back as it was."""
    record = replace(
        make_record("a", [5, 6]),
        menu=b'["m"]',
        shadow=True,
        fingerprint="f",
        features=b"\0" * 8,
        texts=["Who?", "Why?"],
    )
    ledger.record(record).result()
    report(ledger, "a", Report("q1", {"usd": 9, "tokens": 0}, 0.5))
    (stored,) = read_outcomes(tmp_path)
    assert (stored.plan_id, stored.tenant, stored.bundle_id) == ("a", "default", "bundle")
    assert (stored.price_id, stored.menu, stored.content) == ("prices", b'["m"]', record.content)
    assert (stored.shadow, stored.late, stored.position) == (True, False, 1)
    assert (stored.cost_micro, stored.quality) == ({"usd": 9, "tokens": 0}, 0.5)
    assert (stored.fingerprint, stored.features, stored.text) == ("f", b"\0" * 8, "Why?")
    assert stored.reported_wall_us == VirtualClock().wall


def test_outcomes_come_in_the_order_of_plans(ledger: Ledger, tmp_path: Path) -> None:
    """Plan by plan as they were made, question by question; plans without outcomes are left out."""
    for plan_id in ("z", "none", "a"):
        ledger.record(make_record(plan_id, [1, 1])).result()
    for plan_id, name in (("a", "q0"), ("z", "q1"), ("z", "q0")):
        report(ledger, plan_id, Report(name))
    found = [(x.plan_id, x.position) for x in read_outcomes(tmp_path)]
    assert found == [("z", 0), ("z", 1), ("a", 0)]
    assert all(x.text is None and x.cost_micro == {} for x in read_outcomes(tmp_path))


def test_outcomes_are_chosen_by_tenant_and_time(
    ledger: Ledger, clock: VirtualClock, tmp_path: Path
) -> None:
    """One tenant's, and those reported from a moment on."""
    for tenant in ("default", "other"):
        ledger.record(make_record(tenant, [1, 1], tenant=tenant)).result()
        report(ledger, tenant, Report("q0"), tenant=tenant)
    clock.pass_seconds(1)
    report(ledger, "default", Report("q1"))
    assert [x.plan_id for x in read_outcomes(tmp_path, tenant="other")] == ["other"]
    since = [x.position for x in read_outcomes(tmp_path, since_wall_us=clock.wall)]
    assert since == [1]
    assert list(read_outcomes(tmp_path, since_wall_us=clock.wall + 1)) == []


def test_reading_sees_one_moment(ledger: Ledger, tmp_path: Path) -> None:
    """What a server writes meanwhile does not appear half-way, and it is not held up."""
    for plan_id in ("a", "b"):
        ledger.record(make_record(plan_id, [1])).result()
        report(ledger, plan_id, Report("q0"))
    outcomes = read_outcomes(tmp_path)
    assert next(outcomes).plan_id == "a"
    ledger.record(make_record("c", [1])).result()
    report(ledger, "c", Report("q0"))
    assert [x.plan_id for x in outcomes] == ["b"]
    assert len(list(read_outcomes(tmp_path))) == 3


def test_reading_may_end_early(ledger: Ledger, tmp_path: Path) -> None:
    """Whoever has seen enough leaves nothing open behind."""
    ledger.create_pool("default", make_pool()).result()
    for plan_id in ("a", "b"):
        ledger.record(make_record(plan_id, [1])).result()
        report(ledger, plan_id, Report("q0"))
    outcomes = read_outcomes(tmp_path)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    ledger.close()
    assert not (tmp_path / "ledger.sqlite-wal").exists()


def test_directory_without_a_ledger_is_refused(tmp_path: Path) -> None:
    """Nothing there, and a file that holds none, are told in a sentence."""
    with pytest.raises(LedgerError, match="holds no ledger"):
        next(read_outcomes(tmp_path))
    (tmp_path / "ledger.sqlite").touch()
    with pytest.raises(LedgerError, match="no write-ahead log"):
        next(read_outcomes(tmp_path))


def test_store_without_its_tables_is_refused(ledger: Ledger, tmp_path: Path) -> None:
    """What cannot be read is told as that."""
    ledger.record(make_record("a", [1])).result()
    ledger.close()
    connection = open_writer(tmp_path / "ledger.sqlite")
    connection.execute("DROP TABLE outcomes")
    connection.close()
    with pytest.raises(LedgerError, match=r"cannot be read \(no such table: outcomes\)"):
        next(read_outcomes(tmp_path))
