"""Answers: documents as JSON, which has no word for NaN and infinity."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["answer_json", "write_json"]


def write_json(document: object) -> bytes:
    """Write a document as JSON, which has no word for NaN and infinity.

    Parameters
    ----------
    document : object
        Dictionaries, lists, texts, numbers.

    Returns
    -------
    bytes

    Raises
    ------
    ValueError
        If a number is not finite.

    Examples
    --------
    >>> write_json({"a": [1.5, None]})
    b'{"a":[1.5,null]}'
    """
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def answer_json(document: Mapping[str, Any], status: int = 200) -> Response:
    """Answer with a document.

    Parameters
    ----------
    document : mapping
        As for :func:`write_json`.
    status : int, default=200
        HTTP status.

    Returns
    -------
    Response
    """
    return Response(write_json(document), status, media_type="application/json")
