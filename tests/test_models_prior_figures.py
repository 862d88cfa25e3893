"""Figures of the prior on small logs: deals are fair, and a prior that knows all wins."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.models import prior_figures
from router.models.prior import Prior
from router.models.prior_figures import QUESTIONS_MIN, deal_questions, score_joined
from tests.contracts.gains import make_log

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.outcomes import OutcomeLog


def test_deals_share_no_question_and_no_twin() -> None:
    """Own questions are among twice as many, and nothing tested on has been seen in any letters."""
    log = make_log(120)
    log = replace(log, texts=(*(text.upper() for text in log.texts[60:]), *log.texts[60:]))
    for deal in deal_questions(log, 3):
        own, twice, test = (
            {text.lower() for text in part.texts} for part in (deal.own, deal.twice, deal.test)
        )
        assert (deal.own.n_questions, deal.twice.n_questions) == (30, 60)
        assert own < twice
        assert twice.isdisjoint(test)


def test_deals_differ_and_repeat() -> None:
    """Each deal is another one, and the same number of deals gives the same ones."""
    first, second = (list(deal_questions(make_log(100), 2)) for _ in range(2))
    assert first[0].own.query_ids != first[1].own.query_ids
    assert [deal.own.query_ids for deal in first] == [deal.own.query_ids for deal in second]


def test_small_logs_are_not_dealt() -> None:
    """Below the limit, or where costs are unknown, there is nothing to compare."""
    assert not list(deal_questions(make_log(QUESTIONS_MIN - 1)))
    log = make_log(100)
    assert not list(deal_questions(replace(log, cost=np.full(len(log.cost), np.nan))))


def test_values_lie_between_the_worst_and_the_oracle() -> None:
    """No plan beats the true outcomes; the best fixed mix cannot beat them either."""
    deal = next(deal_questions(make_log(120)))
    truth = deal.test.to_matrix(deal.test.quality)
    oracle = deal.value(truth)
    assert deal.value(-truth + 1.0) < deal.value(np.tile(truth.mean(axis=0), (len(truth), 1)))
    assert deal.mix(truth.mean(axis=0)) < oracle
    assert oracle <= truth.max(axis=1).mean() + 1e-12


def test_figures_are_means_with_an_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oracle's surface as prior scores highest; a prior that helps shows in the difference."""
    log = make_log(100)
    truth = dict(zip(log.texts, log.to_matrix(log.quality), strict=True))

    def fit(own: OutcomeLog, *, seed: int, prior: Prior | None = None) -> SimpleNamespace:
        """Predict nothing without the prior, and the truth but for some noise with it."""
        noise = np.random.default_rng(seed).normal(size=(100, 3))

        def predict(texts: tuple[str, ...], _: object) -> NDArray[np.float64]:
            true = np.array([truth[text] for text in texts])
            return (true if prior else 0.0) + 0.05 * noise[: len(texts)] + 0.0 * own.coverage

        return SimpleNamespace(predict=predict)

    monkeypatch.setattr(prior_figures, "fit_gain_model", fit)
    figures = score_joined(log, Prior(), log.to_matrix(log.quality))
    assert figures is not None
    assert figures.n_own == 25
    assert figures.prior >= figures.joined > max(figures.own, figures.twice)
    assert figures.low > 0.0
    assert figures.difference == pytest.approx(figures.joined - figures.twice)
    assert figures.low <= figures.difference <= figures.high
