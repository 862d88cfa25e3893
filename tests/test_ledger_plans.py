"""Plans: written down with their reservations, found by their owners, ended with their lease."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.exceptions import PoolExhaustedError, StoreError, UnknownError
from router.ledger import Ledger, plans
from router.ledger.plans import find_plan
from router.ledger.store import fetch
from tests.contracts.ledgers import SECOND, VirtualClock, make_pool, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def clock() -> VirtualClock:
    """Give a clock that stands still."""
    return VirtualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: VirtualClock) -> Iterator[Ledger]:
    """Give a ledger with a pool, audited at the end."""
    with Ledger(tmp_path, clock=clock) as ledger:
        ledger.create_pool("default", make_pool(usd=1000, searches=10)).result()
        yield ledger
        assert ledger.audit() == []


def reserve(ledger: Ledger, plan_id: str, usd: list[int], lease_seconds: float = 60) -> None:
    """Reserve for a plan that costs no search."""
    record = make_record(plan_id, usd)
    record.content.planned["searches"] = [0] * len(usd)
    ledger.reserve(record, "pool", lease_seconds=lease_seconds, opening_price={}).result()


def ask(ledger: Ledger, query: str) -> list[tuple[object, ...]]:
    """Ask the store."""
    return ledger._read(lambda reader: fetch(reader, query))


def test_reservation_holds_the_units_of_its_pool(ledger: Ledger) -> None:
    """What a plan costs in other units is no reservation; nothing is something else than none."""
    record = make_record("a", [7])
    record.content.planned.update(searches=[0], tokens=[500])
    ledger.reserve(record, "pool", lease_seconds=60, opening_price={}).result()
    rows = ask(ledger, "SELECT usd, tokens, searches, seconds, nominal, state FROM reservations")
    assert rows == [(7, None, 0, None, None, "open")]


def test_plan_that_lacks_a_unit_of_its_pool_is_not_taken(ledger: Ledger) -> None:
    """A pool cannot hold a plan to what it does not say."""
    with pytest.raises(StoreError, match="searches"):
        ledger.reserve(make_record("a", [1]), "pool", lease_seconds=1, opening_price={}).result()
    assert ask(ledger, "SELECT * FROM plans") == []


def test_identifier_is_used_once(ledger: Ledger) -> None:
    """A second plan of the same identifier reserves nothing."""
    reserve(ledger, "a", [1])
    with pytest.raises(StoreError):
        reserve(ledger, "a", [2])
    assert ledger.read_pool("default", "pool").accounts["usd"].reserved == 1


def test_menu_is_kept_once(ledger: Ledger) -> None:
    """However many plans share it."""
    for plan_id in ("a", "b"):
        reserve(ledger, plan_id, [1])
    assert ask(ledger, "SELECT count(*), count(DISTINCT menu) FROM plans") == [(2, 1)]
    assert ask(ledger, "SELECT content FROM menus") == [(b"[]",)]


def test_plan_is_found_by_its_tenant_only(ledger: Ledger) -> None:
    """Another tenant's is not there."""
    reserve(ledger, "a", [1, 2])
    found = ledger._read(lambda reader: find_plan(reader, "default", "a"))
    assert (found.pool, found.content.ids) == (1, ["q0", "q1"])
    with pytest.raises(UnknownError):
        ledger._read(lambda reader: find_plan(reader, "other", "a"))
    with pytest.raises(UnknownError):
        ledger._read(lambda reader: find_plan(reader, "default", "b"))


def test_lease_ends_to_the_microsecond(ledger: Ledger, clock: VirtualClock) -> None:
    """Not before, and then at once, in the order of none but time."""
    reserve(ledger, "long", [5], lease_seconds=61)
    reserve(ledger, "short", [3], lease_seconds=60)
    clock.elapsed += 60 * SECOND - 1
    ledger.probe().result()
    assert ledger.read_pool("default", "pool").accounts["usd"].reserved == 8
    clock.elapsed += 1
    ledger.probe().result()
    assert ledger.read_pool("default", "pool").accounts["usd"].reserved == 5
    assert ask(ledger, "SELECT plan_id, n_open FROM plans ORDER BY plan") == [
        ("long", 1),
        ("short", 0),
    ]


def test_what_a_lease_gives_back_can_be_had_in_the_same_moment(
    ledger: Ledger, clock: VirtualClock
) -> None:
    """The first request after the end of a lease draws on it."""
    reserve(ledger, "a", [1000])
    with pytest.raises(PoolExhaustedError):
        reserve(ledger, "b", [1])
    clock.pass_seconds(60)
    reserve(ledger, "b", [1000])
    assert ledger.read_pool("default", "pool").accounts["usd"].reserved == 1000


def test_many_leases_end_at_once(
    ledger: Ledger, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More than one round takes are all over after one request."""
    monkeypatch.setattr(plans, "EXPIRE_MAX", 3)
    for number in range(10):
        reserve(ledger, f"p{number}", [1, 1])
    clock.pass_seconds(60)
    ledger.probe().result()
    assert ledger.read_pool("default", "pool").accounts["usd"].reserved == 0
    assert ask(ledger, "SELECT DISTINCT state FROM reservations") == [("expired",)]
