"""What a question asks of its plan: how much it counts, and which options it may be given."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from numbers import Real
from typing import TYPE_CHECKING, Any

import numpy as np

from router.budgets import AMOUNT_MAX_MICRO, BUDGET_UNITS, MICRO
from router.exceptions import InputError, QuestionError
from router.tables import read_label

if TYPE_CHECKING:
    from router.questions import Question

__all__ = ["CONDITION_NUMBERS", "check_conditions", "parse_conditions", "read_cells"]

AMOUNT_MAX = float(AMOUNT_MAX_MICRO // MICRO)
# Fields that are one number, with the largest that is allowed; none is negative.
CONDITION_NUMBERS = {"weight": 1e9, "min_quality": 1.0, "max_latency_s": AMOUNT_MAX}
CONDITION_NAMES = ("forbidden_options", "depends_on")
CONDITION_FIELDS = frozenset({*CONDITION_NUMBERS, *CONDITION_NAMES, "priority", "max_cost"})
PRIORITY_MAX = 10**9
COLUMN_PREFIX = "max_cost_"
KNOWN_FIELDS = CONDITION_FIELDS | {"id", "query_id", "text", "query", "group", "context"}
# Names this alike differ by a letter or two.
LIKENESS_MIN = 0.8


def parse_conditions(item: Mapping[str, Any], place: str) -> dict[str, Any]:
    """Read the conditions in an object of a file, or in columns of a table.

    Parameters
    ----------
    item : mapping
        With any of ``weight``, ``min_quality``, ``max_latency_s``, ``priority``, ``max_cost`` (an
        object of amounts by unit, or columns ``max_cost_UNIT``), ``forbidden_options`` and
        ``depends_on`` (lists of names). Null and NaN count as left out.
    place : str
        How messages name the question.

    Returns
    -------
    dict
        The fields of :class:`router.questions.Question` that are given.

    Raises
    ------
    QuestionError
        If one cannot be used; the message names it and what is allowed. Likewise where the name of
        another field is so near to one of these that it must be meant: a condition that is dropped
        without a word costs money or quality.

    Examples
    --------
    >>> parse_conditions({"weight": 2, "min_quality": None, "depends_on": ["a", 7]}, "question 1")
    {'weight': 2.0, 'depends_on': ('a', '7')}
    """
    # Nearly all questions have none, and a batch is to be read in microseconds.
    if not KNOWN_FIELDS.issuperset(item):
        _refuse_misspelt(item, place)
    if CONDITION_FIELDS.isdisjoint(item) and not any(
        str(key).startswith(COLUMN_PREFIX) for key in item
    ):
        return {}
    given: dict[str, Any] = {
        name: _read_number(item[name], f"{place}: {name}", most)
        for name, most in CONDITION_NUMBERS.items()
        if not _is_missing(item.get(name))
    }
    if not _is_missing(item.get("priority")):
        given["priority"] = _read_priority(item["priority"], f"{place}: priority")
    for name in CONDITION_NAMES:
        if not _is_missing(item.get(name)):
            given[name] = _read_names(item[name], f"{place}: {name}")
    ceilings = _read_ceilings(item, place)
    return given | ({"max_cost": ceilings} if ceilings else {})


def check_conditions(question: Question, place: str) -> dict[str, Any]:
    """Check the conditions of a question made in Python and return them in their one form."""
    numbers = {
        name: _read_number(getattr(question, name), f"{place}: {name}", most)
        for name, most in CONDITION_NUMBERS.items()
        if not (name == "max_latency_s" and question.max_latency_s is None)
    }
    names = {
        name: _read_names(getattr(question, name), f"{place}: {name}") for name in CONDITION_NAMES
    }
    priority = _read_priority(question.priority, f"{place}: priority")
    ceilings = _read_ceilings({"max_cost": question.max_cost}, place)
    return {**numbers, **names, "priority": priority, "max_cost": ceilings}


def read_cells(name: str, values: Sequence[Any]) -> list[Any]:
    """Read a column of text as the numbers or names that a condition takes.

    Parameters
    ----------
    name : str
        Of the column.
    values : sequence of str or None
        Its cells. Names are a list in JSON, or one name as it is.

    Returns
    -------
    list
        What cannot be read stays text, for the message that refuses it.

    Examples
    --------
    >>> read_cells("depends_on", ['["a", "b"]', "c", None]), read_cells("weight", ["2", None])
    ([['a', 'b'], 'c', None], [2.0, None])
    """
    if name in CONDITION_NAMES:
        return [_read_list(value) for value in values]
    if name in CONDITION_NUMBERS or name == "priority" or name.startswith(COLUMN_PREFIX):
        return [_read_float(value) for value in values]
    return list(values)


def _read_list(text: Any) -> Any:
    """Read a list in JSON, or leave the text as it is."""
    if isinstance(text, str) and text.startswith("["):
        with suppress(ValueError, RecursionError):
            return json.loads(text)
    return text


def _read_float(text: Any) -> Any:
    """Read a number, or leave the text as it is."""
    with suppress(TypeError, ValueError):
        return None if text is None else float(text)
    return text


def _is_missing(value: Any) -> bool:
    """Tell a gap, as tables fill theirs with null or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _refuse_misspelt(item: Mapping[str, Any], place: str) -> None:
    """Refuse an unknown field whose name is nearly that of a condition."""
    for key in item:
        if key in KNOWN_FIELDS or str(key).startswith((COLUMN_PREFIX, "context_")):
            continue
        meant = get_close_matches(str(key), sorted(CONDITION_FIELDS), n=1, cutoff=LIKENESS_MIN)
        if meant:
            raise QuestionError(f"{place}: field {key!r} is unknown: {meant[0]!r} is the nearest")


