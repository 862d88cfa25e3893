"""Dependences: groups by first member, and what is refused."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.dependencies import label_groups
from router.exceptions import InputError, QuestionError


@given(st.integers(1, 8), st.data())
def test_labels_are_the_lowest_reachable_position(n_parts: int, data: st.DataObject) -> None:
    """Parts joined by a path of dependences share the position of the first of them."""
    needed = [
        data.draw(st.lists(st.integers(0, part - 1), max_size=3)) if part else []
        for part in range(n_parts)
    ]
    labels = label_groups(range(n_parts), needed).tolist()
    reached = [{part} for part in range(n_parts)]
    for _ in range(n_parts):
        for part, others in enumerate(needed):
            for other in others:
                joined = reached[part] | reached[other]
                for member in joined:
                    reached[member] = joined
    assert labels == [min(members) for members in reached]


@pytest.mark.parametrize(
    ("needed", "message"),
    [
        ([["a"], [], []], "question 'a' depends on itself"),
        ([["z"], [], []], "question 'a' depends on 'z', which is not in the batch"),
        ([["b"], ["a"], []], "questions depend on each other in a circle: '.' on '.' on '.'"),
        ([["b"], ["c"], ["a"]], "in a circle: '.' on '.' on '.' on '.'"),
    ],
)
def test_impossible_dependences_name_the_parts(needed: Any, message: str) -> None:
    """A part that waits for itself or for none of the batch is named, circles in their order."""
    with pytest.raises(QuestionError, match=message):
        label_groups(["a", "b", "c"], needed, error=QuestionError)


def test_circles_are_written_from_what_waits() -> None:
    """Each name in the message depends on the one behind it, and long circles are cut short."""
    with pytest.raises(InputError) as caught:
        label_groups(["a", "b", "c"], [["c"], ["a"], ["b"]])
    circle = [word[1] for word in str(caught.value).rpartition(": ")[2].split(" on ")]
    needs = {"a": "c", "b": "a", "c": "b"}
    assert all(needs[first] == second for first, second in pairwise(circle))
    names = [f"n{i}" for i in range(50)]
    with pytest.raises(InputError, match=r"\.\.\.$"):
        label_groups(names, [[names[i - 1]] for i in range(50)])
