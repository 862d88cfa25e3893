"""Trees: single precision changes no decision, and merging adds up what boosters say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.models import trees
from router.models.ensembles import fit_forest
from router.models.graph import GraphBuilder
from router.models.session import Session
from router.models.trees import convert_booster, convert_forest, merge_trees, round_thresholds
from tests.contracts.gains import fit_trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXACT = {
    "min_data_in_leaf": 1,
    "min_data_in_bin": 1,
    "max_bin": 255,
    "min_sum_hessian_in_leaf": 0.0,
    "learning_rate": 0.5,
}


def run_merged(
    boosters: list[tuple[Any, int, float]], inputs: NDArray[np.float32], n_targets: int
) -> NDArray[np.float64]:
    """Run boosters as one node of a graph."""
    return run_parts([convert_booster(*part) for part in boosters], inputs, n_targets)


def run_parts(
    parts: list[trees.TreeAttributes], inputs: NDArray[np.float32], n_targets: int
) -> NDArray[np.float64]:
    """Run converted trees as one node of a graph."""
    builder = GraphBuilder()
    node = merge_trees(parts, n_targets=n_targets, input_name="x", output_name="sum")
    content = builder.finish({"x": inputs.shape[1]}, builder.add_node(node), n_targets)
    return Session(content, "trees").run({"x": inputs})


def make_neighbours(start: float) -> tuple[NDArray[np.float32], NDArray[np.float64], Any]:
    """Train on values one step of single precision apart, whose outcome alternates."""
    values = np.float32(start).view(np.int32) + np.arange(200)
    inputs = values.astype(np.int32).view(np.float32)[:, None]
    target = (np.arange(200) // 4 % 2).astype(np.float64)
    return inputs, target, fit_trees(inputs, target, 30, **EXACT)


@pytest.mark.parametrize("start", [1.0, 1.7e9, 0.1, 3e-20])
def test_rounded_thresholds_keep_every_decision(start: float) -> None:
    """On values one step apart the rounded booster and its graph decide as the original does."""
    inputs, target, booster = make_neighbours(start)
    native = booster.predict(inputs)
    assert np.abs(native - target).max() < 0.2
    rounded = round_thresholds(booster)
    np.testing.assert_array_equal(rounded.predict(inputs), native)
    found = run_merged([(rounded, 0, 1.0)], inputs, 1)[:, 0]
    np.testing.assert_allclose(found, native, atol=1e-5)


def test_without_rounding_the_graph_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault is real: the original thresholds, converted as they are, decide otherwise."""
    monkeypatch.setattr(trees, "round_thresholds", lambda booster: booster)
    inputs, _, booster = make_neighbours(1.0)
    found = run_merged([(booster, 0, 1.0)], inputs, 1)[:, 0]
    assert np.abs(found - booster.predict(inputs)).max() > 0.1


def test_negative_thresholds_are_rounded_down_too() -> None:
    """Below zero the nearest single precision number may lie above as well."""
    inputs, _, booster = make_neighbours(1.0)
    mirrored = -inputs[::-1]
    booster = fit_trees(mirrored, (np.arange(200) // 4 % 2).astype(float), 30, **EXACT)
    rounded = round_thresholds(booster)
    np.testing.assert_array_equal(rounded.predict(mirrored), booster.predict(mirrored))
    found = run_merged([(rounded, 0, 1.0)], mirrored, 1)[:, 0]
    np.testing.assert_allclose(found, booster.predict(mirrored), atol=1e-5)


def read_thresholds(booster: Any) -> NDArray[np.float64]:
    """Read all split thresholds of a booster."""
    lines = re.findall(r"^threshold=(.+)$", booster.model_to_string(), flags=re.MULTILINE)
    return np.array([float(text) for line in lines for text in line.split()])


def test_thresholds_become_the_largest_number_not_above(rng: np.random.Generator) -> None:
    """Each new threshold is a single precision number at or below, the next one is above."""
    inputs = rng.normal(size=(300, 4)).astype(np.float32)
    booster = fit_trees(inputs, inputs[:, 0] * inputs[:, 1])
    before, after = read_thresholds(booster), read_thresholds(round_thresholds(booster))
    assert len(before) > 50
    single = after.astype(np.float32)
    np.testing.assert_array_equal(single.astype(np.float64), after)
    above = np.nextafter(single, np.float32(np.inf)).astype(np.float64)
    assert np.all((after <= before) & (above > before))
    assert np.any(after < before)


@pytest.mark.parametrize("n_boosters", [1, 3])
def test_merged_trees_add_up(rng: np.random.Generator, n_boosters: int) -> None:
    """Each booster is multiplied by its factor and added to its target; others stay zero."""
    inputs = rng.normal(size=(200, 3)).astype(np.float32)
    boosters = [
        (
            round_thresholds(fit_trees(inputs, np.sin((k + 1) * inputs[:, 0]) + inputs[:, k])),
            k % 2,
            k - 1.5,
        )
        for k in range(n_boosters)
    ]
    expected = np.zeros((200, 3))
    for booster, target, factor in boosters:
        expected[:, target] += factor * booster.predict(inputs)
    found = run_merged(boosters, inputs, 3)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not found[:, 2].any()


@pytest.mark.parametrize("value", [0.0, 0.25])
def test_booster_without_a_split_is_a_constant(value: float) -> None:
    """Options that never differ leave trees of one leaf, which still convert."""
    inputs = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
    flat = fit_trees(inputs, np.full(60, value))
    curved = fit_trees(inputs, inputs[:, 0])
    np.testing.assert_allclose(round_thresholds(flat).predict(inputs), value, atol=1e-6)
    merged = [(round_thresholds(flat), 0, 2.0), (round_thresholds(curved), 1, 1.0)]
    found = run_merged(merged, inputs, 2)
    np.testing.assert_allclose(found[:, 0], 2 * value, atol=1e-5)
    np.testing.assert_allclose(found[:, 1], curved.predict(inputs), atol=1e-5)


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_forest_becomes_the_same_node(rng: np.random.Generator, n_outputs: int) -> None:
    """Every output is multiplied by its factor, those of factor zero stay zero, columns shift."""
    inputs = rng.normal(size=(300, 5)).astype(np.float32)
    target = np.column_stack([inputs[:, 2] ** 2, inputs[:, 3] * inputs[:, 4], inputs[:, 4]])
    forest = fit_forest(inputs, target[:, :n_outputs], 3, first_column=2)
    factor = np.array([0.7, 0.0, -1.3])[:n_outputs]
    found = run_parts([convert_forest(forest.forest, factor, 2)], inputs, n_outputs)
    np.testing.assert_allclose(found, forest.predict(inputs) * factor, atol=1e-5)
    assert np.abs(found[:, 0]).max() > 0.1


def test_forest_and_boosters_add_up_in_one_node(rng: np.random.Generator) -> None:
    """Trees of both kinds share a node without taking each other's place."""
    inputs = rng.normal(size=(200, 4)).astype(np.float32)
    forest = fit_forest(inputs, inputs[:, :2].astype(np.float64) ** 2, 0)
    booster = fit_trees(inputs[:, 1:], inputs[:, 3])
    factor = np.array([1.0, 2.0])
    parts = [convert_forest(forest.forest, factor), convert_booster(booster, 1, -0.5, 1)]
    expected = forest.predict(inputs) * factor
    expected[:, 1] -= 0.5 * booster.predict(inputs[:, 1:])
    np.testing.assert_allclose(run_parts(parts, inputs, 2), expected, atol=1e-5)
