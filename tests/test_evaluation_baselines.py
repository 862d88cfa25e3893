"""Baselines: task means, the ridge, the cheapest and the best single option."""

from __future__ import annotations

import sys

import numpy as np
import pytest

from router.evaluation.baselines import (
    choose_cheapest,
    choose_uniform,
    predict_baselines,
    predict_task_means,
)
from router.evaluation.protocol import DenseView, assign_folds, iterate_folds
from router.exceptions import MissingExtraError

WORDS = ("apples grow on trees", "rivers run to the sea")


def make_view(*, gaps: bool = False, texts: list[str] | None = None) -> DenseView:
    """Make 80 questions of two kinds; the kind decides which of three options is right."""
    generator = np.random.default_rng(3)
    kind = np.arange(80) % 2
    quality = np.stack([kind == 0, kind == 1, np.full(80, fill_value=True)], axis=1) * 0.8
    quality[:, 2] *= 0.6
    allowed = np.ones((80, 3), dtype=bool)
    if gaps:
        allowed[np.arange(80), generator.integers(0, 3, 80)] = False
    names = texts or [f"{WORDS[k]} {number}" for number, k in enumerate(kind)]
    content = np.empty(80, dtype=object)
    content[:] = names
    return DenseView(
        rows=np.arange(80),
        texts=content,
        groups=np.array([f"group {number % 4}" for number in range(80)], dtype=object),
        folds=assign_folds([f"question {number}" for number in range(80)]),
        quality=np.where(allowed, quality, 0.0),
        cost=np.tile([1.0, 2.0, 4.0], (80, 1)),
        allowed=allowed,
    )


@pytest.mark.parametrize("gaps", [False, True])
def test_task_means_are_shrunk_by_ten_questions(*, gaps: bool) -> None:
    """A task's mean counts its questions, the log's mean counts ten."""
    view, train = make_view(gaps=gaps), np.arange(60)
    predicted = predict_task_means(view, train, np.array([60]))
    inside = np.flatnonzero(view.groups[:60] == view.groups[60])
    mean = view.mean_by_option(view.quality, train)
    total = np.where(view.allowed[inside], view.quality[inside], 0).sum(0)
    expected = (total + 10 * mean) / (view.allowed[inside].sum(0) + 10)
    np.testing.assert_allclose(predicted[0], expected)


def test_unknown_task_gets_the_mean_of_the_log() -> None:
    """A task that did not train is predicted by the mean of all that did."""
    view = make_view()
    train = np.flatnonzero(view.groups != "group 3")
    predicted = predict_task_means(view, train, np.flatnonzero(view.groups == "group 3"))
    np.testing.assert_allclose(predicted, np.tile(view.quality[train].mean(0), (20, 1)))


@pytest.mark.parametrize("gaps", [False, True])
def test_ridge_learns_which_words_mean_which_option(*, gaps: bool) -> None:
    """The ridge comes nearer to the truth than the task means, with gaps as without."""
    view = make_view(gaps=gaps)
    object.__setattr__(view, "groups", np.array([None] * 80, dtype=object))
    truth = make_view().quality
    surfaces = predict_baselines(view)
    error = {name: np.abs(surface - truth).mean() for name, surface in surfaces.items()}
    assert error["ridge"] < 0.5 * error["task"]


def test_ridge_without_shared_words_is_the_task() -> None:
    """Where no word occurs twice, the ridge adds nothing."""
    view = make_view(texts=[f"unique{number}" for number in range(80)])
    surfaces = predict_baselines(view)
    np.testing.assert_array_equal(surfaces["ridge"], surfaces["task"])


def test_missing_learner_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without scikit-learn the baseline says what to install."""
    monkeypatch.setitem(sys.modules, "sklearn.feature_extraction.text", None)
    with pytest.raises(MissingExtraError, match=r"ridge baseline needs the extra \[train\]"):
        predict_baselines(make_view())


def test_cheapest_is_the_cheapest_seen() -> None:
    """Each question takes the cheapest option that it saw."""
    view = make_view(gaps=True)
    expected = [int(np.flatnonzero(row)[0]) for row in view.allowed]
    assert choose_cheapest(view, np.array([1.0, 2.0, 4.0])).tolist() == expected


@pytest.mark.parametrize(("budget", "best"), [(1.0, 0), (3.9, 0), (4.0, 2)])
def test_uniform_is_the_best_affordable_option(budget: float, best: int) -> None:
    """One option for all: the best on average among those within the budget."""
    view = make_view()
    view.quality[:, 1] = 0.1
    view.quality[:, 2] = 0.9
    for fold in iterate_folds(view):
        assert set(choose_uniform(view, fold, budget).tolist()) == {best}


def test_uniform_takes_what_a_question_saw() -> None:
    """With gaps a question takes its best affordable option, else its cheapest."""
    view = make_view(gaps=True)
    for fold in iterate_folds(view):
        choices = choose_uniform(view, fold, 1.5)
        seen = view.allowed[fold.test]
        assert seen[np.arange(len(choices)), choices].all()
        assert (choices[seen[:, 0]] == 0).all()
        assert (choices[~seen[:, 0]] == 1).all()
