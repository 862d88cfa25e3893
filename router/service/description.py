"""The bodies in the words of OpenAPI, made from the very records that decode them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["describe_body", "describe_components", "describe_errors"]

REFERENCE = "#/components/schemas/{name}"
TEXT = {"type": "string"}
ERROR = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": TEXT, "message": TEXT},
    "additionalProperties": False,
}
# Errors where the Open Inference Protocol is spoken, and everywhere else.
ERROR_SHAPES = {"InferenceProblem": TEXT, "Problem": ERROR}


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


def describe_errors(document: dict[str, Any]) -> None:
    """Describe what every route answers when it refuses, or cannot.

    Parameters
    ----------
    document : dict
        A description of the whole service, which is completed.

    Examples
    --------
    >>> document = {"paths": {"/v2": {"get": {"responses": {"200": {}}}}}, "components": {}}
    >>> describe_errors(document)
    >>> sorted(document["paths"]["/v2"]["get"]["responses"])
    ['200', '4XX', '5XX']
    """
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name, error in ERROR_SHAPES.items():
        schemas[name] = {
            "type": "object",
            "required": ["error"],
            "properties": {"error": error},
        }
    for path, methods in document["paths"].items():
        name = "InferenceProblem" if f"{path}/".startswith("/v2/") else "Problem"
        content = {"application/json": {"schema": {"$ref": REFERENCE.format(name=name)}}}
        for operation in methods.values():
            operation["responses"]["4XX"] = {"description": "Refused.", "content": content}
            operation["responses"]["5XX"] = {"description": "Not now.", "content": content}
