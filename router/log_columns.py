"""Columns of an outcome log: converted, checked row by row, and averaged by option."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import LogError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = [
    "COST_COLUMNS",
    "convert_to_float",
    "drop_empty",
    "drop_nan",
    "read_numbers",
]

COST_COLUMNS = {
    "usd": "cost_usd",
    "tokens": "cost_tokens",
    "searches": "cost_searches",
    "seconds": "cost_seconds",
}


def read_numbers(
    table: Mapping[str, Sequence[Any]], n_rows: int, place: str
) -> dict[str, NDArray[np.float64]]:
    """Read and check every numeric column; an absent one is all NaN."""
    quality = convert_to_float(table["quality"], place, "quality")
    _require(~np.isnan(quality), table["quality"], f"{place}: %s: quality is empty or NaN")
    _require(
        (quality >= 0) & (quality <= 1),
        table["quality"],
        f"{place}: %s: quality %s is outside [0, 1]",
    )
    numbers = {"quality": quality}
    for column in ("cost", *COST_COLUMNS.values(), "search_steps", "reasoning_tokens"):
        numbers[column] = _read_amount(table, column, n_rows, place)
    for column in ("trials", "samples"):
        counts = _read_amount(table, column, n_rows, place)
        counts = np.where(np.isnan(counts), 1.0, counts)
        whole = (counts >= 1) & (counts == np.floor(counts))
        _require(whole, counts, f"{place}: %s: {column} %s is not a whole number from 1 up")
        numbers[column] = counts
    return numbers


def _read_amount(
    table: Mapping[str, Sequence[Any]], column: str, n_rows: int, place: str
) -> NDArray[np.float64]:
    """Read a column of amounts that may be null but never negative or infinite."""
    if column not in table:
        return np.full(n_rows, np.nan)
    values = convert_to_float(table[column], place, column)
    allowed = np.isnan(values) | (np.isfinite(values) & (values >= 0))
    _require(allowed, table[column], f"{place}: %s: {column} %s is negative or not finite")
    return values


def convert_to_float(values: Sequence[Any], place: str, column: str) -> NDArray[np.float64]:
    """Convert a column to float64 with null as NaN, naming the row that is no number."""
    try:
        return np.array([np.nan if value is None else value for value in values], dtype=np.float64)
    except (TypeError, ValueError):
        for row, value in enumerate(values, start=1):
            try:
                float(np.nan if value is None else value)
            except (TypeError, ValueError):
                raise LogError(f"{place}: row {row}: {column} {value!r} is not a number") from None
        raise


def _require(
    allowed: NDArray[np.bool_], values: Sequence[Any] | NDArray[np.float64], message: str
) -> None:
    """Raise with the first row that is not allowed; `message` takes row and, if wanted, value."""
    wrong = np.flatnonzero(~allowed)
    if wrong.size:
        row = int(wrong[0])
        parts = (f"row {row + 1}", values[row])
        raise LogError(message % parts[: message.count("%s")])


def drop_nan(value: float) -> float | None:
    """Turn NaN into None."""
    return None if np.isnan(value) else float(value)


def drop_empty(value: Any) -> str | None:
    """Turn null, an empty cell and pandas' missing values into None."""
    return None if value is None or value == "" or isinstance(value, float) else str(value)
