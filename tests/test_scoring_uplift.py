"""Uplift figures: worked by hand and by their invariants."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.scoring.ranking import rank_questions
from router.scoring.routing import compute_apgr
from router.scoring.uplift import compute_auuc, compute_qini, normalise_area

if TYPE_CHECKING:
    from numpy.typing import NDArray

GAINS = st.lists(st.tuples(st.integers(-4, 4), st.integers(-9, 9)), min_size=2, max_size=80).map(
    lambda pairs: np.array(pairs, dtype=np.float64).T
)


def test_a_worked_example() -> None:
    """Gains of 1, -1 and 0 in the best order and in the worst."""
    share = np.array([0.0, 1 / 3, 2 / 3, 1.0])
    best, worst = np.array([0.0, 1, 1, 0]) / 3, np.array([0.0, -1, -1, 0]) / 3
    assert float(compute_auuc(share, best)) == pytest.approx(2 / 9)
    assert float(compute_qini(share, best)) == pytest.approx(2 / 9)
    assert float(compute_qini(share, worst)) == pytest.approx(-2 / 9)


@given(table=GAINS)
def test_reversing_the_ranking_flips_the_sign(table: NDArray[np.float64]) -> None:
    """Qini of the reversed ranking is minus Qini; no ranking beats the true gains."""
    gain, score = table
    figures = {}
    for name, ranked in (("score", score), ("reverse", -score), ("best", gain), ("tie", 0 * gain)):
        served = rank_questions(ranked)
        figures[name] = float(compute_qini(served.mean(1), served @ gain / len(gain)))
    assert figures["reverse"] == pytest.approx(-figures["score"])
    assert figures["tie"] == pytest.approx(0.0)
    assert abs(figures["score"]) <= figures["best"] + 1e-9


@given(table=GAINS)
def test_area_over_mean_gain_is_the_gap_recovered(
    table: NDArray[np.float64],
) -> None:
    """AUUC over the mean gain is APGR: two names of one area."""
    gain, score = table
    served = rank_questions(score)
    share, curve = served.mean(1), served @ gain / len(gain)
    if gain.mean() > 0:
        apgr = float(compute_apgr(share, 0.3 + curve))
        assert float(compute_auuc(share, curve)) / gain.mean() == pytest.approx(apgr)


def test_equal_gains_have_no_perfect_ranking() -> None:
    """Where all gains are alike nothing can be normalised."""
    assert np.isnan(normalise_area(0.0, 0.0))
    assert float(normalise_area(0.1, 0.4)) == pytest.approx(0.25)
