"""Answers that are kept: the first one, for a day, and never another request's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from router.exceptions import ConflictError, PoolExhaustedError
from router.ledger import Ledger, answers
from router.ledger.records import Answer, PoolState, Report, RequestKey, Settled
from router.ledger.store import fetch
from tests.contracts.ledgers import SECOND, VirtualClock, make_pool, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = RequestKey("default", "/v1/allocate", "key", b"body")


@pytest.fixture
def clock() -> VirtualClock:
    """Give a clock that stands still."""
    return VirtualClock()


@pytest.fixture
def ledger(tmp_path: Path, clock: VirtualClock) -> Iterator[Ledger]:
    """Give a ledger with a pool."""
    with Ledger(tmp_path, clock=clock) as ledger:
        ledger.create_pool("default", make_pool()).result()
        yield ledger


def record(ledger: Ledger, plan_id: str, key: RequestKey) -> None:
    """Write a plan down under a key."""
    answer = Answer(200, plan_id.encode())
    ledger.record(make_record(plan_id, [1]), key=key, answer=answer).result()


def test_key_is_its_tenants_and_its_routes(ledger: Ledger) -> None:
    """The same key of another tenant, or to another route, is another one."""
    keys = [
        KEY,
        RequestKey("other", "/v1/allocate", "key", b"body"),
        RequestKey("default", "/v1/outcomes", "key", b"body"),
        RequestKey("default", "/v1/allocate", "Key", b"body"),
    ]
    for number, key in enumerate(keys):
        assert ledger.find_answer(key) is None
        record(ledger, f"p{number}", key)
    for number, key in enumerate(keys):
        assert ledger.find_answer(key) == Answer(200, f"p{number}".encode())


def test_every_kind_of_change_keeps_its_answer(ledger: Ledger) -> None:
    """A pool, a plan and a settlement are answered from what they did."""

    def tell_pool(state: PoolState, is_new: bool) -> Answer:  # noqa: FBT001 - as the ledger gives
        """Tell of a pool."""
        return Answer(201 if is_new else 200, state.name.encode())

    def tell_settled(settled: Settled) -> Answer:
        """Tell of a settlement."""
        return Answer(200, " ".join(settled.words).encode())

    first = RequestKey("default", "/v1/pools", "a", b"")
    again = RequestKey("default", "/v1/pools", "b", b"")
    for key in (first, again):
        ledger.create_pool("default", make_pool("p2"), key=key, write_answer=tell_pool).result()
    record(ledger, "plan", KEY)
    outcome = RequestKey("default", "/v1/outcomes", "key", b"")
    ledger.settle(
        "default", "plan", [Report("q0")], key=outcome, write_answer=tell_settled
    ).result()
    assert ledger.find_answer(first) == Answer(201, b"p2")
    assert ledger.find_answer(again) == Answer(200, b"p2")
    assert ledger.find_answer(outcome) == Answer(200, b"settled")


def test_refusal_keeps_no_answer(ledger: Ledger) -> None:
    """What was not done may be asked for again under its key."""
    for amount, error in ((1001, PoolExhaustedError), (1000, None)):
        future = ledger.reserve(
            *(make_record("plan", [amount]), "pool"),
            lease_seconds=60,
            opening_price={},
            key=KEY,
            answer=Answer(200, b"granted"),
        )
        if error is None:
            future.result()
        else:
            with pytest.raises(error):
                future.result()
            assert ledger.find_answer(KEY) is None
    assert ledger.find_answer(KEY) == Answer(200, b"granted")


def test_second_of_a_key_does_nothing(ledger: Ledger) -> None:
    """Whatever it came for is taken back with it."""
    record(ledger, "a", KEY)
    with pytest.raises(ConflictError, match="came first"):
        record(ledger, "b", KEY)
    assert ledger._read(lambda reader: fetch(reader, "SELECT plan_id FROM plans")) == [("a",)]


def test_answers_go_after_a_day_some_at_a_time(
    ledger: Ledger, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the microsecond, the oldest first, and the key may then be used for something else."""
    monkeypatch.setattr(answers, "DROP_MAX", 2)
    keys = [RequestKey("default", "/v1/allocate", f"k{n}", b"body") for n in range(3)]
    for number, key in enumerate(keys):
        record(ledger, f"p{number}", key)
    clock.elapsed += 24 * 3600 * SECOND - 1
    ledger.probe().result()
    assert all(ledger.find_answer(key) is not None for key in keys)
    clock.elapsed += 1
    ledger.probe().result()
    assert sum(ledger.find_answer(key) is not None for key in keys) == 1
    ledger.probe().result()
    assert all(ledger.find_answer(key) is None for key in keys)
    record(ledger, "another", RequestKey("default", "/v1/allocate", "k0", b"another body"))
