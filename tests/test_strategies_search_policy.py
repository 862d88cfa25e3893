"""The search policy, on a process whose best policy is known."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.search_policy import SearchExperience, SearchPolicy

SIGNALS = ("promise", "kind")
ACTIONS = ("narrow", "wide")


def draw_experience(chance: np.random.Generator, n_questions: int) -> SearchExperience:
    """Draw searches where narrow pays for one kind, wide for the other, and promise is used up."""
    rows = []
    for question in range(n_questions):
        kind, promise = float(chance.integers(2)), float(chance.random())
        for step in range(3):
            state = np.array([promise, kind])
            for action in range(2):
                works = chance.random() < promise and action == kind
                left = 0.1 * promise if works else promise
                rows.append(
                    (state, action, 0.5 * works, np.array([left, kind]), step == 2, question)
                )
            promise *= float(chance.choice([0.1, 1.0]))
    states, action, gain, next_states, last, group = zip(*rows, strict=True)
    columns = map(np.array, (states, action, gain, next_states, last, group))
    return SearchExperience(*columns)


@cache
def learned() -> tuple[SearchPolicy, ...]:
    """Learn at two prices."""
    experience = draw_experience(np.random.default_rng(3), 1500)
    return SearchPolicy.fit(
        experience, [0.15, 0.6], actions=ACTIONS, cost=[1.0, 1.0], signals=SIGNALS
    )


def test_right_action_is_taken_where_it_is_worth_its_price() -> None:
    """Promise above its price is followed by the action of its kind, below it nothing is."""
    cheap, dear = learned()
    assert (cheap.ask([0.9, 0.0]), cheap.ask([0.9, 1.0])) == ("narrow", "wide")
    assert cheap.ask([0.05, 0.0]) is cheap.ask([0.05, 1.0]) is None
    assert dear.ask([0.99, 1.0]) is None
    assert cheap.ask_all([[0.9, 1.0], [0.05, 1.0]]).tolist() == [1, -1]


def test_worth_counts_what_may_follow() -> None:
    """A step that opens a better one is worth more than its own gain."""
    step = np.arange(1000) % 2
    searches = SearchExperience(
        step[:, None].astype(np.float64),
        np.zeros(1000, dtype=np.int64),
        np.array(0.8 * step, dtype=np.float64),
        step[:, None].astype(np.float64) + 1.0,
        step == 1,
        np.arange(1000),
    )
    given: dict[str, Any] = {"actions": ("on",), "cost": [1.0], "signals": ("step",)}
    (policy,) = SearchPolicy.fit(searches, 0.1, **given)
    np.testing.assert_allclose(policy.value([[0.0], [1.0]])[:, 0], [0.6, 0.7], atol=0.03)
    (alone,) = SearchPolicy.fit(searches._replace(is_last=np.ones(1000, bool)), 0.1, **given)
    np.testing.assert_allclose(alone.value([[0.0], [1.0]])[:, 0], [-0.1, 0.7], atol=0.03)


def test_policy_survives_json() -> None:
    """What is read back decides alike, and its worth is the same to the last digit."""
    policy = learned()[0]
    again = SearchPolicy.from_json(policy.to_json())
    states = np.random.default_rng(0).random((50, 2))
    assert again.value(states).tolist() == policy.value(states).tolist()
    assert (again.actions, again.cost, again.price) == (policy.actions, policy.cost, policy.price)


def test_learning_is_repeatable() -> None:
    """The same searches give the same policy."""
    experience = draw_experience(np.random.default_rng(1), 200)
    fits = [
        SearchPolicy.fit(experience, 0.1, actions=ACTIONS, cost=[1, 2], signals=SIGNALS)
        for _ in range(2)
    ]
    assert fits[0][0].to_json() == fits[1][0].to_json()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signals": ("one",)}, "states have shape"),
        ({"cost": [1.0]}, "1 costs are given for 2"),
        ({"cost": [1.0, 0.0]}, "cost has 0"),
        ({"prices": [-1.0]}, "finite numbers from 0 up"),
        ({"actions": ("a", "b", "c"), "cost": [1, 1, 1]}, "'c' was never taken"),
    ],
)
def test_what_does_not_fit_together_is_refused(changes: dict[str, Any], message: str) -> None:
    """The message names what does not agree."""
    experience = draw_experience(np.random.default_rng(1), 20)
    given: dict[str, Any] = {
        "prices": 0.1,
        "actions": ACTIONS,
        "cost": [1.0, 1.0],
        "signals": SIGNALS,
    } | changes
    with pytest.raises(InputError, match=message):
        SearchPolicy.fit(experience, given.pop("prices"), **given)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: learned()[0].ask([0.5]), "n x 2 are needed"),
        (lambda: learned()[0].ask([np.nan, 0.0]), "'promise' has a value"),
        (lambda: SearchPolicy.from_json("{}"), "no search policy"),
        (lambda: SearchPolicy.from_json("nonsense"), "no search policy"),
    ],
)
def test_what_cannot_be_asked_is_refused(call: Any, message: str) -> None:
    """The message names the signal or the text."""
    with pytest.raises(InputError, match=message):
        call()
