"""From a bundle to compiled models, where its graphs are such as this version writes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.kernel_loading import attempt
from router.models.compiled.constants import tabulate_gain
from router.models.compiled.gain import predict_gain
from router.models.compiled.pairs import predict_menu, tabulate_menu
from router.models.graph_reading import read_graph

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.compiled.gain import GainTables
    from router.models.compiled.pairs import MenuTables
    from router.models.factored_trees import MenuTrees

__all__ = ["CompiledGain", "CompiledMenu"]

# Questions predicted at once; of more the words of the trees would fall out of the cache.
CHUNK_QUESTIONS = 64


class CompiledGain:
    """Predicts what a graph predicts.

    Parameters
    ----------
    tables : GainTables
        Its constants.
    """

    def __init__(self, tables: GainTables) -> None:
        """Keep the tables."""
        self._tables = tables

    @classmethod
    def load(cls, content: bytes) -> CompiledGain | None:
        """Read a graph and predict once, so that no later call waits for the compiler.

        Parameters
        ----------
        content : bytes
            The serialised graph.

        Returns
        -------
        CompiledGain or None
            None where the graph does something else or the kernels do not work: whatever is wrong,
            the runtime goes on predicting.
        """

        def load() -> CompiledGain | None:
            """Read the graph, and compile for the types that it is called with."""
            tables = tabulate_gain(read_graph(content, "named.onnx"))
            if tables is None:
                return None
            model = cls(tables)
            n_features = len(tables.lines) - 1 + tables.n_linear
            membership = np.zeros((1, len(tables.tasks)), np.float32)
            model.predict(np.zeros((1, n_features), np.float32), membership)
            return model

        return attempt(load, "the compiled gain model")[0]

    def predict(
        self, features: NDArray[np.float32], membership: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        """Predict m options for n questions.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            Finite.
        membership : ndarray of float32, shape (n, g)
            Tasks that are given.

        Returns
        -------
        ndarray of float64, shape (n, m)
        """
        # To Numba an array of another layout is of another type, for which it would compile.
        features = np.require(features, np.float32, ("C", "W"))
        n = len(features)
        if n <= CHUNK_QUESTIONS:
            return predict_gain(features, membership, self._tables)
        quality = np.empty((n, len(self._tables.means)))
        for first in range(0, n, CHUNK_QUESTIONS):
            rows = slice(first, first + CHUNK_QUESTIONS)
            quality[rows] = predict_gain(features[rows], membership[rows], self._tables)
        return quality


class CompiledMenu:
    """Predicts the options of a menu from their descriptors, for a few questions.

    Parameters
    ----------
    tables : MenuTables
        The model, for a menu.
    """

    def __init__(self, tables: MenuTables) -> None:
        """Keep the tables."""
        self._tables = tables

    @classmethod
    def load(cls, trees: MenuTrees, line: NDArray[np.float32], level: float) -> CompiledMenu | None:
        """Tabulate a menu and predict once, so that no later call waits for the compiler.

        Parameters
        ----------
        trees : MenuTrees
            Uplift of the m options.
        line : ndarray of float32, shape (f,)
            Slopes of the level.
        level : float
            Its intercept.

        Returns
        -------
        CompiledMenu or None
            None where the kernels do not work; NumPy goes on predicting.
        """

        def load() -> CompiledMenu:
            """Tabulate the menu, and compile for the types that it is called with."""
            model = cls(tabulate_menu(trees.conditions, trees.values, line, level))
            model.predict(np.zeros((1, len(line)), np.float32))
            return model

        return attempt(load, "the compiled model of descriptors")[0]

    def predict(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predict m options for n questions.

        Parameters
        ----------
        features : ndarray of float32, shape (n, f)
            Finite.

        Returns
        -------
        ndarray of float64, shape (n, m)
            Shifted into [0, 1].
        """
        return predict_menu(np.require(features, np.float32, ("C", "W")), self._tables)
