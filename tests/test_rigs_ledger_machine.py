"""Histories of the ledger beside its model, and faults that the comparison has to find."""

from __future__ import annotations

import secrets
import time

import pytest

from router.ledger import answers, pools, schema
from router.ledger import ledger as ledger_module
from router.ledger.clock import LeaseClock
from tests.rigs import places
from tests.rigs.ledger_machine import run_histories

SECONDS = 12.0
STEPS = 50
ROUND = 10
# The second guard, as it stands in the tables.
GUARD = "CHECK (reserved + settled <= capacity),"


def test_ledger_does_what_its_model_says() -> None:
    """Fresh histories of 50 steps for some seconds: no difference, and all rows add up."""
    first, started, rounds = secrets.randbelow(2**32), time.monotonic(), 0
    while time.monotonic() - started < SECONDS:
        run_histories(ROUND, STEPS, first + rounds)
        rounds += 1
    assert rounds > 0


def unguard(statement: str) -> str:
    """Take the condition out of a grant."""
    changed = statement.replace("reserved + settled + overrun + :amount <= capacity", "TRUE")
    assert changed != statement
    return changed


FAULTS = {
    "grants without looking": (pools, "GRANT", unguard(pools.GRANT)),
    "grants against overrun": (pools, "GRANT", pools.GRANT.replace(" + overrun +", " +")),
    "grants one too many": (pools, "GRANT", pools.GRANT.replace("<=", "<= 1 +")),
    "grants one too few": (pools, "GRANT", pools.GRANT.replace("<=", "<")),
    "keeps what was not spent": (pools, "BOOK", pools.BOOK.replace("- :returned", "- :settled")),
    "forgets overrun": (pools, "BOOK", pools.BOOK.replace("overrun + :overrun", "overrun")),
    "never expires": (ledger_module, "expire_plans", lambda _connection, _now: 0),
    "forgets answers": (answers, "KEEP_SECONDS", 0),
    "believes the date": (LeaseClock, "now", lambda clock: clock.read_wall()),
    "loses its log in a crash": (places, "STORE_FILES", ("ledger.sqlite", "secret")),
}


@pytest.mark.parametrize("name", FAULTS)
def test_machine_finds_a_planted_fault(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of these is found within some histories, though the table's own guard is gone."""
    module, attribute, fault = FAULTS[name]
    statements = tuple(statement.replace(GUARD, "") for statement in schema.STATEMENTS)
    assert statements != schema.STATEMENTS
    monkeypatch.setattr(schema, "STATEMENTS", statements)
    monkeypatch.setattr(module, attribute, fault)
    with pytest.raises(AssertionError):
        run_histories(200, STEPS, 1, shrink=False)
