"""Joint surfaces over several axes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.evaluation.simulation import (
    Axis,
    Population,
    combine_axes,
    find_levels,
    measure_axis,
    measure_interaction,
)
from router.exceptions import InputError
from router.options import Option
from tests.test_evaluation_simulation_fitting import make_log

if TYPE_CHECKING:
    from collections.abc import Callable

LIKE = np.array([[1.0, 0.8, 0.6], [0.8, 1.0, 0.8], [0.6, 0.8, 1.0]])
SEARCHES = Axis("searches", (0, 1, 4), (0.0, 0.5, 0.4), LIKE)
EFFORT = Axis("effort", ("low", "high"), (0.0, 0.6), np.array([[1.0, 0.7], [0.7, 1.0]]))


def test_axes_add_up_and_are_found_again() -> None:
    """What a joint population was made of can be measured on it."""
    joint = combine_axes([SEARCHES, EFFORT], 0.3, share=0.6)
    assert len(joint.options) == 6
    assert joint.options[1] == "searches=0|effort=high"
    assert joint.mean[0] == pytest.approx(0.3)
    levels = {n: [f"searches={n}|effort={word}" for word in ("low", "high")] for n in (0, 1, 4)}
    again = measure_axis(joint, "searches", levels)
    assert again.shifts == pytest.approx(SEARCHES.shifts)
    assert again.likeness == pytest.approx(LIKE, abs=0.01)
    assert again.is_falling
    assert not EFFORT.is_falling
    assert joint.share == pytest.approx(0.6)


def test_an_interaction_counts_where_both_are_far() -> None:
    """It is whole at both last levels, nothing where either is at its first."""
    plain = combine_axes([SEARCHES, EFFORT], 0.3)
    joint = combine_axes([SEARCHES, EFFORT], 0.3, interactions={("effort", "searches"): 0.25})
    moved = np.asarray(joint.thresholds) - np.asarray(plain.thresholds)
    assert moved == pytest.approx([0.0, 0.0, 0.0, 0.25 * 0.5 / 0.4, 0.0, 0.25])


@pytest.mark.parametrize("together", [0.0, 1.0])
def test_an_interaction_is_measured_where_there_is_one(together: float) -> None:
    """The interval holds the difference of differences that outcomes were drawn with."""
    chance = np.random.default_rng(4)
    odds = np.array([-0.5, 0.2, 0.4, 1.1 + together])
    observed = (chance.random((20_000, 4)) < 1.0 / (1.0 + np.exp(-odds))).astype(float)
    found = measure_interaction(make_log(observed), [("a", "b", "c", "d")], n_resamples=400)
    assert found.low < together < found.high
    assert found.high - found.low < 0.4


def test_a_matrix_that_noise_made_impossible_is_mended() -> None:
    """Correlations of several columns may contradict each other; the axis gets near ones."""
    thresholds, loadings = [0.0, 0.2, 0.4], [[0.7, 0.1], [0.6, 0.3], [-0.2, 0.7]]
    population = Population(("x", "y", "z"), thresholds, loadings)
    axis = measure_axis(population, "level", {0: ["x"], 1: ["y"], 2: ["z"]})
    assert np.linalg.eigvalsh(axis.likeness)[0] >= -1e-9
    assert np.diag(axis.likeness) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Axis("a", (1, 2), (0.0,), np.eye(2)), "1 shifts"),
        (lambda: Axis("a", (1, 2), (0.0, 1.0), np.array([[1.0, 2.0], [2.0, 1.0]])), "likeness"),
        (lambda: combine_axes([EFFORT], 1.0), "quality 1.0"),
        (lambda: combine_axes([EFFORT], 0.5, interactions={("effort", "x"): 1.0}), "interaction"),
        (lambda: measure_axis(Population(("x",), [0], [[0.1]]), "a", {0: ["y"]}), r"\['y'\]"),
        (
            lambda: measure_axis(
                Population(("x", "y"), [0, 0], [[0.1]] * 2), "a", {0: ["y"], 1: ["x", "y"]}
            ),
            "different numbers",
        ),
        (lambda: measure_interaction(make_log(np.ones((9, 2))), [("a", "b", "c", "d")]), "'d'"),
    ],
)
def test_what_does_not_fit_is_refused(call: Callable[[], object], message: str) -> None:
    """Errors name the axis, option or number."""
    with pytest.raises(InputError, match=message):
        call()


def test_levels_are_found_where_only_one_thing_differs() -> None:
    """Efforts come from none to high, over all models that have them all."""
    options = [
        Option(f"{model}-{effort}-{n}", model=model, reasoning_effort=effort, samples=n)
        for model, effort, n in (
            ("a", "high", 1),
            ("a", "none", 1),
            ("a", "low", 1),
            ("b", "high", 1),
            ("b", "none", 1),
            ("b", "low", 1),
            ("b", "low", 8),
        )
    ]
    found = find_levels(options, "reasoning_effort")
    assert list(found) == ["none", "low", "high"]
    assert found["low"] == ("a-low-1", "b-low-1")
    assert list(find_levels(options, "samples")) == ["1", "8"]
    assert find_levels(options, "search_steps") == {}
    with pytest.raises(InputError, match="'colour'"):
        find_levels(options, "colour")
