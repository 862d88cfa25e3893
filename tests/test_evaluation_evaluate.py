"""Evaluation end to end, with learners whose worth is known beforehand."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.evaluation.evaluate import evaluate
from router.exceptions import LogError
from router.logs import build_log
from router.scoring import knapsack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from router.evaluation.crossfit import SurfaceModel
    from router.outcomes import OutcomeLog

COSTS = (1.0, 2.0, 4.0)


def make_log(n_questions: int = 100, *, gaps: bool = False) -> OutcomeLog:
    """Make a log in which a question's word says which of three options is right."""
    generator = np.random.default_rng(11)
    kind = generator.integers(0, 3, n_questions)
    words = ("apples", "rivers", "clouds")
    pairs = [
        (question, option)
        for question in range(n_questions)
        for option in range(3)
        if not (gaps and option == (question + 1) % 3)
    ]
    # Dearer options are right more often, or there would be nothing to spend on.
    right = generator.random((n_questions, 3)) < 0.2 + 0.15 * np.arange(3)
    right[np.arange(n_questions), kind] = True
    return build_log(
        {
            "query_id": [f"{question:03}" for question, _ in pairs],
            "query": [f"{words[kind[question]]} and so on {question}" for question, _ in pairs],
            "option": [f"option {option}" for _, option in pairs],
            "quality": [float(right[pair]) for pair in pairs],
            "cost": [COSTS[option] for _, option in pairs],
        },
        name="made",
    )


class TableModel:
    """A model that answers from a table of texts."""

    def __init__(self, table: dict[str, NDArray[np.float64]]) -> None:
        """Keep the table."""
        self.table = table

    def predict(self, texts: Sequence[str], groups: Sequence[str | None]) -> NDArray[np.float64]:
        """Look the texts up."""
        assert len(texts) == len(groups)
        return np.array([self.table[text] for text in texts])


def make_learner(
    log: OutcomeLog, change: Callable[[NDArray[np.float64]], NDArray[np.float64]]
) -> Callable[[OutcomeLog], SurfaceModel]:
    """Make a learner that knows all outcomes, changed in some way."""
    surface = change(np.nan_to_num(log.to_matrix(log.quality), nan=0.5))
    table = dict(zip(log.texts, surface, strict=True))
    return lambda _: TableModel(table)


def plan_by_protocol(
    quality: NDArray[np.float64],
    cost: NDArray[np.int64],
    budget: int,
    /,
    *,
    allowed: NDArray[np.bool_] | None,
) -> NDArray[np.int64]:
    """Plan with the protocol's knapsack, as an allocator."""
    return knapsack(quality, cost.astype(np.float64), budget / len(quality), allowed=allowed)


@pytest.mark.parametrize("gaps", [False, True])
def test_oracle_learner_reaches_the_oracle(*, gaps: bool) -> None:
    """A learner that knows the outcomes captures all headroom, and the allocator loses none."""
    log = make_log(gaps=gaps)
    evaluation = evaluate(log, learner=make_learner(log, lambda q: q), n_bootstrap=100)
    assert evaluation.form == ("observed" if gaps else "complete")
    for report in evaluation.budgets:
        assert report.quality["router_knapsack"] == pytest.approx(report.quality["oracle"])
        # One question a fold may fall on the other side of the integer grid.
        assert report.quality["router"] >= report.quality["oracle"] - 0.05
        assert report.gain_over_blind.low > 0
    assert evaluation.mean.headroom_captured == pytest.approx(1.0, abs=0.1)


def test_protocol_as_allocator_reaches_the_oracle_too() -> None:
    """The allocator is a parameter: the protocol's own gives the protocol's plans."""
    log = make_log()
    learner = make_learner(log, lambda q: q)
    evaluation = evaluate(log, learner=learner, allocator=plan_by_protocol, n_bootstrap=10)
    for report in evaluation.budgets:
        assert report.quality["router"] == pytest.approx(report.quality["oracle"], abs=0.05)


