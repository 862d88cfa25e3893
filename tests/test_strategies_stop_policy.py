"""The stop policy, on searches whose best end is known."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.stop_policy import StopPolicy

SIGNALS = ("kind", "noise")
N_STEPS = 4


def draw(chance: np.random.Generator, n_questions: int) -> tuple[np.ndarray, np.ndarray]:
    """Draw searches of two kinds: one finds nothing more, the other all at the third step."""
    kind = chance.integers(2, size=n_questions)
    states = np.empty((n_questions, N_STEPS, 2))
    states[..., 0] = kind[:, None]
    states[..., 1] = chance.normal(size=(n_questions, N_STEPS))
    quality = np.full((n_questions, N_STEPS), 0.25)
    quality[kind == 1, 2:] = 1.0
    return states, quality


@cache
def learned() -> StopPolicy:
    """Learn at a price below what two steps bring."""
    return StopPolicy.fit(*draw(np.random.default_rng(2), 1500), 0.1, signals=SIGNALS)


def test_steps_are_looked_over_that_bring_nothing_by_themselves() -> None:
    """The kind that finds goes on over its barren second step, and stops when all is found."""
    states, quality = draw(np.random.default_rng(3), 400)
    steps = learned().stop_all(states)
    kind = states[:, 0, 0]
    assert (steps[kind == 0] == 1).mean() > 0.97
    assert (steps[kind == 1] == 3).mean() > 0.97
    reached = quality[np.arange(400), steps - 1]
    assert reached[kind == 1].mean() > 0.97


def test_price_decides() -> None:
    """Where two steps cost more than they bring, nobody goes on."""
    states, quality = draw(np.random.default_rng(2), 600)
    dear = StopPolicy.fit(states, quality, 0.5, signals=SIGNALS)
    assert dear.stop_all(states).mean() < 1.05


def test_last_step_is_the_last() -> None:
    """After as many steps as were learned of, the answer is to stop; JSON changes nothing."""
    again = StopPolicy.from_json(learned().to_json())
    assert again.ask([1.0, 0.0], 1)
    assert not again.ask([1.0, 0.0], N_STEPS)
    assert not again.ask([1.0, 0.0], 9)
    states, _ = draw(np.random.default_rng(4), 50)
    assert again.stop_all(states).tolist() == learned().stop_all(states).tolist()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: learned().ask([1.0], 1), "n x 2 are needed"),
        (lambda: learned().ask([np.inf, 1.0], 1), "not finite"),
        (lambda: learned().ask([1.0, 1.0], 0), "n_steps is 0"),
        (lambda: StopPolicy.from_json("[]"), "no stop policy"),
        (lambda: StopPolicy.fit([[[0.0]]], [[0.5, 0.6]], 0.1, signals=["a"]), "states have shape"),
        (lambda: StopPolicy.fit([[[0.0]]], [[0.5]], -0.1, signals=["a"]), "price is -0.1"),
    ],
)
def test_what_is_out_of_range_is_refused(call: Any, message: str) -> None:
    """The message names the value and what is needed."""
    with pytest.raises(InputError, match=message):
        call()
