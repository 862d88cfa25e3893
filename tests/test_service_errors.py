"""From errors to answers."""

from __future__ import annotations

import pytest

from router import exceptions
from router.service.errors import STATUS_BY_ERROR, answer_error, answer_router_error
from tests.contracts.commands import read_json

ERRORS = [getattr(exceptions, name) for name in exceptions.__all__]


STATUS_BY_NAME = {
    "OverloadError": 429,
    "PoolExhaustedError": 429,
    "UnknownError": 404,
    "ConflictError": 409,
    "StoreError": 503,
    "StoreBusyError": 503,
}


@pytest.mark.parametrize("kind", ERRORS)
def test_every_error_has_a_status(kind: type[exceptions.RouterError]) -> None:
    """What a caller can mend is 4xx, everything else 5xx without its message."""
    answer = answer_router_error(kind("words"))
    is_input = issubclass(kind, exceptions.InputError | exceptions.OverloadError)
    assert answer.status_code == STATUS_BY_NAME.get(kind.__name__, 422 if is_input else 500)
    assert ("words" in bytes(answer.body).decode()) == is_input
    passes = exceptions.StoreError | exceptions.OverloadError
    assert ("retry-after" in answer.headers) == issubclass(kind, passes)


def test_table_reaches_every_line() -> None:
    """No line of the table stands behind one that already covers it."""
    kinds = [kind for kind, _ in STATUS_BY_ERROR]
    assert kinds[-1] is exceptions.RouterError
    covered = [
        later
        for position, kind in enumerate(kinds)
        for later in kinds[position + 1 :]
        if issubclass(later, kind)
    ]
    assert covered == []


def test_long_message_is_cut_and_one_line() -> None:
    """A message of any length becomes one short line."""
    answer = answer_error(422, "two\nlines " + "x" * 10_000)
    message = read_json(bytes(answer.body).decode())["error"]["message"]
    assert message.startswith("two lines x")
    assert len(message) < 500
