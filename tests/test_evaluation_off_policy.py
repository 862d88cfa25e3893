"""Off-policy estimates: equal to closed forms, unbiased, and refused where they make no sense."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.evaluation.off_policy import (
    DEFAULT_ESTIMATOR,
    Decisions,
    Estimator,
    estimate_off_policy,
    score_decisions,
)
from router.evaluation.off_policy_outcomes import predict_outcomes
from router.exceptions import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

LOG: dict[str, Any] = {
    "action": [0, 1],
    "propensity": [0.5, 0.5],
    "outcome": [0.0, 1.0],
    "n_options": 2,
}


def draw(
    n: int, seed: int = 0, *, n_options: int = 3
) -> tuple[Decisions, NDArray[np.float64], NDArray[np.float64]]:
    """Draw decisions, a random target, and the quality that every option would have had."""
    generator = np.random.default_rng(seed)
    task = generator.integers(4, size=n)
    logging = generator.dirichlet(np.full(n_options, 3.0), n) * 0.9 + 0.1 / n_options
    target = generator.dirichlet(np.full(n_options, 1.0), n)
    chance = 0.1 + 0.15 * task[:, None] + 0.1 * np.arange(n_options)
    quality = (generator.random((n, n_options)) < chance).astype(float)
    action = (logging.cumsum(1) < generator.random(n)[:, None]).sum(1).clip(0, n_options - 1)
    rows = np.arange(n)
    decisions = Decisions(
        action=action,
        propensity=logging[rows, action],
        outcome=quality[rows, action],
        n_options=n_options,
        task=task,
        logging=logging,
    )
    return decisions, target, quality


def test_scores_are_the_published_formulas() -> None:
    """Every estimator's mean equals its formula, written out decision by decision."""
    log, target, _ = draw(500)
    predicted = predict_outcomes(log)
    weighted, weights, direct, robust = 0.0, 0.0, 0.0, 0.0
    for row in range(500):
        weight = target[row, log.action[row]] / log.propensity[row]
        expected = sum(target[row, option] * predicted[row, option] for option in range(3))
        weighted += weight * log.outcome[row]
        weights += weight
        direct += expected
        robust += expected + weight * (log.outcome[row] - predicted[row, log.action[row]])
    means = {
        name: score_decisions(log, target, estimator=name).mean() for name in get_args(Estimator)
    }
    assert means["ips"] == pytest.approx(weighted / 500)
    assert means["snips"] == pytest.approx(weighted / weights)
    assert means["direct"] == pytest.approx(direct / 500)
    assert means["doubly_robust"] == pytest.approx(robust / 500)


@pytest.mark.parametrize("estimator", ["ips", "doubly_robust"])
def test_estimate_is_unbiased_over_all_logs_that_could_be(estimator: Estimator) -> None:
    """Summed over every possible log of four questions, the estimate is the target's value."""
    logging = np.array([[0.2, 0.8], [0.5, 0.5], [0.9, 0.1], [0.4, 0.6]])
    target = np.array([[0.0, 1.0], [1.0, 0.0], [0.3, 0.7], [0.5, 0.5]])
    quality = np.array([[0.1, 0.9], [0.4, 0.2], [1.0, 0.0], [0.3, 0.6]])
    rows, mean = np.arange(4), 0.0
    for choices in product((0, 1), repeat=4):
        action = np.array(choices)
        propensity = logging[rows, action]
        log = Decisions(
            action=action, propensity=propensity, outcome=quality[rows, action], n_options=2
        )
        mean += propensity.prod() * score_decisions(log, target, estimator=estimator).mean()
    assert mean == pytest.approx((target * quality).sum(1).mean())


