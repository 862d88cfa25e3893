"""The deferral curve: what is chosen at every price, against brute force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import InputError
from router.scoring.deferral import sweep_prices

if TYPE_CHECKING:
    from numpy.typing import NDArray


def draw_problem(
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Draw qualities with ties, costs with ties, and a mask with an option in every row."""
    generator = np.random.default_rng(seed)
    shape = (int(generator.integers(1, 30)), int(generator.integers(1, 6)))
    allowed = generator.random(shape) < 0.7
    allowed[np.arange(shape[0]), generator.integers(0, shape[1], shape[0])] = True
    return generator.integers(0, 6, shape) / 5, generator.integers(0, 4, shape[1]) / 1.0, allowed


@given(seed=st.integers(0, 2**32 - 1), n_knots=st.integers(1, 20))
def test_choices_maximise_quality_less_cost(seed: int, n_knots: int) -> None:
    """At every price the choice is as good as any, cost counted at that price."""
    quality, cost, allowed = draw_problem(seed)
    sweep = sweep_prices(quality, cost, allowed=allowed, n_knots=n_knots)
    assert 2 <= len(sweep.price) <= n_knots + 1
    assert (np.diff(sweep.price) < 0).all()
    rows = np.arange(len(quality))
    for price, choices in zip(sweep.price[1:], sweep.choices[1:], strict=True):
        worth = np.where(allowed, quality - price * cost, -np.inf)
        np.testing.assert_allclose(worth[rows, choices], worth.max(1), atol=1e-9)
    cheapest = np.where(allowed, cost, np.inf).min(1)
    np.testing.assert_array_equal(cost[sweep.choices[0]], cheapest)
    assert allowed[rows, sweep.choices].all()


@given(seed=st.integers(0, 2**32 - 1))
def test_curve_rises_to_the_best_prediction(seed: int) -> None:
    """Predicted quality and cost never fall as the price does, and the end is the best there is."""
    quality, cost, allowed = draw_problem(seed)
    sweep = sweep_prices(quality, cost, allowed=allowed)
    predicted = sweep.take(quality)
    assert (np.diff(predicted, axis=0) >= 0).all()
    assert (np.diff(cost[sweep.choices], axis=0) >= 0).all()
    np.testing.assert_array_equal(predicted[-1], np.where(allowed, quality, -1).max(1))


def test_nothing_to_climb_still_makes_a_curve() -> None:
    """Where dearer options are no better, both knots hold the cheapest."""
    sweep = sweep_prices([[0.5, 0.5]], [1.0, 2.0])
    assert sweep.price.tolist() == [np.inf, 0.0]
    assert sweep.choices.tolist() == [[0], [0]]


def test_unusable_arrays_are_refused() -> None:
    """Shapes, signs and empty rows are checked."""
    with pytest.raises(InputError, match="neither zero"):
        sweep_prices([0.5], [1.0])
    with pytest.raises(InputError, match="cost has shape"):
        sweep_prices([[0.5, 0.6]], [1.0])
    with pytest.raises(InputError, match="no cost negative"):
        sweep_prices([[0.5, 0.6]], [1.0, -1.0])
    with pytest.raises(InputError, match="an option in every row"):
        sweep_prices([[0.5, 0.6]], [1.0, 2.0], allowed=[[False, False]])
