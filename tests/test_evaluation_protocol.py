"""The protocol: which questions are scored, their folds, costs and budgets."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.evaluation.protocol import (
    COMPLETE_QUESTIONS_MIN,
    FRACTIONS,
    QUESTIONS_MIN,
    assign_folds,
    build_view,
    compute_budgets,
    iterate_folds,
)
from router.exceptions import LogError
from router.logs import build_log

if TYPE_CHECKING:
    from router.outcomes import OutcomeLog


def make_log(
    n_questions: int,
    n_options: int = 3,
    *,
    complete: int | None = None,
    n_tried: int = 2,
    costs: bool = True,
) -> OutcomeLog:
    """Make a log in which all questions but the first `complete` tried `n_tried` options."""
    full = n_questions if complete is None else complete
    pairs = [
        (question, (option + question) % n_options)
        for question in range(n_questions)
        for option in range(n_options if question < full else n_tried)
    ]
    columns: dict[str, list[object]] = {
        "query_id": [f"{question:04}" for question, _ in pairs],
        "query": [f"question number {question}" for question, _ in pairs],
        "option": [f"option {option}" for _, option in pairs],
        "quality": [(question * 7 + option * 3) % 11 / 10 for question, option in pairs],
        "cost": [option + 1.0 + question % 2 if costs else None for question, option in pairs],
    }
    return build_log(columns, name="made")


@given(text=st.text(st.characters(codec="utf-8"), max_size=20))
def test_fold_depends_on_the_stripped_lower_case_text(text: str) -> None:
    """A fold is the digest's first 8 hex digits modulo 5, whatever case and space around."""
    digest = hashlib.sha256(text.strip().lower().encode()).hexdigest()
    assert assign_folds([text, f" {text}\n"]).tolist() == [int(digest[:8], 16) % 5] * 2


def test_complete_log_is_scored_whole() -> None:
    """Where every question saw every option, all are scored and nothing is masked."""
    log = make_log(24)
    view = build_view(log)
    assert view.is_complete
    np.testing.assert_array_equal(view.quality, log.to_matrix(log.quality))
    np.testing.assert_array_equal(view.cost, log.to_matrix(log.cost))
    assert view.texts.tolist() == list(log.texts)


def test_enough_complete_questions_stand_alone() -> None:
    """From 50 complete questions on the others are not scored."""
    view = build_view(make_log(80, complete=COMPLETE_QUESTIONS_MIN))
    assert view.is_complete
    assert view.rows.tolist() == list(range(COMPLETE_QUESTIONS_MIN))


def test_too_few_complete_questions_call_for_the_observed_form() -> None:
    """Below 50 every question with two options is scored, its unseen options masked."""
    log = make_log(80, complete=COMPLETE_QUESTIONS_MIN - 1)
    view = build_view(log)
    assert not view.is_complete
    assert len(view.rows) == 80
    np.testing.assert_array_equal(view.allowed, ~np.isnan(log.to_matrix(log.quality)))


def test_questions_with_one_option_are_not_scored() -> None:
    """Where a question saw one option there is nothing to choose."""
    view = build_view(make_log(60, complete=30, n_tried=1))
    assert view.rows.tolist() == list(range(30))


def test_unknown_cost_is_the_mean_of_its_option() -> None:
    """A cost that is missing is filled from the option's other rows and counted."""
    log = make_log(24)
    cost = log.cost.copy()
    cost[(log.question_index == 3) & (log.option_index == 1)] = np.nan
    object.__setattr__(log, "cost", cost)
    view = build_view(log)
    others = np.delete(view.cost[:, 1], 3)
    assert view.cost[3, 1] == pytest.approx(others.mean())
    assert view.n_costs_filled == 1


def test_budgets_lie_between_cheapest_and_best_option() -> None:
    """Budgets are the cheapest mean cost plus a fraction of the way to the best option's."""
    view = build_view(make_log(30))
    cost, quality = view.cost.mean(0), view.quality.mean(0)
    way = cost[quality.argmax()] - cost.min()
    expected = [cost.min() + fraction * way for fraction in FRACTIONS]
    np.testing.assert_allclose(compute_budgets(view), expected)


def test_folds_partition_the_questions_and_never_share_a_text() -> None:
    """Every question is tested once, and what trains is exactly the rest."""
    view = build_view(make_log(60))
    tested = np.concatenate([fold.test for fold in iterate_folds(view)])
    assert sorted(tested.tolist()) == list(range(60))
    for fold in iterate_folds(view):
        assert set(view.texts[fold.train]).isdisjoint(view.texts[fold.test])
        assert len(fold.train) + len(fold.test) == 60
        np.testing.assert_allclose(fold.mean_cost, view.cost[fold.train].mean(0))
        assert fold.floor == fold.mean_cost.min()


def test_observed_means_leave_gaps_out() -> None:
    """Means by option are over the questions that saw it; unseen by these, over all."""
    view = build_view(make_log(40, complete=0))
    table = np.where(view.allowed, view.quality, np.nan)
    np.testing.assert_allclose(view.mean_by_option(view.quality), np.nanmean(table, axis=0))
    unseen = np.flatnonzero(~view.allowed[:, 0])
    mean = view.mean_by_option(view.quality, unseen)
    assert mean[0] == pytest.approx(np.nanmean(table[:, 0]))
    np.testing.assert_allclose(mean[1:], np.nanmean(table[unseen, 1:], axis=0))


def test_observed_budgets_pay_for_the_cheapest_plan() -> None:
    """No budget lies below what the cheapest seen options cost on average."""
    view = build_view(make_log(40, complete=0))
    least = np.where(view.allowed, view.mean_by_option(view.cost), np.inf).min(1).mean()
    budgets = compute_budgets(view)
    assert (budgets >= least).all()
    assert (np.diff(budgets) >= 0).all()


@pytest.mark.parametrize(
    ("log", "message"),
    [
        (make_log(QUESTIONS_MIN - 1), "19 questions saw at least 2 options: at least 20"),
        (make_log(60, complete=10, n_tried=1), "10 questions saw at least 2 options"),
        (make_log(30, 1), "has 1 option: at least 2"),
        (make_log(30, costs=False), "option 'option 0' has no cost in any row"),
    ],
)
def test_unusable_logs_are_refused(log: OutcomeLog, message: str) -> None:
    """Too few questions, one option, and an option without costs are errors that say so."""
    with pytest.raises(LogError, match=message):
        build_view(log)


def test_one_text_for_all_is_refused() -> None:
    """Without a second fold nothing can train."""
    columns: dict[str, list[object]] = {
        "query_id": [number // 2 for number in range(60)],
        "query": ["Why?"] * 60,
        "option": ["a", "b"] * 30,
        "quality": [0.0, 1.0] * 30,
        "cost": [1.0, 2.0] * 30,
    }
    with pytest.raises(LogError, match="one fold"):
        build_view(build_log(columns))
