"""Pools: terms, several units at once, and a price that follows the spend."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest

from router.exceptions import ConflictError, InputError, PoolExhaustedError, UnknownError
from router.ledger import Ledger, pools
from router.ledger.records import Report
from router.ledger.store import fetch
from tests.contracts.ledgers import make_pool, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import apsw


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give a ledger without pools."""
    with Ledger(tmp_path) as ledger:
        yield ledger
        assert ledger.audit() == []


def test_pool_is_created_once(ledger: Ledger) -> None:
    """The same terms find the pool as it is, others are refused."""
    ledger.create_pool("default", make_pool(usd=100)).result()
    record = make_record("a", [40])
    ledger.reserve(record, "pool", lease_seconds=9, opening_price={}).result()
    again, is_new = ledger.create_pool("default", make_pool(usd=100)).result()
    assert not is_new
    assert again.accounts["usd"].reserved == 40
    for other in (make_pool(usd=101), make_pool(tokens=100), make_pool(expected_questions=5)):
        with pytest.raises(ConflictError, match="other terms"):
            ledger.create_pool("default", other).result()


def test_pools_are_listed_by_name(ledger: Ledger) -> None:
    """Each tenant sees its own, in order."""
    for name in ("b", "a"):
        ledger.create_pool("default", make_pool(name)).result()
    assert [pool.name for pool in ledger.list_pools("default")] == ["a", "b"]
    with pytest.raises(UnknownError):
        ledger.read_pool("default", "c")


def test_thousands_of_pools_are_read_in_one_statement(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list says of each pool what looking at it says, and asks the store once for all."""
    for number in range(5):
        pool = make_pool(f"p{number}", number + 1, usd=10 + number, searches=7)
        ledger.create_pool("default", pool).result()
    ledger.create_pool("other", make_pool()).result()
    record = make_record("a", [4])
    record.content.planned["searches"] = [2]
    ledger.reserve(record, "p0", lease_seconds=9, opening_price={"usd": 2.0}).result()
    each = [ledger.read_pool("default", f"p{number}") for number in range(5)]
    asked = []

    def note(connection: apsw.Connection, statement: str, bindings: Any = ()) -> Any:
        """Note a statement."""
        asked.append(statement)
        return fetch(connection, statement, bindings)

    monkeypatch.setattr(pools, "fetch", note)
    assert ledger.list_pools("default") == each
    assert len(asked) == 1


def test_all_units_are_granted_or_none(ledger: Ledger) -> None:
    """A plan that one unit of two refuses takes nothing of the other."""
    ledger.create_pool("default", make_pool(usd=100, searches=10)).result()
    record = make_record("a", [50])
    record.content.planned["searches"] = [11]
    with pytest.raises(PoolExhaustedError, match="searches"):
        ledger.reserve(record, "pool", lease_seconds=9, opening_price={}).result()
    accounts = ledger.read_pool("default", "pool").accounts
    assert [accounts[unit].reserved for unit in ("usd", "searches")] == [0, 0]


def test_price_follows_the_spend(ledger: Ledger) -> None:
    """Spending more than an even share raises the price, less lowers it, down to a floor."""
    ledger.create_pool("default", make_pool(expected_questions=100, usd=1000)).result()

    def ask(plan_id: str, amount: int) -> float:
        record = make_record(plan_id, [amount])
        opening = {"usd": 2.0}
        ledger.reserve(record, "pool", lease_seconds=9, opening_price=opening).result()
        return ledger.read_pool("default", "pool").accounts["usd"].price or 0.0

    dear = ask("a", 50)
    assert dear > 2.0
    assert ask("b", 0) < dear
    ledger.settle("default", "a", [Report("q0", {"usd": 10})]).result()
    corrected = ledger.read_pool("default", "pool").accounts["usd"].price
    assert corrected is not None
    assert corrected < dear
    for number in range(300):
        last = ask(f"c{number}", 0)
    assert last == pytest.approx(2.0 * 1e-3)


def test_tenant_has_so_many_pools_at_most(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more is refused, one that is there already is found, and other tenants have their own."""
    monkeypatch.setattr(pools, "POOLS_MAX", 2)
    for name in ("a", "b"):
        ledger.create_pool("default", make_pool(name)).result()
    with pytest.raises(InputError, match="2 pools already, allowed are 2"):
        ledger.create_pool("default", make_pool("c")).result()
    assert ledger.create_pool("default", make_pool("a")).result()[1] is False
    assert ledger.create_pool("other", make_pool("c")).result()[1] is True


def test_price_of_nothing_is_none_yet(ledger: Ledger) -> None:
    """A first grant that says of no unit what it is worth leaves the pool without prices."""
    ledger.create_pool("default", make_pool()).result()
    for plan_id, opening in (("a", {}), ("b", {"usd": 0.0})):
        record = make_record(plan_id, [1])
        ledger.reserve(record, "pool", lease_seconds=9, opening_price=opening).result()
        assert ledger.read_pool("default", "pool").accounts["usd"].price is None
    record = make_record("c", [1])
    ledger.reserve(record, "pool", lease_seconds=9, opening_price={"usd": 1e300}).result()
    assert ledger.read_pool("default", "pool").accounts["usd"].price == 1e12


def test_price_rises_where_nothing_is_left(ledger: Ledger) -> None:
    """The last unit is the dearest, and a correction after it stays in order."""
    ledger.create_pool("default", make_pool(expected_questions=4, usd=100)).result()
    record = make_record("a", [100])
    ledger.reserve(record, "pool", lease_seconds=9, opening_price={"usd": 1.0}).result()
    first = ledger.read_pool("default", "pool").accounts["usd"]
    assert first.free == 0
    assert (first.price or 0) == pytest.approx(math.exp(0.75))
    ledger.settle("default", "a", [Report("q0", {"usd": 130})]).result()
    assert (ledger.read_pool("default", "pool").accounts["usd"].price or 0) > (first.price or 0)
