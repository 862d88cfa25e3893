"""The report: plain JSON and plain, aligned text."""

from __future__ import annotations

import json

from router.evaluation.report import BudgetReport, Evaluation, MultiplierReport, render
from router.scoring import Interval

PLANS = ("cheapest", "uniform", "blind", "hindsight", "task", "ridge", "router", "oracle")


def make_budget(fraction: float | None, multiplier: MultiplierReport | None) -> BudgetReport:
    """Make the report of one budget."""
    return BudgetReport(
        fraction=fraction,
        budget=1.5,
        quality=dict.fromkeys((*PLANS, "router_knapsack"), 0.5),
        spend_ratio=dict.fromkeys((*PLANS, "router_knapsack"), 0.987654),
        gain_over_blind=Interval(0.01, -0.002, 0.022),
        gain_over_ridge=Interval(-0.01, -0.03, 0.01),
        headroom_captured=0.25 if fraction else None,
        multiplier=multiplier,
    )


def make_evaluation() -> Evaluation:
    """Make an evaluation with every kind of multiplier."""
    multipliers = [
        MultiplierReport(1.25, "reached", 1.1, 1.4),
        MultiplierReport(2.0, "beyond", 1.5, 2.5),
        MultiplierReport(None, "below", None, None),
        MultiplierReport(1.0, "reached", None, None),
    ]
    return Evaluation(
        dataset="made",
        form="complete",
        n_questions=60,
        n_questions_log=80,
        options=("a", "b"),
        coverage=0.875,
        cost_unit="usd",
        budgets=tuple(
            make_budget(0.1 * position, multiplier)
            for position, multiplier in enumerate(multipliers, start=1)
        ),
        mean=make_budget(None, None),
        seed=0,
        n_resamples=2000,
        seconds={"view": 0.123},
        notes=("something to know",),
    )


def test_dictionary_survives_json() -> None:
    """Everything is a plain value: what JSON gives back is what went in."""
    content = make_evaluation().to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert content["n_options"] == 2
    assert content["mean"]["gain_over_blind"] == {"mean": 0.01, "low": -0.002, "high": 0.022}
    assert content["budgets"][1]["multiplier"]["status"] == "beyond"
    assert content["budgets"][0]["quality"]["router_knapsack"] == 0.5


def test_text_shows_every_plan_and_note() -> None:
    """Heading, plans, budgets, intervals, multipliers and notes are all in the text."""
    text = render(make_evaluation())
    lines = text.splitlines()
    head = "made: 60 of 80 questions x 2 options, complete form, coverage 87.5%, cost in usd"
    assert lines[0] == head
    assert lines[1].split() == ["budget", "mean", "cost", *PLANS]
    for piece in (
        "+0.0100 [-0.0020, +0.0220]",
        "1.25x [1.10, 1.40]",
        ">= 2.00x [1.50, 2.50]",
        "below",
        "1.00x",
        "25.0%",
        "0.988",
        "note: something to know",
        "seconds: view 0.1",
    ):
        assert piece in text


def test_tables_are_aligned() -> None:
    """All lines of a table are equally long, and no line ends in space."""
    blocks = render(make_evaluation()).split("\n\n")
    tables = [blocks[0].splitlines()[1:], blocks[1].splitlines()]
    for table in tables:
        assert len(table) == 6
        assert len({len(line) for line in table}) == 1
    assert all(line == line.rstrip() for line in render(make_evaluation()).splitlines())
