"""A process that keeps a ledger and is asked over a pipe; made to be killed."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from router.exceptions import PoolExhaustedError, RouterError, StoreBusyError
from router.ledger.records import Answer, Report, RequestKey
from tests.contracts.ledgers import make_pool, make_record
from tests.rigs.planted import list_changes
from tests.rigs.work import open_ledger

if TYPE_CHECKING:
    from multiprocessing.connection import Connection
    from pathlib import Path

    from router.ledger import Ledger

__all__ = ["CAPACITY", "serve"]

# So small that about half of 64 clients can hold a grant of 50 to 150 at once.
CAPACITY = 3200


def serve(path: Path, pipe: Connection, planted: str | None) -> None:
    """Answer requests that come over a pipe, each when it is on disk."""
    for target, attribute, value in () if planted is None else list_changes(planted):
        setattr(target, attribute, value)
    sending = threading.Lock()
    with open_ledger(path) as ledger:
        while True:
            number, *request = pipe.recv()
            word = _find_kept(ledger, request)
            if word is not None:
                _send(pipe, sending, number, word)
                continue
            try:
                future = _submit(ledger, request)
            except StoreBusyError:
                _send(pipe, sending, number, "busy")
                continue
            future.add_done_callback(
                lambda done, number=number: _send(pipe, sending, number, _hear(done))
            )


def _find_kept(ledger: Ledger, request: list[Any]) -> str | None:
    """Find what a request for a grant was answered before, as the service does."""
    if request[0] != "reserve":
        return None
    kept = ledger.find_answer(_make_key(request[2]))
    return None if kept is None else kept.body.decode()


def _submit(ledger: Ledger, request: list[Any]) -> Any:
    """Hand a request in."""
    kind, *details = request
    if kind == "pool":
        return ledger.create_pool("default", make_pool(details[0], None, usd=CAPACITY))
    if kind == "settle":
        plan_id, spent = details
        return ledger.settle("default", plan_id, [Report("q0", {"usd": spent})])
    pool, key, plan_id, amount = details
    return ledger.reserve(
        *(make_record(plan_id, [amount]), pool),
        lease_seconds=600,
        opening_price={"usd": 1.0},
        key=_make_key(key),
        answer=Answer(200, plan_id.encode()),
    )


def _make_key(key: str) -> RequestKey:
    """Make the key of a request."""
    return RequestKey("default", "/v1/allocate", key, b"body")


def _hear(future: Any) -> str:
    """Say in a word what came of a request."""
    try:
        future.result()
    except PoolExhaustedError:
        return "exhausted"
    except RouterError as error:
        return f"failed: {type(error).__name__}"
    return "done"


def _send(pipe: Connection, sending: threading.Lock, number: int, word: str) -> None:
    """Answer; whoever asked may be gone."""
    with sending:
        pipe.send((number, word))
