"""What a router is told of tasks: their labels, none, or labels it has never seen.

*given*: every question comes with its label, which training knew. *absent*: training knew labels,
but a question to be predicted comes without; the baselines, which infer nothing from text about a
task, are trained without labels too. *unseen*: whole tasks are left out of training, so that a
question comes with a label that no training question had.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from router.evaluation.protocol import N_FOLDS, assign_folds
from router.exceptions import InputError, LogError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.evaluation.protocol import DenseView
    from router.outcomes import OutcomeLog

__all__ = ["Labels", "assign_task_folds", "check_labels", "hide_labels"]

Labels = Literal["given", "absent", "unseen"]


def check_labels(labels: str) -> None:
    """Check that a setting of labels is one of the three.

    Parameters
    ----------
    labels : str
        The setting.

    Raises
    ------
    InputError
        If it is not.

    Examples
    --------
    >>> check_labels("none")
    Traceback (most recent call last):
    ...
    router.exceptions.InputError: labels is 'none': one of given, absent, unseen is needed
    """
    if labels not in get_args(Labels):
        msg = f"labels is {labels!r}: one of {', '.join(get_args(Labels))} is needed"
        raise InputError(msg)


def assign_task_folds(log: OutcomeLog) -> NDArray[np.int64]:
    """Deal whole tasks into five folds, in the order of the SHA-256 of their labels.

    A question without a label is a task of its own and takes the fold of its text.

    Parameters
    ----------
    log : OutcomeLog
        With labels.

    Returns
    -------
    ndarray of int64, shape (n,)

    Raises
    ------
    LogError
        If the log has fewer than two tasks.

    Examples
    --------
    >>> from router.logs import build_log
    >>> log = build_log({
    ...     "query_id": [0, 1, 2], "query": ["Why?", "Who?", "How?"], "option": ["a"] * 3,
    ...     "group": ["x", "y", "x"], "quality": [1.0, 0.0, 1.0],
    ... })
    >>> assign_task_folds(log).tolist()
    [0, 1, 0]
    """
    tasks = sorted(
        {group for group in log.groups if group is not None},
        key=lambda name: hashlib.sha256(name.encode("utf-8", "replace")).hexdigest(),
    )
    if len(tasks) < 2:
        msg = f"{log.dataset}: {len(tasks)} task labels in the log: leaving tasks out needs 2"
        raise LogError(msg + " at least")
    # Dealing in turn, unlike a remainder of the hash, cannot put all of a few tasks in one fold.
    fold_by_task = {task: position % N_FOLDS for position, task in enumerate(tasks)}
    folds = assign_folds(log.texts)
    for row, group in enumerate(log.groups):
        if group is not None:
            folds[row] = fold_by_task[group]
    return folds


def hide_labels(view: DenseView) -> DenseView:
    """Take the labels from questions that are predicted.

    Parameters
    ----------
    view : DenseView
        The questions.

    Returns
    -------
    DenseView
        The same with None for every label.

    Examples
    --------
    >>> from router.evaluation.protocol import build_view
    >>> from router.logs import build_log
    >>> log = build_log({
    ...     "query_id": [i for i in range(20) for _ in "ab"],
    ...     "query": [f"Why {i}?" for i in range(20) for _ in "ab"], "group": ["x"] * 40,
    ...     "option": ["a", "b"] * 20, "quality": [0.0, 1.0] * 20, "cost": [1.0, 2.0] * 20,
    ... })
    >>> set(hide_labels(build_view(log)).groups)
    {None}
    """
    return replace(view, groups=np.full(len(view.groups), None, dtype=object))
