"""Intervals by resampling questions, and the checks of what laws are given."""

from __future__ import annotations

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies import bound_by_resampling
from router.strategies.estimates import read_amounts, read_counts, read_shares


def test_interval_is_as_wide_as_theory_says() -> None:
    """A mean's interval is 1.96 standard errors to both sides, and repeats with its seed."""
    values = np.random.default_rng(3).standard_normal(2000)

    def measure(rows: np.ndarray) -> dict[str, float]:
        """Average what was drawn."""
        return {"mean": values[rows].mean()}

    found = bound_by_resampling(measure, 2000, n_resamples=2000)["mean"]
    error = values.std() / np.sqrt(2000)
    assert found.value == pytest.approx(values.mean())
    assert found.low == pytest.approx(found.value - 1.96 * error, abs=0.2 * error)
    assert found.high == pytest.approx(found.value + 1.96 * error, abs=0.2 * error)
    assert (
        bound_by_resampling(measure, 2000, n_resamples=50)["mean"]
        == bound_by_resampling(measure, 2000, n_resamples=50)["mean"]
    )


def test_messages_name_what_is_wrong_and_what_is_allowed() -> None:
    """The offending value and the allowed range are in the message."""
    with pytest.raises(InputError, match=r"p has 1\.5: allowed are 0 to 1"):
        read_shares("p", [0.5, 1.5])
    with pytest.raises(InputError, match=r"t has nan: allowed are finite numbers above 0"):
        read_amounts("t", [float("nan")])
    with pytest.raises(InputError, match=r"n has 1\.5: allowed are whole numbers from 1 up"):
        read_counts("n", [1.5], least=1)
    with pytest.raises(InputError, match="n_resamples is 0"):
        bound_by_resampling(lambda _rows: {}, 3, n_resamples=0)
