"""Inputs of the learners: the same numbers at training as at serving, from texts alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.features.encoder import TextEncoder
from router.features.shape import SHAPE_NAMES, measure_shape
from router.models.inputs import (
    N_TREE_COMPONENTS,
    SHAPE_CLIP,
    SHAPE_WEIGHT,
    fit_inputs,
    round_half,
)
from tests.contracts.gains import AWKWARD_TEXTS, make_texts

TEXTS, _ = make_texts(80)


def test_components_are_those_of_the_encoder() -> None:
    """What the learners were trained on is what the encoder gives for the same texts."""
    tables, inputs = fit_inputs(TEXTS, n_components=16)
    encoder = TextEncoder(tables.vocabularies, tables.projections)
    features = encoder.encode(TEXTS)
    np.testing.assert_allclose(inputs.dense[:, :16], features[:, :16], atol=1e-4)
    np.testing.assert_allclose(inputs.tree[:, :16], features[:, :16], atol=1e-4)
    np.testing.assert_array_equal(inputs.tree[:, 16:], measure_shape(TEXTS))
    assert TextEncoder.from_arrays(encoder.to_arrays()).fingerprint == encoder.fingerprint


def test_components_are_the_leading_ones() -> None:
    """The components span what an exact decomposition finds, scaled to one mean length."""
    _, inputs = fit_inputs(TEXTS, n_components=6)
    matrix = inputs.ngrams.toarray().astype(float)
    left, values, _ = np.linalg.svd(matrix, full_matrices=False)
    exact = left[:, :6] * values[:6]
    found = inputs.dense[:, :6]
    assert (found**2).sum(axis=1).mean() == pytest.approx(6.0, rel=2e-3)
    alike = np.linalg.norm(exact.T @ found) / (np.linalg.norm(exact @ exact.T) ** 0.5)
    assert alike / np.linalg.norm(found.T @ found) ** 0.5 > 0.99


def test_shape_is_standardised_and_clipped() -> None:
    """Scaled shape has mean 0 and spread 1 where a column varies, and outliers stop at 5."""
    tables, inputs = fit_inputs(TEXTS, n_components=4)
    shape = measure_shape(TEXTS)
    varies = shape.std(axis=0) > 1e-6
    assert 3 < varies.sum() < len(SHAPE_NAMES)
    inside = np.abs((shape - shape.mean(axis=0)) / tables.shape_spread) < SHAPE_CLIP
    columns = varies & inside.all(axis=0)
    np.testing.assert_allclose(inputs.shape[:, columns].mean(axis=0), 0.0, atol=1e-5)
    np.testing.assert_allclose(inputs.shape[:, columns].std(axis=0), 1.0, atol=1e-4)
    np.testing.assert_allclose(inputs.shape[:, ~varies], 0.0, atol=1e-5)
    far = tables.scale_shape(np.full((1, len(SHAPE_NAMES)), 1e6, np.float32))
    assert np.all(far == SHAPE_CLIP)
    np.testing.assert_allclose(inputs.dense[:, 4:], SHAPE_WEIGHT * inputs.shape)


def test_trees_see_the_leading_components_only() -> None:
    """However many components there are, the trees get the first of them and the raw shape."""
    texts, _ = make_texts(120, seed=5)
    _, inputs = fit_inputs(texts, n_components=64)
    assert inputs.dense.shape[1] == 64 + len(SHAPE_NAMES)
    assert inputs.tree.shape[1] == N_TREE_COMPONENTS + len(SHAPE_NAMES)


def test_rows_can_be_taken() -> None:
    """Taking rows takes them from every form alike."""
    _, inputs = fit_inputs(TEXTS, n_components=4)
    rows = np.array([5, 2, 60])
    taken = inputs.take(rows)
    np.testing.assert_array_equal(taken.words.toarray(), inputs.words.toarray()[rows])
    np.testing.assert_array_equal(taken.ngrams.toarray(), inputs.ngrams.toarray()[rows])
    for name in ("dense", "shape", "tree"):
        np.testing.assert_array_equal(getattr(taken, name), getattr(inputs, name)[rows])
    base = np.ones((3, 2))
    assert taken.stack_tree_inputs(base)[:, -2:].tolist() == base.tolist()


def test_same_texts_give_the_same_tables() -> None:
    """The randomised decomposition is seeded: the encoder does not change from run to run."""
    prints = []
    for _ in range(2):
        tables, _ = fit_inputs(TEXTS, n_components=8)
        prints.append(TextEncoder(tables.vocabularies, tables.projections).fingerprint)
    assert prints[0] == prints[1]


@pytest.mark.parametrize(
    "texts",
    [
        ["a", "b", "c", "d"],
        ["same"] * 5,
        ["", " ", "."],
        [*AWKWARD_TEXTS],
        ["one two", "one three", "four"],
    ],
)
def test_texts_with_little_in_common_give_finite_inputs(texts: list[str]) -> None:
    """No shared word, nothing but one word, and no words at all still give finite inputs."""
    tables, inputs = fit_inputs(texts)
    for values in (inputs.dense, inputs.shape, inputs.tree):
        assert np.isfinite(values).all()
    assert all(np.isfinite(table).all() for table in tables.projections)
    assert inputs.dense.shape == (len(texts), tables.n_components + len(SHAPE_NAMES))


@given(st.floats(-60_000, 60_000))
def test_half_precision_is_stable(value: float) -> None:
    """Rounding a second time changes nothing, and the first is within half a thousandth."""
    once = round_half(np.array([value]))
    np.testing.assert_array_equal(round_half(once), once)
    assert once[0] == pytest.approx(value, rel=5e-4, abs=6e-8)
