"""Outcome logs in files: one log from three kinds, repeats, every malformed input."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import LogError
from router.logs import build_log, read_log
from router.tables import write_parquet
from tests.contracts.tables import BASE, make_frame, write_frame

if TYPE_CHECKING:
    from pathlib import Path

    from router.outcomes import OutcomeLog

NAN = math.nan


def check_same(log: OutcomeLog, other: OutcomeLog) -> None:
    """Check that two logs hold the same."""
    for name in ("query_ids", "texts", "groups", "options", "cost_unit", "dataset", "notes"):
        assert getattr(log, name) == getattr(other, name), name
    for name in ("question_index", "option_index", "quality", "cost", "trials"):
        np.testing.assert_array_equal(getattr(log, name), getattr(other, name), err_msg=name)
    for name in ("unit_costs", "context"):
        ours, theirs = getattr(log, name), getattr(other, name)
        assert ours.keys() == theirs.keys()
        for key in ours:
            np.testing.assert_array_equal(ours[key], theirs[key], err_msg=f"{name} {key}")


@pytest.mark.parametrize("kind", [".parquet", ".jsonl", ".csv"])
@pytest.mark.parametrize("flags", [False, True])
def test_every_kind_gives_the_same_log(tmp_path: Path, kind: str, *, flags: bool) -> None:
    """Parquet, JSON lines, CSV and a table in memory make one log, with flags for qualities too."""
    frame = make_frame()
    if flags:
        frame["quality"] = frame["quality"] > 0.5
    read = read_log(write_frame(frame, tmp_path / f"log{kind}"))
    check_same(read, build_log(frame.to_dict("list"), name="log"))
    assert read.n_questions == 3
    assert read.n_options == 3
    assert read.dataset == "toy"
    assert read.groups == ("g", None, "h")
    assert read.notes == ("ignored columns: colour", "averaged 3 repeated rows by trials")


@pytest.mark.parametrize("convert", [str, int, float, np.int64])
def test_identifiers_may_be_numbers(tmp_path: Path, convert: Any) -> None:
    """Identifiers, groups and options of any number type are the same names."""
    frame = pd.DataFrame(
        {
            "query_id": [convert(7), convert(7), convert(12)],
            "query": ["a", "a", "b"],
            "group": [convert(1), convert(1), convert(2)],
            "option": [convert(0), convert(4), convert(0)],
            "quality": [0, 1, 1],
        }
    )
    log = read_log(write_frame(frame, tmp_path / "log.parquet"))
    assert log.query_ids == ("12", "7")
    assert log.groups == ("2", "1")
    assert [option.name for option in log.options] == ["0", "4"]


def test_categories_and_missing_labels_of_pandas() -> None:
    """Categories are words; NaN, NA and empty cells are gaps in every column of labels."""
    frame = make_frame().iloc[:3]
    frame = frame.assign(group=pd.Categorical(["g"] * 3), cost_unit=[NAN, "usd", pd.NA], model=NAN)
    log = build_log({**frame.to_dict("list"), "dataset": [NAN, "", None]}, name="mine")
    assert log.groups == ("g",)
    assert log.cost_unit == "usd"
    assert log.dataset == "mine"
    assert all(option.model is None for option in log.options)


table_rows = st.lists(
    st.tuples(
        st.sampled_from("pq"),
        st.sampled_from("ab"),
        st.floats(0, 1),
        st.none() | st.floats(0, 100),
        st.integers(1, 5),
    ),
    min_size=1,
    max_size=16,
)


def make_columns(rows: list[tuple[Any, ...]]) -> dict[str, list[Any]]:
    """Make columns of a log from rows of question, option, quality, cost and trials."""
    names = ("query_id", "option", "quality", "cost", "trials")
    columns = dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))
    steps = [None if cost is None else cost / 10 for cost in columns["cost"]]
    return {
        **columns,
        "query": columns["query_id"],
        "cost_usd": columns["cost"],
        "search_steps": steps,
    }


@given(table_rows)
def test_repeats_are_what_their_average_is(rows: list[tuple[Any, ...]]) -> None:
    """A log with repeated rows equals the log of their averages, descriptions included."""
    averaged = []
    for pair in sorted({row[:2] for row in rows}):
        same = [row for row in rows if row[:2] == pair]
        priced = [row for row in same if row[3] is not None]
        runs, priced_runs = sum(row[4] for row in same), sum(row[4] for row in priced)
        quality = min(1.0, sum(row[2] * row[4] for row in same) / runs)
        cost = sum(row[3] * row[4] for row in priced) / priced_runs if priced else None
        averaged.append((*pair, quality, cost, runs))
    log, oracle = build_log(make_columns(rows)), build_log(make_columns(averaged))
    for name in ("quality", "cost", "trials"):
        ours = log.to_matrix(getattr(log, name))
        np.testing.assert_allclose(ours, oracle.to_matrix(getattr(oracle, name)), rtol=1e-12)
    for option, expected in zip(log.options, oracle.options, strict=True):
        assert option.search_steps == pytest.approx(expected.search_steps)
        assert option.costs == pytest.approx(expected.costs)


@given(table_rows, st.randoms())
def test_order_of_rows_does_not_matter(rows: list[tuple[Any, ...]], random: Any) -> None:
    """Rows in another order make the same matrix of qualities."""
    shuffled = random.sample(rows, len(rows))
    log, other = build_log(make_columns(rows)), build_log(make_columns(shuffled))
    np.testing.assert_allclose(log.to_matrix(log.quality), other.to_matrix(other.quality))
    assert log.query_ids == other.query_ids


def test_options_are_described_by_constants() -> None:
    """Amounts are means over rows, labels the first that is known; a disagreement is noted."""
    columns: dict[str, list[Any]] = {
        "query_id": ["1", "2", "3"],
        "query": ["a", "b", "c"],
        "option": ["o"] * 3,
        "quality": [0, 1, 1],
        "model": [None, "m", "n"],
        "samples": [None, 4, 4],
        "search_steps": [0, 3, None],
        "cost_seconds": [1.0, None, 2.0],
    }
    log = build_log(columns)
    (option,) = log.options
    assert (option.model, option.samples, option.search_steps) == ("m", 4, 1.5)
    assert (option.seconds, option.costs, option.searches) == (1.5, {"seconds": 1.5}, None)
    assert log.notes == ("option 'o' has rows of more than one model: the first, m, describes it",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"query_id": ["1", None, "2"]}, "row 2: query_id is empty"),
        ({"query_id": ["1", NAN, "2"]}, "row 2: query_id is empty"),
        ({"query_id": ["1", ["1"], "2"]}, "row 2: query_id .* is list, not text or a number"),
        ({"query_id": ["1", "1\ud800", "2"]}, "row 2: query_id .*lone surrogate"),
        ({"option": ["x", "", "x"]}, "row 2: option is empty"),
        ({"option": ["x", "\ud800", "x"]}, "row 2: option .*lone surrogate"),
        ({"query": ["a", "A", "b"]}, "row 2: query_id '1' stands with two different texts"),
        ({"query": ["a", None, "b"]}, "row 2: the text is missing"),
        ({"query": ["a", "a", 5]}, "row 3: the text is int, not a string"),
        ({"query": ["a", "a", " "]}, "row 3: the text is empty"),
        ({"query": ["a", "a", "x" * 1_000_000]}, "row 3: the text has 1000000 characters"),
        ({"query": ["a", "a", "\udfff"]}, "row 3: character 0 is a lone surrogate"),
        ({"quality": [0, 0.5, 1.5]}, r"row 3: quality 1.5 is outside \[0, 1\]"),
        ({"quality": [0, NAN, 1]}, "row 2: quality is empty or NaN"),
        ({"quality": [[0], [0], [1]]}, r"row 1: quality \[0\] is not a number"),
        ({"cost": [1, -1, 1]}, "row 2: cost -1 is negative"),
        ({"reasoning_effort": ["low", None, "max"]}, "row 3: reasoning_effort 'max' is not one of"),
        ({"cost_unit": ["usd", None, "tokens"]}, "cost_unit mixes tokens, usd: without prices"),
        ({"samples": [1, 1, 2_000_000]}, None),
        ({"samples": [2_000_000] * 3}, "option 'x': samples 2000000 is not a whole number"),
        ({"context_k": [1, "high", 2]}, "row 2: context_k 'high' is not a number"),
        ({"context_k": [1, 1, math.inf]}, "row 3: context_k is not finite"),
        ({"group": ["g"]}, "column 'group' has 1 rows, 'query_id' has 3"),
        (
            {"query_id": [], "query": [], "option": [], "quality": [], "cost": []},
            "the log has no rows",
        ),
    ],
)
def test_malformed_logs_are_refused(change: dict[str, list[Any]], message: str | None) -> None:
    """Every value that breaks the format is one line with source, row and column."""
    columns = {**BASE, **change}
    if message is None:
        assert "more than one samples" in build_log(columns).notes[0]
        return
    with pytest.raises(LogError, match=r"^a%d\.csv: " + message) as caught:
        build_log(columns, place="a%d.csv")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("kind", [".parquet", ".jsonl", ".csv"])
def test_rows_without_a_quality_yet_are_left_out(tmp_path: Path, kind: str) -> None:
    """A null quality takes its row away, with a note that counts, and leaves all others alone."""
    path = tmp_path / f"log{kind}"
    columns = BASE | {"quality": [0.0, None, 1.0]}
    if kind == ".parquet":
        write_parquet(path, columns)
    else:
        write_frame(pd.DataFrame(columns), path)
    log = read_log(path)
    kept = {column: [values[0], values[2]] for column, values in BASE.items()}
    check_same(replace(log, notes=()), build_log(kept, name="log"))
    assert log.notes == ("left out 1 rows whose quality has not come",)


def test_complaints_count_the_rows_left_out() -> None:
    """A row behind one without a quality is named by its place in the file."""
    columns = BASE | {"quality": [None, 0.5, 1.5]}
    with pytest.raises(LogError, match=r"row 3: quality 1\.5 is outside"):
        build_log(columns)
    with pytest.raises(LogError, match="row 1: cost -1 is negative"):
        build_log(BASE | {"quality": [None, 0.5, 1.0], "cost": [-1, 1, 1]})
    with pytest.raises(LogError, match="no row has a quality yet"):
        build_log(BASE | {"quality": [None, None, ""]})


@pytest.mark.parametrize("column", ["query_id", "query", "option", "quality"])
def test_missing_columns_are_named(tmp_path: Path, column: str) -> None:
    """A log without one of its four columns is refused with file and column."""
    frame = pd.DataFrame(BASE).drop(columns=column)
    path = write_frame(frame, tmp_path / "log.csv")
    with pytest.raises(LogError, match=rf"log\.csv: column '{column}' is missing; there are '"):
        read_log(path)


def test_surrogates_in_files_are_refused(tmp_path: Path) -> None:
    """JSON can write what is no Unicode; the row is named."""
    row = {"query_id": "1", "query": "a\ud800", "option": "x", "quality": 1}
    (tmp_path / "log.jsonl").write_text(json.dumps(row), "utf-8")
    with pytest.raises(LogError, match=r"log.jsonl: row 1: character 1 is a lone surrogate"):
        read_log(tmp_path / "log.jsonl")


def test_cost_is_taken_from_the_unit_that_is_there() -> None:
    """A log that states dollars only needs no column ``cost`` beside them."""
    columns = {name: values for name, values in BASE.items() if name != "cost"}
    log = build_log({**columns, "cost_usd": [0.5, 1.0, 0.5]})
    assert log.cost_unit == "usd"
    assert log.mean_costs().tolist() == [0.5, 1.0]
    assert "rows, cost in usd" in repr(log)
