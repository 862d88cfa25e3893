"""Outcome logs in files: read, checked row by row, and averaged.

The format is a table of one row per (question, option) that was tried; the columns are listed in
``docs/outcome-log.md``. Every complaint names file, row and column, and rows count from 1.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import LogError, MenuError, QuestionError
from router.log_columns import (
    COST_COLUMNS,
    average_repeats,
    collect_first,
    convert_to_float,
    drop_nan,
    is_null,
    read_labels,
    read_numbers,
)
from router.log_features import FEATURE_COLUMNS, collect_features
from router.options import REASONING_EFFORTS, Option
from router.outcomes import OutcomeLog, average_by_option
from router.questions import check_text
from router.tables import describe_missing, read_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["build_log", "read_log"]

REQUIRED_COLUMNS = ("query_id", "query", "option", "quality")
# What is the same in every row of an option.
OPTION_COLUMNS = ("model", "strategy", "reasoning_effort", "samples")
# What a sidecar's export says beside it, for those who look into a log; training does not.
LIVE_COLUMNS = (
    *("plan_id", "bundle_id", "price_id", "prices_stale"),
    *("shadow", "late", "reported", "propensity", "propensities"),
)
KNOWN_COLUMNS = {
    *REQUIRED_COLUMNS,
    *OPTION_COLUMNS,
    *COST_COLUMNS.values(),
    *FEATURE_COLUMNS,
    *LIVE_COLUMNS,
    "dataset",
    "group",
    "cost",
    "cost_unit",
    "trials",
    "search_steps",
    "reasoning_tokens",
}


def read_log(path: str | Path) -> OutcomeLog:
    """Read an outcome log.

    Parameters
    ----------
    path : str or Path
        ``.parquet``, ``.jsonl`` or ``.csv``.

    Returns
    -------
    OutcomeLog

    Raises
    ------
    LogError
        If the file or a row breaks the format; the message names the place and what is allowed.
    """
    columns = read_columns(path, error=LogError)
    return build_log(columns, name=Path(path).stem, place=str(path))


def build_log(
    columns: Mapping[str, Sequence[Any]], *, name: str = "log", place: str = "log"
) -> OutcomeLog:
    """Make a log from columns, checking every row.

    Parameters
    ----------
    columns : mapping of str to sequence
        Columns of equal length r; null is None.
    name : str, default="log"
        Name of the log where there is no ``dataset`` column.
    place : str, default="log"
        How messages call the source.

    Returns
    -------
    OutcomeLog

    Raises
    ------
    LogError
        If a column is missing or a value is not allowed.

    Examples
    --------
    >>> log = build_log({
    ...     "query_id": ["a", "a"], "query": ["Why?", "Why?"], "option": ["x", "y"],
    ...     "quality": [0.0, 1.0], "cost": [1.0, 2.0],
    ... })
    >>> log.to_matrix(log.quality)
    array([[0., 1.]])
    """
    table = {name: list(column) for name, column in columns.items()}
    _check_columns(table, place)
    pending = [is_null(value) for value in table["quality"]]
    if not any(pending):
        return _build_log(table, name, place)
    if all(pending):
        raise LogError(f"{place}: no row has a quality yet")
    # Built with all rows first, so that complaints count rows as the file does.
    filled = [
        0.0 if waits else value for value, waits in zip(table["quality"], pending, strict=True)
    ]
    _build_log(table | {"quality": filled}, name, place)
    rated = {
        column: [value for value, waits in zip(values, pending, strict=True) if not waits]
        for column, values in table.items()
    }
    log = _build_log(rated, name, place)
    note = f"left out {sum(pending)} rows whose quality has not come"
    return replace(log, notes=(*log.notes, note))


def _check_columns(table: Mapping[str, Sequence[Any]], place: str) -> None:
    """Refuse a table in which a column is missing or shorter than others."""
    for column in REQUIRED_COLUMNS:
        if column not in table and not (column == "query" and "features" in table):
            raise LogError(f"{place}: {describe_missing(column, table)}")
    n_rows = len(table["query_id"])
    if n_rows == 0:
        raise LogError(f"{place}: the log has no rows")
    for column, values in table.items():
        if len(values) != n_rows:
            raise LogError(
                f"{place}: column {column!r} has {len(values)} rows, 'query_id' has {n_rows}"
            )


def _build_log(table: Mapping[str, Sequence[Any]], name: str, place: str) -> OutcomeLog:
    """Make a log of rows that all have a quality."""
    n_rows = len(table["query_id"])
    ids, question_of_row = _index_names(table["query_id"], place, "query_id")
    names, option_of_row = _index_names(table["option"], place, "option")
    features, fingerprint = collect_features(table, ids, question_of_row, place)
    texts = _collect_texts(table.get("query"), ids, question_of_row, place, features)
    raw = read_numbers(table, n_rows, place)
    cost_unit = _choose_cost(raw, _read_cost_unit(table.get("cost_unit", ()), place))
    pairs, numbers = average_repeats(question_of_row * len(names) + option_of_row, raw)
    question_index, option_index = np.divmod(pairs, len(names))
    labels, notes = _collect_labels(table, raw["samples"], option_of_row, names, place=place)
    groups = read_labels(table.get("group", ()), place, "group")
    if len(pairs) < n_rows:
        notes.append(f"averaged {n_rows - len(pairs)} repeated rows by trials")
    return OutcomeLog(
        query_ids=ids,
        texts=texts,
        groups=tuple(collect_first(groups, question_of_row[: len(groups)], len(ids))[0]),
        options=_describe_options(names, option_index, labels, numbers, place),
        question_index=question_index,
        option_index=option_index,
        quality=numbers["quality"],
        cost=numbers["cost"],
        trials=np.round(numbers["trials"]).astype(np.int64),
        cost_unit=cost_unit,
        unit_costs={
            unit: numbers[column]
            for unit, column in COST_COLUMNS.items()
            if not np.isnan(numbers[column]).all()
        },
        context=_collect_context(table, len(ids), question_of_row, place),
        dataset=_read_dataset(table.get("dataset", ()), name, place),
        notes=(*_note_extra_columns(table), *notes),
        features=features,
        feature_fingerprint=fingerprint,
    )


def _index_names(
    values: Sequence[Any], place: str, column: str
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Sort the distinct names of a column and point every row at its own."""
    names = read_labels(values, place, column)
    for row, name in enumerate(names, start=1):
        if name is None:
            raise LogError(f"{place}: row {row}: {column} is empty")
    ordered = tuple(sorted({name for name in names if name is not None}))
    position = {name: index for index, name in enumerate(ordered)}
    return ordered, np.array([position[name] for name in names if name is not None], dtype=np.int64)


