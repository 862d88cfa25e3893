"""The inferrer of tasks: probabilities that add up, and none where there is nothing to infer."""

from __future__ import annotations

import numpy as np
import pytest

from router.models.task_softmax import fit_task_inferrer


@pytest.mark.parametrize("n_groups", [2, 3])
def test_separated_tasks_are_told_apart(n_groups: int, rng: np.random.Generator) -> None:
    """Questions around different centres get the highest logit of their own task."""
    group = np.arange(90) % n_groups
    dense = rng.normal(size=(90, 4)) + 6.0 * np.eye(4)[group]
    line = fit_task_inferrer(dense, group, n_groups)
    assert line is not None
    logits = line.predict(dense)
    assert logits.shape == (90, n_groups)
    assert (logits.argmax(axis=1) == group).all()


def test_one_task_needs_no_inferrer() -> None:
    """Where there is one task, every question is its."""
    assert fit_task_inferrer(np.zeros((5, 2)), np.zeros(5, np.int64), 1) is None
