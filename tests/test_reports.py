"""Reports of what an option consumed and what was seen of it."""

from __future__ import annotations

from typing import Any

import pytest

from router import Report
from router.exceptions import InputError


def test_a_report_survives_being_written() -> None:
    """A report is the same after it was a table."""
    report = Report("q1", "small", {"usd": 0.1}, 0.5, is_done=True, context={"score": 1.5})
    assert Report.from_mapping(report.to_dict()) == report


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"id": ""}, "id ''"),
        ({"option": 3}, "option 3"),
        ({"cost": {"eur": 1}}, "'eur'"),
        ({"cost": {"usd": -1}}, "usd is -1"),
        ({"cost": {"usd": float("nan")}}, "usd is nan"),
        ({"quality": 1.5}, "quality is 1.5"),
        ({"quality": True}, "quality is True"),
        ({"context": {"score": float("inf")}}, "'score' is inf"),
        ({"cost": {"usd": 1e300}}, r"usd is 1e\+300: .* from 0 to 1000000000"),
        ({"cost": {"usd": 10**400}}, "usd is 1000"),
        ({"cost": 5}, "cost 5 is no table"),
        ({"context": [1.0]}, r"context \[1.0\] is no table"),
        ({"context": {"score": 10**400}}, "'score' is 1000"),
        ({"is_done": "no"}, "is_done 'no'"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_impossible_reports_are_refused(fields: dict[str, Any], words: str) -> None:
    """Every field out of range is named."""
    with pytest.raises(InputError, match=words):
        Report.from_mapping({"id": "q1", "option": "small", **fields})


def test_a_report_needs_question_and_option() -> None:
    """A table without them is refused."""
    with pytest.raises(InputError, match="id and option are needed"):
        Report.from_mapping({"id": "q1"})
    with pytest.raises(InputError, match="id and option are needed"):
        Report.from_mapping({1: 2, "id": "q1"})  # type: ignore[dict-item]
    with pytest.raises(InputError, match="None is no table"):
        Report.from_mapping(None)  # type: ignore[arg-type]
