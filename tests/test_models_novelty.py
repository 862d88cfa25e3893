"""Novelty: p-values by counting, distances by definition, and damaged arrays refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from router.exceptions import BundleError
from router.models.novelty import Novelty


def make_novelty(n_reference: int = 19) -> Novelty:
    """Make a novelty of two columns of four and the length of one component, with two centres."""
    return Novelty(
        columns=np.array([1, 3]),
        origin=np.array([1.0, -1.0, 0.5], np.float32),
        turn=np.array([[2.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 0.1]], np.float32),
        centres=np.array([[0.0, 0.0, 0.0], [4.0, -2.0, 0.1]], np.float32),
        reference=np.sort(np.linspace(0.5, 9.5, n_reference)).astype(np.float32),
        mean_features=np.array([9.0, 1.0, 9.0, -1.0], np.float32),
        n_components=1,
    )


def test_scores_are_distances_to_the_nearest_centre(rng: np.random.Generator) -> None:
    """The score is the least squared distance after turning, and other columns say nothing."""
    novelty = make_novelty()
    features = rng.normal(scale=3.0, size=(50, 4)).astype(np.float32)
    values = np.column_stack((features[:, [1, 3]], np.log1p(features[:, 0] ** 2)))
    turned = (values - novelty.origin) @ novelty.turn
    expected = ((turned[:, None] - novelty.centres) ** 2).sum(axis=2).min(axis=1)
    np.testing.assert_allclose(novelty.score(features), expected, rtol=1e-4, atol=1e-4)
    other = features.copy()
    other[:, 2] = 1e6
    np.testing.assert_array_equal(novelty.score(other), novelty.score(features))


def test_familiarity_is_a_conformal_p_value(rng: np.random.Generator) -> None:
    """It counts the held-out scores that are at least as high, the question itself included."""
    novelty = make_novelty()
    features = rng.normal(scale=3.0, size=(50, 4)).astype(np.float32)
    scores = novelty.score(features)
    expected = [(1 + (novelty.reference >= score).sum()) / 20 for score in scores]
    np.testing.assert_allclose(novelty.rank(features), expected)
    assert novelty.rank(features).dtype == np.float64


def test_without_reference_everything_is_familiar() -> None:
    """A log too small to hold anything out says that nothing is strange."""
    novelty = replace(make_novelty(), reference=np.zeros(0, np.float32))
    assert novelty.rank(np.full((2, 4), 1e6, np.float32)).tolist() == [1.0, 1.0]


def test_arrays_bring_it_back() -> None:
    """Stored and read, a novelty scores the same."""
    novelty = make_novelty()
    read = Novelty.from_arrays(novelty.to_arrays(), 4)
    features = np.arange(8, dtype=np.float32).reshape(2, 4)
    np.testing.assert_array_equal(read.rank(features), novelty.rank(features))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("turn", np.zeros((3, 2), np.float32), "do not fit together"),
        ("turn", np.zeros((3, 3), np.float64), "do not fit together"),
        ("centres", np.zeros((0, 3), np.float32), "do not fit together"),
        ("reference", np.zeros((2, 2), np.float32), "do not fit together"),
        ("origin", np.zeros(2, np.float32), "do not fit together"),
        ("n_components", np.array([1, 2]), "do not fit together"),
        ("n_components", np.array(1.5), "do not fit together"),
        ("mean_features", np.zeros(5, np.float32), "do not fit together"),
        ("columns", np.array([1.0, 3.0]), "do not fit together"),
        ("columns", np.array([1, 4]), "a column does not exist"),
        ("columns", np.array([-1, 3]), "a column does not exist"),
        ("reference", np.array([np.nan], np.float32), "not finite"),
    ],
)
def test_damaged_arrays_are_refused(name: str, value: Any, words: str) -> None:
    """Shapes, kinds, columns and numbers that make no sense are the bundle's fault."""
    with pytest.raises(BundleError, match=words):
        Novelty.from_arrays(make_novelty().to_arrays() | {name: value}, 4)


def test_missing_arrays_are_named() -> None:
    """An array that is not there is named."""
    arrays = make_novelty().to_arrays()
    for name in arrays:
        with pytest.raises(BundleError, match=f"'{name}' is missing"):
            Novelty.from_arrays({k: v for k, v in arrays.items() if k != name}, 4)