@pytest.mark.parametrize("gaps", [False, True])
def test_constant_learner_chooses_by_cost(*, gaps: bool) -> None:
    """A learner that sees no difference between options takes the cheapest everywhere."""
    log = make_log(gaps=gaps)
    learner = make_learner(log, lambda q: np.full_like(q, 0.5))
    for report in evaluate(log, learner=learner, n_bootstrap=10).budgets:
        assert report.quality["router"] == pytest.approx(report.quality["cheapest"])
        assert report.quality["router_knapsack"] == pytest.approx(report.quality["cheapest"])
        assert report.spend_ratio["router"] == pytest.approx(report.spend_ratio["cheapest"])


def test_opposite_learner_is_worse_than_blind() -> None:
    """A learner that takes right for wrong is caught: its interval lies below zero."""
    log = make_log()
    mean = evaluate(log, learner=make_learner(log, lambda q: 1 - q), n_bootstrap=200).mean
    assert mean.gain_over_blind.high < 0
    assert mean.headroom_captured is not None
    assert mean.headroom_captured < 0


def test_learner_of_other_questions_gains_nothing() -> None:
    """Outcomes handed to the wrong questions are worth no more than the options' means."""
    log = make_log(300)
    order = np.random.default_rng(1).permutation(300)
    mean = evaluate(log, learner=make_learner(log, lambda q: q[order]), n_bootstrap=200).mean
    assert mean.gain_over_blind.low < 0.0
    assert mean.quality["router"] < mean.quality["oracle"] - 0.2


def test_planned_spend_is_within_the_budget() -> None:
    """Where an option costs the same for all, spend is planned cost and never above budget."""
    log = make_log()
    for report in evaluate(log, learner=make_learner(log, lambda q: q), n_bootstrap=10).budgets:
        for name in ("uniform", "blind", "task", "ridge", "router", "router_knapsack", "oracle"):
            ratio = report.spend_ratio[name]
            assert ratio is not None
            assert ratio <= 1 + 1e-12, name


def test_figures_describe_the_log() -> None:
    """Counts, coverage, unit, seconds and notes are stated; the same seed gives the same."""
    log = make_log(gaps=True)
    said: list[str] = []
    learner = make_learner(log, lambda q: q)
    one = evaluate(log, learner=learner, seed=5, n_bootstrap=50, progress=said.append)
    assert (one.n_questions, one.n_questions_log, one.n_options) == (100, 100, 3)
    assert one.coverage == pytest.approx(2 / 3)
    assert one.cost_unit == "nominal"
    parts = {"view", "baselines", "learner", "plans", "bootstrap", "metrics"}
    assert set(one.seconds) == parts
    assert any("options its question saw" in note for note in one.notes)
    assert len(said) == 10
    two = evaluate(log, learner=learner, seed=5, n_bootstrap=50)
    assert two.budgets == one.budgets


def test_default_learner_is_the_gain_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a learner the library's own is trained, with the seed, outside every fold."""
    log = make_log()
    seen: list[tuple[int, int]] = []

    def fit_gain_model(part: OutcomeLog, *, seed: int = 0) -> SurfaceModel:
        """Train a stand-in that records how it was called."""
        seen.append((part.n_questions, seed))
        return make_learner(log, lambda q: q)(part)

    module = ModuleType("router.models.training")
    module.__dict__["fit_gain_model"] = fit_gain_model
    monkeypatch.setitem(sys.modules, "router.models.training", module)
    evaluate(log, seed=9, n_bootstrap=10)
    assert [seed for _, seed in seen] == [9] * 5
    assert sum(100 - count for count, _ in seen) == 100


def test_small_logs_are_refused() -> None:
    """Too few questions are an error before anything is trained."""
    with pytest.raises(LogError, match="at least 20"):
        evaluate(make_log(19))
