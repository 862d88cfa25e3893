"""Standard figures of a surface: known for oracles, chance and planted faults."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from router.evaluation.evaluate import evaluate
from router.evaluation.figures import FIGURES
from router.evaluation.protocol import build_view, compute_budgets
from router.evaluation.report import render
from router.evaluation.routing import RoutingReport, measure_routing
from tests.contracts.surfaces import know, make_log

if TYPE_CHECKING:
    from numpy.typing import NDArray

TWO = (1.0, 5.0)
GENERATOR = np.random.default_rng(8)
OUTCOMES = (GENERATOR.random((300, 2)) < [0.4, 0.7]).astype(float)
MANY = (GENERATOR.random((240, 4)) < [0.2, 0.4, 0.5, 0.6]).astype(float)
MANY_COSTS = (0.001, 0.002, 0.004, 0.008)


def measure(surface: NDArray[np.float64], *, router_cost: float = 0.0) -> RoutingReport:
    """Measure a surface on the log of two options."""
    view = build_view(make_log(OUTCOMES, TWO))
    return measure_routing(view, surface, ("a", "b"), router_cost=router_cost, n_resamples=100)


def value_of(report: RoutingReport, name: str) -> float:
    """Give the value of a figure that is there."""
    estimate = report.figures[name]
    assert estimate is not None
    assert estimate.value is not None
    return estimate.value


def test_oracle_of_two_options_has_known_figures() -> None:
    """Shares of gained, lost and equal questions determine every figure of the oracle."""
    report = measure(OUTCOMES)
    gain = OUTCOMES[:, 1] - OUTCOMES[:, 0]
    gained, lost, gap = (gain == 1).mean(), (gain == -1).mean(), gain.mean()
    area = gained / 2 * gained + (1 - gained - lost) * gained + lost * (gained + gap) / 2
    assert value_of(report, "apgr") == pytest.approx(area / gap)
    assert value_of(report, "cpt_50") == pytest.approx(gap / 2)
    assert value_of(report, "cpt_80") == pytest.approx(gap * 0.8)
    assert value_of(report, "pgr_max") == pytest.approx(gained / gap)
    assert value_of(report, "cost_saving_50") == pytest.approx(5 / (1 + 4 * gap / 2))
    assert value_of(report, "auuc") == pytest.approx(area)
    assert value_of(report, "qini") == pytest.approx(area - gap / 2)
    assert value_of(report, "qini_normalised") == pytest.approx(1.0)
    assert value_of(report, "auuc_normalised") == pytest.approx(1.0)
    weak, strong = OUTCOMES.mean(0)
    assert value_of(report, "best_option_quality") == pytest.approx(strong)
    assert value_of(report, "peak_quality") == pytest.approx(weak + gained)
    assert value_of(report, "headroom_over_best_option") == pytest.approx(1.0)
    # A straight line from the cheapest option to the peak, then flat up to the dearest.
    aiq = gained * (weak + gained / 2) + (1 - gained) * (weak + gained)
    assert value_of(report, "aiq") == pytest.approx(aiq)
    assert value_of(report, "aiq_options") == pytest.approx((weak + strong) / 2)
    assert value_of(report, "qnc") == pytest.approx((1 + 4 * gap) / 5)
    assert (report.cheapest_option, report.best_option) == ("a", "b")


def test_blind_surface_is_chance() -> None:
    """A surface that says the same of all questions recovers what chance does."""
    report = measure(np.tile(OUTCOMES.mean(0), (300, 1)))
    assert value_of(report, "apgr") == pytest.approx(0.5)
    assert value_of(report, "cpt_80") == pytest.approx(0.8)
    assert value_of(report, "qini") == pytest.approx(0.0)
    assert value_of(report, "aiq") == pytest.approx(value_of(report, "aiq_options"))
    assert value_of(report, "qnc") == pytest.approx(1.0)


def test_reversed_surface_is_caught() -> None:
    """A router that takes losses for gains: interval of Qini below zero, of APGR below a half."""
    report = measure(1 - OUTCOMES)
    qini, apgr = report.figures["qini"], report.figures["apgr"]
    assert qini is not None
    assert apgr is not None
    assert qini.high is not None
    assert apgr.high is not None
    assert qini.high < 0
    assert apgr.high < 0.5
    assert qini.value == pytest.approx(-value_of(measure(OUTCOMES), "qini"))


def test_intervals_hold_their_figures() -> None:
    """Every figure of a noisy surface lies within its interval."""
    noisy = OUTCOMES + np.random.default_rng(1).normal(0, 1, OUTCOMES.shape)
    for name, estimate in measure(noisy).figures.items():
        if estimate is not None and name != "qnc":
            assert estimate.low is not None
            assert estimate.value is not None
            assert estimate.high is not None
            assert estimate.low <= estimate.value <= estimate.high, name


def test_router_cost_is_charged_everywhere() -> None:
    """Charged routers have dearer curves and worse figures of cost; those of ranking stay."""
    free, charged = measure(OUTCOMES), measure(OUTCOMES, router_cost=0.5)
    for before, after in zip(free.curve, charged.curve, strict=True):
        assert after.cost == pytest.approx(before.cost + 0.5)
        assert after.quality == before.quality
    assert value_of(charged, "qnc") == pytest.approx(value_of(free, "qnc") + 0.5 / 5)
    assert value_of(charged, "cost_saving_50") < value_of(free, "cost_saving_50")
    assert value_of(free, "aiq_options") < value_of(charged, "aiq") < value_of(free, "aiq")
    for name in ("apgr", "cpt_50", "qini", "aiq_options"):
        assert value_of(charged, name) == pytest.approx(value_of(free, name))


def test_charged_plans_stay_within_their_budgets() -> None:
    """The router's cost is paid out of the budget; where it cannot be, the report says so."""
    log = make_log(MANY, MANY_COSTS, cost_unit="usd")
    step = float(np.diff(compute_budgets(build_view(log)))[0])
    learner = know(log, MANY)
    free, charged, broke = (
        evaluate(log, learner=learner, router_cost=cost, n_bootstrap=20)
        for cost in (0.0, step / 2, 10 * step)
    )
    for before, after in zip(free.budgets, charged.budgets, strict=True):
        ratio = after.spend_ratio["router"]
        assert ratio is not None
        assert ratio <= 1 + 1e-9
        assert after.quality["router"] <= before.quality["router"]
        assert after.quality["blind"] == before.quality["blind"]
    assert charged.mean.quality["router"] < free.mean.quality["router"]
    assert charged.router_cost == charged.to_dict()["router_cost"] == step / 2
    assert not any("overspends" in note for note in charged.notes)
    assert any("overspends" in note for note in broke.notes)
    assert (broke.budgets[0].spend_ratio["router"] or 0) > 1
    assert "router charged" in render(charged)


