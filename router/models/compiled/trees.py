"""Sums of decision trees with several outputs, by bits instead of by ways.

Every tree has a word with a bit a leaf, from left to right. A comparison that sends a row to one
side strikes out the leaves on the other; when all comparisons of the tree have been made, the one
bit that is left is the row's leaf (after QuickScorer [1]_). No comparison waits for another one and
nothing has to be foretold, so that many rows are compared at once. A tree with more leaves than a
word has bits is cut into parts, each with one more leaf that says nothing for rows that end in
another part.

References
----------
.. [1] C. Lucchese, F. M. Nardini, S. Orlando, R. Perego, N. Tonellotto and R. Venturini,
   "QuickScorer: a Fast Algorithm to Rank Documents with Additive Ensembles of Regression Trees",
   SIGIR, 2015.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from router.compilation import kernel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

__all__ = ["TreeTables", "add_trees", "find_few", "find_leaf", "find_many", "tabulate_trees"]

WORD_BITS = 64
# Stands for the leaf of rows that end in another part of their tree.
NOWHERE = -1
ALL, ZERO, ONE = np.uint64(2**64 - 1), np.uint64(0), np.uint64(1)
# Multiplied by a power of two, its leading six bits are others for each: a de Bruijn sequence.
SEQUENCE, SEQUENCE_SHIFT = np.uint64(0x03F79D71B4CB0A89), np.uint64(58)


def _index_bits() -> NDArray[np.uint64]:
    """Tell which power of two gives which leading bits."""
    index = np.zeros(WORD_BITS, dtype=np.uint64)
    for bit in range(WORD_BITS):
        index[(int(SEQUENCE) << bit) % 2**64 >> int(SEQUENCE_SHIFT)] = bit
    return index


BIT_INDEX = _index_bits()


class TreeTables(NamedTuple):
    """Comparisons and leaves, tree by tree.

    Parameters
    ----------
    column : ndarray of uint32, shape (c,)
        Which input is compared.
    threshold : ndarray of float32, shape (c,)
        Above it a row goes to the right.
    left, right : ndarray of uint64, shape (c,)
        The leaves that remain where it goes to the left, and where to the right.
    first_comparison : ndarray of int64, shape (t + 1,)
        Where those of each part of a tree begin, and where the last ones end.
    first_leaf : ndarray of uint64, shape (t + 1,)
        The same of leaves.
    weights : ndarray of float32, shape (l, d)
        What each leaf adds to each output.
    """

    column: NDArray[np.uint32]
    threshold: NDArray[np.float32]
    left: NDArray[np.uint64]
    right: NDArray[np.uint64]
    first_comparison: NDArray[np.int64]
    first_leaf: NDArray[np.uint64]
    weights: NDArray[np.float32]


@kernel
def find_leaf(word: np.uint64) -> Any:
    """Find the lowest bit."""
    lowest = word & (~word + ONE)
    return BIT_INDEX[(lowest * SEQUENCE) >> SEQUENCE_SHIFT]


@kernel
def find_few(inputs: NDArray[np.float32], tables: TreeTables, leaves: NDArray[np.uint32]) -> None:
    """Find the leaf of one question in every part of a tree."""
    for tree in range(len(leaves)):
        word = ALL
        for each in range(tables.first_comparison[tree], tables.first_comparison[tree + 1]):
            left, right = tables.left[each], tables.right[each]
            # Without a branch, which could not be foretold.
            side = ZERO - np.uint64(inputs[tables.column[each], 0] > tables.threshold[each])
            word &= left ^ ((left ^ right) & side)
        leaves[tree] = tables.first_leaf[tree] + find_leaf(word)


@kernel
def find_many(inputs: NDArray[np.float32], tables: TreeTables, leaves: NDArray[np.uint32]) -> None:
    """Find the leaves of some questions (t, n) in every part of a tree."""
    size = inputs.shape[1]
    words = np.empty(size, dtype=np.uint64)
    for tree in range(len(leaves)):
        words[:] = ALL
        for each in range(tables.first_comparison[tree], tables.first_comparison[tree + 1]):
            numbers, threshold = inputs[tables.column[each]], tables.threshold[each]
            left, right = tables.left[each], tables.right[each]
            for row in range(size):
                words[row] &= right if numbers[row] > threshold else left
        first = tables.first_leaf[tree]
        for row in range(size):
            leaves[tree, row] = first + find_leaf(words[row])


@kernel
def add_trees(
    inputs: NDArray[np.float32], tables: TreeTables, outputs: NDArray[np.float64]
) -> None:
    """Add what all trees say to outputs (n, d); `inputs` (f, n) has a column a question."""
    n, n_outputs = outputs.shape
    n_trees = len(tables.first_leaf) - 1
    leaves = np.empty((n_trees, n), dtype=np.uint32)
    if n == 1:
        find_few(inputs, tables, leaves[:, 0])
    else:
        find_many(inputs, tables, leaves)
    for row in range(n):
        total = np.zeros(n_outputs)
        for tree in range(n_trees):
            weights = tables.weights[leaves[tree, row]]
            for output in range(n_outputs):
                total[output] += weights[output]
        for output in range(n_outputs):
            outputs[row, output] += total[output]


class _Tree:
    """A tree's leaves from the left, and on which of them its comparisons decide."""

    def __init__(self, root: int, below: dict[int, tuple[int, int] | None]) -> None:
        self.leaves: list[int] = []
        # Node, its first leaf, its first leaf on the right, and where its leaves end.
        self.comparisons: list[tuple[int, int, int, int]] = []
        self._walk(root, below)

    def _walk(self, node: int, below: dict[int, tuple[int, int] | None]) -> None:
        """List what is below a node."""
        # Taken out, so that a node that two others lead to is found out.
        ways = below.pop(node)
        if ways is None:
            self.leaves.append(node)
            return
        first = len(self.leaves)
        self._walk(ways[0], below)
        middle = len(self.leaves)
        self._walk(ways[1], below)
        self.comparisons.append((node, first, middle, len(self.leaves)))

    def cut(self) -> Iterator[tuple[list[int], list[tuple[int, int, int]]]]:
        """Give parts: leaves, and nodes with the leaves that remain on the left and right."""
        count = len(self.leaves)
        size = count if count <= WORD_BITS else WORD_BITS - 1
        for start in range(0, count, size):
            part = range(start, min(start + size, count))
            leaves = [self.leaves[leaf] for leaf in part]
            yield (
                leaves if len(leaves) == count else [*leaves, NOWHERE],
                [
                    (node, ~_set_bits(part, middle, last), ~_set_bits(part, first, middle))
                    for node, first, middle, last in self.comparisons
                    if first < part.stop and last > start
                ],
            )


