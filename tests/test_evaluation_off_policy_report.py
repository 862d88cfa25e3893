"""Policies beside what was logged: against the truth, refused, and how both are shown."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from router.evaluation.off_policy_choices import LoggedChoices, lay_out_choices
from router.evaluation.off_policy_report import compare_policies, render_report
from router.exceptions import InputError, OverlapError

OPTIONS = ("cheap", "dear", "middle")
QUALITY, COST = np.array([0.4, 0.8, 0.6]), np.array([1.0, 9.0, 3.0])


def draw_choices(
    rng: np.random.Generator, logging: tuple[float, ...] = (0.6, 0.2, 0.2), n: int = 2000
) -> LoggedChoices:
    """Draw choices whose truth is known."""
    action = rng.choice(3, p=logging, size=n)
    chances = json.dumps(dict(zip(OPTIONS, logging, strict=True)))
    columns: dict[str, Any] = {
        "query_id": [f"q{row}" for row in range(n)],
        "option": [OPTIONS[place] for place in action],
        "propensity": [logging[place] for place in action],
        "propensities": [chances] * n,
        "quality": (rng.random(n) < QUALITY[action]).astype(float).tolist(),
        "cost": (COST[action] * rng.uniform(0.5, 1.5, size=n)).tolist(),
        "cost_unit": ["usd"] * n,
    }
    return lay_out_choices(columns)


def test_intervals_hold_the_truth_as_often_as_they_say(rng: np.random.Generator) -> None:
    """Quality, gain and cost of a mix and of one option, over 60 logs."""
    inside = []
    for _ in range(60):
        choices = draw_choices(rng)
        report = compare_policies(choices, ["middle", "uniform"])
        for found, weights in zip(report.policies, ([0, 0, 1], [1 / 3] * 3), strict=True):
            assert found.quality is not None
            assert found.cost is not None
            assert found.gain is not None
            truth, paid = float(QUALITY @ weights), float(COST @ weights)
            logged = float(QUALITY @ (0.6, 0.2, 0.2))
            inside += [
                found.quality.low <= truth <= found.quality.high,
                found.cost.low <= paid <= found.cost.high,
                found.gain.low <= truth - logged <= found.gain.high,
            ]
    # 360 intervals that each hold with 95 %: below 90 % would happen once in 100,000 times were
    # they independent.
    assert np.mean(inside) > 0.9


def test_more_alike_policies_are_told_apart_more_sharply(rng: np.random.Generator) -> None:
    """Choices on which both agree cancel: the gain is known better than the quality."""
    choices = draw_choices(rng, (0.9, 0.05, 0.05))
    (found,) = compare_policies(choices, ["cheap"]).policies
    assert found.gain is not None
    assert found.quality is not None
    assert found.gain.high - found.gain.low < 0.6 * (found.quality.high - found.quality.low)


def test_policy_beyond_the_log_stands_refused_beside_others(rng: np.random.Generator) -> None:
    """One that the log cannot answer for has a reason and its overlap, and alone is an error."""
    choices = draw_choices(rng, (0.8, 0.0, 0.2))
    report = compare_policies(choices, ["middle", "dear"])
    answered, refused = report.policies
    assert answered.refused is None
    assert refused.quality is None
    assert refused.refused is not None
    assert "the log never tried" in refused.refused
    assert refused.overlap is not None
    assert refused.overlap.share_unsupported == 1.0
    with pytest.raises(OverlapError, match=r"dear: 100\.0% of what the plan does"):
        compare_policies(choices, ["dear"])
    with pytest.raises(InputError, match="no policy"):
        compare_policies(choices, [])


def test_report_is_shown_and_laid_out(rng: np.random.Generator) -> None:
    """A row a policy with estimates, intervals, cost and overlap; the same as plain JSON."""
    report = compare_policies(draw_choices(rng), ["mix:4", "uniform"], estimator="snips")
    document = json.loads(json.dumps(report.to_dict(), allow_nan=False))
    assert document["estimator"] == "snips"
    mix = document["policies"][0]
    assert mix["cost"]["value"] == pytest.approx(4.0, abs=0.6)
    assert set(mix["gain"]) == {"mean", "low", "high"}
    assert sum(mix["shares"].values()) == pytest.approx(1.0)
    shown = render_report(report)
    rows = [line for line in shown.split("\n") if line.lstrip().startswith(("mix", "logged "))]
    assert len(rows) >= 2
    assert "cost in usd" in shown
    assert "mix:4 takes" in shown


def test_log_without_costs_or_probabilities_of_all_options_says_so() -> None:
    """Then there is no estimate of costs, and a note on overlap."""
    columns: dict[str, Any] = {
        "query_id": list(range(400)),
        "option": ["x", "y"] * 200,
        "propensity": [0.5] * 400,
        "quality": [0.0, 1.0] * 200,
    }
    report = compare_policies(lay_out_choices(columns), ["y"])
    assert report.policies[0].cost is None
    assert [note.split()[4] for note in report.notes] == ["column", "costs:"]
    assert "-" in render_report(report)
