"""Figures of choices, worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import InputError
from router.scoring.choices import compute_entropy, find_collapse


@given(choices=st.lists(st.integers(0, 7), min_size=1, max_size=50))
def test_entropy_lies_between_its_ends(choices: list[int]) -> None:
    """Zero for one option only, at most three bits for eight, and the order does not matter."""
    entropy = compute_entropy(choices)
    assert 0 <= entropy <= 3
    assert (entropy == 0) == (len(set(choices)) == 1)
    assert entropy == pytest.approx(compute_entropy(choices[::-1]))


def test_entropy_of_quarters_is_two_bits() -> None:
    """Four options of equal share hold two bits."""
    assert compute_entropy([0, 1, 2, 3]) == pytest.approx(2.0)


def test_collapse_counts_needless_calls_of_the_dearest() -> None:
    """The dearest option is right only where it alone is best; a worse choice always counts."""
    quality = [[1, 1, 0], [0, 1, 1], [0, 0, 1], [0, 0, 1], [0, 0, 0]]
    assert find_collapse([0, 2, 2, 1, 0], quality, 2).tolist() == [0, 1, 0, 1, 0]


def test_shapes_are_checked() -> None:
    """No choice, or more choices than questions, is an error."""
    with pytest.raises(InputError, match="at least one"):
        compute_entropy([])
    with pytest.raises(InputError, match=r"\(n,\) and \(n, m\)"):
        find_collapse([0, 1], np.zeros((3, 2)), 0)