def test_default_covers_the_truth_and_is_the_named_one() -> None:
    """Over 200 logs the interval holds the truth nearly always, and never names another method."""
    covered = 0
    for seed in range(200):
        log, target, _ = draw(800, seed)
        assert log.task is not None
        truth = float((0.1 + 0.15 * 1.5) + 0.1 * (target * np.arange(3)).sum(1).mean())
        found = estimate_off_policy(log, target, interval="normal")
        assert found.estimator == DEFAULT_ESTIMATOR == "doubly_robust"
        covered += found.low <= truth <= found.high
    assert 0.9 <= covered / 200 <= 0.99


def test_good_predictions_narrow_the_interval_and_bad_ones_do_no_harm() -> None:
    """The truth as surface leaves less in doubt; its opposite still covers."""
    log, target, quality = draw(3000)
    truth = (target * quality).sum(1).mean()
    plain = estimate_off_policy(log, target)
    good = estimate_off_policy(log, target, surface=quality)
    bad = estimate_off_policy(log, target, surface=1 - quality)
    assert good.high - good.low < plain.high - plain.low < bad.high - bad.low
    for found in (good, bad):
        assert found.low <= truth <= found.high


@pytest.mark.parametrize("estimator", ["switch", "shrinkage"])
def test_bounded_weights_never_err_more_by_their_own_account(estimator: Estimator) -> None:
    """Under rare options their error over 100 logs is no larger than the doubly robust one's."""
    errors = np.zeros(2)
    for seed in range(100):
        generator = np.random.default_rng(seed)
        action = (generator.random(1000) < 0.05).astype(int)
        outcome = (generator.random(1000) < 0.5).astype(float)
        propensity = np.where(action == 1, 0.05, 0.95)
        log = Decisions(action=action, propensity=propensity, outcome=outcome, n_options=2)
        target = np.tile([0.0, 1.0], (1000, 1))
        for row, name in enumerate((estimator, DEFAULT_ESTIMATOR)):
            errors[row] += (score_decisions(log, target, estimator=name).mean() - 0.5) ** 2
    assert errors[0] <= errors[1] * 1.001


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10_000), shift=st.floats(-2, 2), scale=st.floats(0.1, 5))
def test_default_moves_with_its_unit(seed: int, shift: float, scale: float) -> None:
    """Outcomes in another unit give the estimate in that unit, ends of the interval included."""
    log, target, _ = draw(300, seed)
    before = estimate_off_policy(log, target)
    log.outcome[:] = shift + scale * log.outcome
    after = estimate_off_policy(log, target)
    for name in ("value", "low", "high"):
        expected = shift + scale * getattr(before, name)
        assert getattr(after, name) == pytest.approx(expected, abs=1e-7)


def test_choices_are_distributions_and_documents_hold_everything() -> None:
    """A plan as choices equals the same as probabilities; the result goes into JSON."""
    log, _, _ = draw(600)
    choices = np.arange(600) % 3
    one, other = (estimate_off_policy(log, plan) for plan in (choices, np.eye(3)[choices]))
    assert one == other
    document = one.to_dict()
    assert document["overlap"]["n_decisions"] == 600
    assert document["interval"] == "skewness"
    wide = estimate_off_policy(log, choices, interval="bernstein")
    assert wide.low < one.low < one.high < wide.high
    drawn = estimate_off_policy(log, choices, interval="studentised", seed=1)
    assert drawn.low == pytest.approx(one.low, abs=0.02)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"action": [0, 2]}, "action 2"),
        ({"propensity": [0.5, 0.0]}, r"propensity 0\.0"),
        ({"propensity": [0.5]}, "propensity has shape"),
        ({"outcome": [0.0, float("nan")]}, "outcome is not finite"),
        ({"question": [0, -1]}, "question -1"),
        ({"action": [0]}, "action has shape"),
        ({"logging": [[0.5, 0.5], [0.5, 0.6]]}, "logging has a row"),
        ({"logging": [[0.5, 0.5]]}, "logging has shape"),
    ],
)
def test_what_is_no_log_of_decisions_is_refused(changed: dict[str, Any], words: str) -> None:
    """The message names the column and what is wrong with it."""
    with pytest.raises(InputError, match=words):
        Decisions(**{**LOG, **changed})


