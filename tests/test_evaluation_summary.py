"""The summary: gains with their intervals, headroom, spend and multipliers, from known scores."""

from __future__ import annotations

import numpy as np
import pytest

from router.evaluation.plans import Scores
from router.evaluation.protocol import DenseView
from router.evaluation.summary import summarise

N_QUESTIONS = 40


def make_view(*, gaps: bool = False) -> DenseView:
    """Make two options: a cheap one of quality 0.25 and a dear one of quality 0.75."""
    allowed = np.ones((N_QUESTIONS, 2), dtype=bool)
    allowed[0, 1] = not gaps
    empty = np.empty(N_QUESTIONS, dtype=object)
    return DenseView(
        rows=np.arange(N_QUESTIONS),
        texts=empty,
        groups=empty,
        folds=np.arange(N_QUESTIONS) % 5,
        quality=np.tile([0.25, 0.75], (N_QUESTIONS, 1)),
        cost=np.tile([1.0, 3.0], (N_QUESTIONS, 1)),
        allowed=allowed,
    )


def make_scores(router: float, spend: float, *, oracle: float = 1.0) -> Scores:
    """Make scores that are the same for every question and budget."""
    levels = {"blind": 0.5, "ridge": 0.55, "router": router, "oracle": oracle}
    shape = (5, N_QUESTIONS)
    return Scores(
        {name: np.full(shape, level) for name, level in levels.items()},
        {name: np.full(shape, spend) for name in levels},
        np.full(shape, 2.0),
    )


def test_figures_of_constant_scores_are_known() -> None:
    """Gains, headroom, spend and multiplier follow from the levels alone."""
    reports = summarise(make_view(), make_scores(0.6, 1.6), n_resamples=50)
    assert len(reports) == 6
    for report in reports:
        assert report.gain_over_blind == pytest.approx((0.1, 0.1, 0.1))
        assert report.gain_over_ridge == pytest.approx((0.05, 0.05, 0.05))
        assert report.headroom_captured == pytest.approx(0.2)
        assert report.spend_ratio["router"] == pytest.approx(0.8)
    for report in reports[:-1]:
        assert report.multiplier is not None
        assert report.multiplier.value == pytest.approx(2.4 / 1.6)
        assert report.multiplier.low == pytest.approx(1.5)
        assert report.multiplier.high == pytest.approx(1.5)
    assert reports[-1].multiplier is None
    assert reports[-1].fraction is None


def test_intervals_hold_the_gain_of_varied_scores(rng: np.random.Generator) -> None:
    """With scores that vary by question the interval opens on both sides of the gain."""
    scores = make_scores(0.6, 1.6)
    scores.quality["router"][:] = rng.random(N_QUESTIONS)
    *budgets, mean = summarise(make_view(), scores, n_resamples=400)
    for report in (*budgets, mean):
        assert report.gain_over_blind.low < report.gain_over_blind.mean
        assert report.gain_over_blind.mean < report.gain_over_blind.high
    # The same questions are resampled for every budget, so equal scores get equal intervals.
    assert budgets[0].gain_over_blind == pytest.approx(budgets[4].gain_over_blind)


@pytest.mark.parametrize(
    ("router", "spend", "status", "value"),
    [(0.9, 1.5, "beyond", 2.0), (0.1, 1.5, "below", None), (0.5, 0.0, "free", None)],
)
def test_multiplier_says_when_it_is_no_ratio(
    router: float, spend: float, status: str, value: float | None
) -> None:
    """Beyond the frontier it is a lower bound; below it and for free plans there is none."""
    multiplier = summarise(make_view(), make_scores(router, spend), n_resamples=20)[0].multiplier
    assert multiplier is not None
    assert multiplier.status == status
    assert multiplier.value == value
    assert (multiplier.low is None) == (value is None)


def test_no_headroom_is_not_divided_by() -> None:
    """Where the oracle gains nothing over blind, no share of it is captured."""
    report = summarise(make_view(), make_scores(0.5, 1.0, oracle=0.5), n_resamples=20)[0]
    assert report.headroom_captured is None


def test_budget_of_zero_has_no_spend_ratio() -> None:
    """Spend over a budget of zero is no number."""
    scores = make_scores(0.6, 0.0)
    scores.budget[:] = 0.0
    assert summarise(make_view(), scores, n_resamples=20)[0].spend_ratio["router"] is None


def test_observed_form_has_no_multiplier() -> None:
    """Without a fixed mix that all questions saw there is no frontier."""
    reports = summarise(make_view(gaps=True), make_scores(0.6, 1.6), n_resamples=20)
    assert [report.multiplier for report in reports] == [None] * 6