def _set_bits(part: range, first: int, last: int) -> int:
    """Set the bits of a part's leaves from the first one up to, not including, the last."""
    first, last = (min(max(leaf, part.start), part.stop) - part.start for leaf in (first, last))
    return (1 << last) - (1 << first)


def tabulate_trees(attributes: Mapping[str, list[Any]], n_outputs: int) -> TreeTables:
    """Tabulate the trees of an ONNX node.

    Parameters
    ----------
    attributes : mapping of str to list
        Of a ``TreeEnsembleRegressor`` whose branches are all ``BRANCH_LEQ``.
    n_outputs : int
        d.

    Returns
    -------
    TreeTables

    Raises
    ------
    KeyError
        If two nodes lead to the same one, or one to none.
    """
    names = list(zip(attributes["nodes_treeids"], attributes["nodes_nodeids"], strict=True))
    place = {name: position for position, name in enumerate(names)}
    below: dict[int, tuple[int, int] | None] = {}
    ways = zip(attributes["nodes_truenodeids"], attributes["nodes_falsenodeids"], strict=True)
    for position, ((tree, _), (left, right)) in enumerate(zip(names, ways, strict=True)):
        is_leaf = attributes["nodes_modes"][position] == b"LEAF"
        below[position] = None if is_leaf else (place[tree, left], place[tree, right])
    reached = {position for pair in below.values() if pair is not None for position in pair}
    comparisons: list[tuple[int, int, int]] = []
    leaves: list[int] = []
    edges = [(0, 0)]
    for root in [position for position in below if position not in reached]:
        for some_leaves, some_comparisons in _Tree(root, below).cut():
            leaves += some_leaves
            comparisons += some_comparisons
            edges.append((len(comparisons), len(leaves)))
    if below:
        raise KeyError(next(iter(below)))
    nodes = [node for node, _, _ in comparisons]
    mask = 2**WORD_BITS - 1
    return TreeTables(
        np.array([attributes["nodes_featureids"][node] for node in nodes], dtype=np.uint32),
        np.array([attributes["nodes_values"][node] for node in nodes], dtype=np.float32),
        np.array([left & mask for _, left, _ in comparisons], dtype=np.uint64),
        np.array([right & mask for _, _, right in comparisons], dtype=np.uint64),
        np.array([comparison for comparison, _ in edges], dtype=np.int64),
        np.array([leaf for _, leaf in edges], dtype=np.uint64),
        _collect_weights(attributes, place, n_outputs)[leaves].astype(np.float32),
    )


def _collect_weights(
    attributes: Mapping[str, list[Any]], place: Mapping[tuple[int, int], int], n_outputs: int
) -> NDArray[np.float64]:
    """Collect what every node adds, and behind them zeros for leaves that are nowhere."""
    weights = np.zeros((len(place) + 1, n_outputs))
    names = ("treeids", "nodeids", "ids", "weights")
    for tree, node, output, weight in zip(
        *(attributes[f"target_{name}"] for name in names), strict=True
    ):
        weights[place[tree, node], output] += weight
    return weights
