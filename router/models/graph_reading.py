"""Reading constants out of a serialised ONNX graph, without the onnx package.

A graph is a black box to the runtime, which can only run it whole. To evaluate part of one in
another way its numbers have to be read; the wire format is three kinds of fields [1]_.

References
----------
.. [1] Protocol Buffers, "Encoding", https://protobuf.dev/programming-guides/encoding/; the numbers
   of the fields are those of ``onnx.proto``.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from router.exceptions import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

__all__ = ["GraphContent", "GraphNode", "check_graph", "read_graph", "read_line"]

VARINT, EIGHT_BYTES, DELIMITED, FOUR_BYTES = 0, 1, 2, 5
MODEL_GRAPH, GRAPH_NODE, GRAPH_CONSTANT = 7, 1, 5
NODE_OPERATOR, NODE_ATTRIBUTE = 4, 5
ATTRIBUTE_NAME, ATTRIBUTE_FLOATS, ATTRIBUTE_INTS, ATTRIBUTE_STRINGS = 1, 7, 8, 9
ATTRIBUTE_INT, ATTRIBUTE_STRING = 3, 4
TENSOR_SHAPE, TENSOR_TYPE, TENSOR_BYTES = 1, 2, 9
TYPE_FLOAT, TYPE_WHOLE = 1, 7
# Functions of one's own, sparse constants and constants in other files have no place in a bundle.
MODEL_FUNCTIONS, GRAPH_SPARSE, NODE_DOMAIN, TENSOR_EXTERNAL, TENSOR_LOCATION = 25, 15, 7, 13, 14
DOMAINS = (b"", b"ai.onnx", b"ai.onnx.ml")
# What training writes; none of them runs another graph, reads a file or loops.
OPERATORS = frozenset(
    b"Add ArgMax Clip Concat Div Gather Identity MatMul Min Mul ReduceMax ReduceMin ReduceSum Relu "
    b"Reshape Slice Softmax Sub TreeEnsembleRegressor Unsqueeze".split()
)
# What damaged bytes raise on the way.
DAMAGE = (IndexError, struct.error, UnicodeDecodeError, ValueError, TypeError)


class GraphNode(NamedTuple):
    """One node.

    Parameters
    ----------
    operator : str
        Its type, such as ``MatMul``.
    attributes : dict of str to list
        Lists of numbers or bytes by name; of a single value, a list of one.
    """

    operator: str
    attributes: dict[str, list[Any]]


class GraphContent(NamedTuple):
    """The nodes of a graph in order, and its constants in order.

    Parameters
    ----------
    nodes : list of GraphNode
        In the order in which they run.
    constants : list of ndarray of float32
        In the order in which they are stored.
    indices : list of ndarray of int64
        Constants that are whole numbers, in the same order.
    """

    nodes: list[GraphNode]
    constants: list[NDArray[np.float32]]
    indices: list[NDArray[np.int64]]


def check_graph(content: bytes, place: str) -> None:
    """Refuse a graph that could do more than those that training writes.

    Parameters
    ----------
    content : bytes
        A serialised ONNX model, before the runtime sees it.
    place : str
        How messages call it.

    Raises
    ------
    BundleError
        If it is damaged, uses another operator, defines its own, or points at another file.
    """
    try:
        model = _collect(content)
        # Another reader would put two graphs together, of which this one saw the first.
        (field,) = model[MODEL_GRAPH]
        graph = _collect(field)
        nodes = [_collect(field) for field in graph[GRAPH_NODE]]
        tensors = [_collect(field) for field in graph[GRAPH_CONSTANT]]
    except DAMAGE:
        raise BundleError(f"{place}: the graph cannot be read") from None
    for node in nodes:
        names, domains = node[NODE_OPERATOR], node[NODE_DOMAIN] or [b""]
        if names[-1:] and names[-1] in OPERATORS and domains[-1] in DOMAINS:
            continue
        raise BundleError(f"{place}: operator {names[-1:]!r} is none that a bundle's graph uses")
    if model[MODEL_FUNCTIONS] or graph[GRAPH_SPARSE]:
        raise BundleError(f"{place}: functions and sparse constants are not allowed in a bundle")
    if any(tensor[TENSOR_EXTERNAL] or any(tensor[TENSOR_LOCATION]) for tensor in tensors):
        raise BundleError(f"{place}: a constant lies in another file, which is not allowed")


def read_graph(content: bytes, place: str) -> GraphContent:
    """Read a graph's nodes and constants.

    Parameters
    ----------
    content : bytes
        A serialised ONNX model.
    place : str
        How messages call it.

    Returns
    -------
    GraphContent

    Raises
    ------
    BundleError
        If the content is damaged.
    """
    try:
        graph = _collect(_collect(content)[MODEL_GRAPH][0])
        nodes = [_read_node(field) for field in graph[GRAPH_NODE]]
        tensors = [_collect(field) for field in graph[GRAPH_CONSTANT]]
        constants = [_read_tensor(each, "<f4") for each in tensors if _is_kind(each, TYPE_FLOAT)]
        indices = [_read_tensor(each, "<i8") for each in tensors if _is_kind(each, TYPE_WHOLE)]
    except DAMAGE:
        raise BundleError(f"{place}: the graph cannot be read") from None
    return GraphContent(nodes, constants, indices)


def read_line(content: GraphContent) -> NDArray[np.float32] | None:
    """Read a graph that multiplies by one column and adds one number.

    Parameters
    ----------
    content : GraphContent
        A graph.

    Returns
    -------
    ndarray of float32, shape (f + 1,), or None
        The column, and behind it the number; None where the graph does something else.
    """
    shapes = [constant.shape for constant in content.constants]
    operators = [node.operator for node in content.nodes]
    if operators != ["MatMul", "Add", "Identity"] or len(shapes) != 2:
        return None
    if len(shapes[0]) != 2 or shapes[0][1] != 1 or shapes[1] != (1,):
        return None
    return np.concatenate([content.constants[0][:, 0], content.constants[1]])


def _read_node(content: bytes) -> GraphNode:
    """Read one node."""
    fields = _collect(content)
    attributes = {}
    for field in fields[NODE_ATTRIBUTE]:
        values = _collect(field)
        name = values[ATTRIBUTE_NAME][0].decode()
        lists = (ATTRIBUTE_FLOATS, ATTRIBUTE_INTS, ATTRIBUTE_STRINGS)
        singles = (ATTRIBUTE_INT, ATTRIBUTE_STRING)
        kind = next((kind for kind in (*lists, *singles) if values[kind]), None)
        attributes[name] = [] if kind is None else values[kind]
    return GraphNode(fields[NODE_OPERATOR][0].decode(), attributes)


def _is_kind(fields: dict[int, list[Any]], kind: int) -> bool:
    """Say whether a constant holds numbers of a kind."""
    return fields[TENSOR_TYPE] == [kind]


def _read_tensor(fields: dict[int, list[Any]], dtype: str) -> NDArray[Any]:
    """Read one constant."""
    shape = [int(size) for size in fields[TENSOR_SHAPE]]
    return np.frombuffer(fields[TENSOR_BYTES][0], dtype=dtype).reshape(shape)


def _collect(content: bytes) -> dict[int, list[Any]]:
    """Collect the values of a message by the number of their field."""
    fields: dict[int, list[Any]] = defaultdict(list)
    for number, value in _iterate_fields(content):
        fields[number].append(value)
    return fields


def _iterate_fields(content: bytes) -> Iterator[tuple[int, Any]]:
    """Go through a message's fields: numbers decoded, nested messages and texts as bytes."""
    position, end = 0, len(content)
    while position < end:
        key, position = _read_varint(content, position)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, position = _read_varint(content, position)
            yield number, value
        elif kind == FOUR_BYTES:
            yield number, struct.unpack_from("<f", content, position)[0]
            position += 4
        elif kind == EIGHT_BYTES:
            yield number, struct.unpack_from("<d", content, position)[0]
            position += 8
        elif kind == DELIMITED:
            size, position = _read_varint(content, position)
            if position + size > end:
                raise ValueError("a field reaches over the end")
            yield number, content[position : position + size]
            position += size
        else:
            raise ValueError(f"wire type {kind} is not one of ONNX")


def _read_varint(content: bytes, position: int) -> tuple[int, int]:
    """Read a whole number of variable length and say where it ends."""
    value = shift = 0
    while True:
        byte = content[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7
