"""Columns of a log: conversion, row by row checks, first labels, repeats averaged by trials."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import LogError
from router.log_columns import (
    average_repeats,
    collect_first,
    convert_to_float,
    drop_nan,
    read_labels,
    read_numbers,
)

NAN = math.nan


def test_cells_of_every_kind_are_numbers() -> None:
    """Numbers of any type and their texts convert; whatever is missing is NaN."""
    cells = [1, 2.5, "3", " 4e0 ", Decimal("0.5"), np.int64(6), None, "", NAN, "nan", pd.NA]
    converted = convert_to_float(cells, "here", "cost")
    assert converted.dtype == np.float64
    np.testing.assert_array_equal(converted, [1, 2.5, 3, 4, 0.5, 6, NAN, NAN, NAN, NAN, NAN])


def test_flags_are_qualities_only() -> None:
    """True and false, as words too, are a right and a wrong answer but no cost."""
    cells = [True, False, np.True_, "True", "false", "TRUE", 0.5]
    assert convert_to_float(cells, "here", "quality", flags=True).tolist() == [
        1,
        0,
        1,
        1,
        0,
        1,
        0.5,
    ]
    for cell in (True, np.False_, "true"):
        with pytest.raises(LogError, match=r"here: row 2: cost .* is not a number"):
            convert_to_float([1.0, cell], "here", "cost")


@pytest.mark.parametrize("cell", ["high", "1,5", [1.0], {"a": 1}, b"1", 10**400, 1j, object()])
def test_cells_that_are_no_numbers_are_named(cell: Any) -> None:
    """Whatever is no number is named with place, row and column."""
    with pytest.raises(LogError, match=r"50% of a\.csv: row 3: cost .* is not a number"):
        convert_to_float([1.0, None, cell], "50% of a.csv", "cost")


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("quality", None, "quality is empty or NaN, not from 0 to 1"),
        ("quality", NAN, "quality is empty or NaN"),
        ("quality", 1.0000001, r"quality 1.0000001 is outside \[0, 1\]"),
        ("quality", -1e-9, r"quality -1e-09 is outside \[0, 1\]"),
        ("quality", math.inf, r"quality inf is outside \[0, 1\]"),
        ("quality", "1.5", r"quality 1.5 is outside \[0, 1\]"),
        ("cost", -1, "cost -1 is negative or not finite"),
        ("cost_usd", math.inf, "cost_usd inf is negative or not finite"),
        ("search_steps", -0.5, "search_steps -0.5 is negative"),
        ("reasoning_tokens", "-inf", "reasoning_tokens -inf is negative"),
        ("trials", 0, "trials 0 is not a whole number from 1 to 1000000000"),
        ("trials", 1.5, "trials 1.5 is not a whole number"),
        ("trials", 1e18, "trials 1e.18 is not a whole number"),
        ("trials", -1, "trials -1 is negative"),
        ("samples", 0.5, "samples 0.5 is not a whole number"),
    ],
)
def test_impossible_values_are_named(column: str, value: Any, message: str) -> None:
    """Every value out of range is named with file, row and column, per cent signs and all."""
    table = {"quality": [0.5, 0.5], column: [1, value]}
    with pytest.raises(LogError, match=r"^100%s {}\.csv: row 2: " + message):
        read_numbers(table, 2, "100%s {}.csv")


def test_absent_columns_are_unknown_and_trials_one() -> None:
    """An absent amount is NaN, absent or null trials are one run."""
    numbers = read_numbers({"quality": [0, 1], "trials": [None, 3]}, 2, "here")
    assert numbers["trials"].tolist() == [1, 3]
    assert np.isnan(numbers["cost_usd"]).all()
    assert np.isnan(numbers["samples"]).all()
    assert read_numbers({"quality": [0, 1]}, 2, "here")["trials"].tolist() == [1, 1]


def test_labels_name_their_row() -> None:
    """A cell that is no name is named with row and column; numbers and gaps are read."""
    assert read_labels(["a", 1.0, 2, None, NAN, "", True], "x", "group") == [
        *("a", "1", "2", None, None, None, "True")
    ]
    with pytest.raises(LogError, match=r"x: row 2: group \[1\] is list, not text or a number"):
        read_labels(["a", [1]], "x", "group")
    with pytest.raises(LogError, match=r"x: row 1: group .*lone surrogate"):
        read_labels(["\ud800"], "x", "group")


@given(st.lists(st.tuples(st.integers(0, 4), st.none() | st.sampled_from("ab"))))
def test_first_known_label_wins(rows: list[tuple[int, str | None]]) -> None:
    """Each thing gets its first label that is known, and those with two labels are listed."""
    index = np.array([thing for thing, _ in rows], dtype=np.int64)
    first, varying = collect_first([label for _, label in rows], index, 5)
    for thing in range(5):
        labels = [label for other, label in rows if other == thing and label is not None]
        assert first[thing] == (labels[0] if labels else None)
        assert (thing in varying) == (len(set(labels)) > 1)


rows = st.tuples(
    st.integers(0, 5),
    st.integers(1, 9),
    st.floats(0, 1),
    st.just(NAN) | st.floats(0, 100),
)


@given(st.lists(rows, min_size=1, max_size=20))
def test_repeats_average_by_trials(table: list[tuple[int, int, float, float]]) -> None:
    """Averages equal those of pandas, weighted by trials over the rows where a value is known."""
    frame = pd.DataFrame(table, columns=["pair", "trials", "quality", "cost"])
    pairs, numbers = average_repeats(
        frame["pair"].to_numpy(np.int64),
        {name: frame[name].to_numpy(np.float64) for name in ("trials", "quality", "cost")},
    )
    if frame["pair"].is_unique:
        assert pairs.tolist() == frame["pair"].tolist()
        np.testing.assert_array_equal(numbers["cost"], frame["cost"])
        return
    assert pairs.tolist() == sorted(frame["pair"].unique())
    for position, (_, part) in enumerate(frame.groupby("pair")):
        assert numbers["trials"][position] == part["trials"].sum()
        for column in ("quality", "cost"):
            known = part.dropna(subset=[column])
            expected = np.average(known[column], weights=known["trials"]) if len(known) else NAN
            assert numbers[column][position] == pytest.approx(expected, nan_ok=True)
    assert ((numbers["quality"] >= 0) & (numbers["quality"] <= 1)).all()


def test_nan_is_dropped() -> None:
    """NaN becomes None, and a NumPy number becomes a plain one."""
    assert drop_nan(NAN) is None
    assert type(drop_nan(np.float64(0.0))) is float
