"""Settings of task labels: nothing of a left-out task reaches a learner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.evaluation.crossfit import cross_fit
from router.evaluation.evaluate import evaluate
from router.evaluation.labels import assign_task_folds, check_labels, hide_labels
from router.evaluation.protocol import build_view
from router.exceptions import InputError, LogError
from router.logs import build_log

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from router.outcomes import OutcomeLog

N_QUESTIONS = 120


def make_log(groups: Sequence[str | None], *, same_text: bool = False) -> OutcomeLog:
    """Make a log of two options, the better one known by the task; texts may occur in two tasks."""
    rows = [(question, option) for question in range(N_QUESTIONS) for option in range(2)]
    names = [groups[question % len(groups)] for question in range(N_QUESTIONS)]
    tasks = sorted({name for name in names if name is not None}) or [""]
    return build_log(
        {
            "query_id": [f"{question:03}" for question, _ in rows],
            "query": [f"Why {question // 2 if same_text else question}?" for question, _ in rows],
            "group": [names[question] for question, _ in rows],
            "option": ["ab"[option] for _, option in rows],
            "quality": [
                float((tasks.index(names[question] or tasks[0]) + option) % 2)
                for question, option in rows
            ],
            "cost": [1.0 + option for _, option in rows],
        }
    )


class TaskModel:
    """A model that knows every task's means, and half of that where it has no label."""

    def __init__(self, log: OutcomeLog, seen: list[dict[str, Any]]) -> None:
        """Take the means of the log, and note what was there to learn from."""
        quality, labels = log.to_matrix(log.quality), np.array(log.groups, dtype=object)
        self.table = {label: quality[labels == label].mean(0) for label in set(log.groups)}
        self.note: dict[str, Any] = {"groups": set(log.groups), "texts": set(log.texts)}
        seen.append(self.note)

    def predict(self, texts: Sequence[str], groups: Sequence[str | None]) -> NDArray[np.float64]:
        """Look the label up."""
        self.note |= {"asked": set(groups), "asked_texts": set(texts)}
        return np.array([self.table.get(group, np.full(2, 0.5)) for group in groups])


@pytest.mark.parametrize("n_tasks", [2, 5, 7])
def test_tasks_stay_whole_and_fill_the_folds(n_tasks: int) -> None:
    """Every task lies in one fold, and as many folds as can be are used."""
    log = make_log([f"task {number}" for number in range(n_tasks)])
    folds = assign_task_folds(log)
    labels = np.array(log.groups)
    assert all(len(set(folds[labels == label])) == 1 for label in set(log.groups))
    assert len(set(folds)) == min(n_tasks, 5)


def test_unlabelled_questions_are_tasks_of_their_own() -> None:
    """Without a label a question takes the fold of its text."""
    log = make_log(["x", "y", None])
    unlabelled = np.array([group is None for group in log.groups])
    assert len(set(assign_task_folds(log)[unlabelled])) == 5


def test_learner_never_sees_a_left_out_task() -> None:
    """Unseen: neither the task nor a text of the questions it is asked was in training."""
    log = make_log(["x", "y", "z"], same_text=True)
    folds = assign_task_folds(log)
    notes: list[dict[str, Any]] = []
    cross_fit(log, lambda part: TaskModel(part, notes), build_view(log, folds=folds), folds=folds)
    assert len(notes) == 3
    for note in notes:
        assert len(note["asked"]) == 1
        assert not note["asked"] & note["groups"]
        assert not note["asked_texts"] & note["texts"]


def test_labels_are_worth_what_they_say() -> None:
    """A learner of task means is perfect with labels and blind without or with unseen ones."""
    log = make_log(["v", "w", "x", "y", "z"])
    notes: list[dict[str, Any]] = []
    reports = {
        labels: evaluate(
            log, learner=lambda part: TaskModel(part, notes), labels=labels, n_bootstrap=20
        )
        for labels in ("given", "absent", "unseen")
    }
    for labels, report in reports.items():
        assert report.labels == report.to_dict()["labels"] == labels
        assert report.routing is not None
        qini = report.routing.figures["qini_normalised"]
        assert qini is None or qini.value == pytest.approx(1.0 if labels == "given" else 0.0)
    assert all(note["asked"] == {None} for note in notes[5:10])
    assert any("absent" in note for note in reports["absent"].notes)
    assert any("unseen" in note for note in reports["unseen"].notes)
    # Strata are by the true labels, whatever the router was told.
    assert [len(report.by_task) for report in reports.values()] == [5, 5, 5]


def test_logs_without_two_tasks_refuse_unseen() -> None:
    """Leaving tasks out needs labels, and two different ones."""
    for groups, count in (([None], 0), (["x"], 1)):
        with pytest.raises(LogError, match=f"{count} task labels in the log"):
            evaluate(make_log(groups), labels="unseen")


def test_unknown_settings_are_refused() -> None:
    """Another word for labels, and a router paid to be asked, are errors before any training."""
    with pytest.raises(InputError, match="one of given, absent, unseen"):
        check_labels("hidden")
    for cost in (-1.0, np.nan):
        with pytest.raises(InputError, match="router_cost"):
            evaluate(make_log(["x", "y"]), router_cost=cost)


def test_hiding_labels_changes_nothing_else() -> None:
    """Questions keep their folds and outcomes."""
    view = build_view(make_log(["x", "y"]))
    hidden = hide_labels(view)
    assert set(hidden.groups) == {None}
    np.testing.assert_array_equal(hidden.folds, view.folds)
    assert set(view.groups) == {"x", "y"}
