"""Conditions of questions: every way to write them, and what is refused."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from router.exceptions import QuestionError
from router.question_conditions import parse_conditions, read_cells
from router.questions import Question, label_dependent, parse_questions, read_questions

if TYPE_CHECKING:
    from pathlib import Path

FULL: dict[str, Any] = {
    "weight": 2.5,
    "min_quality": 0.6,
    "max_latency_s": 20,
    "max_cost": {"usd": 0.02},
    "forbidden_options": ["large|high"],
    "depends_on": ["a", 7],
    "priority": 3,
}
READ = Question(
    "b",
    "Why?",
    weight=2.5,
    min_quality=0.6,
    max_latency_s=20.0,
    max_cost={"usd": 0.02},
    forbidden_options=("large|high",),
    depends_on=("a", "7"),
    priority=3,
)
OTHERS: list[dict[str, Any]] = [{"id": "a", "text": "Who?"}, {"id": 7, "text": "When?"}]


def test_conditions_are_read_from_objects() -> None:
    """All fields come out of an object, and lists in Python become one form."""
    assert parse_questions([*OTHERS, {"id": "b", "text": "Why?", **FULL}])[2] == READ
    names: Any = np.array(["a"])
    lists = Question("b", "Why?", forbidden_options=["x", "x"], depends_on=names)
    assert (lists.forbidden_options, lists.depends_on) == (("x",), ("a",))


def test_gaps_leave_a_question_as_it_was() -> None:
    """Null and NaN, as tables have them, are no conditions."""
    gaps = dict.fromkeys([*FULL, "max_cost_usd"]) | {"weight": math.nan, "priority": math.nan}
    assert parse_conditions(gaps, "question 1") == {}
    assert parse_questions([{"text": "Why?", **gaps}]) == (Question("q1", "Why?"),)


def test_conditions_are_read_from_every_kind_of_file(tmp_path: Path) -> None:
    """JSON lines, CSV and parquet bring in the same questions."""
    lines = [*OTHERS, {"id": "b", "text": "Why?", **FULL}]
    (tmp_path / "q.jsonl").write_text("\n".join(map(json.dumps, lines)), "utf-8")
    frame = pd.DataFrame(
        {
            "query_id": ["a", "7", "b"],
            "query": ["Who?", "When?", "Why?"],
            "weight": [None, 1.0, 2.5],
            "min_quality": [None, None, 0.6],
            "max_latency_s": [None, None, 20.0],
            "max_cost_usd": [None, None, 0.02],
            "priority": [None, 0.0, 3.0],
            "forbidden_options": [None, None, "large|high"],
            "depends_on": [None, None, '["a", 7]'],
        }
    )
    frame.to_csv(tmp_path / "q.csv", index=False)
    frame["depends_on"] = [None, [], ["a", "7"]]
    frame["forbidden_options"] = [None, None, ["large|high"]]
    frame.to_parquet(tmp_path / "q.parquet")
    for kind in ("jsonl", "csv", "parquet"):
        assert read_questions(tmp_path / f"q.{kind}")[2] == READ, kind
        assert read_questions(tmp_path / f"q.{kind}")[:2] == parse_questions(OTHERS), kind


def test_other_columns_stay_text() -> None:
    """Only columns of conditions are read as numbers or lists, and broken lists stay text."""
    assert read_cells("query", ["1", "[2]"]) == ["1", "[2]"]
    assert read_cells("depends_on", ["[1", None]) == ["[1", None]
    assert read_cells("max_cost_usd", ["1", "x"]) == [1.0, "x"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weight": -1}, "question 1: weight -1 is not a number from 0 to 1e.09"),
        ({"weight": math.inf}, "weight inf is not a number"),
        ({"weight": "2"}, "weight '2' is not a number"),
        ({"weight": True}, "weight True is not a number"),
        ({"weight": 10**400}, "weight of more digits is not a number"),
        ({"min_quality": 1.01}, "min_quality 1.01 is not a number from 0 to 1"),
        ({"max_latency_s": -3}, "max_latency_s -3 is not a number from 0 to 1e.09"),
        ({"priority": 0.5}, "priority 0.5 is not a whole number from"),
        ({"priority": math.inf}, "priority inf is not a whole number from"),
        ({"priority": 10**10}, "priority 10000000000 is not a whole number"),
        ({"max_cost": 5}, "max_cost is not an object of amounts by unit"),
        ({"max_cost": {"eur": 1}}, "max_cost has an unknown unit 'eur': allowed are usd, tokens"),
        ({"max_cost": {"usd": -1}}, "max_cost usd -1 is not a number"),
        ({"max_cost_eur": 1}, "max_cost has an unknown unit 'eur'"),
        ({"forbidden_options": 5}, "forbidden_options 5 is not a list of names"),
        ({"forbidden_options": [None]}, r"forbidden_options \[None\] holds an empty name"),
        ({"forbidden_options": [["a"]]}, "forbidden_options .* is list, not text"),
        ({"depends_on": {"a": 1}}, "depends_on .* is not a list of names"),
        ({"depends_on": ["a"]}, "question 'q1' depends on 'a', which is not in the batch"),
        ({"depends_on": "q1"}, "question 'q1' depends on itself"),
    ],
)
def test_wrong_conditions_are_refused(fields: dict[str, Any], message: str) -> None:
    """Each is named with its place, its value and what is allowed."""
    with pytest.raises(QuestionError, match=message):
        parse_questions([{"text": "Who?", **fields}])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weight": math.nan}, "question 'a': weight nan is not a number"),
        ({"min_quality": None}, "question 'a': min_quality None is not a number"),
        ({"max_cost": {"usd": "1"}}, "question 'a': max_cost usd '1' is not a number"),
        ({"depends_on": 5}, "question 'a': depends_on 5 is not a list of names"),
        ({"priority": "high"}, "question 'a': priority 'high' is not a whole number"),
    ],
)
def test_questions_made_in_python_are_checked(change: dict[str, Any], message: str) -> None:
    """The class itself lets nothing through that a file could not bring in."""
    with pytest.raises(QuestionError, match=message):
        Question("a", "Who?", **change)


def test_circles_name_their_questions() -> None:
    """Questions that wait for each other are refused by their identifiers."""
    items = [
        {"id": "a", "text": "x", "depends_on": ["c"]},
        {"id": "b", "text": "y", "depends_on": ["a"]},
        {"id": "c", "text": "z", "depends_on": ["b"]},
    ]
    with pytest.raises(QuestionError, match=r"in a circle: 'a' on 'c' on 'b' on 'a'|'\w' on '\w'"):
        parse_questions(items)
    items[0]["depends_on"] = []
    labels = label_dependent(parse_questions(items))
    assert labels is not None
    assert labels.tolist() == [0, 0, 0]
    assert label_dependent(parse_questions(["x", "y"])) is None


@pytest.mark.parametrize("name", ["wieght", "min_qualty", "max_latency", "depend_on", "prioritys"])
def test_misspelt_conditions_are_refused(name: str) -> None:
    """A field that is nearly a condition is refused, and one of another kind is left alone."""
    with pytest.raises(QuestionError, match=f"field '{name}' is unknown: '.+' is the nearest"):
        parse_questions([{"text": "x", name: 1}])
    assert parse_questions([{"text": "x", "source": 1, "context_depth": 2.0, "max_cost_usd": 1.0}])
