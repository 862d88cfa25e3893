"""Backups: whole, sound and private, or not there at all."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from router.exceptions import LedgerError
from router.ledger import Ledger, backup
from router.ledger.backup import back_up
from router.ledger.records import Answer, Report, RequestKey
from tests.contracts.ledgers import VirtualClock, make_pool, make_record

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KEY = RequestKey("default", "/v1/allocate", "k1", b"body")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """Give a ledger at work, with one grant."""
    with Ledger(tmp_path / "data", clock=VirtualClock()) as ledger:
        ledger.create_pool("default", make_pool()).result()
        ledger.reserve(
            *(make_record("p1", [7]), "pool"),
            lease_seconds=60,
            opening_price={"usd": 1.0},
            key=KEY,
            answer=Answer(200, b"{}"),
        ).result()
        yield ledger


def test_copy_goes_on_from_its_moment(ledger: Ledger, tmp_path: Path) -> None:
    """It holds what was there, kept answers and the secret too, and nothing that came later."""
    made = back_up(tmp_path / "data", tmp_path / "copy")
    assert (made.n_pools, made.n_plans, made.n_outcomes) == (1, 1, 0)
    assert made.n_bytes == (tmp_path / "copy" / "ledger.sqlite").stat().st_size
    ledger.settle("default", "p1", [Report("q0", {"usd": 5})]).result()
    with Ledger(tmp_path / "copy", clock=VirtualClock()) as restored:
        assert restored.audit() == []
        assert restored.read_pool("default", "pool").accounts["usd"].reserved == 7
        assert restored.find_answer(KEY) == Answer(200, b"{}")
        assert restored.hash_text("Who?") == ledger.hash_text("Who?")
        assert restored.settle("default", "p1", [Report("q0")]).result().words == ["settled"]
    assert ledger.read_pool("default", "pool").accounts["usd"].settled == 5


@pytest.mark.usefixtures("ledger")
def test_copy_is_private(tmp_path: Path) -> None:
    """Nobody else may read it, and nothing is left beside it."""
    back_up(tmp_path / "data", tmp_path / "copies" / "today")
    modes = {
        place.name: stat.S_IMODE(place.stat().st_mode) for place in (tmp_path / "copies").rglob("*")
    }
    assert modes == {"today": 0o700, "ledger.sqlite": 0o600, "secret": 0o600}


@pytest.mark.usefixtures("ledger")
def test_what_cannot_be_copied_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No store, a place that is taken, one that cannot be written, and a copy that is wrong."""
    with pytest.raises(LedgerError, match="holds no ledger"):
        back_up(tmp_path, tmp_path / "copy")
    with pytest.raises(LedgerError, match="is there already"):
        back_up(tmp_path / "data", tmp_path / "data")
    (tmp_path / "file").touch()
    with pytest.raises(LedgerError, match="cannot be made"):
        back_up(tmp_path / "data", tmp_path / "file" / "copy")
    monkeypatch.setattr(backup, "audit_store", lambda _: ["pool 1: wrong", "pool 2: wrong"])
    with pytest.raises(LedgerError, match=r"does not add up \(pool 1: wrong\)"):
        back_up(tmp_path / "data", tmp_path / "copy")
    assert sorted(place.name for place in tmp_path.iterdir()) == ["data", "file"]
