"""The surface: rows shifted into range without squeezing what options differ in."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from router.models.surface import EVIDENCE_KINDS, Surface, shift_into_range
from router.options import SKIP, Menu, Option
from router.questions import Question
from tests.contracts.gains import planted_bundle

if TYPE_CHECKING:
    from numpy.typing import NDArray

SURFACES = arrays.arrays(
    np.float64, st.tuples(st.integers(1, 5), st.integers(1, 4)), elements=st.floats(-2, 3)
)


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
