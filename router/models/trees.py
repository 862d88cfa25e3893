"""Boosted trees as one ONNX node, with thresholds that mean the same in float32 as in float64."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["TreeAttributes", "convert_booster", "convert_forest", "merge_trees", "round_thresholds"]

TreeAttributes = dict[str, list[Any]]

TREE_DOMAIN = "ai.onnx.ml"
TARGET_OPSET = 15
NODE_ATTRIBUTES = (
    "nodes_treeids",
    "nodes_nodeids",
    "nodes_featureids",
    "nodes_modes",
    "nodes_values",
    "nodes_truenodeids",
    "nodes_falsenodeids",
    "nodes_missing_value_tracks_true",
)
TARGET_ATTRIBUTES = ("target_treeids", "target_nodeids", "target_ids", "target_weights")


def round_thresholds(booster: Any) -> Any:
    """Round every split threshold down to a float32, which changes no decision on float32 inputs.

    ONNX stores thresholds in single precision. A threshold that is rounded up there lets a value
    pass that the booster turned away; the largest float32 that is not above it cannot.

    Parameters
    ----------
    booster : lightgbm.Booster
        Trained on float32 features.

    Returns
    -------
    lightgbm.Booster
        Gives the same predictions for float32 inputs.
    """
    import lightgbm

    def round_line(match: re.Match[str]) -> str:
        """Round the thresholds of one line."""
        values = np.array([float(text) for text in match.group(1).split()], dtype=np.float64)
        return "threshold=" + " ".join(repr(float(value)) for value in _round_down(values))

    text = re.sub(r"^threshold=(.+)$", round_line, booster.model_to_string(), flags=re.MULTILINE)
    # The sizes of the trees' texts have changed; without the line the reader does not use them.
    text = re.sub(r"^tree_sizes=.*\n", "", text, flags=re.MULTILINE)
    return lightgbm.Booster(model_str=text)


def merge_trees(
    parts: Sequence[TreeAttributes], *, n_targets: int, input_name: str, output_name: str
) -> Any:
    """Merge converted trees into one ``TreeEnsembleRegressor`` that adds them all up.

    Parameters
    ----------
    parts : sequence of dict
        From :func:`convert_booster` and :func:`convert_forest`.
    n_targets : int
        Width of the output.
    input_name, output_name : str
        Names in the graph.

    Returns
    -------
    onnx.NodeProto

    Raises
    ------
    MissingExtraError
        If onnx is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError.for_extra("train", "export") from None
    merged: TreeAttributes = {name: [] for name in (*NODE_ATTRIBUTES, *TARGET_ATTRIBUTES)}
    first_tree = 0
    for part in parts:
        for name, values in part.items():
            shifted = [value + first_tree for value in values] if "treeids" in name else values
            merged[name].extend(shifted)
        first_tree = max(merged["nodes_treeids"]) + 1
    settings: dict[str, Any] = {
        "n_targets": n_targets,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        **merged,
    }
    return onnx.helper.make_node(
        "TreeEnsembleRegressor", [input_name], [output_name], domain=TREE_DOMAIN, **settings
    )


def convert_booster(
    booster: Any, target: int = 0, factor: float = 1.0, first_column: int = 0
) -> TreeAttributes:
    """Convert a booster into attributes of a tree node, thresholds rounded.

    Parameters
    ----------
    booster : lightgbm.Booster
        Trained on float32 features.
    target : int, default=0
        The output that it is added to.
    factor : float, default=1
        What it is multiplied by.
    first_column : int, default=0
        Column of the node's input that is the booster's first.

    Returns
    -------
    dict of str to list

    Raises
    ------
    MissingExtraError
        If onnx or onnxmltools is not installed.
    """
    attributes = _convert(round_thresholds(booster))
    weights = np.asarray(attributes["target_weights"], dtype=np.float64) * factor
    return {
        **{name: list(attributes[name]) for name in (*NODE_ATTRIBUTES, *TARGET_ATTRIBUTES)},
        "nodes_featureids": [column + first_column for column in attributes["nodes_featureids"]],
        "target_weights": weights.astype(np.float32).tolist(),
        "target_ids": [target] * len(weights),
    }


def convert_forest(
    forest: Any, factor: NDArray[np.float64], first_column: int = 0
) -> TreeAttributes:
    """Convert a forest into attributes of a tree node, thresholds rounded.

    Parameters
    ----------
    forest : sklearn.ensemble.ExtraTreesRegressor
        Fitted on r outputs.
    factor : ndarray of float64, shape (r,)
        What each output is multiplied by; one of zero is left out.
    first_column : int, default=0
        Column of the node's input that is the forest's first.

    Returns
    -------
    dict of str to list
    """
    merged: TreeAttributes = {name: [] for name in (*NODE_ATTRIBUTES, *TARGET_ATTRIBUTES)}
    kept = np.flatnonzero(factor)
    share = factor[kept] / len(forest.estimators_)
    for number, estimator in enumerate(forest.estimators_):
        tree = estimator.tree_
        leaf = tree.children_left < 0
        n_nodes = tree.node_count
        leaves = np.flatnonzero(leaf)
        weights = tree.value[leaves][:, kept, 0] * share
        part = {
            "nodes_treeids": [number] * n_nodes,
            "nodes_nodeids": list(range(n_nodes)),
            "nodes_featureids": np.where(leaf, 0, tree.feature + first_column).tolist(),
            "nodes_modes": np.where(leaf, "LEAF", "BRANCH_LEQ").tolist(),
            "nodes_values": np.where(leaf, 0.0, _round_down(tree.threshold)).tolist(),
            "nodes_truenodeids": np.where(leaf, 0, tree.children_left).tolist(),
            "nodes_falsenodeids": np.where(leaf, 0, tree.children_right).tolist(),
            "nodes_missing_value_tracks_true": [0] * n_nodes,
            "target_treeids": [number] * weights.size,
            "target_nodeids": np.repeat(leaves, len(kept)).tolist(),
            "target_ids": np.tile(kept, len(leaves)).tolist(),
            "target_weights": weights.astype(np.float32).ravel().tolist(),
        }
        for name, values in part.items():
            merged[name].extend(values)
    return merged


def _round_down(values: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return the largest float32 that is not above each value."""
    single = values.astype(np.float32)
    above = single.astype(np.float64) > values
    single[above] = np.nextafter(single[above], np.float32(-np.inf))
    return single


def _convert(booster: Any) -> dict[str, Any]:
    """Convert one booster and return its tree node's attributes."""
    try:
        import onnx
        from onnxmltools import convert_lightgbm
        from onnxmltools.convert.common.data_types import FloatTensorType
    except ImportError:
        raise MissingExtraError.for_extra("train", "export") from None
    n_features = booster.num_feature()
    model = convert_lightgbm(
        booster,
        initial_types=[("inputs", FloatTensorType([None, n_features]))],
        target_opset=TARGET_OPSET,
        zipmap=False,
    )
    nodes = [node for node in model.graph.node if node.op_type == "TreeEnsembleRegressor"]
    if len(nodes) != 1:
        operators = ", ".join(node.op_type for node in model.graph.node)
        raise ValueError(f"the converter made no single tree ensemble but {operators}")
    attributes = {
        attribute.name: onnx.helper.get_attribute_value(attribute)
        for attribute in nodes[0].attribute
    }
    attributes["nodes_modes"] = [
        mode.decode() if isinstance(mode, bytes) else mode for mode in attributes["nodes_modes"]
    ]
    if "nodes_missing_value_tracks_true" not in attributes:
        attributes["nodes_missing_value_tracks_true"] = [0] * len(attributes["nodes_modes"])
    return attributes
