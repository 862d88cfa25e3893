"""The ONNX graph of a gain model: numeric inputs, standard operators, one tree node.

``features`` (n, f) and ``membership`` (n, g) in, ``quality`` (n, m) out. The steps and their order
are those of :meth:`router.models.gain.GainModel.predict_features`, in single precision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import MissingExtraError
from router.models.trees import TARGET_OPSET, TREE_DOMAIN, merge_trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.gain import GainModel

__all__ = ["GraphBuilder", "build_gain_graph"]

TREE_DOMAIN_VERSION = 3
IR_VERSION = 8


class GraphBuilder:
    """Collects nodes and constants of an ONNX graph.

    Examples
    --------
    >>> builder = GraphBuilder()
    >>> doubled = builder.add("Mul", ["x", builder.hold(np.float32(2.0))])
    >>> content = builder.finish({"x": 3}, doubled, 3)
    >>> from router.models.session import Session
    >>> Session(content, "example").run({"x": np.ones((1, 3), np.float32)}).tolist()
    [[2.0, 2.0, 2.0]]
    """

    def __init__(self) -> None:
        """Start empty."""
        try:
            import onnx
        except ImportError:
            raise MissingExtraError.for_extra("train", "export") from None
        self._onnx = onnx
        self._nodes: list[Any] = []
        self._constants: list[Any] = []

    def hold(self, values: Any) -> str:
        """Add a constant, float64 as float32, and return its name."""
        array = np.asarray(values)
        if array.dtype == np.float64:
            array = array.astype(np.float32)
        name = f"c{len(self._constants)}"
        self._constants.append(
            self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        )
        return name

    def add(self, operator: str, inputs: list[str], **attributes: Any) -> str:
        """Add a node with one output and return the output's name."""
        name = f"t{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(operator, inputs, [name], **attributes))
        return name

    def add_node(self, node: Any) -> str:
        """Add a node made elsewhere and return its output's name."""
        self._nodes.append(node)
        return str(node.output[0])

    def take_columns(self, source: str, first: int, last: int) -> str:
        """Take columns from `first` up to, not including, `last`."""
        bounds = [self.hold(np.array([value], dtype=np.int64)) for value in (first, last, 1)]
        return self.add("Slice", [source, bounds[0], bounds[1], bounds[2]])

    def apply_linear(
        self, source: str, coefficient: NDArray[np.float64], intercept: NDArray[np.float64]
    ) -> str:
        """Multiply by a matrix and add a row."""
        product = self.add("MatMul", [source, self.hold(coefficient)])
        return self.add("Add", [product, self.hold(intercept)])

    def finish(self, inputs: dict[str, int], output: str, width: int) -> bytes:
        """Close the graph and serialise it.

        Parameters
        ----------
        inputs : dict of str to int
            Width of each float32 input by name; the number of rows is free.
        output : str
            The tensor to give out, as ``quality``.
        width : int
            Its width.

        Returns
        -------
        bytes
        """
        helper, kind = self._onnx.helper, self._onnx.TensorProto.FLOAT
        self._nodes.append(helper.make_node("Identity", [output], ["quality"]))
        graph = helper.make_graph(
            self._nodes,
            "gain",
            [
                helper.make_tensor_value_info(name, kind, ["n", size])
                for name, size in inputs.items()
            ],
            [helper.make_tensor_value_info("quality", kind, ["n", width])],
            self._constants,
        )
        opsets = [
            helper.make_opsetid("", TARGET_OPSET),
            helper.make_opsetid(TREE_DOMAIN, TREE_DOMAIN_VERSION),
        ]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        self._onnx.checker.check_model(model)
        return bytes(model.SerializeToString())