def _read_number(value: object, place: str, most: float) -> float:
    """Read a number from 0 up to the largest that is allowed."""
    if isinstance(value, Real) and not isinstance(value, bool):
        # Whole numbers of JSON may be longer than any float.
        with suppress(OverflowError):
            number = float(value)
            if 0.0 <= number <= most:
                return number
    raise QuestionError(f"{place} {_shorten(value)} is not a number from 0 to {most:g}")


def _read_priority(value: object, place: str) -> int:
    """Read a whole number, which tables may hold as a float."""
    # Infinity and NaN fail the comparison of size.
    if (
        isinstance(value, int | float | np.integer | np.floating)
        and not isinstance(value, bool)
        and -PRIORITY_MAX <= value <= PRIORITY_MAX
        and value == int(value)
    ):
        return int(value)
    raise QuestionError(
        f"{place} {_shorten(value)} is not a whole number from {-PRIORITY_MAX} to {PRIORITY_MAX}"
    )


def _read_names(value: object, place: str) -> tuple[str, ...]:
    """Read a list of names; one alone may stand without its list."""
    items = [value] if isinstance(value, str) else value
    if isinstance(items, np.ndarray):
        items = items.tolist()
    if not isinstance(items, Sequence):
        raise QuestionError(f"{place} {_shorten(value)} is not a list of names")
    names = []
    for item in items:
        try:
            name = read_label(item)
        except InputError as error:
            raise QuestionError(f"{place} {error}") from None
        if name is None:
            raise QuestionError(f"{place} {_shorten(value)} holds an empty name")
        names.append(name)
    return tuple(dict.fromkeys(names))


def _read_ceilings(item: Mapping[str, Any], place: str) -> dict[str, float]:
    """Collect ceilings on the cost of one question by unit."""
    given = item.get("max_cost")
    given = {} if _is_missing(given) else given
    if not isinstance(given, Mapping):
        raise QuestionError(f"{place}: max_cost is not an object of amounts by unit")
    pairs = dict(given) | {
        key.removeprefix(COLUMN_PREFIX): value
        for key, value in item.items()
        if str(key).startswith(COLUMN_PREFIX)
    }
    ceilings = {}
    for unit, amount in pairs.items():
        if unit not in BUDGET_UNITS:
            raise QuestionError(
                f"{place}: max_cost has an unknown unit {_shorten(unit)}: allowed are "
                + ", ".join(BUDGET_UNITS)
            )
        if not _is_missing(amount):
            ceilings[str(unit)] = _read_number(amount, f"{place}: max_cost {unit}", AMOUNT_MAX)
    return ceilings


def _shorten(value: object) -> str:
    """Write a value, cut where it is long."""
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**20 else "of more digits"
    return text if len(text) <= 60 else text[:57] + "..."
