"""Progress: steps are texts, told in order, and end where the work does."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from router.models.progress import Step, count_steps
from router.models.trainer import train
from tests.contracts.gains import make_log


@given(st.lists(st.text(max_size=5), max_size=6), st.integers(0, 8))
def test_steps_are_told_in_order(texts: list[str], n_steps: int) -> None:
    """Texts come through as they are; shares rise from 0 by equal steps and never pass 1."""
    told: list[str] = []
    say = count_steps(told.append, n_steps)
    for text in texts:
        say(text)
    assert told == texts
    shares = [step.share for step in told if isinstance(step, Step)]
    assert shares == [min(i / max(n_steps, 1), 1.0) for i in range(len(texts))]


def test_training_tells_as_many_steps_as_it_announces() -> None:
    """The last of a training's steps begins one step before the end."""
    told: list[str] = []
    train(make_log(40), progress=told.append)
    assert all(isinstance(step, Step) for step in told)
    last = told[-1]
    assert isinstance(last, Step)
    assert last.share == (len(told) - 1) / len(told)
    assert told[-1] == "learning from options' descriptors"