def build_gain_graph(model: GainModel) -> bytes:
    """Build the graph of a gain model.

    Parameters
    ----------
    model : GainModel
        In native form.

    Returns
    -------
    bytes
        A serialised ONNX model.

    Raises
    ------
    MissingExtraError
        If onnx or onnxmltools is not installed.
    """
    builder = GraphBuilder()
    head, standard = model.head, model.standard
    components = builder.take_columns("features", 0, standard.n_components)
    last_linear = standard.n_components + standard.n_directions
    linear = None
    if standard.n_directions:
        linear = builder.take_columns("features", standard.n_components, last_linear)
    shape = builder.take_columns("features", last_linear, model.n_features)
    dense = _add_dense(builder, model, components, shape)
    who = _add_membership(builder, model, dense)
    z = builder.apply_linear(dense, head.direct.coefficient, head.direct.intercept)
    if linear is not None:
        z = builder.add("Add", [linear, z])
    if np.any(head.task):
        z = builder.add("Add", [z, _add_task_ridges(builder, model, dense, who)])
    parts = [part for ensemble, factor in head.trees for part in ensemble.convert(factor)]
    if parts:
        leading = builder.take_columns(components, 0, standard.n_tree_components)
        likeliest = builder.add("ArgMax", [who], axis=1, keepdims=0)
        base = builder.add("Gather", [builder.hold(head.base_table), likeliest], axis=0)
        inputs = builder.add("Concat", [leading, shape, base], axis=1)
        node = merge_trees(
            parts, n_targets=head.directions.shape[1], input_name=inputs, output_name="trees"
        )
        z = builder.add("Add", [z, builder.add_node(node)])
    surface = _add_surface(builder, model, (dense, who, z))
    widths = {"features": model.n_features, "membership": len(model.groups)}
    return builder.finish(widths, surface, len(head.option_means))


def _add_dense(builder: GraphBuilder, model: GainModel, components: str, shape: str) -> str:
    """Standardise the shape and put it behind the components."""
    standard = model.standard
    centred = builder.add("Sub", [shape, builder.hold(standard.shape_mean)])
    scaled = builder.add("Div", [centred, builder.hold(standard.shape_spread)])
    bounds = [builder.hold(np.float32(sign * standard.shape_clip)) for sign in (-1, 1)]
    clipped = builder.add("Clip", [scaled, *bounds])
    weighted = builder.add("Mul", [clipped, builder.hold(np.float32(standard.shape_weight))])
    return builder.add("Concat", [components, weighted], axis=1)


def _add_membership(builder: GraphBuilder, model: GainModel, dense: str) -> str:
    """Fill missing labels with probabilities from the text."""
    inferrer = model.head.inferrer
    if inferrer is None:
        zero = builder.add("Mul", ["membership", builder.hold(np.float32(0.0))])
        return builder.add("Add", [zero, builder.hold(np.float32(1.0))])
    logits = builder.apply_linear(dense, inferrer.coefficient, inferrer.intercept)
    probability = builder.add("Softmax", [logits], axis=1)
    axes = builder.hold(np.array([1], dtype=np.int64))
    labelled = builder.add("ReduceSum", ["membership", axes], keepdims=1)
    missing = builder.add("Sub", [builder.hold(np.float32(1.0)), labelled])
    return builder.add("Add", ["membership", builder.add("Mul", [missing, probability])])


def _add_task_ridges(builder: GraphBuilder, model: GainModel, dense: str, who: str) -> str:
    """Apply every task's ridge and mix them by membership."""
    task = model.head.task
    n_groups, n_columns, n_directions = task.shape
    wide = task.transpose(1, 0, 2).reshape(n_columns, n_groups * n_directions)
    product = builder.apply_linear(dense, wide[:-1], wide[-1])
    by_task = builder.add(
        "Reshape", [product, builder.hold(np.array([-1, n_groups, n_directions], dtype=np.int64))]
    )
    axes = builder.hold(np.array([2], dtype=np.int64))
    mixed = builder.add("Mul", [by_task, builder.add("Unsqueeze", [who, axes])])
    return builder.add(
        "ReduceSum", [mixed, builder.hold(np.array([1], dtype=np.int64))], keepdims=0
    )


def _add_surface(builder: GraphBuilder, model: GainModel, parts: tuple[str, str, str]) -> str:
    """Add up means, level, task and directions, and bring every row into [0, 1]."""
    dense, who, z = parts
    head = model.head
    level = builder.apply_linear(dense, head.level.coefficient, head.level.intercept)
    level = builder.add(
        "Add", [level, builder.add("MatMul", [who, builder.hold(head.level_table)])]
    )
    surface = builder.apply_linear(who, head.option_table, head.option_means)
    turned = builder.add("MatMul", [z, builder.hold(head.directions.T)])
    surface = builder.add("Add", [builder.add("Add", [surface, turned]), level])
    zero, one = builder.hold(np.float32(0.0)), builder.hold(np.float32(1.0))
    top = builder.add("ReduceMax", [surface], axes=[1], keepdims=1)
    above = builder.add("Relu", [builder.add("Sub", [top, one])])
    surface = builder.add("Sub", [surface, above])
    bottom = builder.add("ReduceMin", [surface], axes=[1], keepdims=1)
    below = builder.add("Min", [bottom, zero])
    surface = builder.add("Sub", [surface, below])
    return builder.add("Clip", [surface, zero, one])
