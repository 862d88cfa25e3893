"""Decomposition with voting, against published figures, exact recursions and its own process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.decomposition import StepVoting, _integrate_beta


@pytest.mark.parametrize(
    ("p", "lead", "votes"), [(0.9, 8, 10.0), (0.99, 4, 4.08), (0.998, 3, 3.01)]
)
def test_a_million_steps_need_the_published_lead(p: float, lead: int, votes: float) -> None:
    """For 2**20 - 1 steps and a target of .95 lead and votes are those of the paper."""
    plan = StepVoting(p).plan(2**20 - 1, target=0.95)
    assert plan.lead == lead
    assert plan.votes_per_step == pytest.approx(votes, abs=0.006)
    assert plan.success >= 0.95
    assert StepVoting(p).success(lead - 1, 2**20 - 1) < 0.95


@pytest.mark.parametrize("p", [0.51, 0.7, 0.95, 1.0])
@pytest.mark.parametrize("lead", [1, 2, 5])
def test_votes_solve_the_recursion(p: float, lead: int) -> None:
    """Success and duration from every place of the walk solve its linear equations."""
    places = 2 * lead - 1
    step = np.zeros((places, places))
    right = np.zeros(places)
    for place in range(places):
        if place + 1 < places:
            step[place, place + 1] = p
        else:
            right[place] = p
        if place:
            step[place, place - 1] = 1.0 - p
    inverse = np.linalg.inv(np.eye(places) - step)
    voting = StepVoting(p)
    assert voting.step_success(lead) == pytest.approx((inverse @ right)[lead - 1])
    assert voting.step_votes(lead) == pytest.approx(inverse.sum(axis=1)[lead - 1])


@pytest.mark.parametrize(
    "voting",
    [
        StepVoting(0.7),
        StepVoting(0.85, flagged=0.3),
        StepVoting(0.8, correlation=0.1),
        StepVoting(0.9, flagged=0.1, correlation=0.4),
    ],
)
def test_formulas_are_those_of_the_process(rng: np.random.Generator, voting: StepVoting) -> None:
    """Success and samples of many simulated steps agree within chance."""
    n_steps, lead = 40_000, 3
    is_right, n_samples = voting.simulate(rng, lead, n_steps)
    promised = voting.step_success(lead), voting.step_votes(lead) / (1.0 - voting.flagged)
    for expected, seen in zip(promised, (is_right, n_samples), strict=True):
        error = 4.5 * float(seen.std()) / np.sqrt(n_steps)
        assert abs(float(seen.mean()) - expected) < error


def test_small_errors_stay_exact() -> None:
    """Where a step nearly never fails, what is left is not lost in rounding."""
    voting = StepVoting(0.999)
    wanted = 10**12 * (0.001 / 0.999) ** 6
    assert 1.0 - voting.success(6, 10**12) == pytest.approx(wanted, rel=1e-5)


def test_cost_grows_by_steps_and_their_logarithm() -> None:
    """A thousand times the steps need some more votes each, not many times as many."""
    few, many = (StepVoting(0.9).plan(n, 0.9) for n in (10**3, 10**6))
    assert many.samples / few.samples < 1000 * 2.1
    assert many.lead - few.lead == pytest.approx(np.log(1000) / np.log(9), abs=1)


def test_votes_that_err_together_are_worth_fewer() -> None:
    """Correlation costs votes and puts a ceiling on what they reach."""
    alone, together = StepVoting(0.9).plan(20, 0.9), StepVoting(0.9, correlation=0.02).plan(20, 0.9)
    assert together.votes_per_step > alone.votes_per_step
    assert together.effective_votes < together.votes_per_step
    assert alone.effective_votes == alone.votes_per_step
    with pytest.raises(InputError, match="out of reach"):
        StepVoting(0.8, correlation=0.5).plan(1000, 0.9)


@pytest.mark.parametrize(("a", "b"), [(0.5, 0.5), (4.5, 0.5), (0.2, 0.1), (30.0, 3.0)])
def test_quadrature_knows_the_moments(a: float, b: float) -> None:
    """Means of powers under a Beta distribution are exact."""
    logits, weights = _integrate_beta(a, b, 3)
    shares = 1.0 / (1.0 + np.exp(-logits))
    moment = 1.0
    for power in range(1, 7):
        moment *= (a + power - 1) / (a + b + power - 1)
        assert float(weights @ shares**power) == pytest.approx(moment)


def test_long_leads_over_differing_steps_take_what_they_take(rng: np.random.Generator) -> None:
    """Steps that are nearly even hold long leads up, also where few steps are as even as that."""
    voting = StepVoting(0.7, correlation=0.1)
    is_right, n_samples = voting.simulate(rng, 60, 20_000)
    error = n_samples.std() / np.sqrt(len(n_samples))
    assert voting.step_votes(60) == pytest.approx(n_samples.mean(), abs=4 * error)
    assert voting.step_success(60) == pytest.approx(is_right.mean(), abs=0.01)
    # By trapezoids of a ten-thousandth in the logit.
    assert voting.step_votes(1000) == pytest.approx(8008.02793178, rel=1e-9)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"p": 0.5}, "above one half"),
        ({"p": 0.2}, "above one half"),
        ({"p": 1.1}, "from 0 to 1"),
        ({"p": float("nan")}, "from 0 to 1"),
        ({"p": 0.9, "flagged": 1.0}, "flagged"),
        ({"p": 0.9, "correlation": -0.1}, "correlation"),
    ],
)
def test_what_voting_cannot_mend_is_refused(fields: dict[str, Any], words: str) -> None:
    """At one half and below it says so, and names what else is out of range."""
    with pytest.raises(InputError, match=words):
        StepVoting(**fields)


def test_plans_of_nothing_are_refused() -> None:
    """A lead, a number of steps and a target have to be some."""
    voting = StepVoting(0.9)
    for wrong in (
        lambda: voting.step_votes(0),
        lambda: voting.success(1, 0),
        lambda: voting.plan(10, 1.0),
        lambda: voting.plan(10, 0.0),
    ):
        with pytest.raises(InputError):
            wrong()


def test_a_fit_finds_what_votes_were_drawn_with() -> None:
    """Share, thrown away samples and correlation come back, inside their intervals."""
    chance = np.random.default_rng(8)
    n_steps, correlation, p = 4_000, 0.2, 0.85
    total = 1.0 / correlation - 1.0
    shares = chance.beta(p * total, (1.0 - p) * total, n_steps)
    votes = chance.integers(1, 8, n_steps)
    right = chance.binomial(votes, shares)
    flagged = chance.negative_binomial(votes, 0.9)
    voting = StepVoting.fit(right, votes, flagged, n_resamples=60)
    assert voting.p == pytest.approx(p, abs=0.015)
    assert voting.correlation == pytest.approx(correlation, abs=0.04)
    assert voting.flagged == pytest.approx(0.1, abs=0.01)
    for name in ("p", "flagged", "correlation"):
        estimate = voting.estimates[name]
        assert estimate.low <= getattr(voting, name) <= estimate.high
    assert voting == StepVoting(voting.p, voting.flagged, voting.correlation)


@pytest.mark.parametrize("correlation", [0.0, 0.2])
def test_votes_stopped_at_a_lead_are_not_taken_for_votes_that_err_together(
    correlation: float,
) -> None:
    """What a step's own voting leaves behind, stopped by what it saw, is fitted as it was drawn."""
    chance = np.random.default_rng(9)
    n_steps, p = 4_000, 0.8
    total = 1.0 / correlation - 1.0 if correlation else 1e9
    shares = chance.beta(p * total, (1.0 - p) * total, n_steps)
    right, votes = np.zeros((2, n_steps), dtype=np.int64)
    for _ in range(200):
        is_open = np.abs(2 * right - votes) < 2
        right += is_open & (chance.random(n_steps) < shares)
        votes += is_open
    voting = StepVoting.fit(right, votes, n_resamples=10)
    assert voting.p == pytest.approx(p, abs=0.02)
    assert voting.correlation == pytest.approx(correlation, abs=0.05)


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        (([2], [1]), "none above"),
        (([1, 1], [1, 1]), "two votes"),
        (([1, 0], [2, 2]), "above one half"),
        (([1.5], [2]), "n_right"),
    ],
)
def test_counts_that_say_nothing_are_refused(counts: tuple[Any, Any], words: str) -> None:
    """Impossible counts, and votes that are mostly wrong, are named."""
    with pytest.raises(InputError, match=words):
        StepVoting.fit(*counts, n_resamples=5)
