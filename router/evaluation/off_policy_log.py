"""Logged decisions in a file: an outcome log with the column ``propensity``, one row a decision."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np

from router.evaluation.off_policy import Decisions
from router.exceptions import LogError
from router.log_columns import convert_to_float, is_null
from router.tables import read_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

__all__ = [
    "lay_out_decisions",
    "read_decisions",
    "read_propensities",
    "spread_propensities",
]

NEEDED_COLUMNS = ("query_id", "option", "propensity")
# A probability of an option that was written down may miss the one of the choice by so much.
TOLERANCE = 1e-6


def read_decisions(
    path: str | Path, plan: Mapping[str, str], *, outcome: str = "quality"
) -> tuple[Decisions, NDArray[np.int64]]:
    """Read logged decisions, and what a plan chooses for the same questions.

    Parameters
    ----------
    path : str or Path
        ``.parquet``, ``.jsonl`` or ``.csv`` with `query_id`, `option`, `propensity` and an outcome;
        `propensities`, those of all options, makes missing overlap exact.
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
        Columns of equal length; null is None. `group` gives the tasks and `propensities` the
        probabilities of all options where they are there.
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
    unknown = come[np.isnan(propensity[come])]
    if len(unknown):
        raise LogError(
            f"{place}: row {unknown[0] + 1} has no propensity: leave out what was not chosen by "
            "chance, as long as that does not depend on what followed"
        )
    wrong = come[~((propensity[come] > 0) & (propensity[come] <= 1))]
    if len(wrong):
        msg = f"{place}: row {wrong[0] + 1}: propensity {propensity[wrong[0]]} is not above 0 and "
        raise LogError(msg + "at most 1")
    ids = [str(columns["query_id"][row]) for row in come.tolist()]
    for query_id in ids:
        if query_id not in plan:
            raise LogError(f"{place}: question {query_id!r} is not in the plan")
    logged = [str(columns["option"][row]) for row in come.tolist()]
    cells = columns.get("propensities")
    kept = {} if cells is None else {"propensities": [cells[row] for row in come.tolist()]}
    spread = read_propensities(kept, place)
    able = (name for row in spread or () for name in row)
    names = sorted({*logged, *able, *(plan[query_id] for query_id in ids)})
    position = {name: index for index, name in enumerate(names)}
    action = np.array([position[name] for name in logged], dtype=np.int64)
    tasks = [str(columns["group"][row]) for row in come.tolist()] if "group" in columns else None
    decisions = Decisions(
        action=action,
        propensity=propensity[come],
        outcome=followed[come],
        n_options=len(names),
        task=tasks,
        question=np.unique(ids, return_inverse=True)[1],
        logging=spread_propensities(spread, position, action, propensity[come], place),
    )
    return decisions, np.array([position[plan[query_id]] for query_id in ids], dtype=np.int64)


def read_propensities(
    table: Mapping[str, Sequence[Any]], place: str
) -> list[dict[str, float]] | None:
    """Read the probabilities of all options, where every row has them.

    Parameters
    ----------
    table : mapping of str to sequence
        Columns; `propensities` holds objects, or their JSON.
    place : str
        How messages call the source.

    Returns
    -------
    list of dict of str to float, or None

    Raises
    ------
    LogError
        If a cell is no object of numbers.

    Examples
    --------
    >>> read_propensities({"propensities": ['{"x": 0.25, "y": 0.75}']}, "log")
    [{'x': 0.25, 'y': 0.75}]
    """
    cells = table.get("propensities", [None])
    if any(map(is_null, cells)):
        return None
    rows = []
    for cell in cells:
        try:
            found = json.loads(cell) if isinstance(cell, str) else cell
            rows.append({str(name): float(chance) for name, chance in dict(found).items()})
        except (TypeError, ValueError):
            raise LogError(
                f"{place}: propensities {str(cell)[:60]!r} are no object of probabilities by option"
            ) from None
    return rows


def spread_propensities(
    rows: list[dict[str, float]] | None,
    position: Mapping[str, int],
    action: NDArray[np.int64],
    propensity: NDArray[np.float64],
    place: str,
) -> NDArray[np.float64] | None:
    """Lay the probabilities of all options out as a matrix, and hold them against the choices'.

    Parameters
    ----------
    rows : list of dict of str to float, or None
        By option, of every choice.
    position : mapping of str to int
        Column of every option.
    action : ndarray of int64, shape (n,)
        What was chosen.
    propensity : ndarray of float64, shape (n,)
        With which probability.
    place : str
        How messages call the source.

    Returns
    -------
    ndarray of float64, shape (n, m), or None

    Raises
    ------
    LogError
        If both differ for a choice.

    Examples
    --------
    >>> rows = [{"x": 0.25, "y": 0.75}]
    >>> position = {"x": 0, "y": 1}
    >>> spread_propensities(rows, position, np.array([1]), np.array([0.75]), "log").tolist()
    [[0.25, 0.75]]
    """
    if rows is None:
        return None
    logging = np.zeros((len(rows), len(position)))
    for row, chances in enumerate(rows):
        logging[row, [position[name] for name in chances]] = list(chances.values())
    said = logging[np.arange(len(rows)), action]
    wrong = np.abs(said - propensity) > TOLERANCE
    if wrong.any():
        row = int(wrong.argmax())
        raise LogError(
            f"{place}: propensity {propensity[row]:g} stands beside propensities that give the "
            f"choice {said[row]:g}: they must be the same"
        )
    return logging
