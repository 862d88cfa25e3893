"""Graph reading: the same nodes and constants as the onnx package finds, or a plain refusal."""

from __future__ import annotations

import numpy as np
import onnx
import pytest

from router.exceptions import BundleError
from router.models.graph import GraphBuilder
from router.models.graph_reading import GraphContent, check_graph, read_graph, read_line
from tests.contracts.gains import planted_bundle

FILES = planted_bundle().files


def build_line(coefficient: list[list[float]], intercept: list[float]) -> bytes:
    """Build a graph of one product and one sum."""
    builder = GraphBuilder()
    output = builder.apply_linear("x", np.array(coefficient), np.array(intercept))
    return builder.finish({"x": len(coefficient)}, output, len(intercept))


@pytest.mark.parametrize("name", ["named.onnx", "level.onnx", "uplift.onnx"])
def test_nodes_and_constants_are_those_of_onnx(name: str) -> None:
    """Operators, attributes and float constants are what the onnx package reads."""
    graph = onnx.load_from_string(FILES[name]).graph
    content = read_graph(FILES[name], name)
    assert [node.operator for node in content.nodes] == [node.op_type for node in graph.node]
    for found, node in zip(content.nodes, graph.node, strict=True):
        for attribute in node.attribute:
            expected = onnx.helper.get_attribute_value(attribute)
            values = expected if isinstance(expected, list) else [expected]
            assert found.attributes[attribute.name] == values
    floats = [each for each in graph.initializer if each.data_type == onnx.TensorProto.FLOAT]
    assert len(content.constants) == len(floats)
    for constant, tensor in zip(content.constants, floats, strict=True):
        np.testing.assert_array_equal(constant, onnx.numpy_helper.to_array(tensor))


def test_lines_are_read() -> None:
    """One column of coefficients and one intercept come back, one behind the other."""
    line = read_line(read_graph(build_line([[1.5], [-2.0]], [0.25]), "line"))
    assert line is not None
    assert line.tolist() == [1.5, -2.0, 0.25]


@pytest.mark.parametrize(
    "content",
    [
        read_graph(build_line([[1.0, 2.0]], [0.0, 0.0]), "two outputs"),
        read_graph(FILES["uplift.onnx"], "trees"),
        GraphContent([], [], []),
    ],
)
def test_other_graphs_are_no_lines(content: GraphContent) -> None:
    """Two outputs, trees and nothing at all are not taken for a line."""
    assert read_line(content) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x3a",
        b"\x3a\x7fshort",
        b"\xff" * 40,
        b"\x3b",
        FILES["level.onnx"][:-9],
    ],
)
def test_damaged_graphs_are_refused(content: bytes) -> None:
    """Nothing, half a field, a length beyond the end and other bytes are refused by name."""
    with pytest.raises(BundleError, match=r"some\.onnx: the graph cannot be read"):
        read_graph(content, "some.onnx")


def change_graph(how: str) -> bytes:
    """Make a sound graph do what no bundle's graph does."""
    model = onnx.load_from_string(build_line([[1.0]], [0.0]))
    node, tensor = model.graph.node[0], model.graph.initializer[0]
    if how == "another operator":
        node.op_type = "Loop"
    elif how == "another domain":
        node.domain = "com.example"
    elif how == "own functions":
        model.functions.add().name = "MatMul"
    elif how == "sparse constants":
        model.graph.sparse_initializer.add()
    elif how == "another file":
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="/etc/passwd")
    content = bytes(model.SerializeToString())
    return content + content if how == "two graphs" else content


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("another operator", "operator .*Loop.* is none that a bundle's graph uses"),
        ("another domain", "operator .*MatMul.* is none"),
        ("own functions", "functions and sparse constants are not allowed"),
        ("sparse constants", "functions and sparse constants are not allowed"),
        ("another file", "a constant lies in another file"),
        ("two graphs", "the graph cannot be read"),
    ],
)
def test_graphs_that_could_do_more_are_refused(how: str, message: str) -> None:
    """Operators beside those of training, functions and files elsewhere never reach the runtime."""
    with pytest.raises(BundleError, match=f"^test.onnx: {message}"):
        check_graph(change_graph(how), "test.onnx")
    check_graph(change_graph("nothing"), "test.onnx")


def test_damaged_graphs_are_refused_before_they_run() -> None:
    """Bytes that are no graph give one line."""
    for content in (b"", b"PK\x03\x04 not really", FILES["named.onnx"][:-9]):
        with pytest.raises(BundleError, match=r"named\.onnx: the graph cannot be read"):
            check_graph(content, "named.onnx")
    for name in ("named.onnx", "level.onnx", "uplift.onnx"):
        check_graph(FILES[name], name)
