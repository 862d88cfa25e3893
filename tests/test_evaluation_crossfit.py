"""Cross-fitting: nothing leaks, everything is predicted once, in one process or several."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.evaluation.crossfit import cross_fit, map_jobs
from router.evaluation.protocol import build_view
from router.exceptions import InputError, MissingExtraError
from router.logs import build_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.outcomes import OutcomeLog


def make_log(n_questions: int = 90, n_complete: int = 90) -> OutcomeLog:
    """Make a log of two options; behind the complete questions others saw one option."""
    pairs = [
        (question, option)
        for question in range(n_questions)
        for option in range(2 if question < n_complete else 1)
    ]
    return build_log(
        {
            "query_id": [f"{question:03}" for question, _ in pairs],
            "query": [f"question {question}" for question, _ in pairs],
            "group": [f"group {question % 3}" for question, _ in pairs],
            "option": ["ab"[option] for _, option in pairs],
            "quality": [float((question + option) % 2) for question, option in pairs],
            "cost": [1.0 + option for _, option in pairs],
        }
    )


class Witness:
    """A model that remembers what it was trained on and answers with each text's number."""

    def __init__(self, log: OutcomeLog) -> None:
        """Train on a log."""
        self.known = set(log.texts)
        self.n_known = log.n_questions

    def predict(self, texts: Sequence[str], groups: Sequence[str | None]) -> NDArray[np.float64]:
        """Predict, refusing what was in the training log."""
        assert self.known.isdisjoint(texts)
        numbers = [float(text.split()[1]) for text in texts]
        assert list(groups) == [f"group {int(number) % 3}" for number in numbers]
        return np.array([[number, self.n_known] for number in numbers])


def test_no_text_is_predicted_by_a_model_that_saw_it() -> None:
    """The models never see their fold, and every prediction lands at its question."""
    log = make_log()
    surface = cross_fit(log, Witness, build_view(log))
    np.testing.assert_array_equal(surface[:, 0], np.arange(90))


def test_questions_that_are_not_scored_still_teach() -> None:
    """Every row outside the fold trains, also those of questions with gaps."""
    log = make_log(90, 60)
    view = build_view(log)
    surface = cross_fit(log, Witness, view)
    assert len(surface) == 60
    for fold in range(5):
        outside = 90 - sum(np.array(build_view(make_log()).folds) == fold)
        assert (surface[view.folds == fold, 1] == outside).all()


def fit_mean(log: OutcomeLog) -> MeanModel:
    """Train a model that predicts the means of its log."""
    return MeanModel(np.nanmean(log.to_matrix(log.quality), axis=0))


class MeanModel:
    """A model that predicts the same for every question."""

    def __init__(self, mean: NDArray[np.float64]) -> None:
        """Keep the means by option."""
        self.mean = mean

    def predict(self, texts: Sequence[str], groups: Sequence[str | None]) -> NDArray[np.float64]:
        """Predict the means."""
        return np.tile(self.mean, (len(groups), 1))[: len(texts)]


def test_several_processes_predict_the_same() -> None:
    """Jobs in two processes come back in order, with the results of one."""
    jobs = [-3, 2, -1]
    assert map_jobs(abs, jobs, n_jobs=2) == map_jobs(abs, jobs) == [3, 2, 1]


def test_progress_says_every_fold() -> None:
    """One line a fold is said before it starts."""
    said: list[str] = []
    cross_fit(make_log(), fit_mean, build_view(make_log()), progress=said.append)
    assert said == [f"learner: fold {number} of 5" for number in range(1, 6)]


def test_wrong_predictions_are_refused() -> None:
    """A surface of another shape, or with NaN, is an error naming what is needed."""
    log = make_log()
    with pytest.raises(InputError, match=r"predicts shape \(\d+, 3\): \(\d+, 2\) is needed"):
        cross_fit(log, lambda _: MeanModel(np.zeros(3)), build_view(log))
    with pytest.raises(InputError, match=r"predicts nan for question 0 .* option 'b'"):
        cross_fit(log, lambda _: MeanModel(np.array([0.0, np.nan])), build_view(log))


def test_zero_processes_are_refused() -> None:
    """A number of processes is 1, more, or -1."""
    with pytest.raises(InputError, match="n_jobs is 0"):
        map_jobs(abs, [1], n_jobs=0)


def test_missing_joblib_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several processes without the training extra are an error that says what to install."""
    monkeypatch.setitem(sys.modules, "joblib", None)
    with pytest.raises(MissingExtraError, match=r"\[train\]"):
        map_jobs(abs, [1], n_jobs=2)
