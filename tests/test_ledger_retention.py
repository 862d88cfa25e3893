"""Retention: what nobody will ask about goes, and never what a sum rests on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import apsw
import pytest

from router.exceptions import StoreError, UnknownError
from router.ledger import Ledger, retention
from router.ledger.ledger import read_outcomes
from router.ledger.records import Report
from router.ledger.store import fetch
from tests.contracts.ledgers import SECOND, VirtualClock, make_pool, make_record

if TYPE_CHECKING:
    from pathlib import Path

WEEK = 7 * 24 * 3600
HOUR = 3600


def open_ledger(path: Path, clock: VirtualClock, retention_seconds: float | None = None) -> Ledger:
    """Open a ledger with a pool."""
    ledger = Ledger(path, clock=clock, retention_seconds=retention_seconds)
    ledger.create_pool("default", make_pool()).result()
    return ledger


def list_plans(ledger: Ledger) -> list[str]:
    """List the plans that are remembered."""
    rows = ledger._read(lambda reader: fetch(reader, "SELECT plan_id FROM plans ORDER BY plan"))
    return [plan_id for (plan_id,) in rows]


def record(ledger: Ledger, plan_id: str, *, paid: bool = False) -> None:
    """Write a plan down, with texts and features."""
    plan = replace(make_record(plan_id, [5]), features=b"ffff", texts=["Who?"])
    if paid:
        ledger.reserve(plan, "pool", lease_seconds=60, opening_price={}).result()
    else:
        ledger.record(plan).result()


def test_plan_without_a_report_goes_after_a_week(tmp_path: Path) -> None:
    """To the second; one that was reported on stays, and one that is open as well."""
    clock = VirtualClock()
    with open_ledger(tmp_path, clock) as ledger:
        for plan_id in ("unreported", "reported"):
            record(ledger, plan_id)
        record(ledger, "expired", paid=True)
        record(ledger, "spent", paid=True)
        plan = make_record("long", [5])
        ledger.reserve(plan, "pool", lease_seconds=2 * WEEK, opening_price={}).result()
        for plan_id in ("reported", "spent"):
            ledger.settle("default", plan_id, [Report("q0", {"usd": 3})]).result()
        clock.pass_seconds(WEEK)
        ledger.probe().result()
        assert len(list_plans(ledger)) == 5
        clock.elapsed += 1
        ledger.probe().result()
        assert list_plans(ledger) == ["reported", "spent", "long"]
        with pytest.raises(UnknownError):
            ledger.settle("default", "expired", [Report("q0")]).result()
        assert ledger.audit() == []
        account = ledger.read_pool("default", "pool").accounts["usd"]
        assert (account.reserved, account.settled, account.overrun) == (5, 3, 0)


def test_outcomes_go_when_they_are_told_to(tmp_path: Path) -> None:
    """Of a plan that a pool paid for only the words go; nothing goes that is not old."""
    clock = VirtualClock()
    with open_ledger(tmp_path, clock, HOUR) as ledger:
        for plan_id, paid in (("free", False), ("paid", True)):
            record(ledger, plan_id, paid=paid)
            ledger.settle("default", plan_id, [Report("q0", {"usd": 3})]).result()
        record(ledger, "unreported")
        clock.elapsed += HOUR * SECOND
        ledger.probe().result()
        assert len(list(read_outcomes(tmp_path))) == 2
        clock.elapsed += 1
        record(ledger, "young")
        ledger.settle("default", "young", [Report("q0", {"usd": 3})]).result()
        stored = [(x.plan_id, x.features, x.text) for x in read_outcomes(tmp_path)]
        assert stored == [("paid", None, None), ("young", b"ffff", "Who?")]
        assert list_plans(ledger) == ["paid", "unreported", "young"]
        assert ledger.audit() == []


def test_rounds_reach_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What one round leaves the next takes, past plans that stay."""
    monkeypatch.setattr(retention, "ROUND_MAX", 2)
    clock = VirtualClock()
    with open_ledger(tmp_path, clock, HOUR) as ledger:
        for number in range(7):
            record(ledger, f"p{number}", paid=number % 2 == 0)
            ledger.settle("default", f"p{number}", [Report("q0", {"usd": 0})]).result()
        clock.pass_seconds(HOUR + 1)
        for _ in range(5):
            ledger.probe().result()
        assert [x.plan_id for x in read_outcomes(tmp_path)] == ["p0", "p2", "p4", "p6"]
        assert all(x.text is None for x in read_outcomes(tmp_path))


def test_what_was_passed_over_goes_within_the_hour(tmp_path: Path) -> None:
    """A plan that was open, or not reported on yet, when its time was over is not kept for ever."""
    clock = VirtualClock()
    with open_ledger(tmp_path, clock, HOUR) as ledger:
        record(ledger, "free")
        plan = replace(make_record("paid", [5]), features=b"ffff", texts=["Who?"])
        ledger.reserve(plan, "pool", lease_seconds=3 * HOUR, opening_price={}).result()
        record(ledger, "later")
        ledger.settle("default", "later", [Report("q0", {"usd": 3})]).result()
        clock.pass_seconds(HOUR + 1)
        ledger.probe().result()
        for plan_id in ("free", "paid"):
            ledger.settle("default", plan_id, [Report("q0", {"usd": 3})]).result()
        assert [x.text for x in read_outcomes(tmp_path)] == ["Who?", "Who?"]
        clock.pass_seconds(HOUR)
        ledger.probe().result()
        assert [(x.plan_id, x.text) for x in read_outcomes(tmp_path)] == [("paid", None)]
        assert ledger.audit() == []


def test_round_that_failed_is_made_again(tmp_path: Path) -> None:
    """What a commit that failed would have forgotten is forgotten by the next."""

    def fail(_connection: apsw.Connection, _now_us: int) -> None:
        """Fail as a disk does."""
        raise apsw.FullError("no room")

    clock = VirtualClock()
    with open_ledger(tmp_path, clock, HOUR) as ledger:
        record(ledger, "unreported")
        record(ledger, "reported")
        ledger.settle("default", "reported", [Report("q0", {"usd": 0})]).result()
        clock.pass_seconds(WEEK + 1)
        with pytest.raises(StoreError):
            ledger.writer.submit(fail).result()
        ledger.probe().result()
        assert list_plans(ledger) == []
