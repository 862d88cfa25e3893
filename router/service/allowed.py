"""What a request may say at a place: the fields, units or words that its schema knows there."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import inspect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from msgspec import Struct

__all__ = ["list_allowed"]

# A field, a position in a list, or the value behind some key.
STEP = re.compile(r"\.(\w+)|\[\d+\]|\[\.\.\.\]")
type_of = lru_cache(maxsize=32)(inspect.type_info)


def list_allowed(kind: type[Struct], place: str) -> tuple[str, ...]:
    """List the names that a place of a body takes.

    Parameters
    ----------
    kind : type
        The record that the body is.
    place : str
        As the decoder writes it, ``$.questions[0]``; ``key in`` before it means keys there.

    Returns
    -------
    tuple of str
        Fields of the record there, or the words allowed there; none where anything may stand.

    Examples
    --------
    >>> from router.service.schemas import AllocateBody, PredictBody
    >>> list_allowed(PredictBody, "$")
    ('questions', 'menu')
    >>> list_allowed(AllocateBody, "key in $.budget")
    ('nominal', 'searches', 'seconds', 'tokens', 'usd')
    """
    found: list[inspect.Type] = [type_of(kind)]
    for step in STEP.finditer(place):
        found = [inner for outer in found for inner in _enter(outer, step[1])]
    if place.startswith("key in"):
        found = [each.key_type for each in found if isinstance(each, inspect.DictType)]
    names: list[str] = []
    for each in found:
        if isinstance(each, inspect.StructType):
            names.extend(field.encode_name for field in each.fields)
        elif isinstance(each, inspect.LiteralType):
            names.extend(str(value) for value in each.values)
    return tuple(names)


def _enter(outer: inspect.Type, name: str | None) -> Iterator[inspect.Type]:
    """Give the types that a field, an element or a value may have, one by one."""
    inners: list[inspect.Type] = []
    if name is not None and isinstance(outer, inspect.StructType):
        inners = [field.type for field in outer.fields if field.encode_name == name]
    elif name is None and isinstance(outer, inspect.ListType):
        inners = [outer.item_type]
    elif name is None and isinstance(outer, inspect.DictType):
        inners = [outer.value_type]
    for inner in inners:
        yield from inner.types if isinstance(inner, inspect.UnionType) else (inner,)
