"""What calls of several models bring: chances are those of drawn questions, weights as asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.cascade_calls import CascadeCall
from router.strategies.cascade_prior import CascadePrior

CALLS = (CascadeCall("small", 1), CascadeCall("small", 3), CascadeCall("large", 1, "long"))
KEYS = (("small", ""), ("large", "long"))


def draw(
    rng: np.random.Generator, n: int, *, n_choices: int = 3, n_answers: int = 6
) -> tuple[dict[tuple[str, str], np.ndarray], np.ndarray]:
    """Draw answers of a weak and a strong model to questions of all degrees of difficulty."""
    right = rng.integers(0, n_choices, n)
    ease = rng.normal(size=n)
    answers = {}
    for key, skill in zip(KEYS, (0.0, 1.5), strict=True):
        chance = 1.0 / (1.0 + np.exp(-(ease + skill)))[:, None]
        wrong = (right + rng.integers(1, n_choices, n))[:, None] % n_choices
        hit = rng.random((n, n_answers)) < chance
        answers[key] = np.where(hit, right[:, None], wrong)
        answers[key][rng.random((n, n_answers)) < 0.05] = -1
    return answers, right


def fit(rng: np.random.Generator, n: int = 40, **options: Any) -> CascadePrior:
    """Fit a prior of two tasks."""
    answers, right = draw(rng, n)
    tasks = ["a", "b"] * (n // 2)
    return CascadePrior.fit(answers, right, tasks, CALLS, n_choices=3, **options)


def test_states_add_up(rng: np.random.Generator) -> None:
    """What may come of a call adds up to its state, and every right answer is somewhere."""
    prior = fit(rng, calls_max=3)
    assert len(prior.states) > 50
    for state in prior.states:
        unseen = prior.n_choices - state.n_letters
        assert state.right[:-1].sum(axis=0) + unseen * state.right[-1] == pytest.approx(state.mass)
        for branches in state.branches.values():
            assert sum(branch.mass for branch in branches) == pytest.approx(state.mass)
            for branch in branches:
                if branch.state >= 0:
                    after = prior.states[branch.state]
                    assert after.mass == pytest.approx(branch.mass)
                    assert after.right == pytest.approx(branch.right)


def test_the_order_of_calls_does_not_matter(rng: np.random.Generator) -> None:
    """The same answers in another order of calls say the same."""
    prior = fit(rng)
    found = []
    for order in ((0, 2), (2, 0)):
        at = prior.states[0]
        for call in order:
            branch = next(b for b in at.branches[call] if b.letter == 0)
            at = prior.states[branch.state]
        found.append(at.right @ prior.weigh(["a"]))
    assert found[0] == pytest.approx(found[1])


def test_tilted_truths_expect_what_was_predicted(rng: np.random.Generator) -> None:
    """Tilted weights expect the predicted share of right answers of every model."""
    prior = fit(rng, 200)
    expected = {"small": [0.3, 0.7], "large": [0.6, 0.9]}
    weights = prior.weigh(["a", None], expected)
    assert weights.sum(axis=0) == pytest.approx(1.0)
    for model, shares in expected.items():
        reached = prior.share_right[:, prior.models.index(model)] @ weights
        assert reached == pytest.approx(shares, abs=0.02)


def test_a_task_counts_for_more(rng: np.random.Generator) -> None:
    """Truths of the question's task have their weight, and an unknown task counts as all."""
    prior = fit(rng, task_weight=0.7)
    own = np.array([task == "a" for task in prior.tasks])
    assert prior.weigh(["a"])[own].sum() == pytest.approx(0.7 + 0.3 * 0.5)
    assert prior.weigh(["c"])[:, 0] == pytest.approx(prior.size / prior.size.sum())


def test_samples_stay_within_what_was_seen(rng: np.random.Generator) -> None:
    """No more answers of a model and strategy are planned than were there to learn from."""
    prior = fit(rng, calls_max=3)
    after = prior.states[prior.states[0].branches[1][1].state]
    last = prior.states[after.branches[1][1].state]
    assert 1 not in last.branches
    assert 2 in last.branches


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_choices": 1}, "at least 2"),
        ({"tasks": ["a"]}, "one of each"),
        ({"calls": [CascadeCall("other", 1)]}, "no, or not so many, answers"),
        ({"calls": [CascadeCall("small", 7)]}, "no, or not so many, answers"),
        ({"right": [3] * 10}, "whole numbers from -1 to 2"),
        ({"task_weight": 2.0}, "from 0 to 1"),
        ({"answers": {("small", ""): [[0]]}}, "10 rows needed"),
    ],
)
def test_what_does_not_fit_is_refused(
    rng: np.random.Generator, change: dict[str, Any], message: str
) -> None:
    """Shapes, choices and calls that do not belong together are refused by name."""
    answers, right = draw(rng, 10)
    given: dict[str, Any] = {
        "answers": answers,
        "right": right,
        "tasks": ["a"] * 10,
        "calls": CALLS,
        "n_choices": 3,
    }
    with pytest.raises(InputError, match=message):
        CascadePrior.fit(**(given | change))


def test_predictions_of_nobody_are_refused(rng: np.random.Generator) -> None:
    """A model that is not there and a share that is none are refused."""
    prior = fit(rng)
    with pytest.raises(InputError, match="one of large, small"):
        prior.weigh(["a"], {"huge": [0.5]})
    with pytest.raises(InputError, match="not from 0 to 1"):
        prior.weigh(["a"], {"small": [1.5]})


def test_no_answer_is_right_where_nothing_is() -> None:
    """Where no choice is right, answers that are none do not count as right."""
    answers = {("small", ""): [[-1, -1], [0, 0]], ("large", ""): [[-1, 1], [0, 0]]}
    calls = [CascadeCall("small"), CascadeCall("large")]
    prior = CascadePrior.fit(answers, [-1, 0], ["a", "b"], calls, n_choices=2)
    assert prior.share_right.tolist() == [[0.0, 0.0], [1.0, 1.0]]
