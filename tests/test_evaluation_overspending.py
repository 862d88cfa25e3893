"""Overspending: real spend fold by fold, and comparison at equal real cost."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.evaluation import build_view, evaluate, measure_overspending, render, score_plans
from router.logs import build_log

if TYPE_CHECKING:
    from router.evaluation import DenseView, OverspendingRow
    from router.outcomes import OutcomeLog

N = 200


def make_log(*, varied: bool) -> OutcomeLog:
    """Make a log of two options; where costs vary, questions that gain are the dear ones."""
    rng = np.random.default_rng(5)
    gains = rng.random(N) < 0.5
    cost = np.where(gains, 3.0, 1.0) if varied else np.full(N, 2.0)
    quality = np.stack((np.zeros(N), np.where(gains, 0.9, 0.1)), axis=1)
    table = np.stack((np.full(N, 0.5), cost), axis=1)
    words = ["long" if gain else "short" for gain in gains]
    return build_log(
        {
            "query_id": np.repeat(np.arange(N), 2).tolist(),
            "query": np.repeat([f"{word} {i}" for i, word in enumerate(words)], 2).tolist(),
            "option": ["a", "b"] * N,
            "quality": quality.ravel().tolist(),
            "cost": table.ravel().tolist(),
        }
    )


def measure(*, varied: bool, by_question: bool) -> tuple[DenseView, dict[str, OverspendingRow]]:
    """Plan a known surface, with true costs by question where asked; rows of the 20 % budget."""
    view = build_view(make_log(varied=varied))
    costs = view.cost if by_question else None
    scores = score_plans(view, {}, router=view.quality, question_costs=costs)
    rows = measure_overspending(view, scores, view.quality, n_resamples=200)
    return view, {row.plan: row for row in rows if row.fraction == 0.2}


def test_fixed_costs_are_never_overspent() -> None:
    """Where options cost the same on every question, no plan exceeds its budget."""
    _, rows = measure(varied=False, by_question=False)
    assert set(rows) == {"blind", "router"}
    assert all(row.excess_max == row.batches_over == 0.0 for row in rows.values())


def test_plans_by_mean_costs_overspend_where_gains_are_dear() -> None:
    """A router that picks the questions that gain pays their real cost, not the mean."""
    _, rows = measure(varied=True, by_question=False)
    row = rows["router"]
    assert row.batches_over == 1.0
    assert row.spend_ratio is not None
    assert row.spend_ratio > 1.1
    assert row.excess_max >= row.excess > 0.1


def test_true_costs_by_question_keep_the_budget() -> None:
    """Planned with what questions really cost, every fold keeps its budget."""
    _, rows = measure(varied=True, by_question=True)
    row = rows["router_by_question"]
    assert row.excess_max == 0.0
    assert row.gain_at_equal_cost is not None
    assert rows["router"].gain_at_equal_cost is None
    # One curve of quality against real cost holds for both, as cost and gain go together here.
    assert row.gain_at_equal_cost.mean == pytest.approx(0.0, abs=0.03)


def test_evaluations_report_both_plans() -> None:
    """The report has both plans, as JSON and as text; a margin out of range is refused."""
    log = make_log(varied=True)

    def learn(part: OutcomeLog) -> Any:
        mean = np.nanmean(part.to_matrix(part.quality), axis=0)
        return SimpleNamespace(predict=lambda texts, _: np.tile(mean, (len(texts), 1)))

    evaluation = evaluate(log, learner=learn, cost_margin=0.1, n_bootstrap=50)
    plans = {row["plan"] for row in evaluation.to_dict()["overspending"]}
    assert plans == {"blind", "router", "router_by_question"}
    assert "router_by_question" in render(evaluation)
    assert "router_by_question" in evaluation.mean.quality
    with pytest.raises(ValueError, match="cost_margin"):
        evaluate(log, learner=learn, cost_margin=-1.0)
