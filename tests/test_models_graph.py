"""The graph: the native model in single precision, whatever parts it has."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest

from router.models.graph import GraphBuilder, build_gain_graph
from router.models.session import Session
from tests.contracts.gains import change_head, draw_rows, make_model

if TYPE_CHECKING:
    from router.models.gain import GainModel

MODELS = {
    "three tasks": {},
    "one task": {"n_groups": 1},
    "two tasks": {"n_groups": 2},
    "one direction": {"n_options": 2},
    "one direction and task": {"n_options": 2, "n_groups": 1},
    "many options": {"n_options": 9},
    "no trees": {"tree_factor": 0.0},
    "no task ridges": {"task_scale": 0.0},
    "neither": {"tree_factor": 0.0, "task_scale": 0.0},
    "no columns of directions": {"has_linear": False},
    "one direction without a column": {"n_options": 2, "has_linear": False},
}


def compare(model: GainModel, n: int = 400) -> float:
    """Give the largest difference between graph and model on random rows."""
    features, membership = draw_rows(model, n)
    session = Session(build_gain_graph(model), "test")
    found = session.run({"features": features, "membership": membership})
    return float(np.abs(found - model.predict_features(features, membership)).max())


@pytest.mark.parametrize("settings", MODELS.values(), ids=MODELS)
def test_graph_is_the_native_model(settings: dict[str, float]) -> None:
    """On random rows, labelled and not, the graph gives the model's surface to a millionth."""
    assert compare(make_model(**settings)) < 2e-6  # type: ignore[arg-type]


def test_one_muted_direction_is_left_out() -> None:
    """Trees with factor zero are not in the graph, the others keep their direction."""
    model = make_model(n_options=4)
    muted = change_head(
        model,
        trees=tuple((ensemble, np.array([0.0, 0.4, 0.0])) for ensemble, _ in model.head.trees),
    )
    assert compare(muted) < 2e-6
    node = next(
        n for n in onnx.load_from_string(build_gain_graph(muted)).graph.node if "Tree" in n.op_type
    )
    targets = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    assert set(targets["target_ids"]) == {1}
    assert targets["n_targets"] == 3


def test_no_trees_no_node() -> None:
    """With all factors zero no tree is shipped."""
    graph = onnx.load_from_string(build_gain_graph(make_model(tree_factor=0.0))).graph
    assert not [node for node in graph.node if "Tree" in node.op_type]


def test_inputs_are_numeric_and_rows_are_free() -> None:
    """The graph takes two float tensors of any number of rows, and runs on a single one."""
    model = make_model()
    graph = onnx.load_from_string(build_gain_graph(model)).graph
    widths = {entry.name: entry.type.tensor_type.shape.dim[1].dim_value for entry in graph.input}
    assert widths == {"features": model.encoder.n_features, "membership": 3}
    kinds = {entry.type.tensor_type.elem_type for entry in graph.input}
    assert kinds == {onnx.TensorProto.FLOAT}
    features, membership = draw_rows(model, 9)
    session = Session(build_gain_graph(model), "test")
    whole = session.run({"features": features, "membership": membership})
    for row in range(9):
        part = {"features": features[[row]], "membership": membership[[row]]}
        np.testing.assert_allclose(session.run(part)[0], whole[row], atol=1e-6)
    none = {"features": features[:0], "membership": membership[:0]}
    assert session.run(none).shape == (0, 3)


def test_extreme_rows_stay_in_range() -> None:
    """Features far from any text still give qualities from 0 to 1, the same as natively."""
    model = make_model()
    features, membership = draw_rows(model, 50)
    inputs = {"features": features * 1000, "membership": membership}
    found = Session(build_gain_graph(model), "test").run(inputs)
    assert np.all((found >= 0) & (found <= 1))
    labelled = membership.any(axis=1)
    expected = model.predict_features(features * 1000, membership)
    np.testing.assert_allclose(found[labelled], expected[labelled], atol=1e-3)


def test_builder_computes_what_it_is_told() -> None:
    """Slices, linear maps and held constants come out in order and in single precision."""
    builder = GraphBuilder()
    middle = builder.take_columns("x", 1, 3)
    mapped = builder.apply_linear(middle, np.array([[1.0], [10.0]]), np.array([0.5]))
    content = builder.finish({"x": 4}, mapped, 1)
    rows = np.arange(8, dtype=np.float32).reshape(2, 4)
    assert Session(content, "test").run({"x": rows}).tolist() == [[21.5], [65.5]]
    kinds = {tensor.data_type for tensor in onnx.load_from_string(content).graph.initializer}
    assert onnx.TensorProto.DOUBLE not in kinds


def test_broken_graphs_are_not_closed() -> None:
    """A node that reads what nobody made is refused by the checker."""
    builder = GraphBuilder()
    with pytest.raises(onnx.checker.ValidationError):
        builder.finish({"x": 1}, builder.add("Relu", ["nowhere"]), 1)
