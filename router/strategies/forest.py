"""A small forest of regression trees: grown by LightGBM, read by NumPy alone, kept as JSON."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import InputError, MissingExtraError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

__all__ = ["Forest"]

# Small trees, slow growth and strong shrinkage, as outcomes of single searches are noisy.
GROWTH = {
    "objective": "regression",
    "num_leaves": 6,
    "learning_rate": 0.05,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbose": -1,
}
FIELDS = ("feature", "threshold", "left", "right", "value", "roots")


@dataclass(frozen=True)
class Forest:
    """Trees whose leaves are summed; nodes of all trees stand in one row.

    Parameters
    ----------
    feature : ndarray of int64, shape (k,)
        Which feature a node looks at; 0 at a leaf.
    threshold : ndarray of float64, shape (k,)
        A node goes left where the feature is not above it.
    left, right : ndarray of int64, shape (k,)
        Where it goes; a leaf goes to itself.
    value : ndarray of float64, shape (k,)
        What a leaf adds; 0 at a node.
    roots : ndarray of int64, shape (n_trees,)
        Where each tree begins.
    depth : int
        Steps from a root to the farthest leaf.
    """

    feature: NDArray[np.int64]
    threshold: NDArray[np.float64]
    left: NDArray[np.int64]
    right: NDArray[np.int64]
    value: NDArray[np.float64]
    roots: NDArray[np.int64]
    depth: int

    def predict(self, features: ArrayLike) -> NDArray[np.float64]:
        """Sum the leaves that rows of features come to.

        Parameters
        ----------
        features : array_like of shape (n, d)
            Finite.

        Returns
        -------
        ndarray of float64, shape (n,)
        """
        table = np.asarray(features, dtype=np.float64)
        node = np.broadcast_to(self.roots, (len(table), len(self.roots))).copy()
        rows = np.arange(len(table))[:, None]
        for _ in range(self.depth):
            goes_left = table[rows, self.feature[node]] <= self.threshold[node]
            node = np.where(goes_left, self.left[node], self.right[node])
        return np.asarray(self.value[node].sum(axis=1), dtype=np.float64)

    @classmethod
    def fit(
        cls, features: ArrayLike, target: ArrayLike, *, n_trees: int = 80, seed: int = 0
    ) -> Forest:
        """Grow trees by gradient boosting of squared errors.

        Parameters
        ----------
        features : array_like of shape (n, d)
            Finite.
        target : array_like of shape (n,)
            Finite.
        n_trees : int, default=80
            How many.
        seed : int, default=0
            Of the draws of rows and features.

        Returns
        -------
        Forest

        Raises
        ------
        InputError
            If something is not finite, or rows and targets do not agree.
        MissingExtraError
            If the extra ``[train]`` is not installed.
        """
        table = np.asarray(features, dtype=np.float64)
        values = np.asarray(target, dtype=np.float64)
        if table.ndim != 2 or values.shape != table.shape[:1]:
            raise InputError(f"features {table.shape} and target {values.shape} do not agree")
        if not (np.isfinite(table).all() and np.isfinite(values).all()):
            raise InputError("features or target hold a number that is not finite")
        try:
            import lightgbm
        except ImportError:
            raise MissingExtraError.for_extra("train", "learning a search policy") from None
        growth = {**GROWTH, "seed": seed}
        data = lightgbm.Dataset(table, values, params={"verbose": -1})
        booster = lightgbm.train(growth, data, num_boost_round=n_trees)
        return cls._from_trees(
            [tree["tree_structure"] for tree in booster.dump_model()["tree_info"]]
        )

    @classmethod
    def _from_trees(cls, trees: list[dict[str, Any]]) -> Forest:
        """Lay nested trees out in rows."""
        rows: list[list[float]] = []

        def place(node: dict[str, Any]) -> tuple[int, int]:
            """Append a node and what hangs on it; give its place and its height."""
            here = len(rows)
            if "split_feature" not in node:
                rows.append([0, 0.0, here, here, float(node["leaf_value"])])
                return here, 0
            rows.append([node["split_feature"], float(node["threshold"]), 0, 0, 0.0])
            left, left_height = place(node["left_child"])
            right, right_height = place(node["right_child"])
            rows[here][2:4] = left, right
            return here, 1 + max(left_height, right_height)

        placed = [place(tree) for tree in trees]
        feature, threshold, left, right, value = (np.array(c) for c in zip(*rows, strict=True))
        whole = [column.astype(np.int64) for column in (feature, left, right)]
        roots = np.array([root for root, _ in placed], dtype=np.int64)
        depth = max(height for _, height in placed)
        return cls(whole[0], threshold, whole[1], whole[2], value, roots, depth)

    def to_dict(self) -> dict[str, Any]:
        """Give plain lists, for JSON."""
        return {name: getattr(self, name).tolist() for name in FIELDS} | {"depth": self.depth}

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> Forest:
        """Read what :meth:`to_dict` gave.

        Parameters
        ----------
        entry : dict
            Plain lists by name.

        Returns
        -------
        Forest

        Raises
        ------
        InputError
            If a list is missing, or a node leads out of the forest.
        """
        missing = [name for name in (*FIELDS, "depth") if name not in entry]
        if missing:
            raise InputError(f"a forest lacks {missing[0]!r}")
        nodes = [np.array(entry[n], dtype=np.int64) for n in ("feature", "left", "right", "roots")]
        feature, left, right, roots = nodes
        threshold, value = (np.array(entry[n], dtype=np.float64) for n in ("threshold", "value"))
        for name, places in (("left", left), ("right", right), ("roots", roots)):
            if len(places) and not (0 <= places.min() <= places.max() < len(value)):
                raise InputError(
                    f"a forest's {name} leads to a node that is none of its {len(value)}"
                )
        return cls(feature, threshold, left, right, value, roots, int(entry["depth"]))
