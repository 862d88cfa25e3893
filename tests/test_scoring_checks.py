"""Arrays for scoring: brought to one shape, or refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.exceptions import InputError
from router.scoring.checks import check_surface

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def test_costs_and_mask_take_the_shape_of_the_surface() -> None:
    """Costs a column and no mask become full matrices."""
    quality, cost, allowed = check_surface([[0.0, 1.0], [0.5, 0.5]], [1, 2], None)
    assert quality.dtype == np.float64
    assert cost.tolist() == [[1.0, 2.0], [1.0, 2.0]]
    assert allowed.all()


@pytest.mark.parametrize(
    ("quality", "cost", "allowed", "words"),
    [
        ([0.5], [1.0], None, "quality has shape"),
        (np.zeros((0, 2)), [1.0, 2.0], None, "quality has shape"),
        ([[0.5, 0.5]], [1.0], None, "cost has shape"),
        ([[0.5, np.nan]], [1.0, 2.0], None, "finite"),
        ([[0.5, 0.5]], [1.0, np.inf], None, "finite"),
        ([[0.5, 0.5]], [1.0, -2.0], None, "negative"),
        ([[0.5, 0.5]], [1.0, 2.0], [[False, False]], "option in every row"),
        ([[0.5, 0.5]], [1.0, 2.0], [True, False], "allowed has shape"),
    ],
)
def test_unfit_arrays_are_refused(
    quality: ArrayLike, cost: ArrayLike, allowed: ArrayLike | None, words: str
) -> None:
    """Every kind of unfit array is refused with its shape or its fault."""
    with pytest.raises(InputError, match=words):
        check_surface(quality, cost, allowed)
