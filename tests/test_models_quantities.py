"""Quantities: factors over means, tasks without a label, storage that notices damage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from router.exceptions import BundleError
from router.models import quantities as quantities_module
from router.models.quantities import Quantities, QuantityHead, QuantityInputs

NAMES = {"options": ("a", "b"), "groups": ("x", "y"), "units": ("tokens",)}


def make_quantities() -> Quantities:
    """Make a model in which task y doubles what the first option consumes."""
    zero, one = np.zeros(2, np.float32), np.ones(2, np.float32)
    coefficient = np.zeros((4, 2), np.float32)
    coefficient[0, 1], coefficient[3, 0] = 0.5, np.log(2.0)
    head = QuantityHead(
        coefficient, zero, -5 * one, 5 * one, one, one, np.array([0.2, 0.0], np.float32), 0.1
    )
    limit = np.array([np.inf, 1.0], np.float32)
    share = np.array([0.75, 0.25], np.float32)
    inputs = QuantityInputs(np.array([0, 2]), zero, one, limit, share, 1.0)
    return Quantities(("a", "b"), ("x", "y"), inputs, {"tokens": head})


FEATURES = np.array([[0.0, 9.0, 9.0], [2.0, 9.0, 9.0], [0.0, 9.0, 9.0]], np.float32)


def test_factors_follow_task_and_text() -> None:
    """A task's and a feature's part multiply the option's mean; no label is the average task."""
    found = make_quantities().predict(FEATURES, ["x", "y", None], ("b", "a", "other"))
    np.testing.assert_allclose(
        found.factor["tokens"],
        [[1.0, 1.0, 1.0], [np.e, 2.0, 1.0], [1.0, 2**0.25, 1.0]],
        rtol=1e-6,
    )
    np.testing.assert_allclose(
        found.deviation["tokens"][:, :2], found.factor["tokens"][:, :2] * [0.0, 0.2]
    )
    assert found.task_index.tolist() == [0, 1, 2]
    assert found.task_deviation == {"tokens": 0.1}


def test_questions_without_a_label_are_a_task_where_the_log_had_such() -> None:
    """Whether others of the batch have labels changes nothing for one that has none."""
    quantities = replace(make_quantities(), groups=("", "x"))
    alone = quantities.predict(FEATURES, [None] * 3, ("a",))
    mixed = quantities.predict(FEATURES, [None, None, "x"], ("a",))
    np.testing.assert_array_equal(alone.task_index, [0, 0, 0])
    np.testing.assert_array_equal(alone.factor["tokens"][:2], mixed.factor["tokens"][:2])


def test_options_that_were_not_measured_stay_at_their_mean() -> None:
    """A menu without any known option gets factor 1 and an unknown deviation."""
    found = make_quantities().predict(FEATURES, [None] * 3, ("p", "q"))
    np.testing.assert_array_equal(found.factor["tokens"], np.ones((3, 2)))
    assert np.isnan(found.deviation["tokens"]).all()


def test_menus_are_remembered_without_being_mixed_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many menus in turn get each their own columns, and few of them are kept."""
    monkeypatch.setattr(quantities_module, "MENUS_MAX", 2)
    quantities = make_quantities()
    whole = quantities.predict(FEATURES, ["x", "y", None], ("a", "b", "c")).factor["tokens"]
    for names in ("cab", "bca", "ac", "b", "cab"):
        found = quantities.predict(FEATURES, ["x", "y", None], tuple(names)).factor["tokens"]
        np.testing.assert_array_equal(found, whole[:, ["abc".index(name) for name in names]])
    assert len(quantities._places) <= 2


def test_lines_are_bounded_by_what_was_seen() -> None:
    """A question far outside does not get a factor beyond the largest of training."""
    quantities = make_quantities()
    wild = quantities.predict(FEATURES * 1e6, ["x"] * 3, ("b",)).factor["tokens"]
    assert wild.max() <= np.exp(5.0) * (1 + 1e-6)


def test_storage_gives_the_same_back() -> None:
    """Arrays go out and come in without a change."""
    quantities = make_quantities()
    again = Quantities.from_arrays(quantities.to_arrays(), NAMES, 3)
    first = quantities.predict(FEATURES, ["x", "y", None], ("a", "b"))
    second = again.predict(FEATURES, ["x", "y", None], ("a", "b"))
    np.testing.assert_array_equal(first.factor["tokens"], second.factor["tokens"])
    np.testing.assert_array_equal(first.deviation["tokens"], second.deviation["tokens"])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("tokens/kept", None, "malformed"),
        ("tokens/kept", np.ones(3, np.float32), "fit together"),
        ("tokens/smearing", np.array([1.0, np.nan], np.float32), "not finite"),
        ("inputs/columns", np.array([0, 3]), "does not exist"),
        ("inputs/columns", np.array([0.0, 1.0]), "fit together"),
        ("tokens/task_deviation", np.array(["x"]), "malformed"),
    ],
)
def test_damage_is_noticed(
    name: str, value: np.ndarray[tuple[int], np.dtype[np.generic]] | None, message: str
) -> None:
    """Missing arrays, other shapes, numbers that are none and columns that are none raise."""
    arrays = make_quantities().to_arrays()
    if value is None:
        del arrays[name]
    else:
        arrays[name] = value
    with pytest.raises(BundleError, match=message):
        Quantities.from_arrays(arrays, NAMES, 3)


def test_kept_of_nothing_is_the_mean() -> None:
    """A line that held-out questions did not follow changes nothing."""
    quantities = make_quantities()
    head = replace(quantities.heads["tokens"], kept=np.zeros(2, np.float32))
    still = replace(quantities, heads={"tokens": head})
    found = still.predict(FEATURES, ["x", "y", None], ("a", "b"))
    np.testing.assert_array_equal(found.factor["tokens"], np.ones((3, 2)))
