"""Ensembles of trees: boosted ones, one booster a direction, and a forest for all directions.

Each may look at part of the trees' inputs only, from `first_column` on: the leading columns are
components of the text's words, behind them stand the text's shape and what its task says. Trees
that see the shape alone find rules that drown among components, and the reverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from router.exceptions import MissingExtraError
from router.models.trees import convert_booster, convert_forest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.trees import TreeAttributes

__all__ = ["Boosters", "Ensemble", "Forest", "fit_boosters", "fit_forest"]

RATE, FEATURE_SHARE, ROW_SHARE, LEAF_PENALTY, N_BINS = 0.05, 0.5, 0.7, 5.0, 63
N_FOREST_TREES, FOREST_FEATURE_SHARE, FOREST_LEAF_SIZE_MIN = 60, 0.6, 15
# A forest's leaves hold at least this share of the questions, or it would grow with the log.
FOREST_LEAF_SHARE = 1 / 200


class Ensemble(Protocol):
    """Trees that predict r directions."""

    def predict(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predict every direction.

        Parameters
        ----------
        inputs : ndarray of float32, shape (n, d)
            The trees' inputs, whole.

        Returns
        -------
        ndarray of float64, shape (n, r)
        """
        ...

    def convert(self, factor: NDArray[np.float64]) -> list[TreeAttributes]:
        """Turn into attributes of an ONNX node, each direction multiplied by its factor.

        Parameters
        ----------
        factor : ndarray of float64, shape (r,)
            Multipliers.

        Returns
        -------
        list of dict
        """
        ...


@dataclass(frozen=True, slots=True)
class Boosters:
    """Boosted trees, one booster a direction.

    Parameters
    ----------
    boosters : tuple of lightgbm.Booster, length r
        In the order of the directions.
    first_column : int, default=0
        First of the inputs' columns that they see.
    """

    boosters: tuple[Any, ...]
    first_column: int = 0

    def predict(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predict every direction with its booster, shape (n, r)."""
        part = inputs[:, self.first_column :]
        columns = [np.asarray(booster.predict(part, num_threads=1)) for booster in self.boosters]
        return np.stack(columns, axis=1)

    def convert(self, factor: NDArray[np.float64]) -> list[TreeAttributes]:
        """Turn boosters whose factor is not zero into attributes of an ONNX node."""
        return [
            convert_booster(booster, direction, float(factor[direction]), self.first_column)
            for direction, booster in enumerate(self.boosters)
            if factor[direction]
        ]


@dataclass(frozen=True, slots=True)
class Forest:
    """Extremely randomised trees whose leaves hold all directions.

    Parameters
    ----------
    forest : sklearn.ensemble.ExtraTreesRegressor
        Fitted on r outputs.
    first_column : int, default=0
        First of the inputs' columns that it sees.
    """

    forest: Any
    first_column: int = 0

    def predict(self, inputs: NDArray[np.float32]) -> NDArray[np.float64]:
        """Predict every direction, shape (n, r)."""
        predicted = np.asarray(self.forest.predict(inputs[:, self.first_column :]))
        return predicted.reshape(len(inputs), -1)

    def convert(self, factor: NDArray[np.float64]) -> list[TreeAttributes]:
        """Turn into attributes of an ONNX node, or nothing where every factor is zero."""
        return [convert_forest(self.forest, factor, self.first_column)] if np.any(factor) else []


def fit_boosters(
    inputs: NDArray[np.float32],
    target: NDArray[np.float64],
    seed: int,
    *,
    n_trees: int,
    n_leaves: int,
    leaf_size_min: int,
    first_column: int = 0,
) -> Boosters:
    """Fit boosted trees, one booster a column of the target.

    Parameters
    ----------
    inputs : ndarray of float32, shape (n, d)
        The trees' inputs, whole.
    target : ndarray of float64, shape (n, r)
        What to predict.
    seed : int
        Seed of the sampling.
    n_trees, n_leaves : int
        Trees a booster, leaves a tree at most.
    leaf_size_min : int
        Questions a leaf at least; fewer on a small log.
    first_column : int, default=0
        First column that the trees see.

    Returns
    -------
    Boosters

    Raises
    ------
    MissingExtraError
        If LightGBM is not installed.

    References
    ----------
    J. H. Friedman: Greedy function approximation, a gradient boosting machine. Annals of Statistics
    29(5), 2001, pp. 1189-1232.
    """
    try:
        import lightgbm
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    parameters = {
        "objective": "regression",
        "num_leaves": n_leaves,
        "learning_rate": RATE,
        "min_data_in_leaf": min(leaf_size_min, max(5, len(inputs) // 20)),
        "feature_fraction": FEATURE_SHARE,
        "bagging_fraction": ROW_SHARE,
        "bagging_freq": 1,
        "lambda_l2": LEAF_PENALTY,
        "max_bin": N_BINS,
        "verbose": -1,
        "num_threads": 1,
        "deterministic": True,
        "seed": seed,
    }
    # One binning of the features serves every direction; only the label changes.
    part = np.ascontiguousarray(inputs[:, first_column:])
    data = lightgbm.Dataset(part, np.ascontiguousarray(target[:, 0]), params=parameters)
    boosters = []
    for column in range(target.shape[1]):
        data.construct().set_label(np.ascontiguousarray(target[:, column]))
        boosters.append(lightgbm.train(parameters, data, n_trees))
    return Boosters(tuple(boosters), first_column)


def fit_forest(
    inputs: NDArray[np.float32], target: NDArray[np.float64], seed: int, *, first_column: int = 0
) -> Forest:
    """Fit one forest of extremely randomised trees to all columns of the target.

    Parameters
    ----------
    inputs : ndarray of float32, shape (n, d)
        The trees' inputs, whole.
    target : ndarray of float64, shape (n, r)
        What to predict.
    seed : int
        Seed of the splits.
    first_column : int, default=0
        First column that the trees see.

    Returns
    -------
    Forest

    Raises
    ------
    MissingExtraError
        If scikit-learn is not installed.

    References
    ----------
    P. Geurts, D. Ernst, L. Wehenkel: Extremely randomized trees. Machine Learning 63, 2006,
    pp. 3-42.
    """
    try:
        from sklearn.ensemble import ExtraTreesRegressor
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    forest = ExtraTreesRegressor(
        N_FOREST_TREES,
        min_samples_leaf=max(FOREST_LEAF_SIZE_MIN, int(len(inputs) * FOREST_LEAF_SHARE)),
        max_features=FOREST_FEATURE_SHARE,
        n_jobs=1,
        random_state=seed,
    )
    outputs = target if target.shape[1] > 1 else target[:, 0]
    return Forest(forest.fit(inputs[:, first_column:], outputs), first_column)
