"""Ensembles: one booster a direction, one forest for all, each on its part of the inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.models.ensembles import Ensemble, fit_boosters, fit_forest

if TYPE_CHECKING:
    from numpy.typing import NDArray

SETTINGS = {"n_trees": 30, "n_leaves": 8, "leaf_size_min": 5}


def fit_both(
    inputs: NDArray[np.float32],
    target: NDArray[np.float64],
    first_column: int = 0,
) -> dict[str, Ensemble]:
    """Fit an ensemble of each kind."""
    return {
        "boosters": fit_boosters(inputs, target, 3, **SETTINGS, first_column=first_column),
        "forest": fit_forest(inputs, target, 3, first_column=first_column),
    }


def test_boosters_share_a_binning_and_nothing_else(rng: np.random.Generator) -> None:
    """A direction's trees are those it would have if it were the only one."""
    inputs = rng.normal(size=(120, 5)).astype(np.float32)
    columns = (inputs[:, 0] ** 2, inputs[:, 1], rng.normal(size=120))
    target: NDArray[np.float64] = np.column_stack(columns)
    together = fit_boosters(inputs, target, 3, **SETTINGS).predict(inputs)
    for column in range(3):
        alone = fit_boosters(inputs, target[:, [column]], 3, **SETTINGS).predict(inputs)
        np.testing.assert_array_equal(together[:, [column]], alone)
    assert np.corrcoef(together[:, 0], target[:, 0])[0, 1] > 0.8


@pytest.mark.parametrize("n_directions", [1, 3])
def test_ensembles_learn_every_direction(rng: np.random.Generator, n_directions: int) -> None:
    """Both kinds give one column a direction and follow a curve that no line does."""
    inputs = rng.normal(size=(400, 3)).astype(np.float32)
    target = np.abs(inputs[:, :n_directions]).astype(np.float64)
    for name, ensemble in fit_both(inputs, target).items():
        predicted = ensemble.predict(inputs)
        assert predicted.shape == (400, n_directions)
        for column in range(n_directions):
            assert np.corrcoef(predicted[:, column], target[:, column])[0, 1] > 0.7, name


def test_leading_columns_may_be_out_of_sight(rng: np.random.Generator) -> None:
    """Columns before the first one change nothing."""
    inputs = rng.normal(size=(200, 4)).astype(np.float32)
    other = inputs.copy()
    other[:, :2] = rng.normal(size=(200, 2))
    target = inputs[:, [0]].astype(np.float64) + inputs[:, [3]]
    for name, ensemble in fit_both(inputs, target, first_column=2).items():
        np.testing.assert_array_equal(ensemble.predict(inputs), ensemble.predict(other), name)


def test_forests_do_not_grow_with_the_log(rng: np.random.Generator) -> None:
    """Ten times the questions give no more than about two hundred leaves a tree."""
    inputs = rng.normal(size=(20_000, 2)).astype(np.float32)
    forest = fit_forest(inputs, inputs[:, :1].astype(np.float64), 0).forest
    assert max(tree.get_n_leaves() for tree in forest.estimators_) <= 200


def test_same_seed_same_trees(rng: np.random.Generator) -> None:
    """Fitting twice gives the same predictions to the last bit."""
    inputs = rng.normal(size=(150, 3)).astype(np.float32)
    target = rng.normal(size=(150, 2))
    for first, second in zip(
        fit_both(inputs, target).values(), fit_both(inputs, target).values(), strict=True
    ):
        np.testing.assert_array_equal(first.predict(inputs), second.predict(inputs))
