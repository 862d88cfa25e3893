"""Questions: every kind of entry and file, context, duplicates, and what is refused."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import QuestionError
from router.questions import (
    TEXT_LENGTH_MAX_CHARACTERS,
    Question,
    check_text,
    parse_questions,
    read_questions,
)

if TYPE_CHECKING:
    from pathlib import Path

texts = st.text(st.characters(exclude_categories=["Cs"])).filter(str.strip)


def test_entries_of_every_kind() -> None:
    """Strings, objects under either name of a field, and questions stand side by side."""
    given_items: list[Any] = [
        "Who?",
        {"id": "a", "text": "Why?", "group": "g", "context": {"k": 1}},
        {"query_id": 7, "query": "When?", "context_hops": np.int64(2), "context_gap": None},
        Question("z", "Where?"),
        {"text": None, "query": "How?", "id": None, "group": None, "extra": [1]},
        {"id": 8.0, "text": "What?"},
    ]
    assert parse_questions(given_items) == (
        Question("q1", "Who?"),
        Question("a", "Why?", "g", {"k": 1.0}),
        Question("7", "When?", None, {"hops": 2.0}),
        Question("z", "Where?"),
        Question("q5", "How?"),
        Question("8", "What?"),
    )


@given(st.lists(texts, min_size=1))
def test_strings_are_numbered_and_kept(items: list[str]) -> None:
    """Any texts come back as they are, numbered from one; a generator will do."""
    questions = parse_questions(item for item in items)
    assert [question.text for question in questions] == items
    assert [question.id for question in questions] == [f"q{i + 1}" for i in range(len(items))]


def test_unknown_context_is_left_out() -> None:
    """Null and NaN are gaps, in an object and in columns alike; columns win."""
    item = {
        "text": "x",
        "context": {"a": None, "b": math.nan, "c": 1},
        "context_c": 2,
        "context_d": 0,
    }
    assert parse_questions([item])[0].context == {"c": 2.0, "d": 0.0}


@pytest.mark.parametrize(
    ("items", "message"),
    [
        ([], "there are no questions: at least one is needed"),
        ("Who?", r"wrap a single question in \[ \]"),
        ({"text": "Who?"}, r"wrap a single question in \[ \]"),
        (Question("a", "Who?"), r"wrap a single question in \[ \]"),
        (["a", ""], "question 2: the text is empty"),
        (["a", " \t\u2028"], "question 2: the text is empty"),
        (["a", None], "question 2 is NoneType, not text or an object"),
        (["a", 5], "question 2 is int, not text"),
        ([{"id": "a"}], "question 1 has no text: 'text'"),
        ([{"text": 5}], "question 1: the text is int, not a string"),
        ([{"text": "x" * (TEXT_LENGTH_MAX_CHARACTERS + 1)}], "has 200001 characters, allowed are"),
        (["ab\ud800"], "question 1: character 2 is a lone surrogate"),
        ([{"text": "x", "id": "\udc00"}], "question 1: id .*lone surrogate"),
        ([{"text": "x", "id": ""}], "question 1: the id is empty"),
        ([{"text": "x", "id": ["a"]}], "question 1: id .* is list, not text or a number"),
        ([{"text": "x", "group": 5}], "question 1: group 5 is not a string"),
        ([{"text": "x", "group": "\ud800"}], "question 1: group .*lone surrogate"),
        ([{"text": "x", "context": [1]}], "question 1: context is not an object"),
        ([{"text": "x", "context": {"k": "1"}}], "context k='1' is not a finite number"),
        ([{"text": "x", "context": {"k": True}}], "context k=True is not a finite number"),
        ([{"text": "x", "context": {"k": math.inf}}], "context k=inf is not a finite number"),
        ([{"text": "x", "context_k": 10**400}], "context k=1000.* is not a finite number"),
        (["x", {"id": "q1", "text": "y"}], "question id 'q1' occurs twice"),
        ([{"id": 1, "text": "x"}, {"id": "1", "text": "y"}], "question id '1' occurs twice"),
    ],
)
def test_bad_entries_are_refused(items: Any, message: str) -> None:
    """Every entry that cannot be used is named by its position."""
    with pytest.raises(QuestionError, match=message):
        parse_questions(items)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": ""}, "question id '' is not a non-empty string"),
        ({"id": 5}, "question id 5 is not a non-empty string"),
        ({"id": "\ud800"}, "id .*lone surrogate"),
        ({"text": None}, "question 'a': the text is missing"),
        ({"group": 5}, "question 'a': group 5 is not a string"),
        ({"context": {"k": math.nan}}, "question 'a': context k=nan is not a finite number"),
    ],
)
def test_questions_made_in_python_are_checked(change: dict[str, Any], message: str) -> None:
    """The class itself lets nothing through that a file could not bring in."""
    with pytest.raises(QuestionError, match=message):
        Question(**{"id": "a", "text": "x", **change})


def test_longest_text_is_let_through() -> None:
    """The limit itself is allowed, counted in characters and not in bytes."""
    longest = "\U0001f600" * TEXT_LENGTH_MAX_CHARACTERS
    check_text(longest, "here")
    with pytest.raises(QuestionError, match="here: the text has 200001 characters"):
        check_text(longest + "x", "here")


@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_text_files_hold_one_question_a_line(tmp_path: Path, line_end: str) -> None:
    """Blank lines are skipped, U+2028 is no line end, a byte order mark is none of the text."""
    path = tmp_path / "q.txt"
    path.write_bytes(b"\xef\xbb\xbf" + line_end.join(["Who? ", "", " a\u2028b", ""]).encode())
    assert read_questions(str(path)) == (Question("q1", "Who?"), Question("q2", "a\u2028b"))


def test_json_lines_hold_objects_and_strings(tmp_path: Path) -> None:
    """A line is an object with text or query, or a string; U+2028 may stand inside."""
    path = tmp_path / "q.JSONL"
    path.write_text('"a\u2028b"\r\n\r\n{"query": "Why?", "context_k": 3}\r\n', "utf-8", newline="")
    assert read_questions(path) == (
        Question("q1", "a\u2028b"),
        Question("q2", "Why?", None, {"k": 3.0}),
    )


def make_frame() -> pd.DataFrame:
    """Make a table of questions with numbers for names and gaps."""
    return pd.DataFrame(
        {
            "query_id": [1, 2, 3],
            "query": ["a", 'say "b"', "c\nd"],
            "group": [10.0, math.nan, 20.0],
            "context_hops": [1.5, math.nan, 3.0],
            "note": ["x", None, "y"],
        }
    )


def test_tables_hold_the_same_questions(tmp_path: Path) -> None:
    """Numbers as identifiers and groups, gaps and extra columns read alike from a parquet file."""
    make_frame().to_parquet(tmp_path / "q.parquet")
    assert read_questions(tmp_path / "q.parquet") == (
        Question("1", "a", "10", {"hops": 1.5}),
        Question("2", 'say "b"', None, {}),
        Question("3", "c\nd", "20", {"hops": 3.0}),
    )


def test_context_of_csv_is_numbers(tmp_path: Path) -> None:
    """A CSV file holds text only, and its context columns are read as numbers."""
    frame = make_frame().assign(group=["g", None, "h"])
    frame.to_csv(tmp_path / "q.csv", index=False)
    frame.to_parquet(tmp_path / "q.parquet")
    assert read_questions(tmp_path / "q.csv") == read_questions(tmp_path / "q.parquet")
    (tmp_path / "bad.csv").write_text("query_id,query,context_k\na,x,high\n", "utf-8")
    with pytest.raises(QuestionError, match=r"bad.csv: question 1: context k='high' is not a"):
        read_questions(tmp_path / "bad.csv")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.txt", None, "no such file"),
        ("q.docx", b"x", r"files of kind '.docx' are not read: use .txt, .jsonl, .parquet, .csv"),
        ("q.txt", b"", "there are no questions"),
        ("q.txt", b"\n \n", "there are no questions"),
        ("q.txt", b"a\xff", "byte 1 is not valid UTF-8"),
        ("q.txt", b"x" * 1_000_000, "question 1: the text has 1000000 characters"),
        ("q.jsonl", b'"a"\n{', "line 2 is not valid JSON"),
        ("q.jsonl", b"9" * 5000, "line 1 is not valid JSON"),
        ("q.jsonl", b"null", "question 1 is NoneType"),
        ("q.jsonl", b'{"text": "\\ud800"}', "question 1: character 0 is a lone surrogate"),
        ("q.csv", b"id,query\n1,x\n", "column 'query_id' is missing; there are 'id', 'query'$"),
        ("q.csv", b"query_id,text\n1,x\n", "column 'query' is missing"),
        ("q.csv", b"query_id,query\n", "the file has no rows"),
        ("q.csv", b"query_id,query\na,x\na,y\n", "question id 'a' occurs twice"),
        ("q.csv", b"query_id,query\na,\n", "question 1 has no text"),
        ("q.parquet", b"PAR1", "not a readable parquet file"),
    ],
)
def test_bad_files_are_refused(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    """Every damage is one line that names the file once."""
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(QuestionError, match=message) as caught:
        read_questions(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).count(str(path)) == 1
    assert "\n" not in str(caught.value)


def test_groups_of_tables_that_are_no_names_are_refused(tmp_path: Path) -> None:
    """A list in a column of groups names file and question."""
    frame = pd.DataFrame({"query_id": ["a"], "query": ["x"], "group": [["g"]]})
    frame.to_parquet(tmp_path / "q.parquet")
    with pytest.raises(QuestionError, match=r"q.parquet: question 1: group \['g'\] is list"):
        read_questions(tmp_path / "q.parquet")


@given(st.lists(st.tuples(texts, st.none() | texts), min_size=1, max_size=5))
def test_json_lines_round_trip(rows: list[tuple[str, str | None]]) -> None:
    """Questions written as JSON parse back whatever text they hold."""
    lines = [json.loads(json.dumps({"text": text, "group": group})) for text, group in rows]
    parsed = parse_questions(lines)
    assert [(question.text, question.group) for question in parsed] == rows
