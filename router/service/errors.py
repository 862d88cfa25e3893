"""The one table from errors to answers; HTTP statuses are known in this room only."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

from router.exceptions import (
    BundleError,
    ConflictError,
    InputError,
    MissingExtraError,
    OverloadError,
    PoolExhaustedError,
    RouterError,
    StoreError,
    UnknownError,
)
from router.service.answers import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CODE_BY_ERROR",
    "CODE_BY_STATUS",
    "STATUS_BY_ERROR",
    "answer_error",
    "answer_router_error",
    "answer_status",
    "write_error",
]

# The first line that fits an error's class decides. What a caller can mend is 4xx, and only that.
STATUS_BY_ERROR: tuple[tuple[type[RouterError], int], ...] = (
    (UnknownError, 404),
    (ConflictError, 409),
    (PoolExhaustedError, 429),
    (InputError, 422),
    (OverloadError, 429),
    (StoreError, 503),
    (BundleError, 500),
    (MissingExtraError, 500),
    (RouterError, 500),
)
CODE_BY_STATUS: Mapping[int, str] = {
    400: "malformed",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    414: "address_too_long",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    431: "headers_too_large",
    500: "internal",
    503: "unavailable",
}
# Where the status alone does not say what helps: here only that others report or let go.
CODE_BY_ERROR: Mapping[type[RouterError], str] = {PoolExhaustedError: "pool_exhausted"}
# Messages name identifiers and options, which a caller chose: enough to find one, never a body.
MESSAGE_LENGTH_MAX = 400
# A store that cannot keep up, or has no room, is asked again no sooner.
RETRY_AFTER_SECONDS = "1"


def write_error(status: int, message: str, code: str | None = None) -> bytes:
    """Write an error in the one shape all errors have.

    Parameters
    ----------
    status : int
        HTTP status, which gives the code.
    message : str
        What was wrong and what is allowed; becomes one short line.
    code : str, optional
        Another code than that of the status.

    Returns
    -------
    bytes

    Examples
    --------
    >>> write_error(408, "too slow")
    b'{"error":{"code":"timeout","message":"too slow"}}'
    """
    line = " ".join(message.split())
    if len(line) > MESSAGE_LENGTH_MAX:
        line = line[:MESSAGE_LENGTH_MAX] + "..."
    named = code or CODE_BY_STATUS.get(status, "refused" if status < 500 else "internal")
    return write_json({"error": {"code": named, "message": line}})


def answer_error(
    status: int,
    message: str,
    headers: Mapping[str, str] | None = None,
    *,
    code: str | None = None,
) -> Response:
    """Answer with an error in the one shape all errors have.

    Parameters
    ----------
    status : int
        HTTP status.
    message : str
        What was wrong and what is allowed, in one line.
    headers : mapping of str to str, optional
        Further headers, as ``Allow`` beside status 405.
    code : str, optional
        Another code than that of the status.

    Returns
    -------
    Response
        ``{"error": {"code": ..., "message": ...}}``.
    """
    kept = dict(headers) if headers is not None else None
    body = write_error(status, message, code)
    return Response(body, status, kept, media_type="application/json")


def answer_status(status: int, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with an error that its status says all about.

    Parameters
    ----------
    status : int
        HTTP status.
    headers : mapping of str to str, optional
        Further headers.

    Returns
    -------
    Response
    """
    code = CODE_BY_STATUS.get(status, "refused")
    return answer_error(status, code.replace("_", " "), headers)


def answer_router_error(error: RouterError) -> Response:
    """Answer with an error of the library, at the status the table gives its class.

    Parameters
    ----------
    error : RouterError
        What was raised.

    Returns
    -------
    Response
        With the message where the caller can mend it; a fault of the server is only named.
    """
    status = next(status for kind, status in STATUS_BY_ERROR if isinstance(error, kind))
    code = CODE_BY_ERROR.get(type(error))
    # A pool does not fill up by waiting a second.
    passes = status in {429, 503} and code is None
    headers = {"Retry-After": RETRY_AFTER_SECONDS} if passes else None
    if status < 500:
        return answer_error(status, str(error), headers, code=code)
    return answer_status(status, headers)
