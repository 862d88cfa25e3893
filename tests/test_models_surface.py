"""The surface: rows shifted into range without squeezing what options differ in."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from router.models.calibration import BatchError
from router.models.surface import EVIDENCE_KINDS, Surface, shift_into_range
from router.options import SKIP, Menu, Option
from router.questions import Question
from tests.contracts.gains import planted_bundle

if TYPE_CHECKING:
    from numpy.typing import NDArray

SURFACES = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=st.floats(-2, 3)
)

ERROR = BatchError(0.02, 1.0, 1.7)


@given(SURFACES)
def test_rows_are_shifted_not_squeezed(surface: NDArray[np.float64]) -> None:
    """Every value ends in [0, 1]; a row that fits there keeps the differences of its options."""
    shifted = shift_into_range(surface)
    assert np.all((shifted >= 0) & (shifted <= 1))
    fits = np.ptp(surface, axis=1) <= 1
    before, after = surface[fits], shifted[fits]
    np.testing.assert_allclose(np.diff(after, axis=1), np.diff(before, axis=1), atol=1e-12)
    inside = np.all((surface >= 0) & (surface <= 1), axis=1)
    np.testing.assert_array_equal(shifted[inside], surface[inside])
    order = np.argsort(surface, axis=1, kind="stable")
    assert np.all(np.diff(np.take_along_axis(shifted, order, axis=1), axis=1) >= -1e-12)


def test_evidence_is_of_the_kinds_listed() -> None:
    """A menu with a known option, a stranger and skip shows every kind of evidence once."""
    menu = Menu((Option("small|s0", model="small"), Option("stranger", search_steps=1.0), SKIP))
    surface = planted_bundle().predictor.predict([Question("q", "who?")], menu)
    assert surface.evidence == EVIDENCE_KINDS


def test_surface_cannot_be_changed() -> None:
    """What was predicted stays as it was predicted."""
    surface = Surface(
        Menu((SKIP,)), np.zeros((1, 1)), np.zeros((1, 1)), np.zeros((1, 1)), ("none",)
    )
    with pytest.raises(FrozenInstanceError):
        surface.quality = np.ones((1, 1))  # type: ignore[misc]


def make_surface(**changes: Any) -> Surface:
    """Make a surface of two known options, a stranger and skip over three questions."""
    menu = Menu((Option("a"), Option("b"), Option("stranger"), SKIP))
    quality = np.tile([0.5, 0.8, 0.6, 0.0], (3, 1))
    kinds = ("outcomes", "outcomes", "descriptors", "none")
    low, high = np.maximum(quality - 0.2, 0.0), np.minimum(quality + 0.1, 1.0)
    high[:, 3] = 0.0
    return Surface(menu, quality, low, high, kinds, batch_error=ERROR, **changes)


def test_totals_are_bounded_by_the_error_of_plans() -> None:
    """Known options share the error of a plan; guesses bring the whole of their own intervals."""
    surface, rows = make_surface(), np.arange(3)
    known = surface.bound_total(rows, np.array([0, 0, 1]))
    width = 3 * ERROR.measure_width(np.array([0.5, 0.5, 0.8]))
    # No plan brings more than one for every question that is answered.
    assert known == pytest.approx((1.8 - width, min(1.8 + width, 3.0)))
    guessed = surface.bound_total(rows, np.array([0, 2, 3]))
    width = ERROR.measure_width(np.array([0.5]))
    assert guessed == pytest.approx((max(1.1 - width - 0.2, 0), min(1.1 + width + 0.1, 2.0)))
    strange = make_surface(abstained=np.array([True, True, True]))
    assert strange.bound_total(rows, np.array([0, 1, 1])) == pytest.approx((1.5, 2.4))
    assert surface.bound_total(rows[:0], rows[:0]) == (0.0, 0.0)


def test_doubt_of_an_option_does_not_fade_in_totals() -> None:
    """Expectations of one option for want of outcomes are off together, so their doubt adds up."""
    rows, columns = np.arange(3), np.array([0, 1, 1])
    surface = make_surface(doubt=np.array([0.0, 0.05, 0.0, 0.0]))
    width = np.hypot(3 * ERROR.measure_width(np.array([0.5, 0.8, 0.8])), 0.1)
    expected = (2.1 - width, min(2.1 + width, 3.0))
    assert surface.bound_total(rows, columns) == pytest.approx(expected)
    none = make_surface(doubt=np.zeros(4)).bound_total(rows, columns)
    assert none == pytest.approx(make_surface().bound_total(rows, columns))


def test_totals_without_a_measured_error_are_not_bounded() -> None:
    """What was not measured is not stated."""
    surface = replace(make_surface(), batch_error=None)
    assert surface.bound_total(np.arange(3), np.zeros(3, np.int64)) is None
