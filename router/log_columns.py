"""Columns of an outcome log: converted, checked row by row, and reduced to what they are about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import InputError, LogError
from router.tables import MISSING_TYPES, read_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "COST_COLUMNS",
    "average_repeats",
    "collect_first",
    "convert_to_float",
    "drop_nan",
    "is_null",
    "read_labels",
    "read_numbers",
]

COST_COLUMNS = {
    "usd": "cost_usd",
    "tokens": "cost_tokens",
    "searches": "cost_searches",
    "seconds": "cost_seconds",
}
AMOUNT_COLUMNS = ("cost", *COST_COLUMNS.values(), "search_steps", "reasoning_tokens")
COUNT_MAX = 1_000_000_000
FLAGS = {"true": 1.0, "false": 0.0}


def read_numbers(
    table: Mapping[str, Sequence[Any]], n_rows: int, place: str
) -> dict[str, NDArray[np.float64]]:
    """Read and check every numeric column; an absent one is all NaN, absent trials are one."""
    values = table["quality"]
    quality = convert_to_float(values, place, "quality", flags=True)
    _require(~np.isnan(quality), values, place, "quality is empty or NaN, not from 0 to 1")
    _require((quality >= 0) & (quality <= 1), values, place, "quality {} is outside [0, 1]")
    numbers = {"quality": quality}
    for column in (*AMOUNT_COLUMNS, "trials", "samples"):
        if column not in table:
            numbers[column] = np.full(n_rows, np.nan)
            continue
        amounts = convert_to_float(table[column], place, column)
        allowed = np.isnan(amounts) | (np.isfinite(amounts) & (amounts >= 0))
        _require(allowed, table[column], place, column + " {} is negative or not finite")
        numbers[column] = amounts
    for column in ("trials", "samples"):
        counts = numbers[column]
        whole = np.isnan(counts) | (
            (counts >= 1) & (counts <= COUNT_MAX) & (counts == np.floor(counts))
        )
        complaint = f"{column} {{}} is not a whole number from 1 to {COUNT_MAX}"
        _require(whole, table.get(column, counts), place, complaint)
    numbers["trials"] = np.where(np.isnan(numbers["trials"]), 1.0, numbers["trials"])
    return numbers


def convert_to_float(
    values: Sequence[Any], place: str, column: str, *, flags: bool = False
) -> NDArray[np.float64]:
    """Convert a column to float64 with null as NaN, naming the row that is no number.

    With `flags` true and false count as 1 and 0, as a correct answer and a wrong one do; elsewhere
    they are a mistake.
    """
    numbers = np.empty(len(values))
    for row, value in enumerate(values):
        try:
            numbers[row] = _read_number(value, flags=flags)
        except (TypeError, ValueError, OverflowError):
            raise LogError(f"{place}: row {row + 1}: {column} {value!r} is not a number") from None
    return numbers


def _read_number(value: Any, *, flags: bool) -> float:
    """Read one cell; whatever is no number raises."""
    if isinstance(value, float):
        return value
    if isinstance(value, (bool, np.bool_)):
        if not flags:
            raise TypeError
        return float(value)
    if isinstance(value, str) and flags and value.lower() in FLAGS:
        return FLAGS[value.lower()]
    if not isinstance(value, (str, int)) and read_label(value) is None:
        return np.nan
    return float(value) if value != "" else np.nan


def _require(
    allowed: NDArray[np.bool_],
    values: Sequence[Any] | NDArray[np.float64],
    place: str,
    complaint: str,
) -> None:
    """Raise with the first row that is not allowed; braces in `complaint` stand for its value."""
    wrong = np.flatnonzero(~allowed)
    if wrong.size:
        row = int(wrong[0])
        raise LogError(f"{place}: row {row + 1}: {complaint.format(values[row])}")


def read_labels(values: Sequence[Any], place: str, column: str) -> list[str | None]:
    """Read a column of names with null, empty and NaN as None, naming the row that is no name."""
    labels = []
    for row, value in enumerate(values, start=1):
        try:
            labels.append(read_label(value))
        except InputError as error:
            raise LogError(f"{place}: row {row}: {column} {error}") from None
    return labels


def collect_first(
    labels: Sequence[str | None], index: NDArray[np.int64], count: int
) -> tuple[list[str | None], list[int]]:
    """Take the first label that is known of each thing that rows are about.

    Returns
    -------
    first : list of str or None, length count
        None where no row has one.
    varying : list of int
        The things of which another row says something else.
    """
    first: list[str | None] = [None] * count
    varying: dict[int, None] = {}
    for label, thing in zip(labels, index.tolist(), strict=True):
        if label is None or label == first[thing]:
            continue
        if first[thing] is None:
            first[thing] = label
        else:
            varying[thing] = None
    return first, list(varying)


def average_repeats(
    pair: NDArray[np.int64], numbers: Mapping[str, NDArray[np.float64]]
) -> tuple[NDArray[np.int64], dict[str, NDArray[np.float64]]]:
    """Average the rows that repeat a pair, weighted by trials, leaving out what is unknown.

    Returns
    -------
    pairs : ndarray of int64, shape (p,)
        The distinct pairs, sorted, where one is repeated; else `pair` itself.
    averages : dict of str to ndarray of float64, shape (p,)
        The columns, ``trials`` being summed.
    """
    pairs, inverse = np.unique(pair, return_inverse=True)
    if len(pairs) == len(pair):
        return pair, dict(numbers)
    averages = {}
    for column, values in numbers.items():
        weight = np.where(np.isnan(values), 0.0, numbers["trials"])
        total = np.bincount(inverse, weights=np.nan_to_num(values) * weight)
        known = np.bincount(inverse, weights=weight)
        averages[column] = np.where(known > 0, total / np.maximum(known, 1), np.nan)
    averages["trials"] = np.bincount(inverse, weights=numbers["trials"])
    return pairs, averages


def is_null(value: Any) -> bool:
    """Tell whether a cell is empty; NaN is a value, if a wrong one.

    Examples
    --------
    >>> is_null(None), is_null(""), is_null(float("nan")), is_null(0.0)
    (True, True, False, False)
    """
    return (
        value is None
        or type(value).__name__ in MISSING_TYPES
        or (isinstance(value, str) and not value)
    )


def drop_nan(value: float) -> float | None:
    """Turn NaN into None."""
    return None if np.isnan(value) else float(value)
