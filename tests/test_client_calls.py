"""Calls: what is refused before it is sent, and how numbers are written."""

from __future__ import annotations

import json
from typing import Any, cast

import numpy as np
import pytest

from router import Question
from router.client.calls import ask_prediction, choose_key, write_outcomes
from router.exceptions import InputError

GOOD: dict[str, Any] = {"id": "q1", "cost": {"usd": 0.1}, "quality": 0.5}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"id": ""}, "id ''"),
        ({"id": 7}, "id 7"),
        ({"cost": None}, "cost None"),
        ({"cost": {"euro": 1}}, "cost euro=1"),
        ({"cost": {"usd": -1}}, "cost usd=-1"),
        ({"cost": {"usd": float("nan")}}, "cost usd=nan"),
        ({"cost": {"usd": True}}, "cost usd=True"),
        ({"quality": 1.5}, "quality 1.5"),
        ({"quality": float("nan")}, "quality nan"),
        ({"quality": "1"}, "quality '1'"),
        ({"qualty": 1}, "field 'qualty'"),
    ],
)
def test_outcomes_that_never_fit_are_refused(change: dict[str, Any], words: str) -> None:
    """A report that would be refused for ever is not queued in the first place."""
    with pytest.raises(InputError, match=f"outcome 2: {words}"):
        write_outcomes("p", [GOOD, {**GOOD, **change}])


@pytest.mark.parametrize("outcomes", [[], GOOD, "q1", [1]])
def test_outcomes_are_a_list_of_objects(outcomes: Any) -> None:
    """Anything else is named."""
    with pytest.raises(InputError, match="outcome"):
        write_outcomes("p", outcomes)


def test_open_quality_and_releases_are_written() -> None:
    """Quality may come later, and a question that was not run costs nothing."""
    outcomes: list[dict[str, Any]] = [
        {"id": "a", "cost": {"usd": 0}, "quality": None},
        {"id": "b", "released": True},
    ]
    assert json.loads(write_outcomes("p", outcomes))["outcomes"] == outcomes


def test_numbers_of_numpy_are_numbers() -> None:
    """Qualities and contexts often come out of arrays."""
    content = write_outcomes(
        "p", [{"id": "a", "cost": {"usd": np.float32(0.5)}, "quality": np.float64(1)}]
    )
    assert json.loads(content)["outcomes"][0] == {"id": "a", "cost": {"usd": 0.5}, "quality": 1.0}
    question = Question("a", "Who?", context={"depth": cast("float", np.float32(2))})
    assert json.loads(ask_prediction([question], None).content)["questions"][0]["context"] == {
        "depth": 2.0
    }


def test_what_is_no_json_is_refused() -> None:
    """NaN and objects in a menu are told by name, not sent."""
    for value in (float("nan"), object()):
        with pytest.raises(InputError, match="JSON"):
            ask_prediction([Question("a", "Who?")], {"options": [value]})


@pytest.mark.parametrize("key", ["", "a b", "a\n", "\u00e9", "a" * 256, 7])
def test_keys_fit_into_a_header(key: Any) -> None:
    """A key of the caller's own is checked as the service would."""
    with pytest.raises(InputError, match="idempotency_key"):
        choose_key(key)
