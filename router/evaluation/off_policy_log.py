"""Logged decisions in a file: an outcome log with the column ``propensity``, one row a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.evaluation.off_policy import Decisions
from router.exceptions import LogError
from router.log_columns import convert_to_float
from router.tables import read_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = ["lay_out_decisions", "read_decisions"]

NEEDED_COLUMNS = ("query_id", "option", "propensity")


def read_decisions(
    path: str | Path, plan: Mapping[str, str], *, outcome: str = "quality"
) -> tuple[Decisions, NDArray[np.int64]]:
    """Read logged decisions, and what a plan chooses for the same questions.

    Parameters
    ----------
    path : str or Path
        ``.parquet``, ``.jsonl`` or ``.csv`` with `query_id`, `option`, `propensity` and an outcome.
    plan : mapping of str to str
        The plan's option for every question.
    outcome : str, default="quality"
        Column of what followed: ``quality``, or a cost.

    Returns
    -------
    decisions : Decisions
    target : ndarray of int64, shape (n,)
        As `estimate_off_policy` takes it.

    Raises
    ------
    LogError
        As `lay_out_decisions`, or if the file cannot be read.
    """
    columns = read_columns(path, error=LogError)
    return lay_out_decisions(columns, plan, outcome=outcome, place=str(path))


def lay_out_decisions(
    columns: Mapping[str, Sequence[Any]],
    plan: Mapping[str, str],
    *,
    outcome: str = "quality",
    place: str = "log",
) -> tuple[Decisions, NDArray[np.int64]]:
    """Make decisions of columns; rows whose outcome has not come are left out.

    Parameters
    ----------
    columns : mapping of str to sequence
        Columns of equal length; null is None. `group` gives the tasks where it is there.
    plan : mapping of str to str
        The plan's option for every question.
    outcome : str, default="quality"
        Column of what followed.
    place : str, default="log"
        How messages call the source.

    Returns
    -------
    decisions : Decisions
    target : ndarray of int64, shape (n,)

    Raises
    ------
    LogError
        If a column is missing, a number is not allowed, no outcome has come, or the plan lacks a
        question.

    Examples
    --------
    >>> decisions, target = lay_out_decisions(
    ...     {"query_id": ["a", "b"], "option": ["x", "y"], "propensity": [0.5, 0.5],
    ...      "quality": [1.0, 0.0]}, {"a": "x", "b": "z"})
    >>> decisions.n_options, decisions.action.tolist(), target.tolist()
    (3, [0, 1], [0, 2])
    """
    for column in (*NEEDED_COLUMNS, outcome):
        if column not in columns:
            raise LogError(f"{place}: column {column!r} is missing")
    followed = convert_to_float(columns[outcome], place, outcome, flags=outcome == "quality")
    propensity = convert_to_float(columns["propensity"], place, "propensity")
    come = np.flatnonzero(~np.isnan(followed))
    if len(come) < 2:
        raise LogError(f"{place}: {len(come)} rows have a value of {outcome!r}: 2 are needed")
    wrong = come[~((propensity[come] > 0) & (propensity[come] <= 1))]
    if len(wrong):
        msg = f"{place}: row {wrong[0] + 1}: propensity {propensity[wrong[0]]} is not above 0 and "
        raise LogError(msg + "at most 1")
    ids = [str(columns["query_id"][row]) for row in come.tolist()]
    for query_id in ids:
        if query_id not in plan:
            raise LogError(f"{place}: question {query_id!r} is not in the plan")
    logged = [str(columns["option"][row]) for row in come.tolist()]
    names = sorted({*logged, *(plan[query_id] for query_id in ids)})
    position = {name: index for index, name in enumerate(names)}
    tasks = [str(columns["group"][row]) for row in come.tolist()] if "group" in columns else None
    decisions = Decisions(
        action=[position[name] for name in logged],
        propensity=propensity[come],
        outcome=followed[come],
        n_options=len(names),
        task=tasks,
        question=np.unique(ids, return_inverse=True)[1],
    )
    return decisions, np.array([position[plan[query_id]] for query_id in ids], dtype=np.int64)
