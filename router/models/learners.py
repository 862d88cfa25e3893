"""The learners that are stacked: ridges on words and on dense features, task ridges, trees.

Each predicts, for every question, r directions of the contrasts between options. All but the trees
are linear in the features, so at serving time they fold into one matrix.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from router.exceptions import MissingExtraError
from router.models.ensembles import fit_boosters, fit_forest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.models.ensembles import Ensemble
    from router.models.inputs import Inputs

__all__ = [
    "MEMBER_NAMES",
    "Linear",
    "Members",
    "fit_members",
    "fit_ridge",
    "fit_sparse_ridge",
    "fit_task_ridges",
]

MEMBER_NAMES = (
    "dense",
    "shape",
    "words",
    "all_ngrams",
    "task",
    "trees",
    "shape_trees",
    "shape_forest",
)
# Of the members, these are linear in the features.
N_LINEAR = 5
ALPHA_DENSE, ALPHA_SHAPE, ALPHA_WORDS, ALPHA_NGRAMS, ALPHA_TASK = 300.0, 30.0, 20.0, 10.0, 400.0
# A task with fewer questions has no ridge of its own.
TASK_SIZE_MIN = 20
# Trees, leaves a tree, questions a leaf at least.
TREES = {"n_trees": 90, "n_leaves": 12, "leaf_size_min": 30}
SHAPE_TREES = {"n_trees": 120, "n_leaves": 10, "leaf_size_min": 25}


@dataclass(frozen=True, slots=True)
class Linear:
    """A linear map.

    Parameters
    ----------
    coefficient : ndarray of float64, shape (d, r)
        Slopes.
    intercept : ndarray of float64, shape (r,)
        Value at the origin.
    """

    coefficient: NDArray[np.float64]
    intercept: NDArray[np.float64]

    def predict(self, inputs: Any) -> NDArray[np.float64]:
        """Apply the map to a dense or sparse matrix of shape (n, d)."""
        return np.asarray(inputs @ self.coefficient) + self.intercept


@dataclass(frozen=True, slots=True)
class Members:
    """The fitted learners.

    Parameters
    ----------
    dense, shape, words, all_ngrams : Linear
        Ridges on the dense features, on the text's shape, on word n-grams, on all n-grams.
    task : ndarray of float64, shape (g, d + 1, r)
        One ridge a task on the dense features, intercept last; zero for a small task.
    ensembles : tuple of Ensemble, length 3
        Boosted trees on components, shape and task; boosted trees and a forest on shape and task.
    """

    dense: Linear
    shape: Linear
    words: Linear
    all_ngrams: Linear
    task: NDArray[np.float64]
    ensembles: tuple[Ensemble, ...]

    def predict(
        self, inputs: Inputs, membership: NDArray[np.float64], base: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Predict with every learner.

        Parameters
        ----------
        inputs : Inputs
            Features of n questions.
        membership : ndarray of float64, shape (n, g)
            To which task a question belongs: one 1 a row, or probabilities.
        base : ndarray of float64, shape (n, r)
            What the task says of each direction, which the trees see too.

        Returns
        -------
        ndarray of float64, shape (n, r, 8)
            In the order of ``MEMBER_NAMES``.
        """
        tree_inputs = inputs.stack_tree_inputs(base)
        augmented = np.column_stack((inputs.dense, np.ones(len(inputs.dense))))
        task = np.zeros_like(base)
        for group in np.flatnonzero(np.abs(self.task).sum(axis=(1, 2)) > 0):
            rows = np.flatnonzero(membership[:, group] > 0)
            task[rows] += membership[rows, group, None] * (augmented[rows] @ self.task[group])
        predictions = (
            self.dense.predict(inputs.dense),
            self.shape.predict(inputs.shape),
            self.words.predict(inputs.words),
            self.all_ngrams.predict(inputs.ngrams),
            task,
            *(ensemble.predict(tree_inputs) for ensemble in self.ensembles),
        )
        return np.stack(predictions, axis=2)


