"""What a budget would have done on a log."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.evaluation import evaluate
from router.evaluation.forecast import forecast
from router.exceptions import BudgetError, InputError
from router.logs import read_log

if TYPE_CHECKING:
    from pathlib import Path

    from router.evaluation.forecast import Policy
    from router.outcomes import OutcomeLog


def learn_tasks(log: OutcomeLog) -> Any:
    """Learn the means of tasks, quickly."""
    quality = log.to_matrix(log.quality)
    overall = np.nanmean(quality, axis=0)
    labels = np.array([group or "" for group in log.groups])
    means = {name: np.nanmean(quality[labels == name], axis=0) for name in set(labels)}
    return SimpleNamespace(
        predict=lambda _, groups: np.array([means.get(group or "", overall) for group in groups])
    )


@pytest.fixture(scope="module")
def log(repository_root: Path) -> OutcomeLog:
    """Read the shipped sample."""
    return read_log(repository_root / "examples" / "sample_log.csv")


def test_the_protocols_budgets_give_its_figures(log: OutcomeLog) -> None:
    """At the budgets of the evaluation, plans reach what the evaluation says."""
    evaluation = evaluate(log, learner=learn_tasks, n_bootstrap=200)
    found = forecast(
        log,
        budgets=[row.budget for row in evaluation.budgets],
        learner=learn_tasks,
        n_bootstrap=200,
    )
    for row, expected in zip(found.budgets, evaluation.budgets, strict=True):
        for plan in ("uniform", "blind", "task", "ridge", "router", "oracle"):
            assert row.find(plan).quality == pytest.approx(expected.quality[plan])
        gain = row.find("router").gain_over_blind
        assert gain.mean == pytest.approx(expected.gain_over_blind.mean)


@pytest.mark.parametrize("policy", ["upfront", "staged", "uniform"])
def test_every_policy_reports_all_baselines(log: OutcomeLog, policy: Policy) -> None:
    """Baselines stand in every row, shares add up, and the document is plain JSON."""
    found = forecast(log, policy=policy, learner=learn_tasks, n_bootstrap=100)
    assert len(found.budgets) == 10
    for row in found.budgets:
        assert {"uniform", "blind", "task", "ridge", "oracle"} <= {p.plan for p in row.plans}
        assert row.find("blind").gain_over_blind.mean == 0.0
        assert sum(row.shares.values()) == pytest.approx(1.0)
    assert json.loads(json.dumps(found.to_dict()))["policy"] == policy
    if policy == "uniform":
        assert len(found.budgets[0].shares) <= 2


def test_second_tries_add_to_one_plan(log: OutcomeLog) -> None:
    """With a check, staged plans are ahead of upfront ones at a middling budget."""
    found = forecast(log, policy="staged", learner=learn_tasks, n_bootstrap=100)
    row = found.budgets[4]
    assert row.find("staged").quality > row.find("router").quality
    assert any(" > " in name for name in row.shares)
    assert any("check" in note for note in found.notes)


def test_what_cannot_be_tried_is_refused(log: OutcomeLog) -> None:
    """Unknown policies and budgets that reach for nothing are named."""
    with pytest.raises(InputError, match="'greedy'"):
        forecast(log, policy="greedy", learner=learn_tasks)  # type: ignore[arg-type]
    for budgets in ([1e-9], [float("nan")], []):
        with pytest.raises(BudgetError, match="cheapest"):
            forecast(log, budgets=budgets, learner=learn_tasks)
