"""Trees over pairs of a question and an option, as products of what each of the two says.

A leaf of such a tree is reached where some conditions on the question and some on the option hold,
so a sum of trees over all pairs is a product of two matrices: which sets of questions' conditions
hold for which question, and what is added for each option where they do. The second depends on the
menu alone and is worked out once; options' differences from a reference leave out all leaves that
say the same of every option. The result is that of the trees, up to rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.exceptions import BundleError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from router.models.graph_reading import GraphContent

__all__ = ["ConditionTable", "FactoredTrees", "MenuTrees"]

# Questions looked at together; of more the conditions would fall out of the cache.
CHUNK_QUESTIONS = 128
# A condition of a leaf: a column is at most a threshold, or it is not.
Condition = tuple[int, float, bool]
Conditions = frozenset[Condition]


@dataclass(frozen=True, slots=True)
class ConditionTable:
    """Sets of conditions on the columns of a matrix.

    Parameters
    ----------
    column : ndarray of int64, shape (k,)
        Column that each distinct comparison looks at.
    threshold : ndarray of float32, shape (k,)
        What it is compared with.
    members : tuple of ndarray of int64
        The first holds the first condition of every set, the second the second of those that have
        two or more, and so on: i for "comparison i holds", k + i for "it does not", 2 k for a
        condition that always holds. Sets with more conditions come first.
    """

    column: NDArray[np.int64]
    threshold: NDArray[np.float32]
    members: tuple[NDArray[np.int64], ...]

    @classmethod
    def build(cls, sets: Sequence[Conditions]) -> ConditionTable:
        """Tabulate sets of conditions, which come by falling size."""
        comparisons = sorted({(column, value) for each in sets for column, value, _ in each})
        position = {comparison: index for index, comparison in enumerate(comparisons)}
        k = len(comparisons)
        lists = [
            [position[column, value] + (0 if holds else k) for column, value, holds in sorted(each)]
            or [2 * k]
            for each in sets
        ]
        depth = max(map(len, lists), default=0)
        return cls(
            np.array([column for column, _ in comparisons], dtype=np.int64),
            np.array([value for _, value in comparisons], dtype=np.float32),
            tuple(
                np.array([each[level] for each in lists if len(each) > level], dtype=np.int64)
                for level in range(depth)
            ),
        )

    def take(self, sets: NDArray[np.int64]) -> ConditionTable:
        """Keep some sets, given by rising position, and the comparisons that they need."""
        k = len(self.column)
        members = [each[sets[: sets.searchsorted(len(each))]] for each in self.members]
        members = [each for each in members if len(each)]
        used = np.zeros(2 * k + 1, dtype=bool)
        for each in members:
            used[each] = True
        comparisons = (used[:k] | used[k:-1]).nonzero()[0]
        new = np.full(2 * k + 1, 2 * len(comparisons), dtype=np.int64)
        new[comparisons] = np.arange(len(comparisons))
        new[k + comparisons] = new[comparisons] + len(comparisons)
        return ConditionTable(
            self.column[comparisons],
            self.threshold[comparisons],
            tuple(new[each] for each in members),
        )

    def check(self, columns: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Tell which sets hold.

        Parameters
        ----------
        columns : ndarray of float32, shape (f, n)
            A row a column of the matrix.

        Returns
        -------
        ndarray of bool, shape (s, n)
        """
        k, n = len(self.column), columns.shape[1]
        holds = np.empty((2 * k + 1, n), dtype=bool)
        np.less_equal(columns.take(self.column, axis=0), self.threshold[:, None], out=holds[:k])
        np.logical_not(holds[:k], out=holds[k:-1])
        holds[-1] = True
        first, *others = self.members
        together: NDArray[np.bool_] = holds.take(first, axis=0)
        for members in others:
            together[: len(members)] &= holds.take(members, axis=0)
        return together


