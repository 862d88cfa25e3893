"""Several outcome logs made into one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import LogError
from router.log_columns import COST_COLUMNS
from router.logs import build_log, read_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from router.outcomes import OutcomeLog

__all__ = ["merge_logs", "read_logs"]


def read_logs(paths: Sequence[str | Path]) -> OutcomeLog:
    """Read several logs and merge them into one.

    Raises
    ------
    LogError
        If a log breaks the format, or the logs' cost units differ.
    """
    return merge_logs([read_log(path) for path in paths])


def merge_logs(logs: Sequence[OutcomeLog]) -> OutcomeLog:
    """Merge logs of one cost unit into one.

    Parameters
    ----------
    logs : sequence of OutcomeLog
        At least one. Identifiers are unique in a log only: where logs of different names give one
        identifier to two texts, every identifier gets its log's name in front.

    Returns
    -------
    OutcomeLog

    Raises
    ------
    LogError
        If there is none, the units differ, or one identifier stands with two texts in logs of one
        name.
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
    if all(log.has_texts for log in logs):
        # Texts say all that features do, and the logs' encoders may differ.
        logs = [replace(log, features=None, feature_fingerprint=None) for log in logs]
    logs = _tell_apart(logs)
    rows: dict[str, list[Any]] = {}
    for log in logs:
        _append_rows(rows, log)
    merged = build_log(rows, name="+".join(dict.fromkeys(log.dataset for log in logs)))
    notes: Iterable[str] = dict.fromkeys(note for log in logs for note in log.notes)
    return replace(merged, notes=(*notes, *merged.notes))


def _tell_apart(logs: Sequence[OutcomeLog]) -> Sequence[OutcomeLog]:
    """Put logs' names before identifiers where one identifier stands with two texts."""
    seen: dict[str, tuple[str, str]] = {}
    clash = False
    for log in logs:
        for query_id, text in zip(log.query_ids, log.texts, strict=True):
            if not text:
                # Identifiers of questions without a text are keyed hashes, alike in all logs.
                continue
            first_text, first_log = seen.setdefault(query_id, (text, log.dataset))
            if first_text == text:
                continue
            if first_log == log.dataset:
                raise LogError(
                    f"query_id {query_id!r} stands with two different texts in logs named "
                    f"{first_log!r}: identifiers are unique in a log"
                )
            clash = True
    if not clash:
        return logs
    return [
        replace(log, query_ids=tuple(f"{log.dataset}/{name}" for name in log.query_ids))
        for log in logs
    ]


def _append_rows(rows: dict[str, list[Any]], log: OutcomeLog) -> None:
    """Write a log's rows behind those collected so far, as columns of the format."""
    count = len(rows.get("quality", ()))
    n_rows = len(log.quality)
    options = [log.options[i] for i in log.option_index]
    table: dict[str, list[Any]] = {
        "query_id": [log.query_ids[i] for i in log.question_index],
        "query": [log.texts[i] or None for i in log.question_index],
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
    if log.features is not None:
        kept = [row if np.isfinite(row).all() else None for row in log.features]
        table["features"] = [kept[i] for i in log.question_index]
        table["feature_fingerprint"] = [log.feature_fingerprint] * n_rows
    for name, values in log.context.items():
        table[f"context_{name}"] = values[log.question_index].tolist()
    for name in rows.keys() | table.keys():
        column_so_far = rows.setdefault(name, [None] * count)
        column_so_far.extend(table.get(name, [None] * n_rows))
