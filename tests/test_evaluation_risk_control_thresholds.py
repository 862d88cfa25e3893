"""Two thresholds: what lies between gets the dear option, and the floor is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.evaluation.risk_control_thresholds import (
    Thresholds,
    choose_thresholds,
    list_thresholds,
)
from router.exceptions import InputError


def test_hopeless_questions_are_given_up_where_that_saves() -> None:
    """A fifth can never be solved and a half is cheap: only what lies between is paid for."""
    generator = np.random.default_rng(0)
    score = generator.random(4000)
    solved = (score > 0.5).astype(float)
    helped = (score > 0.2).astype(float)
    pair, certificate = choose_thresholds(
        score,
        (solved, np.ones(4000)),
        (helped, np.full(4000, 10.0)),
        share=0.95,
        delta=0.1,
    )
    assert 0.15 < pair.give_up < 0.25
    assert 0.44 < pair.upper < 0.6
    assert certificate.quality >= 0.95 * certificate.quality_full
    assert certificate.spend < 5.0


def test_without_evidence_everybody_gets_the_dear_option() -> None:
    """On ten questions both thresholds stay infinite."""
    score = np.linspace(0, 1, 10)
    pair, certificate = choose_thresholds(
        score, (np.zeros(10), np.ones(10)), (np.ones(10), np.full(10, 2.0)), share=0.9, delta=0.1
    )
    assert certificate.setting is None
    assert pair.choose_dear(score).all()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=50), st.integers(1, 8))
def test_sequences_run_from_the_dearest(score: list[float], n_upper: int) -> None:
    """Along a sequence the questions that get the dear option only become fewer."""
    thresholds, sequences = list_thresholds(score, n_upper=n_upper, give_up_shares=(0.0, 0.3))
    assert sorted(np.concatenate(sequences).tolist()) == list(range(len(thresholds)))
    for order in sequences:
        taken = np.array([thresholds[position].choose_dear(score) for position in order])
        assert (np.diff(taken.astype(int), axis=0) <= 0).all()
    assert thresholds[0] == Thresholds(-np.inf, np.inf)


def test_odd_wishes_are_refused() -> None:
    """No score, no threshold, or a share of one and more."""
    with pytest.raises(InputError, match="score has shape"):
        list_thresholds([])
    with pytest.raises(InputError, match="n_upper 0"):
        list_thresholds([0.5], n_upper=0)
    with pytest.raises(InputError, match=r"give_up_shares \[1.0\]"):
        list_thresholds([0.5], give_up_shares=[1.0])
