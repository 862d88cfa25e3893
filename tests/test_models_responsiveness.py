"""Responsiveness: planes through options' means, with the errors that follow from theirs."""

from __future__ import annotations

import numpy as np
import pytest

from router.models.responsiveness import ROWS_MAX, measure_responsiveness, write_responsiveness
from router.options import Option
from tests.contracts.newcomers import make_option


def test_plane_is_found_where_there_is_one(rng: np.random.Generator) -> None:
    """Means on a plane give its height at the least place and its rise to the highest."""
    options = [
        Option(f"{effort}{samples}", model="a", reasoning_effort=effort, samples=samples)
        for effort in ("low", "high")
        for samples in (1, 4, 32)
    ]
    rise = np.array([0.0, np.log(4) / np.log(32), 1.0])
    means = 0.4 + np.add.outer([0.0, 0.2], 0.1 * rise).ravel()
    half = rng.normal(size=(6, 6))
    covariance = 1e-4 * half @ half.T
    (row,) = measure_responsiveness(options, means, covariance)
    assert row["ability"] == pytest.approx(0.4)
    assert row["gains"]["reasoning"]["gain"] == pytest.approx(0.2)
    assert row["gains"]["samples"]["gain"] == pytest.approx(0.1)
    assert "searches" not in row["gains"]
    # Reasoning's gain is the difference of two means of three options each.
    weights = np.array([-1.0, -1.0, -1.0, 1.0, 1.0, 1.0]) / 3.0
    error = np.sqrt(weights @ covariance @ weights)
    assert row["gains"]["reasoning"]["error"] == pytest.approx(error)


def test_axes_that_move_together_are_not_told_apart() -> None:
    """Two options that differ in effort and samples at once say nothing of either."""
    options = [make_option("a"), make_option("a", "high", samples=4)]
    (row,) = measure_responsiveness(options, np.array([0.3, 0.6]), 0.01 * np.eye(2))
    assert row["gains"] == {}
    assert (row["ability"], row["ability_error"]) == (pytest.approx(0.3), pytest.approx(0.1))


def test_table_has_the_ablest_first_and_an_end() -> None:
    """Long lists are cut, and a line says by how much."""
    table = [
        {"model": f"m{number:02d}", "ability": number / 100, "ability_error": 0.01, "gains": {}}
        for number in range(ROWS_MAX + 3)
    ]
    lines = write_responsiveness(table)
    assert lines[2].startswith(f"| m{ROWS_MAX + 2} |")
    assert lines[-1].strip().startswith("3 more")
    gain = {"reasoning": {"gain": -0.05, "error": 0.02}}
    assert "| -.050 +- .020 |" in write_responsiveness([table[0] | {"gains": gain}])[-1]
