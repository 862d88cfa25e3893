"""Logged choices out of a file: what is kept, what is filled and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.evaluation.off_policy_choices import lay_out_choices, read_choices
from router.exceptions import LogError

if TYPE_CHECKING:
    from pathlib import Path


def make_columns(**changed: Any) -> dict[str, Any]:
    """Make a log of three choices."""
    columns = {
        "query_id": ["a", "b", "c"],
        "option": ["x", "y", "x"],
        "propensity": [0.5, 0.25, 0.5],
        "quality": [1.0, 0.0, 0.5],
    }
    return {name: column for name, column in (columns | changed).items() if column is not None}


def test_file_gives_what_its_rows_say(tmp_path: Path) -> None:
    """Names, numbers, costs by unit and probabilities of all options come out as they stand."""
    path = tmp_path / "log.jsonl"
    row = '{"query_id": "%s", "option": "x", "propensity": 0.5, "quality": 1, "cost_usd": 2, '
    row += '"propensities": {"x": 0.5, "z": 0.5}, "group": "t"}\n'
    path.write_text(row % "a" + row % "b", encoding="utf-8")
    choices = read_choices(path)
    assert (choices.dataset, choices.options, choices.groups) == ("log", ("x", "z"), ("t", "t"))
    assert choices.cost is not None
    assert (choices.cost.tolist(), choices.cost_unit) == ([2.0, 2.0], "usd")
    assert choices.logging is not None
    assert choices.logging.tolist() == [[0.5, 0.5], [0.5, 0.5]]
    assert choices.decide(choices.quality).question.tolist() == [0, 1]


def test_rows_without_a_number_are_left_out_or_filled() -> None:
    """Without propensity or quality a row is left out, without cost it has its option's mean."""
    columns = make_columns(
        query_id=["a", "b", "c", "d", "e"],
        option=["x", "y", "x", "x", "y"],
        propensity=[0.5, None, 0.5, 0.5, 0.5],
        quality=[1.0, 1.0, None, 0.5, 0.0],
        cost=[4.0, 9.0, 9.0, None, None],
        cost_unit=["searches"] * 5,
    )
    choices = lay_out_choices(columns)
    assert choices.query_ids == ("a", "d", "e")
    assert choices.cost is not None
    assert choices.cost.tolist() == [4.0, 4.0, 4.0]
    assert choices.cost_unit == "searches"
    assert [note.split(" rows")[0] for note in choices.notes] == [
        "left out 1 of 5",
        "left out 1 of 5",
        "2",
    ]


def test_questions_of_one_text_share_a_fold() -> None:
    """Texts, or identifiers where texts were not kept, say which questions are one."""
    texts = {"query_id": ["a", "b", "c"], "query": ["Why?", " why?", "Who?"]}
    folds = lay_out_choices(make_columns(**texts)).folds
    assert folds[0] == folds[1]
    by_id = lay_out_choices(make_columns(query_id=["a", "a", "b"], query=["Why?", None, "Who?"]))
    assert by_id.folds[0] == by_id.folds[1]
    assert np.unique(lay_out_choices(make_columns()).folds).max() < 5


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"propensity": None}, "column 'propensity'"),
        ({"propensity": [0.5, 0.0, 0.5]}, r"row 2: propensity 0\.0"),
        ({"propensity": [None, None, 0.5]}, "1 of 3 rows have a propensity"),
        ({"quality": [1.0, 2.0, 0.0]}, r"row 2: quality 2\.0"),
        ({"option": ["x", None, "x"]}, "'option' has an empty cell"),
        ({"cost": [1.0, -1.0, 0.0]}, r"cost -1\.0 is negative"),
        ({"cost": [1, 1, 1], "cost_unit": ["usd", "tokens", "usd"]}, "cost_unit mixes"),
        ({"propensities": ['{"x": 0.5}', "[1]", "{}"]}, "no object of probabilities"),
        ({"propensities": ['{"x": 0.4}', '{"y": 0.25}', '{"x": 0.5}']}, "they must be the same"),
    ],
)
def test_what_is_no_log_of_choices_is_refused(changed: dict[str, Any], words: str) -> None:
    """The message names the row or column and what is allowed."""
    with pytest.raises(LogError, match=words):
        lay_out_choices(make_columns(**changed))
