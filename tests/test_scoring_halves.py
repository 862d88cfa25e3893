"""Halves of runs: they add up, are unbiased, and take luck from an oracle."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import InputError
from router.scoring.halves import can_be_halved, draw_halves


@given(
    rows=st.lists(
        st.integers(2, 9).flatmap(lambda t: st.tuples(st.integers(0, t), st.just(t))),
        min_size=1,
        max_size=30,
    ),
    seed=st.integers(0, 99),
)
def test_halves_add_up_to_the_whole(rows: list[tuple[int, int]], seed: int) -> None:
    """Successes of both halves are whole numbers and together the row's own."""
    successes, trials = np.array(rows).T
    first, second = draw_halves(successes / trials, trials, seed=seed)
    half = trials // 2
    inside, outside = first * half, second * (trials - half)
    np.testing.assert_allclose(inside, np.round(inside), atol=1e-9)
    np.testing.assert_allclose(inside + outside, successes, atol=1e-9)
    assert ((first >= 0) & (first <= 1) & (second >= 0) & (second <= 1)).all()


def test_halves_follow_the_hypergeometric_distribution() -> None:
    """Of 4 runs with 2 successes a half of 2 holds 0, 1 or 2 with chances 1/6, 4/6 and 1/6."""
    first, _ = draw_halves(np.full(60_000, 0.5), np.full(60_000, 4), seed=3)
    shares = [(first == value).mean() for value in (0.0, 0.5, 1.0)]
    np.testing.assert_allclose(shares, [1 / 6, 4 / 6, 1 / 6], atol=0.01)


def test_luck_does_not_pass_to_the_other_half(rng: np.random.Generator) -> None:
    """Among options that are all alike the naive oracle gains, the split-half one does not."""
    quality = rng.binomial(10, 0.5, (4000, 5)) / 10
    first, second = draw_halves(quality, np.full(quality.shape, 10), seed=1)
    picks = first.argmax(1)
    assert quality.max(1).mean() > 0.65
    assert second[np.arange(4000), picks].mean() == pytest.approx(0.5, abs=0.02)


def test_rows_that_are_no_mean_of_runs_are_refused() -> None:
    """A single run and a vote's expected correctness cannot be halved."""
    assert can_be_halved([0.3, 0.35], [10, 10]).tolist() == [True, False]
    with pytest.raises(InputError, match="at least two 0/1 runs"):
        draw_halves([1.0], [1])
