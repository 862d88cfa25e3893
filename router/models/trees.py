"""Boosted trees as one ONNX node, with thresholds that mean the same in float32 as in float64."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from router.exceptions import MissingExtraError

__all__ = ["merge_boosters", "round_thresholds"]

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
TARGET_ATTRIBUTES = ("target_treeids", "target_nodeids")


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
        single = values.astype(np.float32)
        above = single.astype(np.float64) > values
        single[above] = np.nextafter(single[above], np.float32(-np.inf))
        return "threshold=" + " ".join(repr(float(value)) for value in single)

    text = re.sub(r"^threshold=(.+)$", round_line, booster.model_to_string(), flags=re.MULTILINE)
    # The sizes of the trees' texts have changed; without the line the reader does not use them.
    text = re.sub(r"^tree_sizes=.*\n", "", text, flags=re.MULTILINE)
    return lightgbm.Booster(model_str=text)


def merge_boosters(
    boosters: list[tuple[Any, int, float]],
    *,
    n_targets: int,
    input_name: str,
    output_name: str,
) -> Any:
    """Merge boosters into one ``TreeEnsembleRegressor`` that adds each to its target.

    Parameters
    ----------
    boosters : list of (Booster, int, float)
        Booster, the target it is added to, and what it is multiplied by.
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
        If onnx or onnxmltools is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtraError.for_extra("train", "export") from None
    merged: dict[str, list[Any]] = {name: [] for name in (*NODE_ATTRIBUTES, *TARGET_ATTRIBUTES)}
    merged |= {"target_ids": [], "target_weights": []}
    first_tree = 0
    for booster, target, factor in boosters:
        attributes = _convert(booster)
        for name in (*NODE_ATTRIBUTES, *TARGET_ATTRIBUTES):
            values = attributes[name]
            if name.endswith("treeids"):
                values = [value + first_tree for value in values]
            merged[name].extend(values)
        weights = np.asarray(attributes["target_weights"], dtype=np.float64) * factor
        merged["target_weights"].extend(weights.astype(np.float32).tolist())
        merged["target_ids"].extend([target] * len(weights))
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
