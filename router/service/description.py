"""The bodies in the words of OpenAPI, made from the very records that decode them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["describe_body", "describe_components"]

REFERENCE = "#/components/schemas/{name}"


def describe_body(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """Describe the body of a route.

    Parameters
    ----------
    kind : type
        The record it is decoded into.

    Returns
    -------
    dict
        What the route adds to its description.

    Examples
    --------
    >>> from router.service.schemas import PredictBody
    >>> describe_body(PredictBody)["requestBody"]["content"]["application/json"]["schema"]
    {'$ref': '#/components/schemas/PredictBody'}
    """
    schema = {"$ref": REFERENCE.format(name=kind.__name__)}
    content = {"application/json": {"schema": schema}}
    return {"requestBody": {"required": True, "content": content}}


def describe_components(kinds: Sequence[type[msgspec.Struct]]) -> dict[str, Any]:
    """Describe records and everything they are made of.

    Parameters
    ----------
    kinds : sequence of type
        The records.

    Returns
    -------
    dict of str to dict
        JSON schemas by name.

    Examples
    --------
    >>> from router.service.schemas import PredictBody
    >>> sorted(describe_components([PredictBody]))
    ['GridBody', 'MenuBody', 'OptionBody', 'PredictBody', 'QuestionBody']
    """
    _, components = msgspec.json.schema_components(kinds, ref_template=REFERENCE)
    return components
