"""The graph of a gain model as one kernel: the steps of :mod:`router.models.graph`.

Trees see the very numbers that they see in the graph, so they decide alike; sums are kept in double
precision, where the graph has single, so qualities differ by its rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.compilation import kernel
from router.models.compiled.trees import TreeTables, add_trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["GainTables", "apply_lines", "predict_gain", "share_tasks", "write_surface"]


class GainTables(NamedTuple):
    """Constants of a graph of c components, s columns of shape, g tasks, d directions, m options.

    Parameters
    ----------
    shape_mean, shape_spread : ndarray of float32, shape (s,)
        Standardise the shape of a text.
    shape_limits : ndarray of float32, shape (3,)
        Least and largest value then, and the weight.
    lines : ndarray of float64, shape (c + s + 1, g + d + g d + 1)
        All lines in the dense columns, their intercepts last: logits of tasks, directions,
        directions by task, level.
    tasks : ndarray of float64, shape (g, m + 1)
        What a task adds to every option, and to the level.
    means : ndarray of float64, shape (m,)
        Of the options.
    directions : ndarray of float64, shape (d, m)
        Of the surface.
    base : ndarray of float32, shape (g, d)
        What trees are told of the likeliest task.
    n_tree_components : int
        How many leading components trees see.
    n_linear : int
        d where directions stand behind the components, and else 0.
    trees : TreeTables
        Maybe none.
    """

    shape_mean: NDArray[np.float32]
    shape_spread: NDArray[np.float32]
    shape_limits: NDArray[np.float32]
    lines: NDArray[np.float64]
    tasks: NDArray[np.float64]
    means: NDArray[np.float64]
    directions: NDArray[np.float64]
    base: NDArray[np.float32]
    n_tree_components: int
    n_linear: int
    trees: TreeTables


@kernel
def apply_lines(
    features: NDArray[np.float32], tables: GainTables, values: NDArray[np.float64]
) -> None:
    """Apply all lines to one question."""
    n_shape, n_linear = len(tables.shape_mean), tables.n_linear
    n_components, width = len(tables.lines) - 1 - n_shape, len(values)
    for place in range(width):
        values[place] = tables.lines[-1, place]
    low, high, weight = tables.shape_limits
    for column in range(n_components + n_shape):
        if column < n_components:
            number = features[column]
        else:
            each = column - n_components
            number = features[column + n_linear] - tables.shape_mean[each]
            number = min(max(number / tables.shape_spread[each], low), high) * weight
        factor = np.float64(number)
        for place in range(width):
            values[place] += factor * tables.lines[column, place]


@kernel
def share_tasks(
    logits: NDArray[np.float64], membership: NDArray[np.float32], who: NDArray[np.float64]
) -> int:
    """Put probabilities from the text where no task is given, and say which task is likeliest."""
    top, total, given = logits[0], 0.0, 0.0
    for group in range(len(who)):
        top = max(top, logits[group])
    for group in range(len(who)):
        who[group] = np.exp(logits[group] - top)
        total += who[group]
        given += membership[group]
    likeliest = 0
    for group in range(len(who)):
        who[group] = membership[group] + (1.0 - given) * who[group] / total
        if who[group] > who[likeliest]:
            likeliest = group
    return likeliest


@kernel
def write_surface(
    who: NDArray[np.float64],
    z: NDArray[np.float64],
    level: float,
    tables: GainTables,
    quality: NDArray[np.float64],
) -> None:
    """Add up means, level, tasks and directions, and shift the row into [0, 1]."""
    n_options = len(quality)
    for group in range(len(who)):
        level += who[group] * tables.tasks[group, n_options]
    for option in range(n_options):
        quality[option] = tables.means[option] + level
    for group in range(len(who)):
        for option in range(n_options):
            quality[option] += who[group] * tables.tasks[group, option]
    for direction in range(len(z)):
        for option in range(n_options):
            quality[option] += z[direction] * tables.directions[direction, option]
    top, bottom = quality[0], quality[0]
    for option in range(n_options):
        top, bottom = max(top, quality[option]), min(bottom, quality[option])
    above = max(top - 1.0, 0.0)
    below = min(bottom - above, 0.0)
    for option in range(n_options):
        quality[option] = min(max(quality[option] - above - below, 0.0), 1.0)


@kernel
def predict_gain(
    features: NDArray[np.float32], membership: NDArray[np.float32], tables: GainTables
) -> NDArray[np.float64]:
    """Predict m options for n questions.

    Parameters
    ----------
    features : ndarray of float32, shape (n, f)
        Finite.
    membership : ndarray of float32, shape (n, g)
        Tasks that are given.
    tables : GainTables
        The model.

    Returns
    -------
    ndarray of float64, shape (n, m)
    """
    n, n_groups, n_directions = len(features), len(tables.tasks), len(tables.directions)
    n_shape, n_leading = len(tables.shape_mean), tables.n_tree_components
    n_components = len(tables.lines) - 1 - n_shape
    values = np.empty((n, tables.lines.shape[1]))
    who, z = np.empty((n, n_groups)), np.empty((n, n_directions))
    inputs = np.empty((n_leading + n_shape + n_directions, n), dtype=np.float32)
    for row in range(n):
        apply_lines(features[row], tables, values[row])
        likeliest = share_tasks(values[row], membership[row], who[row])
        for direction in range(n_directions):
            total = values[row, n_groups + direction]
            if tables.n_linear:
                total += features[row, n_components + direction]
            first = n_groups + n_directions + direction
            for group in range(n_groups):
                total += who[row, group] * values[row, first + group * n_directions]
            z[row, direction] = total
            inputs[n_leading + n_shape + direction, row] = tables.base[likeliest, direction]
        inputs[:n_leading, row] = features[row, :n_leading]
        first = n_components + tables.n_linear
        inputs[n_leading : n_leading + n_shape, row] = features[row, first : first + n_shape]
    add_trees(inputs, tables.trees, z)
    quality = np.empty((n, len(tables.means)))
    for row in range(n):
        write_surface(who[row], z[row], values[row, -1], tables, quality[row])
    return quality
