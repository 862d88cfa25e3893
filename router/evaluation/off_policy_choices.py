"""Logged choices out of a file, with all that estimates of any policy need of them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from router.evaluation.off_policy import Decisions
from router.evaluation.off_policy_log import read_propensities, spread_propensities
from router.evaluation.protocol import assign_folds
from router.exceptions import LogError
from router.log_columns import COST_COLUMNS, convert_to_float, is_null, read_labels
from router.tables import read_columns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

__all__ = ["LoggedChoices", "lay_out_choices", "read_choices"]

NEEDED_COLUMNS = ("query_id", "option", "propensity", "quality")


@dataclass(frozen=True, slots=True, eq=False)
class LoggedChoices:
    """Choices that something made with known probabilities: n of them, among m options.

    Parameters
    ----------
    dataset : str
        Name of the log.
    options : tuple of str, length m
        Sorted names of everything that was chosen or could have been.
    query_ids : tuple of str, length n
        The question of every choice.
    groups : tuple of str or None, length n
        Task labels.
    folds : ndarray of int64, shape (n,)
        From 0 to 4, by the question's text, or its identifier where texts were not kept.
    action : ndarray of int64, shape (n,)
        What was chosen.
    propensity : ndarray of float64, shape (n,)
        With which probability.
    quality : ndarray of float64, shape (n,)
        What followed, from 0 to 1.
    cost : ndarray of float64, shape (n,), or None
        What it cost; None where no row says it.
    cost_unit : str or None
        Unit of `cost`.
    logging : ndarray of float64, shape (n, m), or None
        Probability of every option, where all rows say it.
    columns : mapping of str to sequence
        The rows as they stand in the file.
    notes : tuple of str
        What was left out or filled.
    """

    dataset: str
    options: tuple[str, ...]
    query_ids: tuple[str, ...]
    groups: tuple[str | None, ...]
    folds: NDArray[np.int64]
    action: NDArray[np.int64]
    propensity: NDArray[np.float64]
    quality: NDArray[np.float64]
    cost: NDArray[np.float64] | None
    cost_unit: str | None
    logging: NDArray[np.float64] | None
    columns: Mapping[str, Sequence[Any]]
    notes: tuple[str, ...] = ()

    def decide(self, outcome: NDArray[np.float64]) -> Decisions:
        """Give the choices with what followed, as estimates take them.

        Parameters
        ----------
        outcome : ndarray of float64, shape (n,)
            `quality` or `cost`.

        Returns
        -------
        Decisions
        """
        return Decisions(
            action=self.action,
            propensity=self.propensity,
            outcome=outcome,
            n_options=len(self.options),
            task=np.array([group or "" for group in self.groups]),
            question=np.unique(self.query_ids, return_inverse=True)[1],
            logging=self.logging,
        )


def read_choices(path: str | Path) -> LoggedChoices:
    """Read logged choices.

    Parameters
    ----------
    path : str or Path
        An outcome log, ``.parquet``, ``.jsonl`` or ``.csv``, with `propensity`: one row a choice.

    Returns
    -------
    LoggedChoices

    Raises
    ------
    LogError
        As `lay_out_choices`, or if the file cannot be read.
    """
    columns = read_columns(path, error=LogError)
    return lay_out_choices(columns, dataset=Path(path).stem, place=str(path))


def lay_out_choices(
    columns: Mapping[str, Sequence[Any]], *, dataset: str = "log", place: str = "log"
) -> LoggedChoices:
    """Make logged choices of columns; rows without propensity or quality are left out.

    Parameters
    ----------
    columns : mapping of str to sequence
        Columns of equal length, as in ``docs/outcome-log.md``; null is None.
    dataset : str, default="log"
        Name of the log.
    place : str, default="log"
        How messages call the source.

    Returns
    -------
    LoggedChoices

    Raises
    ------
    LogError
        If a column is missing, a value is not allowed, or fewer than two rows are left.

    Examples
    --------
    >>> choices = lay_out_choices({
    ...     "query_id": ["a", "b", "c"], "option": ["x", "y", "x"],
    ...     "propensity": [0.5, 0.5, None], "quality": [1.0, 0.0, 1.0], "cost": [1, 3, 1]})
    >>> choices.options, choices.action.tolist(), choices.notes
    (('x', 'y'), [0, 1], ('left out 1 of 3 rows without a propensity',))
    """
    for column in NEEDED_COLUMNS:
        if column not in columns:
            why = "; plans choose by chance only where they explore (router serve --explore)"
            hint = why if column == "propensity" else ""
            raise LogError(f"{place}: column {column!r} is missing{hint}")
    propensity = convert_to_float(columns["propensity"], place, "propensity")
    quality = convert_to_float(columns["quality"], place, "quality", flags=True)
    _check_range(propensity, (propensity > 0) & (propensity <= 1), place, "propensity", "above 0")
    _check_range(quality, (quality >= 0) & (quality <= 1), place, "quality", "0 or more")
    kept, notes = _choose_rows(propensity, quality, place)
    table = {name: [column[row] for row in kept.tolist()] for name, column in columns.items()}
    ids, chosen = (_read_names(table, column, place) for column in ("query_id", "option"))
    spread = read_propensities(table, place)
    options = tuple(sorted({*chosen, *(name for row in spread or () for name in row)}))
    position = {name: number for number, name in enumerate(options)}
    action = np.array([position[name] for name in chosen], dtype=np.int64)
    cost, cost_unit, filled = _read_cost(table, action, place)
    groups = read_labels(table.get("group", [None] * len(ids)), place, "group")
    texts = table.get("query", [None])
    return LoggedChoices(
        dataset=dataset,
        options=options,
        query_ids=tuple(ids),
        groups=tuple(groups),
        folds=assign_folds(ids if any(map(is_null, texts)) else [str(text) for text in texts]),
        action=action,
        propensity=propensity[kept],
        quality=quality[kept],
        cost=cost,
        cost_unit=cost_unit,
        logging=spread_propensities(spread, position, action, propensity[kept], place),
        columns=table,
        notes=(*notes, *filled),
    )


def _check_range(
    values: NDArray[np.float64], allowed: NDArray[np.bool_], place: str, column: str, least: str
) -> None:
    """Refuse the first value that is there and not allowed."""
    wrong = np.flatnonzero(~allowed & ~np.isnan(values))
    if len(wrong):
        msg = f"{place}: row {wrong[0] + 1}: {column} {values[wrong[0]]} is not {least} and at most"
        raise LogError(f"{msg} 1")


def _choose_rows(
    propensity: NDArray[np.float64], quality: NDArray[np.float64], place: str
) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Keep what has both numbers, and say how much has not."""
    drawn, rated = ~np.isnan(propensity), ~np.isnan(quality)
    kept = np.flatnonzero(drawn & rated)
    if len(kept) < 2:
        raise LogError(
            f"{place}: {len(kept)} of {len(drawn)} rows have a propensity and a quality: 2 are "
            "needed; plans choose by chance only where they explore (router serve --explore)"
        )
    notes = []
    for count, what in (((~drawn).sum(), "a propensity"), ((drawn & ~rated).sum(), "a quality")):
        if count:
            notes.append(f"left out {count} of {len(drawn)} rows without {what}")
    return kept, tuple(notes)


