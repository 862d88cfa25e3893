"""One question at the door: what is refused, and by which words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.allocation.question import check_question
from router.exceptions import AllocationError


@pytest.mark.parametrize(
    ("quality", "cost", "allowed", "n_budgets", "message"),
    [
        ([0.1, np.nan], [0, 1], None, None, r"quality_row\[1\] is nan; it must lie in \[0, 1\]"),
        ([1.5, 0.1], [0, 1], None, None, r"quality_row\[0\] is 1.5"),
        (["a"], [0], None, None, r"quality_row has type .*numbers in \[0, 1\]"),
        ([], [], None, None, r"quality_row has shape \(0,\)"),
        ([[0.1]], [0], None, None, r"quality_row has shape \(1, 1\)"),
        ([0.1, 0.2], [0, -3], None, None, r"cost_row\[1\] is -3"),
        ([0.1, 0.2], [0, 2**63], None, None, r"cost_row\[1\] is 9223372036854775808"),
        ([0.1, 0.2], [0.0, 1.5], None, None, r"cost_row has type float64; integer"),
        ([0.1, 0.2], [0], None, None, r"cost_row has shape \(1,\); \(2,\) is needed"),
        ([0.1, 0.2], [0, 1], None, 2, r"cost_row has shape \(2,\); \(2, 2\) is needed"),
        ([0.1, 0.2], [0, 1], [True], None, r"allowed has type bool and shape \(1,\)"),
        ([0.1, 0.2], [0, 1], [0, 1], None, r"allowed has type int64 and shape \(2,\)"),
    ],
)
def test_bad_rows_are_refused(
    quality: Any, cost: Any, allowed: Any, n_budgets: int | None, message: str
) -> None:
    """The error names the row, the option and what is allowed."""
    cost = np.array(cost, dtype=np.uint64) if 2**63 in cost else cost
    with pytest.raises(AllocationError, match=message):
        check_question(quality, cost, allowed, n_budgets)


def test_a_row_is_read_with_one_column_per_budget() -> None:
    """Costs become a table of 64-bit integers whether there is one budget or two."""
    single = check_question([0.5, 1], np.array([0, 7], dtype=np.uint8), [True, False], None)
    many = check_question([0.5, 1.0], [[0, 1], [2, 3]], None, 2)
    assert single.cost.tolist() == [[0], [7]]
    assert single.cost.dtype == np.dtype(np.int64)
    assert (many.cost.tolist(), many.allowed) == ([[0, 1], [2, 3]], None)
    assert single.quality.dtype == np.dtype(np.float64)
