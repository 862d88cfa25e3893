"""The pooled prior: each log judged by models that saw neither it nor its questions."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.stats

from router.exceptions import LogError
from router.models import pooled
from router.models.pooled import (
    _correlate_ranks,
    _without_questions,
    score_source,
    train_pooled,
)
from router.models.prior_figures import FRACTIONS
from router.options import Menu, Option
from router.questions import Question
from tests.contracts.gains import make_log

if TYPE_CHECKING:
    from router.features.encoder import TextEncoder
    from router.models.bundle import Bundle
    from router.models.descriptor_model import DescriptorModel
    from router.models.strengths import StrengthTable
    from router.outcomes import OutcomeLog

MENU = Menu(
    (Option("m|s0", search_steps=0.0), Option("m|s2", search_steps=2.0), Option("m|n4", samples=4)),
    "two",
)


@cache
def make_logs() -> tuple[OutcomeLog, ...]:
    """Make two logs, of which the second repeats ten questions of the first in other letters."""
    first, second = make_log(60, name="first"), make_log(60, seed=1, name="second")
    texts = (*(f" {text.upper()} " for text in first.texts[:10]), *second.texts[10:])
    return first, replace(second, texts=texts)


@cache
def train_once() -> tuple[Bundle, list[list[str]]]:
    """Train a prior on both logs, once a run; also return the texts of every fit."""
    seen: list[list[str]] = []
    fit = pooled._fit

    def watch(
        logs: list[OutcomeLog], strengths: StrengthTable, seed: int
    ) -> tuple[TextEncoder, DescriptorModel]:
        seen.append([text for log in logs for text in log.texts])
        return fit(logs, strengths, seed)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pooled, "_fit", watch)
        return train_pooled(make_logs(), menu=MENU), seen


def test_left_out_logs_are_not_seen() -> None:
    """The model that is judged on a log was fitted without it and without its questions."""
    first, second = make_logs()
    _, seen = train_once()
    assert len(seen) == 3
    for log, texts in zip((first, second), seen[:2], strict=True):
        own = {text.strip().lower() for text in log.texts}
        assert own.isdisjoint(text.strip().lower() for text in texts)
        assert len(texts) == 50
    assert len(seen[2]) == 120


def test_prior_predicts_options_by_descriptors_only() -> None:
    """The bundle knows no name, carries the menu it was given, and its card names each source."""
    bundle, _ = train_once()
    assert bundle.manifest["named"] is None
    assert bundle.menu == MENU
    surface = bundle.predictor.predict([Question("q", "who red blue?")], MENU)
    assert set(surface.evidence) == {"descriptors"}
    for name in ("first", "second"):
        assert f"| {name} | 60 | 3 |" in bundle.card
    training = bundle.manifest["training"]
    assert training["n_questions"] == 110
    assert training["n_rows"] == 360
    assert [entry["dataset"] for entry in training["left_out"]] == ["first", "second"]


def test_prior_carries_what_helps_to_new_questions() -> None:
    """Questions of the kind that gains by searching are sent searching, others are not."""
    bundle, _ = train_once()
    texts = ["who red blue green number 7?", "compute red blue green number 7?"]
    questions = [Question(f"q{i}", text) for i, text in enumerate(texts)]
    quality = bundle.predictor.predict(questions, MENU).quality
    gain = quality[:, 1] - quality[:, 0]
    assert gain[0] > gain[1] + 0.1


def test_one_log_is_not_enough() -> None:
    """With nothing to leave out there is nothing to judge, and the message says so."""
    with pytest.raises(LogError, match="at least two logs"):
        train_pooled(make_logs()[:1], menu=MENU)


def test_logs_of_the_same_questions_are_refused() -> None:
    """Where leaving one log out leaves no question, the message names it."""
    first = make_logs()[0]
    with pytest.raises(LogError, match="every question of the other logs is in first too"):
        _without_questions([first, replace(first, dataset="twin")], first)


def test_perfect_surface_is_worth_most() -> None:
    """Knowing the outcomes beats the best fixed mix, which beats the cheapest option."""
    log = make_logs()[0]
    truth = log.to_matrix(log.quality)
    figures = score_source(log, truth)
    assert figures is not None
    assert figures.prior > figures.blind >= figures.cheapest
    assert figures.rank_correlation == pytest.approx(1.0)
    assert (figures.n_questions, figures.n_options) == (60, 3)
    worst = score_source(log, 1.0 - truth)
    assert worst is not None
    assert worst.prior < figures.blind
    assert worst.rank_correlation == pytest.approx(-1.0)
    assert worst.blind == figures.blind


def test_straight_mixes_cheapest_and_dearest() -> None:
    """What costs alone can do is a line between two options at the budgets of the protocol."""
    log = make_logs()[0]
    truth = log.to_matrix(log.quality)
    figures = score_source(log, truth)
    mean, cost = truth.mean(axis=0), log.mean_costs()
    low, best, high = cost.argmin(), mean.argmax(), cost.argmax()
    share = np.mean(FRACTIONS) * (cost[best] - cost[low]) / (cost[high] - cost[low])
    assert figures is not None
    assert figures.cheapest == pytest.approx(mean[low])
    assert figures.straight == pytest.approx((1 - share) * mean[low] + share * mean[high])


def test_sources_that_cannot_be_scored_are_left_out() -> None:
    """Too few questions that saw everything, or an unknown cost, give no figures."""
    log = make_logs()[0]
    few = log.select([i < 19 for i in range(60)])
    assert score_source(few, few.to_matrix(few.quality)) is None
    free = replace(log, cost=np.where(log.option_index == 0, np.nan, log.cost))
    assert score_source(free, log.to_matrix(log.quality)) is None


def test_rank_correlation_is_spearmans(rng: np.random.Generator) -> None:
    """With ties and without, the figure is SciPy's; of constants it is 0."""
    for _ in range(20):
        left, right = rng.integers(0, 5, (2, 8)).astype(float)
        if np.ptp(left) > 0 and np.ptp(right) > 0:
            expected = scipy.stats.spearmanr(left, right).statistic
            assert _correlate_ranks(left, right) == pytest.approx(expected)
    assert _correlate_ranks(np.ones(4), np.arange(4.0)) == 0.0
