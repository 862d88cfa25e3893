"""Factored trees: the sum of the trees for every question and option, whatever the trees are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.exceptions import BundleError
from router.models import factored_trees as factored_module
from router.models.factored_trees import FactoredTrees
from router.models.graph import GraphBuilder
from router.models.graph_reading import GraphContent, read_graph
from router.models.heads import stack_pairs
from router.models.session import Session
from router.models.trees import convert_booster, merge_trees
from tests.contracts.gains import fit_trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_FEATURES, N_DESCRIPTORS = 3, 2
# Few values, so that many stand exactly at a threshold.
VALUES = st.integers(-2, 2).map(float)


def export_trees(seed: int, n_trees: int = 15) -> bytes:
    """Fit trees to products of questions' and options' columns and export them."""
    rng = np.random.default_rng(seed)
    width = N_FEATURES + 2 * N_DESCRIPTORS
    inputs = rng.integers(-2, 3, (400, width)).astype(np.float32)
    target = inputs[:, 0] * inputs[:, N_FEATURES] + (inputs[:, 1] > 0) * inputs[:, -1]
    booster = fit_trees(inputs, target + rng.normal(size=400), n_trees, min_data_in_leaf=5)
    builder = GraphBuilder()
    node = merge_trees(
        [convert_booster(booster)], n_targets=1, input_name="pairs", output_name="uplift"
    )
    return builder.finish({"pairs": width}, builder.add_node(node), 1)


GRAPH = export_trees(3)
SESSION = Session(GRAPH, "trees")
CONTENT = read_graph(GRAPH, "trees")
TREES = FactoredTrees.from_graph(CONTENT, N_FEATURES)


def run_graph(
    features: NDArray[np.float32], table: NDArray[np.float32], reference: int
) -> NDArray[np.float64]:
    """Run the graph on every pair."""
    uplift = SESSION.run({"pairs": stack_pairs(features, table, reference)})
    uplift = uplift.reshape(len(features), len(table))
    return uplift - uplift[:, [reference]]


def predict(
    features: NDArray[np.float32], table: NDArray[np.float32], reference: int
) -> NDArray[np.float64]:
    """Predict every pair by the factored trees."""
    assert TREES is not None
    beside = np.broadcast_to(table[reference], table.shape)
    return TREES.specialise(np.hstack((table, beside)), reference).predict(features)


def draw_rows(data: st.DataObject, width: int) -> NDArray[np.float32]:
    """Draw some rows."""
    rows = st.lists(st.lists(VALUES, min_size=width, max_size=width), min_size=1, max_size=7)
    return np.array(data.draw(rows), dtype=np.float32)


@settings(max_examples=60)
@given(st.data())
def test_factored_trees_are_the_graph(data: st.DataObject) -> None:
    """Any questions under any menu get the graph's uplift over any reference."""
    features, table = draw_rows(data, N_FEATURES), draw_rows(data, N_DESCRIPTORS)
    reference = data.draw(st.integers(0, len(table) - 1))
    np.testing.assert_allclose(
        predict(features, table, reference), run_graph(features, table, reference), atol=1e-6
    )


def test_chunks_of_questions_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    """Questions looked at a few at a time get the same."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(11, N_FEATURES)).astype(np.float32)
    table = rng.normal(size=(5, N_DESCRIPTORS)).astype(np.float32)
    whole = predict(features, table, 2)
    monkeypatch.setattr(factored_module, "CHUNK_QUESTIONS", 4)
    np.testing.assert_allclose(predict(features, table, 2), whole, atol=1e-6)


def test_equal_options_have_no_uplift() -> None:
    """A menu of options that do not differ needs no trees at all."""
    table = np.ones((4, N_DESCRIPTORS), np.float32)
    features = np.zeros((2, N_FEATURES), np.float32)
    assert TREES is not None
    menu = TREES.specialise(np.hstack((table, table)), 1)
    assert menu.conditions is None
    assert menu.predict(features).tolist() == [[0.0] * 4] * 2


def change(**attributes: Any) -> GraphContent:
    """Replace some of the tree node's attributes."""
    trees, identity = CONTENT.nodes
    return replace_nodes([trees._replace(attributes=trees.attributes | attributes), identity])


def replace_nodes(nodes: list[Any]) -> GraphContent:
    """Replace the graph's nodes."""
    return CONTENT._replace(nodes=nodes)


MODES = CONTENT.nodes[0].attributes["nodes_modes"]


@pytest.mark.parametrize(
    "content",
    [
        replace_nodes([]),
        replace_nodes(CONTENT.nodes[:1]),
        change(aggregate_function=[b"MIN"]),
        change(post_transform=[b"LOGISTIC"]),
        change(n_targets=[2]),
        change(base_values=[0.5]),
        change(nodes_modes=[b"BRANCH_LT", *MODES[1:]]),
    ],
)
def test_other_graphs_are_left_to_the_runtime(content: GraphContent) -> None:
    """What is not a plain sum of trees with one output is not taken apart."""
    assert FactoredTrees.from_graph(content, N_FEATURES) is None


@pytest.mark.parametrize(
    "content",
    [
        change(nodes_truenodeids=[0, *CONTENT.nodes[0].attributes["nodes_truenodeids"][1:]]),
        change(nodes_falsenodeids=[9999, *CONTENT.nodes[0].attributes["nodes_falsenodeids"][1:]]),
        change(nodes_treeids=CONTENT.nodes[0].attributes["nodes_treeids"][:-1]),
    ],
)
def test_malformed_trees_are_refused(content: GraphContent) -> None:
    """A tree that leads to itself, or nowhere, or misses a node does not hang or pass."""
    with pytest.raises(BundleError, match="malformed"):
        FactoredTrees.from_graph(content, N_FEATURES)


def test_leaves_of_equal_conditions_add_up() -> None:
    """What several leaves say under the same conditions is added, what none says is nothing."""
    leaves = [(frozenset({(0, 0.0, True)}), 1.0), (frozenset({(0, 0.0, True)}), 2.0)]
    trees = FactoredTrees.from_leaves([*leaves, (frozenset({(1, 0.0, True)}), 4.0)], n_features=1)
    menu = trees.specialise(np.array([[1.0], [-1.0]], np.float32), reference=0)
    assert menu.predict(np.zeros((1, 1), np.float32)).tolist() == [[0.0, 4.0]]
    assert trees.weights.sum() == 7.0


def test_differences_that_cancel_leave_nothing() -> None:
    """Leaves that tell options apart but add the same to both come to no uplift."""
    sides = [(frozenset({(1, 0.0, holds)}), 2.0) for holds in (True, False)]
    trees = FactoredTrees.from_leaves(sides, n_features=1)
    menu = trees.specialise(np.array([[1.0], [-1.0]], np.float32), reference=0)
    assert menu.predict(np.zeros((3, 1), np.float32)).tolist() == [[0.0, 0.0]] * 3
