"""The split-half oracle: refused with its reason, or honest about luck."""

from __future__ import annotations

import numpy as np
import pytest

from router.evaluation.evaluate import evaluate
from router.evaluation.halves import draw_log_halves, explain_no_halves, score_halves
from router.evaluation.plans import score_plans
from router.evaluation.protocol import build_view
from router.exceptions import InputError
from tests.contracts.surfaces import know, make_log

COSTS = (1.0, 2.0, 3.0)
ALIKE = np.tile([0.4, 0.5, 0.6], (400, 1))


def test_luck_makes_no_headroom() -> None:
    """Where questions are alike the naive oracle sees headroom, the split-half one next to none."""
    quality = np.random.default_rng(5).binomial(10, ALIKE) / 10
    log = make_log(quality, COSTS, trials=10)
    view = build_view(log)
    oracle = score_plans(view, {}).quality
    halves = score_halves(view, draw_log_halves(log, view))
    blind = oracle["blind"].mean()
    assert oracle["oracle"].mean() > blind + 0.08
    assert halves.shape == oracle["blind"].shape
    assert halves.mean() == pytest.approx(blind, abs=0.02)


def test_certain_outcomes_lose_nothing_to_halving() -> None:
    """Where every run of a row ends alike both halves show it, and the two oracles agree."""
    quality = np.random.default_rng(6).integers(0, 2, (200, 3)).astype(float)
    log = make_log(quality, COSTS, trials=4)
    report = evaluate(log, learner=know(log, quality), n_bootstrap=50)
    assert report.routing is not None
    naive = report.routing.figures["headroom_captured"]
    split = report.routing.figures["headroom_split_half"]
    assert naive is not None
    assert split == naive
    assert naive.value == pytest.approx(report.mean.headroom_captured)


def test_same_seed_draws_the_same_halves() -> None:
    """Splits follow from the seed, and differ among each other."""
    quality = np.random.default_rng(5).binomial(4, ALIKE) / 4
    log = make_log(quality, COSTS, trials=4)
    view = build_view(log)
    one, two = (list(draw_log_halves(log, view, seed=3)) for _ in range(2))
    for (first, _), (again, _) in zip(one, two, strict=True):
        np.testing.assert_array_equal(first, again)
    assert (one[0][0] != one[1][0]).any()


def test_reasons_say_what_stands_in_the_way() -> None:
    """Single runs, values between successes, and gaps are each named."""
    single = make_log(np.round(ALIKE), COSTS)
    assert explain_no_halves(single, build_view(single)) == "100% of the rows are single runs"
    vote = make_log(ALIKE / 7, COSTS, trials=10)
    assert "no mean of 0/1 runs" in str(explain_no_halves(vote, build_view(vote)))
    gaps = np.where(np.arange(3) == np.arange(400)[:, None] % 3, np.nan, 0.5)
    sparse = make_log(gaps, COSTS, trials=2)
    assert "saw every option" in str(explain_no_halves(sparse, build_view(sparse)))
    whole = make_log(ALIKE, COSTS, trials=10)
    assert explain_no_halves(whole, build_view(whole)) is None


def test_halves_of_another_shape_are_refused() -> None:
    """Halves that a caller brings must fit the view, and there must be one."""
    view = build_view(make_log(ALIKE, COSTS, trials=10))
    with pytest.raises(InputError, match="a half has shape"):
        score_halves(view, [(np.zeros((2, 3)), np.zeros((2, 3)))])
    with pytest.raises(InputError, match="no halves"):
        score_halves(view, [])
