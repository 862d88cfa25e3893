"""Outcome logs in files: read, checked row by row, averaged and merged.

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
    convert_to_float,
    drop_empty,
    drop_nan,
    read_numbers,
)
from router.options import REASONING_EFFORTS, Option
from router.outcomes import OutcomeLog, average_by_option
from router.questions import check_text
from router.tables import read_columns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["build_log", "merge_logs", "read_log", "read_logs"]

REQUIRED_COLUMNS = ("query_id", "query", "option", "quality")
TEXT_COLUMNS = ("dataset", "group", "model", "strategy", "cost_unit")
KNOWN_COLUMNS = {
    *REQUIRED_COLUMNS,
    *TEXT_COLUMNS,
    *COST_COLUMNS.values(),
    "cost",
    "trials",
    "search_steps",
    "reasoning_effort",
    "reasoning_tokens",
    "samples",
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


def read_logs(paths: Sequence[str | Path]) -> OutcomeLog:
    """Read several logs and merge them into one.

    Raises
    ------
    LogError
        If a log breaks the format, or the logs' cost units differ.
    """
    return merge_logs([read_log(path) for path in paths])


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
    for column in REQUIRED_COLUMNS:
        if column not in columns:
            raise LogError(f"{place}: column {column!r} is missing")
    table = {name: list(column) for name, column in columns.items()}
    n_rows = len(table["query_id"])
    if n_rows == 0:
        raise LogError(f"{place}: the log has no rows")
    ids, question_index = _index_names(table["query_id"], place, "query_id")
    option_names, option_index = _index_names(table["option"], place, "option")
    texts = _collect_texts(table["query"], ids, question_index, place)
    numbers = read_numbers(table, n_rows, place)
    log = OutcomeLog(
        query_ids=ids,
        texts=texts,
        groups=_collect_groups(table.get("group"), len(ids), question_index),
        options=_describe_options(option_names, option_index, table, numbers, place),
        question_index=question_index,
        option_index=option_index,
        quality=numbers["quality"],
        cost=numbers["cost"],
        trials=numbers["trials"].astype(np.int64),
        cost_unit=_read_cost_unit(table.get("cost_unit"), place),
        unit_costs={
            unit: numbers[column]
            for unit, column in COST_COLUMNS.items()
            if not np.isnan(numbers[column]).all()
        },
        context=_collect_context(table, len(ids), question_index, place),
        dataset=_read_dataset(table.get("dataset"), name),
        notes=_note_extra_columns(table),
    )
    return _average_repeats(log)


def _index_names(
    values: Sequence[Any], place: str, column: str
) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Sort the distinct names of a column and point every row at its own."""
    for row, value in enumerate(values, start=1):
        if value is None or value == "":
            raise LogError(f"{place}: row {row}: {column} is empty")
    names = [str(value) for value in values]
    ordered = tuple(sorted(set(names)))
    position = {name: index for index, name in enumerate(ordered)}
    return ordered, np.fromiter((position[name] for name in names), np.int64, len(names))


def _collect_texts(
    values: Sequence[Any], ids: tuple[str, ...], question_index: NDArray[np.int64], place: str
) -> tuple[str, ...]:
    """Take each question's text, refusing one id with two texts."""
    texts: list[str | None] = [None] * len(ids)
    for row, (value, question) in enumerate(zip(values, question_index, strict=True), start=1):
        known = texts[question]
        if known is None:
            try:
                check_text(value, f"{place}: row {row}")
            except QuestionError as error:
                raise LogError(str(error)) from None
            texts[question] = value
        elif known != value:
            raise LogError(
                f"{place}: row {row}: query_id {ids[question]!r} stands with two different texts"
            )
    return tuple(text for text in texts if text is not None)


def _collect_groups(
    values: Sequence[Any] | None, n_questions: int, question_index: NDArray[np.int64]
) -> tuple[str | None, ...]:
    """Take each question's first label that is not null."""
    groups: list[str | None] = [None] * n_questions
    if values is not None:
        for value, question in zip(values, question_index, strict=True):
            if value is not None and value != "" and groups[question] is None:
                groups[question] = str(value)
    return tuple(groups)


def _describe_options(
    names: tuple[str, ...],
    option_index: NDArray[np.int64],
    table: Mapping[str, Sequence[Any]],
    numbers: Mapping[str, NDArray[np.float64]],
    place: str,
) -> tuple[Option, ...]:
    """Describe every option by the constants of its rows: means of amounts, first of labels.

    A row's own search steps, reasoning tokens and cost are outcomes; only their mean over the log
    is known before a question is answered.
    """
    first_row = np.full(len(names), len(option_index))
    np.minimum.at(first_row, option_index, np.arange(len(option_index)))
    unit_means = {
        unit: average_by_option(numbers[column], option_index, len(names))
        for unit, column in COST_COLUMNS.items()
    }
    means = {
        column: average_by_option(numbers[column], option_index, len(names))
        for column in ("search_steps", "reasoning_tokens")
    }
    options = []
    for position, name in enumerate(names):
        row = int(first_row[position])
        label = {
            column: drop_empty(table[column][row]) if column in table else None
            for column in ("model", "strategy", "reasoning_effort")
        }
        if label["reasoning_effort"] not in (None, *REASONING_EFFORTS):
            raise LogError(
                f"{place}: row {row + 1}: reasoning_effort {label['reasoning_effort']!r} is not "
                f"one of {', '.join(REASONING_EFFORTS)}"
            )
        try:
            options.append(
                Option(
                    name,
                    model=label["model"],
                    strategy=label["strategy"],
                    reasoning_effort=label["reasoning_effort"],
                    search_steps=drop_nan(means["search_steps"][position]),
                    reasoning_tokens=drop_nan(means["reasoning_tokens"][position]),
                    samples=int(numbers["samples"][row]),
                    searches=drop_nan(unit_means["searches"][position]),
                    seconds=drop_nan(unit_means["seconds"][position]),
                    costs={
                        unit: float(mean[position])
                        for unit, mean in unit_means.items()
                        if not np.isnan(mean[position])
                    },
                )
            )
        except MenuError as error:
            raise LogError(f"{place}: row {row + 1}: {error}") from None
    return tuple(options)