def fit_ridge(inputs: NDArray[np.float64], target: NDArray[np.float64], alpha: float) -> Linear:
    """Fit a ridge in closed form, the intercept free.

    Parameters
    ----------
    inputs : ndarray of float64, shape (n, d)
        Dense features.
    target : ndarray of float64, shape (n, r)
        What to predict.
    alpha : float
        Penalty on the squared slopes.

    Returns
    -------
    Linear

    References
    ----------
    A. E. Hoerl, R. W. Kennard: Ridge regression. Technometrics 12(1), 1970, pp. 55-67.

    Examples
    --------
    >>> line = fit_ridge(np.array([[0.0], [1.0]]), np.array([[1.0], [3.0]]), alpha=0.0)
    >>> line.predict(np.array([[2.0]])).round(6).tolist()
    [[5.0]]
    """
    input_mean, target_mean = inputs.mean(axis=0), target.mean(axis=0)
    centred = inputs - input_mean
    values, vectors = np.linalg.eigh(centred.T @ centred)
    projected = vectors.T @ (centred.T @ (target - target_mean))
    denominator = np.maximum(values, 0.0) + alpha
    scaled = np.divide(
        projected,
        denominator[:, None],
        out=np.zeros_like(projected),
        where=denominator[:, None] > 0,
    )
    coefficient = vectors @ scaled
    return Linear(coefficient, target_mean - input_mean @ coefficient)


def fit_sparse_ridge(inputs: Any, target: NDArray[np.float64], alpha: float) -> Linear:
    """Fit a ridge on a sparse matrix by conjugate gradients."""
    try:
        from sklearn.linear_model import Ridge
    except ImportError:
        raise MissingExtraError.for_extra("train", "training") from None
    if inputs.shape[1] == 0:
        return Linear(np.zeros((0, target.shape[1])), target.mean(axis=0))
    model = Ridge(alpha=alpha, solver="sparse_cg", tol=1e-3).fit(inputs, target)
    coefficient = np.asarray(model.coef_, dtype=np.float64).reshape(target.shape[1], -1).T
    return Linear(coefficient, np.broadcast_to(model.intercept_, target.shape[1]).astype(float))


def fit_task_ridges(
    dense: NDArray[np.float64],
    target: NDArray[np.float64],
    group_index: NDArray[np.int64],
    n_groups: int,
) -> NDArray[np.float64]:
    """Fit one ridge a task, each around its task's mean, which the base already holds."""
    table = np.zeros((n_groups, dense.shape[1] + 1, target.shape[1]))
    for group in range(n_groups):
        rows = group_index == group
        if rows.sum() >= TASK_SIZE_MIN:
            line = fit_ridge(dense[rows], target[rows], ALPHA_TASK)
            table[group, :-1] = line.coefficient
            table[group, -1] = line.intercept - target[rows].mean(axis=0)
    return table


def fit_members(
    inputs: Inputs,
    target: NDArray[np.float64],
    group_index: NDArray[np.int64],
    base_table: NDArray[np.float64],
    *,
    seed: int = 0,
) -> Members:
    """Fit every learner on what the tasks leave unexplained.

    Parameters
    ----------
    inputs : Inputs
        Features of n questions.
    target : ndarray of float64, shape (n, r)
        The directions to predict.
    group_index : ndarray of int64, shape (n,)
        Each question's task.
    base_table : ndarray of float64, shape (g, r)
        What each task says of each direction.
    seed : int, default=0
        Seed of the trees' sampling.

    Returns
    -------
    Members

    Raises
    ------
    MissingExtraError
        If scikit-learn or LightGBM is not installed.
    """
    base = base_table[group_index]
    rest = target - base
    tree_inputs = inputs.stack_tree_inputs(base)
    first_shape = inputs.n_tree_components
    return Members(
        dense=fit_ridge(inputs.dense, rest, ALPHA_DENSE),
        shape=fit_ridge(inputs.shape, rest, ALPHA_SHAPE),
        words=fit_sparse_ridge(inputs.words, rest, ALPHA_WORDS),
        all_ngrams=fit_sparse_ridge(inputs.ngrams, rest, ALPHA_NGRAMS),
        task=fit_task_ridges(inputs.dense, rest, group_index, len(base_table)),
        ensembles=(
            fit_boosters(tree_inputs, rest, seed, **TREES),
            fit_boosters(tree_inputs, rest, seed, **SHAPE_TREES, first_column=first_shape),
            fit_forest(tree_inputs, rest, seed, first_column=first_shape),
        ),
    )
