"""Coverage of intervals: as promised on folds by text and on folds by task."""

from __future__ import annotations

import numpy as np
import pytest

from router.evaluation.coverage import measure_coverage
from router.evaluation.labels import assign_task_folds
from router.evaluation.protocol import build_view
from tests.contracts.surfaces import make_log

TASKS = tuple(f"task {number}" for number in range(8))


def test_intervals_hold_about_as_often_as_they_say(rng: np.random.Generator) -> None:
    """With an error of each task's own, cells and plans of the fold left out are covered."""
    n = 8000
    predicted = rng.uniform(0.2, 0.8, (n, 2))
    off = rng.normal(scale=0.08, size=(len(TASKS), 2))[np.arange(n) % len(TASKS)]
    outcome = (rng.random((n, 2)) < np.clip(predicted + off, 0, 1)).astype(float)
    log = make_log(outcome, (1.0, 2.0), groups=TASKS)
    for folds in (None, assign_task_folds(log)):
        coverage = measure_coverage(build_view(log, folds=folds), predicted)
        assert coverage.cells is not None
        assert coverage.plans is not None
        assert coverage.plan_width is not None
        assert 0.78 < coverage.cells < 0.99
        assert coverage.plans > 0.75
        assert 0.05 < coverage.width < 0.25
        assert coverage.n_cells > 100
        assert 0.05 < coverage.plan_width < 0.4


def test_few_questions_measure_nothing() -> None:
    """Without a cell or a plan of enough outcomes, shares are unknown and widths are stated."""
    view = build_view(make_log(np.tile([0.0, 1.0], (25, 1)), (1.0, 2.0)))
    coverage = measure_coverage(view, np.tile([0.2, 0.8], (25, 1)))
    assert coverage.n_plans == 0
    assert coverage.plans is None
    assert coverage.plan_width is None
    assert coverage.width == pytest.approx(0.25)
