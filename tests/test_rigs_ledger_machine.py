"""Histories of the ledger beside its model, and faults that the comparison has to find."""

from __future__ import annotations

import inspect
import secrets
import textwrap
import time
from typing import TYPE_CHECKING, Any

import pytest

from router.ledger import answers, pools, reapportioning, schema
from router.ledger import ledger as ledger_module
from router.ledger.clock import LeaseClock
from tests.rigs import places
from tests.rigs.ledger_machine import run_histories

if TYPE_CHECKING:
    from collections.abc import Callable

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


def rewrite(function: Callable[..., Any], old: str, new: str) -> Callable[..., Any]:
    """Make a function anew with some other words in it, which see what the first one sees."""
    source = textwrap.dedent(inspect.getsource(function))
    assert source.count(old) == 1
    names = dict(vars(inspect.getmodule(function)))
    exec(f"from __future__ import annotations\n{source.replace(old, new)}", names)  # noqa: S102
    changed: Callable[..., Any] = names[function.__name__]
    return changed


def rewrite_move(old: str, new: str) -> tuple[object, str, Callable[..., Any]]:
    """Plant a fault where amounts are moved."""
    function = rewrite(reapportioning.move_reserved, old, new)
    return ledger_module, "move_reserved", function


def rewrite_rest(old: str, new: str) -> tuple[object, str, Callable[..., Any]]:
    """Plant a fault where what nobody needs is left."""
    return reapportioning, "_leave_rest", rewrite(reapportioning._leave_rest, old, new)


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
    "moves more than is held": rewrite_rest("if rest < 0:", "if False:"),
    "refuses to move all": rewrite_rest("if rest < 0:", "if rest <= 0:"),
    "loses what rests": rewrite_rest("row[unit] += kept", "pass"),
    "counts what is moved twice": rewrite_rest("row[unit] += kept", "row[unit] += 2 * kept"),
    "leaves what rests with the last": rewrite_rest("wanted.items()", "reversed(wanted.items())"),
    "leaves all that rests with one": rewrite_rest("min(rest, ", "max(rest, "),
    "moves for later plans too": rewrite_move("WHERE plan = ?", "WHERE plan >= ?"),
    "moves nothing without a word": rewrite_move("if not held:", "if not held: return\n    if 0:"),
    "moves to questions not there": rewrite_move("if name not in places:", "if False:"),
    "moves what is over": (
        *(reapportioning, "read_open"),
        rewrite(reapportioning.read_open, "AND state = 'open'", ""),
    ),
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