def test_many_options_in_dollars_have_other_figures() -> None:
    """More than two options have no share of strong calls; dollars have the arena's score."""
    log = make_log(MANY, MANY_COSTS, cost_unit="usd")
    report = evaluate(log, learner=know(log, MANY), n_bootstrap=50)
    routing = report.routing
    assert routing is not None
    assert set(routing.figures) == set(FIGURES)
    missing = {name for name, estimate in routing.figures.items() if estimate is None}
    assert missing == set(routing.reasons)
    assert "4 options" in routing.reasons["apgr"]
    assert value_of(routing, "arena_score") > value_of(routing, "arena_score_options")
    assert value_of(routing, "headroom_captured") == pytest.approx(report.mean.headroom_captured)
    assert 0 <= value_of(routing, "routing_collapse") <= 1
    assert len(routing.choice_entropy_bits) == 5
    assert all(0 <= bits <= 2 for bits in routing.choice_entropy_bits)
    costs = [point.cost for point in routing.curve]
    assert costs == sorted(costs)
    assert routing.curve[0].price is None


def test_best_option_that_is_cheapest_leaves_no_gap() -> None:
    """Where the cheap option is the better one, figures of the gap are missing with a reason."""
    view = build_view(make_log(OUTCOMES[:, ::-1], TWO))
    report = measure_routing(view, OUTCOMES[:, ::-1], ("a", "b"), n_resamples=20)
    assert report.reasons["apgr"] == report.reasons["qini"] == "the cheapest option is the best one"
    assert value_of(report, "peak_quality") >= value_of(report, "best_option_quality")


def test_never_reached_quality_has_no_cost() -> None:
    """A router whose peak is below the best option has no quality-neutral cost."""
    report = measure(np.tile([1.0, 0.0], (300, 1)))
    assert report.figures["qnc"] is not None
    assert report.figures["qnc"].value is None


def test_sparse_logs_keep_what_has_a_meaning() -> None:
    """Without questions that saw every option, headroom and entropy stay, curves do not."""
    quality = MANY.copy()
    quality[np.arange(240), np.arange(240) % 4] = np.nan
    log = make_log(quality, MANY_COSTS)
    report = evaluate(log, learner=know(log, MANY), n_bootstrap=20)
    assert report.form == "observed"
    assert report.routing is not None
    present = {name for name, estimate in report.routing.figures.items() if estimate is not None}
    assert present == {"headroom_captured"}
    assert report.routing.reasons["aiq"] == "not every question saw every option"
    assert report.routing.curve == ()


def test_all_of_it_survives_json_and_shows_in_the_text() -> None:
    """New keys are plain values, and the text has a line for every figure there is."""
    log = make_log(MANY, MANY_COSTS, cost_unit="usd", groups=[f"t{n}" for n in range(20)])
    report = evaluate(log, learner=know(log, MANY), n_bootstrap=20)
    content = report.to_dict()
    assert json.loads(json.dumps(content, allow_nan=False)) == content
    assert {"labels", "routing", "calibration", "by_task", "by_difficulty"} <= set(content)
    assert set(content["routing"]["figures"]["aiq"]) == {"value", "low", "high"}
    text = render(report)
    assert report.routing is not None
    for name, estimate in report.routing.figures.items():
        assert name in text
        assert estimate is not None or f"{name}" in text.split("without", 1)[1]
    assert "entropy of the choices" in text
    assert "calibration of 960 predictions" in text
    assert "and 8 more in the JSON" in text
    assert "difficulty  questions  router" in text