def _read_cost_unit(values: Sequence[Any] | None, place: str) -> str:
    """Take the log's one cost unit; ``nominal`` where the column is absent."""
    units = {str(value) for value in values or () if value is not None and value != ""}
    if len(units) > 1:
        raise LogError(
            f"{place}: cost_unit mixes {', '.join(sorted(units))}: without prices to convert them "
            "a log has one unit"
        )
    return units.pop() if units else "nominal"


def _read_dataset(values: Sequence[Any] | None, name: str) -> str:
    """Take the log's name, from its column where that holds one name only."""
    names = {str(value) for value in values or () if value is not None}
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


def _average_repeats(log: OutcomeLog) -> OutcomeLog:
    """Average rows that repeat a (question, option) pair, weighted by trials."""
    key = log.question_index * log.n_options + log.option_index
    pairs, inverse = np.unique(key, return_inverse=True)
    if len(pairs) == len(key):
        return log
    trials = np.bincount(inverse, weights=log.trials)

    def average(values: NDArray[np.float64]) -> NDArray[np.float64]:
        weight = np.where(np.isnan(values), 0.0, log.trials)
        total = np.bincount(inverse, weights=np.nan_to_num(values) * weight)
        known = np.bincount(inverse, weights=weight)
        result: NDArray[np.float64] = np.where(known > 0, total / np.maximum(known, 1), np.nan)
        return result

    return replace(
        log,
        question_index=pairs // log.n_options,
        option_index=pairs % log.n_options,
        quality=average(log.quality),
        cost=average(log.cost),
        trials=np.round(trials).astype(np.int64),
        unit_costs={unit: average(column) for unit, column in log.unit_costs.items()},
        notes=(*log.notes, f"averaged {len(key) - len(pairs)} repeated rows by trials"),
    )


def merge_logs(logs: Sequence[OutcomeLog]) -> OutcomeLog:
    """Merge logs of one cost unit into one.

    Parameters
    ----------
    logs : sequence of OutcomeLog
        At least one. A question is the same where identifier and text are.

    Returns
    -------
    OutcomeLog

    Raises
    ------
    LogError
        If there is none, the units differ, or one identifier stands with two texts.
    """
    if not logs:
        raise LogError("there is no log: at least one is needed")
    if len(logs) == 1:
        return logs[0]
    units = sorted({log.cost_unit for log in logs})
    if len(units) > 1:
        raise LogError(
            f"logs {', '.join(log.dataset for log in logs)} mix the cost units {', '.join(units)}: "
            "without prices to convert them logs are merged in one unit only"
        )
    rows: dict[str, list[Any]] = {}
    for log in logs:
        _append_rows(rows, log)
    merged = build_log(rows, name="+".join(dict.fromkeys(log.dataset for log in logs)))
    notes: Iterable[str] = dict.fromkeys(note for log in logs for note in log.notes)
    return replace(merged, notes=(*notes, *merged.notes))


def _append_rows(rows: dict[str, list[Any]], log: OutcomeLog) -> None:
    """Write a log's rows behind those collected so far, as columns of the format."""
    count = len(rows.get("quality", ()))
    n_rows = len(log.quality)
    options = [log.options[i] for i in log.option_index]
    table: dict[str, list[Any]] = {
        "query_id": [log.query_ids[i] for i in log.question_index],
        "query": [log.texts[i] for i in log.question_index],
        "group": [log.groups[i] for i in log.question_index],
        "option": [option.name for option in options],
        "model": [option.model for option in options],
        "strategy": [option.strategy for option in options],
        "search_steps": [option.search_steps for option in options],
        "reasoning_effort": [option.reasoning_effort for option in options],
        "reasoning_tokens": [option.reasoning_tokens for option in options],
        "samples": [option.samples for option in options],
        "quality": log.quality.tolist(),
        "cost": log.cost.tolist(),
        "trials": log.trials.tolist(),
        "cost_unit": [log.cost_unit] * n_rows,
    }
    for unit, column in COST_COLUMNS.items():
        table[column] = log.unit_costs.get(unit, np.full(n_rows, np.nan)).tolist()
    for name, values in log.context.items():
        table[f"context_{name}"] = values[log.question_index].tolist()
    for name in rows.keys() | table.keys():
        column_so_far = rows.setdefault(name, [None] * count)
        column_so_far.extend(table.get(name, [None] * n_rows))
