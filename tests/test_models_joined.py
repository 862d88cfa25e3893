"""Options that joined: served by one product, stored and read back, refused when malformed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.exceptions import BundleError
from router.models.joined import JoinedOptions


def make_joined(*names: str, seed: int = 0) -> JoinedOptions:
    """Make options of random weights over three known options and two tasks."""
    rng = np.random.default_rng(seed)
    p = len(names)
    return JoinedOptions(
        names,
        tuple(f"old {name}" for name in names),
        rng.normal(scale=0.2, size=(3, p)),
        rng.uniform(0.2, 0.4, p),
        rng.normal(scale=0.05, size=(2, p)),
        rng.uniform(0.01, 0.1, p),
    )


def test_predictions_stay_between_nothing_and_everything(rng: np.random.Generator) -> None:
    """Whatever the weights say, quality is from 0 to 1."""
    joined = make_joined("a", "b")
    surface, membership = rng.normal(scale=9.0, size=(50, 3)), rng.dirichlet(np.ones(2), 50)
    quality = joined.predict(surface, membership)
    assert quality.shape == (50, 2)
    assert quality.min() == 0.0
    assert quality.max() == 1.0


def test_what_is_stored_is_read_back(rng: np.random.Generator) -> None:
    """Storing loses nothing."""
    joined = make_joined("a", "b")
    again = JoinedOptions.from_arrays(joined.to_arrays(), joined.names, joined.stand_ins)
    surface, membership = rng.random((5, 3)), rng.dirichlet(np.ones(2), 5)
    np.testing.assert_array_equal(
        again.predict(surface, membership), joined.predict(surface, membership)
    )
    np.testing.assert_array_equal(again.deviation, joined.deviation)


def test_later_options_replace_earlier_ones() -> None:
    """Of two options with one name the later stays, at its place behind the others."""
    first, second = make_joined("a", "b", seed=1), make_joined("c", "a", seed=2)
    both = first.append(second)
    assert both.names == ("b", "c", "a")
    assert both.stand_ins == ("old b", "old c", "old a")
    np.testing.assert_array_equal(both.weights[:, 0], first.weights[:, 1])
    np.testing.assert_array_equal(both.weights[:, 1:], second.weights)


@pytest.mark.parametrize(
    "change",
    [
        {"weights": np.zeros((3, 1))},
        {"offset": np.zeros(3)},
        {"tasks": np.zeros(2)},
        {"deviation": np.array([0.1, np.nan])},
        {"offset": None},
        {"weights": np.array([["x", "y"]])},
    ],
)
def test_malformed_arrays_are_refused(change: dict[str, Any]) -> None:
    """Shapes that do not fit, missing arrays and numbers that are none are named."""
    arrays = make_joined("a", "b").to_arrays() | change
    kept = {name: value for name, value in arrays.items() if value is not None}
    with pytest.raises(BundleError, match=r"joined\.npz"):
        JoinedOptions.from_arrays(kept, ("a", "b"), ("c", "d"))


def test_every_option_has_a_stand_in() -> None:
    """As many options stand in as there are, no fewer."""
    with pytest.raises(BundleError, match="1 options stand in for 2"):
        JoinedOptions.from_arrays(make_joined("a", "b").to_arrays(), ("a", "b"), ("c",))
