"""Bodies of requests: bytes under a cap, decoded straight into typed records."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from router.exceptions import InputError
from router.service.allowed import list_allowed

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.requests import Request

__all__ = ["BODY_BYTES_MAX", "JSON_TYPE", "decode_body", "read_body"]

BODY_BYTES_MAX = 256 * 1024
JSON_TYPE = "application/json"
# The decoder's own words for a place: fields that it knows, positions, and dots for keys.
PLACE = re.compile(r" - at (`key` in )?`(\$[\w.\[\]]*)`$")
# After these words the decoder repeats what the caller wrote, which may be anything.
REPEATING = ("Object contains unknown field", "Invalid enum value")

Body = TypeVar("Body", bound=msgspec.Struct)


async def read_body(
    request: Request,
    n_bytes_max: int | None = None,
    *,
    media_types: Collection[str] = (JSON_TYPE,),
) -> bytes:
    """Read the body of a request that says it is JSON, and never more of it than allowed.

    Parameters
    ----------
    request : Request
        Of any length, whatever its headers say about that.
    n_bytes_max : int, optional
        How long the body may be; what the edge says by default, and 256 KiB where there is none.
    media_types : collection of str, optional
        What else than JSON it may say it is; an empty text stands for saying nothing.

    Returns
    -------
    bytes

    Raises
    ------
    HTTPException
        With status 415 if it is of another media type, 413 if it is longer, 400 if it breaks off.
    """
    if n_bytes_max is None:
        n_bytes_max = request.scope.get("state", {}).get("body_bytes_max", BODY_BYTES_MAX)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type not in media_types:
        raise HTTPException(415, f"the body must be sent as {JSON_TYPE}")
    too_large = HTTPException(413, f"the body may have {n_bytes_max} bytes")
    stated = request.headers.get("content-length", "")
    if stated.isdecimal() and (len(stated) > 15 or int(stated) > n_bytes_max):
        raise too_large
    parts, n_bytes = [], 0
    try:
        async for part in request.stream():
            n_bytes += len(part)
            if n_bytes > n_bytes_max:
                raise too_large
            parts.append(part)
    except ClientDisconnect:
        raise HTTPException(400, "the body broke off") from None
    return b"".join(parts)


def decode_body(content: bytes, kind: type[Body]) -> Body:
    """Decode a body into a typed record.

    Parameters
    ----------
    content : bytes
        JSON in UTF-8.
    kind : type
        The record.

    Returns
    -------
    Struct
        Of that kind.

    Raises
    ------
    InputError
        If it is not JSON, or a field is missing, unknown, of another type or out of bounds; the
        message names the place and what it takes, and repeats nothing of the body.

    Examples
    --------
    >>> from router.service.schemas import PredictBody
    >>> decode_body(b'{"questions": ["Who?"]}', PredictBody).questions
    ['Who?']
    >>> decode_body(b'{"question": ["Who?"]}', PredictBody)
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: body: Object contains unknown field; allowed are questions, menu
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.ValidationError as error:
        raise InputError(f"body: {_withhold(str(error), kind)}") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InputError("body: not valid JSON in UTF-8") from None


def _withhold(message: str, kind: type[Body]) -> str:
    """Take the caller's words out of a decoder's message; the place stays, and what it takes."""
    for opening in REPEATING:
        if message.startswith(opening):
            place = PLACE.search(message)
            where = "$" if place is None else f"{'key in ' if place[1] else ''}{place[2]}"
            allowed = list_allowed(kind, where)
            told = opening + ("" if place is None else place[0])
            return f"{told}; allowed are {', '.join(allowed)}" if allowed else told
    return message
