"""Records: what goes in comes out again, and sums are what they are called."""

from __future__ import annotations

import msgspec
import pytest

from router.ledger.records import Account, PlanContent, decode_content, list_ids
from tests.contracts.ledgers import make_record


@pytest.mark.parametrize(
    ("account", "free"),
    [
        (Account(100), 100),
        (Account(100, reserved=30, settled=20, overrun=10), 40),
        (Account(100, reserved=30, settled=20, overrun=50), 0),
        (Account(100, reserved=30, settled=20, overrun=51), 0),
    ],
)
def test_free_is_what_may_still_be_granted(account: Account, free: int) -> None:
    """Capacity without what is reserved, settled and overrun, never below nothing."""
    assert account.free == free


def test_totals_are_by_unit() -> None:
    """All questions of a plan together."""
    record = make_record("a", [3, 4])
    record.content.planned["searches"] = [0, 0]
    assert record.totals_micro == {"usd": 7, "searches": 0}


def test_content_survives_writing() -> None:
    """Groups that are none, empty contexts and large amounts included."""
    content = PlanContent(
        *(["a", "é"], [-1, 3], {"usd": [0, 10**15]}, [b"\0" * 16, b"x"], [None, "g"]),
        contexts=[{}, {"depth": 0.5}],
    )
    assert decode_content(msgspec.msgpack.encode(content)) == content
    with pytest.raises(msgspec.DecodeError):
        decode_content(b"nonsense")


def test_content_without_propensities_is_read_as_ever() -> None:
    """Older stores stay readable, and new ones are by older readers."""
    parts = [["a"], [1], {"usd": [5]}, [b"x"], [None], [{}]]
    old = decode_content(msgspec.msgpack.encode(parts))
    assert (old.ids, old.contexts, old.propensities) == (["a"], [{}], None)
    new = PlanContent(["a"], [1], {"usd": [5]}, [b"x"], [None], [{}], [{0: 0.1, 1: 0.9}])
    assert decode_content(msgspec.msgpack.encode(new)) == new

    class Before(msgspec.Struct, array_like=True):
        """Content as it was."""

        ids: list[str]
        options: list[int]
        planned: dict[str, list[int]]
        hashes: list[bytes]
        groups: list[str | None]
        contexts: list[dict[str, float]]

    assert msgspec.msgpack.decode(msgspec.msgpack.encode(new), type=Before).ids == ["a"]


def test_questions_are_found_by_name() -> None:
    """In the order asked for, and none for a stranger."""
    content = make_record("a", [1, 1, 1]).content
    assert list_ids(content, ["q2", "x", "q0"]) == [2, None, 0]