def _collect_texts(
    values: Sequence[Any] | None,
    ids: tuple[str, ...],
    question_index: NDArray[np.int64],
    place: str,
    features: NDArray[np.float32] | None,
) -> tuple[str, ...]:
    """Take each question's text, refusing one id with two texts and one with nothing at all."""
    texts: list[str | None] = [None] * len(ids)
    replaced = [False] * len(ids)
    if features is not None:
        replaced = [bool(np.isfinite(row).all()) for row in features]
    cells = [None] * len(question_index) if values is None else values
    for row, (value, question) in enumerate(zip(cells, question_index.tolist(), strict=True), 1):
        known = texts[question]
        if is_null(value) and replaced[question]:
            continue
        if known is None or value is None:
            try:
                check_text(value, f"{place}: row {row}")
            except QuestionError as error:
                raise LogError(str(error)) from None
            texts[question] = value
        elif known != value:
            raise LogError(
                f"{place}: row {row}: query_id {ids[question]!r} stands with two different texts"
            )
    return tuple(text or "" for text in texts)


def _collect_labels(
    table: Mapping[str, Sequence[Any]],
    samples: NDArray[np.float64],
    option_of_row: NDArray[np.int64],
    names: tuple[str, ...],
    *,
    place: str,
) -> tuple[dict[str, list[str | None]], list[str]]:
    """Take every option's constants, and note where rows of one option disagree."""
    labels = {}
    notes = []
    for column in OPTION_COLUMNS:
        values = samples.tolist() if column == "samples" else table.get(column)
        cells = read_labels(values or [None] * len(option_of_row), place, column)
        if column == "reasoning_effort":
            _check_efforts(cells, place)
        labels[column], varying = collect_first(cells, option_of_row, len(names))
        if varying:
            notes.append(
                f"option {names[varying[0]]!r} has rows of more than one {column}: the first, "
                f"{labels[column][varying[0]]}, describes it"
            )
    return labels, notes


