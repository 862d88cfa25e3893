"""Responsiveness: how able each model is, and what it gains along each axis of compute."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.models.kinship import AXES, name_models, place_options

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from router.options import Option

__all__ = ["measure_responsiveness", "write_responsiveness"]

ROWS_MAX = 24


def measure_responsiveness(
    options: Sequence[Option], means: NDArray[np.float64], covariance: NDArray[np.float64]
) -> list[dict[str, Any]]:
    """Measure every model's ability and its gain along each axis, with standard errors.

    Through the means of a model's options goes a plane over the places of the options on the axes.
    Ability is its height at the model's least place; a gain is its rise from there to the model's
    highest place on the axis.

    Parameters
    ----------
    options : sequence of Option, length m
        Descriptors.
    means : ndarray of float64, shape (m,)
        Mean quality of each option.
    covariance : ndarray of float64, shape (m, m)
        Of the means, as estimates.

    Returns
    -------
    list of dict
        For every model ``model``, ``ability``, ``ability_error`` and ``gains``, a dict by axis of
        ``gain`` and ``error``; without an axis on which the model has one place, or which its
        options do not tell from another.

    Examples
    --------
    >>> from router.options import Option
    >>> options = [Option("a", model="x"), Option("b", model="x", reasoning_effort="high")]
    >>> row = measure_responsiveness(options, np.array([0.5, 0.7]), 0.0002 * np.eye(2))[0]
    >>> gain = row["gains"]["reasoning"]
    >>> round(row["ability"], 4), round(gain["gain"], 4), round(gain["error"], 4)
    (0.5, 0.2, 0.02)
    """
    names, places = np.array(name_models(options)), place_options(options)
    table = []
    for model in sorted(set(names.tolist())):
        rows = np.flatnonzero(names == model)
        rungs = places[rows] - places[rows].min(axis=0)
        varying = np.flatnonzero(rungs.max(axis=0) > 0.0)
        columns = np.column_stack((np.ones(len(rows)), rungs[:, varying]))
        if np.linalg.matrix_rank(columns) < columns.shape[1]:
            varying = varying[:0]
            columns = columns[:, :1]
            rows = rows[[rungs.sum(axis=1).argmin()]]
            columns = columns[:1]
        solver = np.linalg.pinv(columns)
        plane = solver @ means[rows]
        errors = np.sqrt(np.diag(solver @ covariance[np.ix_(rows, rows)] @ solver.T))
        gains = {
            AXES[axis]: {
                "gain": float(plane[1 + place] * rungs[:, axis].max()),
                "error": float(errors[1 + place] * rungs[:, axis].max()),
            }
            for place, axis in enumerate(varying)
        }
        entry = {"model": model, "ability": float(plane[0]), "ability_error": float(errors[0])}
        table.append(entry | {"gains": gains})
    return table


def write_responsiveness(table: Sequence[Mapping[str, Any]]) -> list[str]:
    """Write abilities and gains as lines of a Markdown table, the ablest model first.

    Parameters
    ----------
    table : sequence of mapping
        As from :func:`measure_responsiveness`.

    Returns
    -------
    list of str
        The first 24 models only, with a line for how many more there are.

    Examples
    --------
    >>> rows = [{"model": "x", "ability": 0.5, "ability_error": 0.01, "gains": {}}]
    >>> write_responsiveness(rows)[-1]
    '| x | .500 +- .010 | - | - | - |'
    """
    lines = [
        "| model | ability | " + " | ".join(AXES) + " |",
        "|---" * (2 + len(AXES)) + "|",
    ]
    ranked = sorted(table, key=lambda row: -row["ability"])
    for row in ranked[:ROWS_MAX]:
        cells = [row["model"], _write(row["ability"], row["ability_error"])]
        for axis in AXES:
            gain = row["gains"].get(axis)
            cells.append("-" if gain is None else _write(gain["gain"], gain["error"], sign="+"))
        lines.append("| " + " | ".join(cells) + " |")
    if len(ranked) > ROWS_MAX:
        lines.append(f"\n{len(ranked) - ROWS_MAX} more are in the manifest.")
    return lines


def _write(value: float, error: float, *, sign: str = "") -> str:
    """Write an estimate with its standard error, without leading zeros."""
    return f"{value:{sign}.3f} +- {error:.3f}".replace("0.", ".")