@dataclass(frozen=True, slots=True)
class MenuTrees:
    """What the trees say of the options of one menu, over a reference option.

    Parameters
    ----------
    conditions : ConditionTable or None
        Sets of conditions on questions, q of them; None where the options do not differ.
    values : ndarray of float32, shape (q, m)
        What is added for each option where a set holds.
    """

    conditions: ConditionTable | None
    values: NDArray[np.float32]

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predict every option's uplift over the reference.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            Questions.

        Returns
        -------
        ndarray of float64, shape (n, m)
        """
        uplift = np.zeros((len(features), self.values.shape[1]))
        if self.conditions is None:
            return uplift
        for first in range(0, len(features), CHUNK_QUESTIONS):
            part = np.ascontiguousarray(features[first : first + CHUNK_QUESTIONS].T)
            holds = self.conditions.check(part).T.astype(np.float32)
            uplift[first : first + CHUNK_QUESTIONS] = holds @ self.values
        return uplift


@dataclass(frozen=True, slots=True)
class FactoredTrees:
    """A sum of trees over f columns of a question and behind them those of an option.

    Parameters
    ----------
    question_conditions : ConditionTable
        Distinct sets of conditions on questions.
    option_conditions : ConditionTable
        Distinct sets of conditions on options.
    pairs : ndarray of int64, shape (l, 2)
        Which two sets of conditions each leaf has; sorted.
    weights : ndarray of float64, shape (l,)
        What each leaf adds.

    Examples
    --------
    >>> leaves = [({(0, 0.5, True), (1, 2.0, True)}, 3.0), ({(0, 0.5, True), (1, 2.0, False)}, 7.0)]
    >>> trees = FactoredTrees.from_leaves([(frozenset(s), w) for s, w in leaves], n_features=1)
    >>> menu = trees.specialise(np.array([[2.0], [4.0]], np.float32), reference=0)
    >>> menu.predict(np.array([[0.0], [1.0]], np.float32)).tolist()
    [[0.0, 4.0], [0.0, 0.0]]
    """

    question_conditions: ConditionTable
    option_conditions: ConditionTable
    pairs: NDArray[np.int64]
    weights: NDArray[np.float64]

    @classmethod
    def from_graph(cls, content: GraphContent, n_features: int) -> FactoredTrees | None:
        """Read the trees of a graph.

        Parameters
        ----------
        content : GraphContent
            A graph.
        n_features : int
            How many leading columns belong to the question.

        Returns
        -------
        FactoredTrees or None
            None where the graph is not a plain sum of trees with one output.

        Raises
        ------
        BundleError
            If its trees are malformed.
        """
        if [node.operator for node in content.nodes] != ["TreeEnsembleRegressor", "Identity"]:
            return None
        attributes = content.nodes[0].attributes
        if (
            attributes.get("aggregate_function") != [b"SUM"]
            or attributes.get("post_transform") != [b"NONE"]
            or attributes.get("n_targets") != [1]
            or attributes.get("base_values")
            or not {b"BRANCH_LEQ", b"LEAF"}.issuperset(attributes.get("nodes_modes", [b""]))
        ):
            return None
        try:
            return cls.from_leaves(list(_iterate_leaves(attributes)), n_features)
        except (KeyError, TypeError, ValueError):
            raise BundleError("the trees of a graph are malformed") from None

    @classmethod
    def from_leaves(
        cls, leaves: Sequence[tuple[Conditions, float]], n_features: int
    ) -> FactoredTrees:
        """Part the conditions of leaves into those on questions and those on options.

        Parameters
        ----------
        leaves : sequence of (frozenset of (int, float, bool), float)
            Column, threshold and whether the column is at most that; and what the leaf adds.
        n_features : int
            How many leading columns belong to the question.

        Returns
        -------
        FactoredTrees
        """
        parted = [
            (
                frozenset(each for each in conditions if each[0] < n_features),
                frozenset((c - n_features, v, h) for c, v, h in conditions if c >= n_features),
            )
            for conditions, _ in leaves
        ]
        sets = [_order({pair[side] for pair in parted}) for side in (0, 1)]
        position = [{each: index for index, each in enumerate(some)} for some in sets]
        pairs = np.array([[position[0][q], position[1][o]] for q, o in parted]).reshape(-1, 2)
        order = np.lexsort((pairs[:, 1], pairs[:, 0]))
        weights = np.array([weight for _, weight in leaves], dtype=np.float64)
        return cls(
            ConditionTable.build(sets[0]),
            ConditionTable.build(sets[1]),
            pairs[order].astype(np.int64),
            weights[order],
        )

    def specialise(self, options: NDArray[np.float32], reference: int) -> MenuTrees:
        """Work out what depends on the menu alone.

        Parameters
        ----------
        options : ndarray of float32, shape (m, p)
            The columns behind the question's, a row an option.
        reference : int
            The option that uplifts are measured against.

        Returns
        -------
        MenuTrees
        """
        holds = self.option_conditions.check(np.ascontiguousarray(options.T))
        # What is added for every option, or for none, is no difference between them.
        n_holding = np.count_nonzero(holds, axis=1)
        differs = (n_holding > 0) & (n_holding < len(options))
        leaves = differs[self.pairs[:, 1]].nonzero()[0]
        nothing = MenuTrees(None, np.zeros((0, len(options)), np.float32))
        if not len(leaves):
            return nothing
        question_set, option_set = self.pairs[leaves].T
        # Leaves of one set of questions' conditions stand together, so that they add up in a row.
        first = np.append(True, question_set[1:] != question_set[:-1]).nonzero()[0]
        terms = holds[option_set] * self.weights[leaves, None]
        values = np.add.reduceat(terms, first, axis=0)
        values -= values[:, reference, None]
        kept = values.any(axis=1)
        if not kept.any():
            return nothing
        conditions = self.question_conditions.take(question_set[first][kept])
        return MenuTrees(conditions, values[kept].astype(np.float32))


def _order(sets: set[Conditions]) -> list[Conditions]:
    """Order sets by falling size, and equal sizes by content."""
    return sorted(sets, key=lambda conditions: (-len(conditions), sorted(conditions)))


def _iterate_leaves(attributes: Mapping[str, list[Any]]) -> Iterator[tuple[Conditions, float]]:
    """Walk down every tree and give each leaf's conditions and what it adds."""
    places = list(zip(attributes["nodes_treeids"], attributes["nodes_nodeids"], strict=True))
    position = {place: index for index, place in enumerate(places)}
    weights: dict[tuple[int, int], float] = {}
    for *place, weight in zip(
        attributes["target_treeids"],
        attributes["target_nodeids"],
        attributes["target_weights"],
        strict=True,
    ):
        weights[place[0], place[1]] = weights.get((place[0], place[1]), 0.0) + weight
    # A node that no other one leads to is a root.
    branches = [mode != b"LEAF" for mode in attributes["nodes_modes"]]
    below = {
        (tree, child)
        for name in ("nodes_truenodeids", "nodes_falsenodeids")
        for (tree, _), child, branch in zip(places, attributes[name], branches, strict=True)
        if branch
    }
    waiting: list[tuple[tuple[int, int], tuple[Condition, ...]]] = [
        (place, ()) for place in places if place not in below
    ]
    while waiting:
        (tree, node), conditions = waiting.pop()
        # Taken out, so that a node that two others lead to is found out.
        index = position.pop((tree, node))
        if not branches[index]:
            yield frozenset(conditions), weights.get((tree, node), 0.0)
            continue
        column, threshold = attributes["nodes_featureids"][index], attributes["nodes_values"][index]
        for name, holds in (("nodes_truenodeids", True), ("nodes_falsenodeids", False)):
            child = attributes[name][index]
            waiting.append(((tree, child), (*conditions, (column, threshold, holds))))
    if position:
        raise ValueError("some nodes are not reached from a root")
