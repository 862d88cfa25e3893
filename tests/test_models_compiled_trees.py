"""Trees by bits: the sums of the runtime, whatever the trees look like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.models.compiled.trees import WORD_BITS, add_trees, tabulate_trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

N_COLUMNS, N_OUTPUTS = 5, 3
NODE_FIELDS = ("treeids", "nodeids", "featureids", "values", "modes", "truenodeids", "falsenodeids")
THRESHOLDS = np.array([-1.0, -0.25, 0.0, 0.5, 1.0], np.float32)


def grow(rng: np.random.Generator, sizes: list[int]) -> dict[str, list[Any]]:
    """Grow random trees of so many leaves, as the attributes of a node."""
    nodes: dict[str, list[Any]] = {f"nodes_{name}": [] for name in NODE_FIELDS}
    targets: dict[str, list[Any]] = {
        f"target_{name}": [] for name in ("treeids", "nodeids", "ids", "weights")
    }
    for tree, size in enumerate(sizes):
        below: list[tuple[int, int] | None] = [None]
        while sum(pair is None for pair in below) < size:
            leaf = rng.choice([node for node, pair in enumerate(below) if pair is None])
            below[leaf] = (len(below), len(below) + 1)
            below += [None, None]
        for node, pair in enumerate(below):
            left, right = pair or (0, 0)
            cells = (tree, node, int(rng.integers(N_COLUMNS)), float(rng.choice(THRESHOLDS)))
            mode = b"LEAF" if pair is None else b"BRANCH_LEQ"
            for name, cell in zip(nodes, (*cells, mode, left, right), strict=True):
                nodes[name].append(cell)
            for output in range(N_OUTPUTS if pair is None else 0):
                cells = (tree, node, output, float(np.float32(rng.normal())))
                for name, cell in zip(targets, cells, strict=True):
                    targets[name].append(cell)
    return nodes | targets


def walk(attributes: dict[str, list[Any]], row: NDArray[np.float32]) -> NDArray[np.float64]:
    """Walk down every tree, the plain way."""
    places = list(zip(attributes["nodes_treeids"], attributes["nodes_nodeids"], strict=True))
    index = {place: position for position, place in enumerate(places)}
    total = np.zeros(N_OUTPUTS)
    for tree in sorted(set(attributes["nodes_treeids"])):
        node = index[tree, 0]
        while attributes["nodes_modes"][node] != b"LEAF":
            value = row[attributes["nodes_featureids"][node]]
            goes_left = value <= np.float32(attributes["nodes_values"][node])
            name = "nodes_truenodeids" if goes_left else "nodes_falsenodeids"
            node = index[tree, attributes[name][node]]
        for each, place in enumerate(
            zip(attributes["target_treeids"], attributes["target_nodeids"], strict=True)
        ):
            if place == places[node]:
                total[attributes["target_ids"][each]] += attributes["target_weights"][each]
    return total


@settings(max_examples=30)
@given(
    st.lists(st.integers(1, 20), min_size=1, max_size=4), st.integers(1, 9), st.integers(0, 2**32)
)
def test_sums_are_those_of_a_walk(sizes: list[int], n: int, seed: int) -> None:
    """Inputs on thresholds included, for one row and for several."""
    rng = np.random.default_rng(seed)
    attributes = grow(rng, sizes)
    rows = rng.choice(THRESHOLDS, (n, N_COLUMNS)) + rng.choice(
        np.array([0.0, 0.0, 1e-6], np.float32), (n, N_COLUMNS)
    )
    outputs = np.zeros((n, N_OUTPUTS))
    add_trees(np.ascontiguousarray(rows.T), tabulate_trees(attributes, N_OUTPUTS), outputs)
    np.testing.assert_allclose(outputs, [walk(attributes, row) for row in rows], atol=1e-12)


@pytest.mark.parametrize("size", [WORD_BITS - 1, WORD_BITS, WORD_BITS + 1, 3 * WORD_BITS])
def test_large_trees_are_cut(size: int, rng: np.random.Generator) -> None:
    """A tree with more leaves than a word has bits says the same in parts."""
    attributes = grow(rng, [size, 3])
    tables = tabulate_trees(attributes, N_OUTPUTS)
    assert (len(tables.first_leaf) > 3) == (size > WORD_BITS)
    rows = rng.normal(size=(40, N_COLUMNS)).astype(np.float32)
    together = np.zeros((40, N_OUTPUTS))
    add_trees(np.ascontiguousarray(rows.T), tables, together)
    np.testing.assert_allclose(together, [walk(attributes, row) for row in rows], atol=1e-12)
    alone = np.zeros((1, N_OUTPUTS))
    add_trees(np.ascontiguousarray(rows[:1].T), tables, alone)
    assert alone.tobytes() == together[:1].tobytes()


@pytest.mark.parametrize(("name", "node"), [("nodes_truenodeids", 0), ("nodes_falsenodeids", 99)])
def test_malformed_trees_are_refused(name: str, node: int, rng: np.random.Generator) -> None:
    """A circle, and a way that leads nowhere, are found."""
    attributes = grow(rng, [4])
    attributes[name][0] = node
    with pytest.raises(KeyError):
        tabulate_trees(attributes, N_OUTPUTS)