def _check_efforts(efforts: Sequence[str | None], place: str) -> None:
    """Refuse an effort that the dial does not have."""
    for row, effort in enumerate(efforts, start=1):
        if effort is not None and effort not in REASONING_EFFORTS:
            raise LogError(
                f"{place}: row {row}: reasoning_effort {effort!r} is not one of "
                + ", ".join(REASONING_EFFORTS)
            )


def _describe_options(
    names: tuple[str, ...],
    option_index: NDArray[np.int64],
    labels: Mapping[str, Sequence[str | None]],
    numbers: Mapping[str, NDArray[np.float64]],
    place: str,
) -> tuple[Option, ...]:
    """Describe every option by constants: means of amounts, first of labels.

    A row's own search steps, reasoning tokens and cost are outcomes; only their mean over the log
    is known before a question is answered.
    """
    means = {
        column: average_by_option(numbers[column], option_index, len(names))
        for column in ("search_steps", "reasoning_tokens", *COST_COLUMNS.values())
    }
    options = []
    for position, name in enumerate(names):
        mean = {column: drop_nan(values[position]) for column, values in means.items()}
        costs = {unit: mean[column] for unit, column in COST_COLUMNS.items()}
        try:
            options.append(
                Option(
                    name,
                    model=labels["model"][position],
                    strategy=labels["strategy"][position],
                    reasoning_effort=labels["reasoning_effort"][position],
                    search_steps=mean["search_steps"],
                    reasoning_tokens=mean["reasoning_tokens"],
                    samples=int(labels["samples"][position] or 1),
                    searches=costs["searches"],
                    seconds=costs["seconds"],
                    costs={unit: cost for unit, cost in costs.items() if cost is not None},
                )
            )
        except MenuError as error:
            raise LogError(f"{place}: {error}") from None
    return tuple(options)


def _choose_cost(numbers: dict[str, NDArray[np.float64]], cost_unit: str) -> str:
    """Fill an absent ``cost`` from the first budget unit in which the log states one."""
    if np.isnan(numbers["cost"]).all():
        for unit, column in COST_COLUMNS.items():
            if not np.isnan(numbers[column]).all():
                numbers["cost"] = numbers[column]
                return unit
    return cost_unit


def _read_cost_unit(values: Sequence[Any], place: str) -> str:
    """Take the log's one cost unit; ``nominal`` where the column is absent."""
    units = {unit for unit in read_labels(values, place, "cost_unit") if unit is not None}
    if len(units) > 1:
        raise LogError(
            f"{place}: cost_unit mixes {', '.join(sorted(units))}: without prices to convert them "
            "a log has one unit"
        )
    return units.pop() if units else "nominal"


def _read_dataset(values: Sequence[Any], name: str, place: str) -> str:
    """Take the log's name, from its column where that holds one name only."""
    names = {label for label in read_labels(values, place, "dataset") if label is not None}
    return names.pop() if len(names) == 1 else name


def _collect_context(
    table: Mapping[str, Sequence[Any]],
    n_questions: int,
    question_index: NDArray[np.int64],
    place: str,
) -> dict[str, NDArray[np.float64]]:
    """Take numeric ``context_*`` columns as numbers known before the choice."""
    context = {}
    for column in sorted(name for name in table if name.startswith("context_")):
        values = convert_to_float(table[column], place, column)
        infinite = np.flatnonzero(np.isinf(values))
        if infinite.size:
            raise LogError(f"{place}: row {infinite[0] + 1}: {column} is not finite")
        by_question = np.full(n_questions, np.nan)
        known = ~np.isnan(values)
        by_question[question_index[known]] = values[known]
        context[column.removeprefix("context_")] = by_question
    return context


def _note_extra_columns(table: Mapping[str, Sequence[Any]]) -> tuple[str, ...]:
    """Say which columns are not part of the format and were ignored."""
    extra = sorted(
        name for name in table if name not in KNOWN_COLUMNS and not name.startswith("context_")
    )
    return (f"ignored columns: {', '.join(extra)}",) if extra else ()