@pytest.mark.parametrize(
    ("target", "wishes", "words"),
    [
        ([0, 2], {}, "outside the options"),
        ([0, 1, 1], {}, "target has shape"),
        ([[1.0, 0.5], [0.0, 1.0]], {}, "target has a row"),
        ([0, 1], {"confidence": 1.0}, r"confidence is 1\.0"),
        ([0, 1], {"interval": "exact"}, "interval 'exact'"),
    ],
)
def test_what_cannot_be_estimated_is_refused(
    target: Any, wishes: dict[str, Any], words: str
) -> None:
    """The message names the setting and what is allowed."""
    with pytest.raises(InputError, match=words):
        estimate_off_policy(Decisions(**LOG), target, **wishes)


def test_unknown_estimator_and_odd_surface_are_refused() -> None:
    """Both are named."""
    log, plan = Decisions(**LOG), np.full((2, 2), 0.5)
    unknown: Any = "best"
    with pytest.raises(InputError, match="estimator 'best'"):
        score_decisions(log, plan, estimator=unknown)
    with pytest.raises(InputError, match="surface has shape"):
        score_decisions(log, plan, surface=np.zeros((1, 2)))


def test_interval_is_over_questions_where_these_come_again() -> None:
    """Ten decisions about each of 400 questions: 95 % intervals hold the truth in 95 % of logs."""
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        solved = generator.beta(0.4, 0.4, 400)
        question = np.repeat(np.arange(400), 10)
        outcome = (generator.random(4000) < solved[question]).astype(float)
        action = generator.integers(2, size=4000)
        log = Decisions(
            action=action,
            propensity=np.full(4000, 0.5),
            outcome=outcome,
            n_options=2,
            question=question,
        )
        found = estimate_off_policy(log, np.ones(4000, dtype=int))
        covered += found.low < 0.5 < found.high
    # Three standard errors of 200 draws below; as if all were independent, 78 % were covered.
    assert covered / 200 > 0.95 - 3 * (0.95 * 0.05 / 200) ** 0.5


def test_few_questions_that_come_often_leave_more_doubt() -> None:
    """Six questions, fifty decisions each: their interval still holds the truth of all."""
    generator = np.random.default_rng(1)
    covered = 0
    for _ in range(200):
        solved = generator.random(6)
        question = np.repeat(np.arange(6), 50)
        log = Decisions(
            action=generator.integers(2, size=300),
            propensity=np.full(300, 0.5),
            outcome=(generator.random(300) < solved[question]).astype(float),
            n_options=2,
            question=question,
        )
        found = estimate_off_policy(log, np.ones(300, dtype=int))
        covered += found.low < 0.5 < found.high
    assert covered / 200 > 0.92


def test_what_never_failed_may_fail_yet() -> None:
    """Where all that was seen succeeded, the interval still holds a rare failure."""
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(200):
        log = Decisions(
            action=generator.integers(2, size=400),
            propensity=np.full(400, 0.5),
            outcome=(generator.random(400) < 0.995).astype(float),
            n_options=2,
        )
        found = estimate_off_policy(log, np.ones(400, dtype=int))
        covered += found.low <= 0.995 <= found.high
    assert covered / 200 > 0.9


def test_intervals_without_a_meaning_are_refused() -> None:
    """One question alone has no spread, and bounds for all sample sizes need outcomes in [0, 1]."""
    log = LOG | {"action": [0, 1] * 200, "propensity": [0.5] * 400, "outcome": [0.0, 3.0] * 200}
    with pytest.raises(InputError, match="outcome 3 is outside 0 to 1"):
        estimate_off_policy(Decisions(**log), [1] * 400, interval="bernstein")
    with pytest.raises(InputError, match="all decisions are about one question"):
        estimate_off_policy(Decisions(**log, question=[7] * 400), [1] * 400)