def _read_names(table: Mapping[str, Sequence[Any]], column: str, place: str) -> list[str]:
    """Read a column of names that may not be empty."""
    names = read_labels(table[column], place, column)
    for name in names:
        if name is None:
            raise LogError(f"{place}: column {column!r} has an empty cell")
    return [str(name) for name in names]


def _read_cost(
    table: Mapping[str, Sequence[Any]], action: NDArray[np.int64], place: str
) -> tuple[NDArray[np.float64] | None, str | None, tuple[str, ...]]:
    """Read what choices cost, in the log's unit or the first that is there; fill gaps by option."""
    found = _find_cost(table, len(action), place)
    if found is None:
        return None, None, ()
    unit, column, cost = found
    missing = np.isnan(cost)
    wrong = np.flatnonzero(~missing & ~(np.isfinite(cost) & (cost >= 0)))
    if len(wrong):
        raise LogError(f"{place}: {column} {cost[wrong[0]]} is negative or not finite")
    if not missing.any():
        return cost, unit, ()
    count = np.bincount(action[~missing], minlength=action.max() + 1)
    total = np.bincount(action[~missing], weights=cost[~missing], minlength=action.max() + 1)
    mean = np.where(count > 0, total / np.maximum(count, 1), cost[~missing].mean())
    note = f"{missing.sum()} rows without {column} have their option's mean"
    return np.where(missing, mean[action], cost), unit, (note,)


def _find_cost(
    table: Mapping[str, Sequence[Any]], n_rows: int, place: str
) -> tuple[str, str, NDArray[np.float64]] | None:
    """Find the first cost column that says anything: its unit, its name and its numbers."""
    for unit, column in ({"nominal": "cost"} | COST_COLUMNS).items():
        cost = convert_to_float(table.get(column, [None] * n_rows), place, column)
        if np.isnan(cost).all():
            continue
        if column != "cost":
            return unit, column, cost
        named = set(read_labels(table.get("cost_unit", ()), place, "cost_unit")) - {None}
        if len(named) > 1:
            raise LogError(f"{place}: cost_unit mixes {', '.join(sorted(map(str, named)))}")
        return next(iter(named), None) or unit, column, cost
    return None
