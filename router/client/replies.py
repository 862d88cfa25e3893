"""Replies: what came of an attempt, which of them to try again, and which are errors of the caller.

The client's half of the table in ``router/service/errors.py``: statuses become errors again.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from router.exceptions import (
    AccessError,
    ConflictError,
    InputError,
    PoolExhaustedError,
    UnknownError,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from router.exceptions import RouterError

__all__ = ["Failure", "Refusal", "Reply", "judge_reply"]

# Too slow, too many, and faults of what stands between: another attempt may get past them.
STATUSES_THAT_PASS = frozenset({408, 429, 502, 503, 504})
# Nothing but waiting for others to settle helps a pool.
CODE_EXHAUSTED = "pool_exhausted"
ERRORS: Mapping[int, type[RouterError]] = {
    401: AccessError,
    403: AccessError,
    404: UnknownError,
    409: ConflictError,
}
# A wait that a header asks for is a number of seconds; longer than a day is no number any more.
DIGITS_MAX = 5


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole answer, whatever it says.

    Parameters
    ----------
    status : int
        HTTP status.
    content : bytes
        The body.
    headers : mapping of str to str
        By name in lower case.
    """

    status: int
    content: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def wait_s(self) -> float:
        """Seconds that the service asks to wait; 0 where it asks for none."""
        wait = self.headers.get("retry-after", "")
        fits = wait.isascii() and wait.isdecimal() and len(wait) <= DIGITS_MAX
        return float(wait) if fits else 0.0


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that brought nothing which could be used.

    Parameters
    ----------
    reason : str
        In a few words, without anything secret.
    wait_s : float, default=0.0
        Seconds that the service asks to wait before the next attempt.
    is_passing : bool, default=True
        Whether another attempt may get past it.
    is_answered : bool, default=False
        Whether the service is there all the same.
    """

    reason: str
    wait_s: float = 0.0
    is_passing: bool = True
    is_answered: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer by which the service refuses for good.

    Parameters
    ----------
    error : RouterError
        What to raise.
    """

    error: RouterError


def judge_reply(reply: Reply, what: str) -> Any:
    """Tell a document from a failure and from a refusal.

    Parameters
    ----------
    reply : Reply
        As it came.
    what : str
        How messages call the request.

    Returns
    -------
    Failure, Refusal, or the document
        What another attempt may get past; what is to be raised; what was asked for.

    Examples
    --------
    >>> judge_reply(Reply(200, b'{"a": 1}'), "GET /")
    {'a': 1}
    >>> judge_reply(Reply(503, b"", {"retry-after": "2"}), "GET /").wait_s
    2.0
    >>> content = b'{"error": {"code": "not_found", "message": "no such pool"}}'
    >>> judge_reply(Reply(404, content), "GET /v1/pools/night").error
    UnknownError('GET /v1/pools/night: 404 not_found: no such pool')
    """
    document = _read_json(reply.content)
    if 200 <= reply.status < 300:
        return document if document is not None else Failure("an answer that is no JSON")
    code, message = _read_error(document)
    named = f"status {reply.status}" + (f" {code}" if code else "")
    if code == CODE_EXHAUSTED:
        return Refusal(PoolExhaustedError(f"{what}: {reply.status} {code}: {message}"))
    if reply.status in STATUSES_THAT_PASS:
        return Failure(named, reply.wait_s, is_answered=reply.status < 500)
    if 400 <= reply.status < 500 and code:
        error = ERRORS.get(reply.status, InputError)
        return Refusal(error(f"{what}: {reply.status} {code}: {message}"))
    # What says no in another shape is not the service, but something on the way to it.
    return Failure(named, is_passing=False)


def _read_json(content: bytes) -> Any:
    """Read a document, or nothing where there is none."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _read_error(document: Any) -> tuple[str, str]:
    """Read code and message of an error in the service's shape; empty where it has another."""
    error = document.get("error") if isinstance(document, dict) else None
    if not isinstance(error, dict):
        return "", ""
    code, message = error.get("code"), error.get("message")
    if not isinstance(code, str) or not isinstance(message, str):
        return "", ""
    return " ".join(code.split())[:64], " ".join(message.split())[:400]
