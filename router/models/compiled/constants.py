"""From a graph's constants to the tables of its kernel."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.models.compiled.gain import GainTables
from router.models.compiled.trees import TreeTables, tabulate_trees

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from router.models.graph_reading import GraphContent

__all__ = ["tabulate_gain"]

# The columns of the directions are a slice of their own, where the features hold them.
LINEAR = "Slice Slice Slice"
DENSE = "Slice Slice Sub Div Clip Mul Concat"
TASKS = "MatMul Add Softmax ReduceSum Sub Mul Add"
DIRECT = "MatMul Add"
TASK_RIDGES = "MatMul Add Reshape Unsqueeze Mul ReduceSum Add"
TREES = "Slice ArgMax Gather Concat TreeEnsembleRegressor Add"
SURFACE = "MatMul Add MatMul Add MatMul Add MatMul Add Add"
RANGE = "ReduceMax Sub Relu Sub ReduceMin Min Sub Clip Identity"
NO_TREES = TreeTables(
    np.zeros(0, np.uint32),
    np.zeros(0, np.float32),
    np.zeros(0, np.uint64),
    np.zeros(0, np.uint64),
    np.zeros(1, np.int64),
    np.zeros(1, np.uint64),
    np.zeros((0, 1), np.float32),
)


def tabulate_gain(content: GraphContent) -> GainTables | None:
    """Read the tables out of a graph.

    Parameters
    ----------
    content : GraphContent
        A graph.

    Returns
    -------
    GainTables or None
        None where the graph is not what :func:`router.models.graph.build_gain_graph` writes for a
        model with tasks.
    """
    operators = " ".join(node.operator for node in content.nodes)
    has_linear = operators.startswith(LINEAR)
    has_ridges, has_trees = TASK_RIDGES in operators, TREES in operators
    parts = [
        *["Slice"] * has_linear,
        *[DENSE, TASKS, DIRECT],
        *["Add"] * has_linear,
        *[TASK_RIDGES] * has_ridges,
        *[TREES] * has_trees,
    ]
    n_constants = 18 + 2 * has_ridges + has_trees
    if operators != " ".join([*parts, SURFACE, RANGE]) or len(content.constants) != n_constants:
        return None
    given = iter(content.constants)
    mean, spread, low, high, weight = (next(given) for _ in range(5))
    logits, _one, direct = _pair(given), next(given), _pair(given)
    n_groups, n_directions = logits.shape[1], direct.shape[1]
    wide = np.zeros((len(direct), n_groups * n_directions))
    if has_ridges:
        wide = _pair(given)
    base = next(given) if has_trees else np.zeros((n_groups, n_directions), np.float32)
    level = _pair(given)
    level_table, option_table, means, directions = (next(given) for _ in range(4))
    trees = _read_trees(content, n_directions) if has_trees else NO_TREES
    if trees is None:
        return None
    return GainTables(
        mean.copy(),
        spread.copy(),
        np.concatenate([low.ravel(), high.ravel(), weight.ravel()]),
        np.hstack((logits, direct, wide, level)),
        np.hstack((option_table, level_table)).astype(np.float64),
        means.astype(np.float64),
        directions.astype(np.float64),
        np.array(base, dtype=np.float32),
        int(content.indices[-2][0]) if has_trees else 0,
        n_directions if has_linear else 0,
        trees,
    )


def _pair(given: Iterator[NDArray[np.float32]]) -> NDArray[np.float64]:
    """Put the intercepts of lines below their coefficients."""
    coefficient, intercept = next(given), next(given)
    return np.vstack((coefficient, intercept)).astype(np.float64)


def _read_trees(content: GraphContent, n_directions: int) -> TreeTables | None:
    """Read the graph's trees; None where they compare, add up or end in another way."""
    (node,) = (node for node in content.nodes if node.operator == "TreeEnsembleRegressor")
    attributes = node.attributes
    if (
        attributes.get("aggregate_function") != [b"SUM"]
        or attributes.get("post_transform") != [b"NONE"]
        or attributes.get("n_targets") != [n_directions]
        or attributes.get("base_values")
        or not {b"BRANCH_LEQ", b"LEAF"}.issuperset(attributes["nodes_modes"])
    ):
        return None
    return tabulate_trees(attributes, n_directions)
