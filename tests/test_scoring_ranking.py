"""Rankings: knots nest, ties stay whole, the last knot holds everybody."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.exceptions import InputError
from router.scoring.ranking import choose_levels, rank_questions

SCORES = st.lists(st.integers(-5, 5).map(float), min_size=1, max_size=60)


@given(scores=SCORES, n_knots=st.integers(1, 12))
def test_knots_nest_and_keep_ties_whole(scores: list[float], n_knots: int) -> None:
    """Who is served stays served, equals are served together, and finally all are."""
    served = rank_questions(scores, n_knots=n_knots)
    assert len(served) <= n_knots + 1
    assert not served[0].any()
    assert served[-1].all()
    assert (np.diff(served, axis=0) >= 0).all()
    for row in served:
        inside = np.array(scores)[row == 1]
        outside = np.array(scores)[row == 0]
        assert not inside.size or not outside.size or inside.min() > outside.max()


def test_parts_have_about_equal_weight(rng: np.random.Generator) -> None:
    """Without ties the knots of n scores lie one n-th apart, by count or by weight."""
    scores = rng.permutation(1000).astype(float)
    np.testing.assert_allclose(np.diff(rank_questions(scores, n_knots=10).mean(1)), 0.1)
    levels = choose_levels(scores, np.where(scores >= 500, 3.0, 1.0), n_knots=4)
    # The upper half weighs 1500 of 2000: three quarters of the knots lie in it.
    assert (levels >= 500).sum() == 3


@pytest.mark.parametrize("scores", [[], [np.nan], [[1.0]]])
def test_scores_that_cannot_be_ranked_are_refused(scores: list[float]) -> None:
    """Nothing, NaN and tables are no ranking."""
    with pytest.raises(InputError, match="row of finite numbers"):
        choose_levels(scores)


def test_no_knot_is_refused() -> None:
    """At least one knot is needed."""
    with pytest.raises(InputError, match="n_knots is 0"):
        choose_levels([1.0], n_knots=0)
