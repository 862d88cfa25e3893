"""The law of retrieval chains, against runs of its own process and exact sums."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.chain_plan import ChainPlan
from router.strategies.population import BetaPopulation
from router.strategies.retrieval_chains import RetrievalChains, _place_nodes

LAW = RetrievalChains(0.6, 0.4, 1.3, separation=1.2)
N_PASSAGES = 40_000


def test_one_chain_is_a_population_of_attempts() -> None:
    """Without a choice, a chain covers what so many attempts at a beta population cover."""
    plans = [ChainPlan(depth) for depth in (1, 2, 5, 20)]
    found = 0.4 * BetaPopulation(0.4, 1.3).cover([0, 1, 4, 19])
    np.testing.assert_allclose(LAW.predict(plans), 0.6 + found, atol=1e-4)


@pytest.mark.parametrize(
    "plan",
    [
        ChainPlan(4),
        ChainPlan(4, chains=4),
        ChainPlan(2, chains=8),
        ChainPlan(4, expansions=4),
        ChainPlan(4, expansions=4, rollouts=2),
        ChainPlan(3, expansions=2, rollouts=3, rollout_depth=1),
        ChainPlan(1, expansions=3),
    ],
)
def test_recall_is_that_of_runs(plan: ChainPlan) -> None:
    """Chains, their best, and trees find what runs of the process find, within five errors."""
    found = LAW.simulate(np.random.default_rng(8), plan, N_PASSAGES).mean()
    error = 5 * (found * (1 - found) / N_PASSAGES) ** 0.5 + 2e-3
    predicted = (LAW.predict([plan])[0] - LAW.first) / (1 - LAW.first)
    assert predicted == pytest.approx(found, abs=error)


def test_choice_without_a_sign_is_a_draw() -> None:
    """A score that says nothing makes many chains worth one; a clear one makes them many."""
    blind, sure = (RetrievalChains(0.5, 0.7, 1.0, separation=d) for d in (0.0, 40.0))
    one, many = ChainPlan(3), ChainPlan(3, chains=6)
    assert blind.predict([many])[0] == pytest.approx(blind.predict([one])[0], abs=1e-3)
    any_of_all = ChainPlan(1 + 2 * 6)
    assert sure.predict([many])[0] == pytest.approx(sure.predict([any_of_all])[0], abs=1e-3)


@pytest.mark.parametrize(("a", "b"), [(1.0, 1.0), (0.3, 2.0), (5.0, 0.5), (0.5, 0.5)])
def test_nodes_integrate_powers(a: float, b: float) -> None:
    """Moments of the beta distribution come out exactly."""
    chance, weight = _place_nodes(a, b)
    for power in (0, 1, 2, 7):
        moment = np.prod([(a + k) / (a + b + k) for k in range(power)])
        assert weight @ chance**power == pytest.approx(moment, rel=1e-9)


def draw_pilot(
    chance: np.random.Generator, n_questions: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Draw four chains of four searches for questions that need two passages, one of them found."""
    p = chance.beta(LAW.a, LAW.b, n_questions)
    tries = chance.random((n_questions, 4, 3)) < p[:, None, None]
    found_at = np.where(tries.any(axis=2), tries.argmax(axis=2) + 1, 0)
    score = chance.normal(size=(n_questions, 4)) + LAW.separation * (found_at > 0)
    pairs = [
        (row, score[row, i], score[row, j])
        for row in range(n_questions)
        for i in range(4)
        for j in range(4)
        if found_at[row, i] and not found_at[row, j]
    ]
    return np.full(n_questions, 0.5), found_at, np.arange(n_questions), np.array(pairs)


def test_fit_finds_the_law_that_was_drawn() -> None:
    """Population and separation of a drawn process lie in their intervals, and predict it."""
    first, found_at, question, pairs = draw_pilot(np.random.default_rng(6), 1500)
    fitted = RetrievalChains.fit(first, found_at, question, depth=4, separation=pairs)
    for name, value in {"a": LAW.a, "b": LAW.b, "separation": LAW.separation}.items():
        assert fitted.estimates[name].low <= value <= fitted.estimates[name].high, name
    plans = [ChainPlan(4, chains=4), ChainPlan(4, expansions=4, rollouts=2)]
    true = RetrievalChains(0.5, LAW.a, LAW.b, separation=LAW.separation)
    np.testing.assert_allclose(fitted.predict(plans), true.predict(plans), atol=0.02)


def test_weights_count_passages_as_often() -> None:
    """A passage of weight two counts like two of them."""
    found_at, question = np.array([[1, 0], [0, 2], [0, 0]]), np.array([0, 1, 2])
    once = RetrievalChains.fit([0.5] * 3, found_at, question, depth=3, weight=[2, 1, 1])
    rows = [0, 0, 1, 2]
    twice = RetrievalChains.fit([0.5] * 3, found_at[rows], question[rows], depth=3)
    assert (once.a, once.b) == (twice.a, twice.b)


def test_menu_counts_searches() -> None:
    """Options carry their searches, tokens, and the seconds of those that have to wait."""
    plans = [ChainPlan(3), ChainPlan(3, chains=4)]
    offer = LAW.offer("corag", plans, 2, tokens_per_search=100.0, seconds_per_search=0.5)
    assert [option.name for option in offer.options] == ["corag|d3", "corag|best4|d3"]
    assert [option.searches for option in offer.options] == [3.0, 9.0]
    assert [option.input_tokens for option in offer.options] == [300.0, 900.0]
    assert offer.latency_seconds.tolist() == [[1.5, 1.5]] * 2
    assert {option.kind for option in offer.options} == {"external"}
    np.testing.assert_allclose(offer.quality[1], LAW.predict(plans))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: RetrievalChains(1.5, 1.0, 1.0), "first has 1.5"),
        (lambda: RetrievalChains(0.5, 0.0, 1.0), "a has 0"),
        (lambda: RetrievalChains.fit([0.5], [1], [0], depth=3), "found_at has shape"),
        (lambda: RetrievalChains.fit([0.5], [[1]], [1], depth=3), "question goes up to 1 of 1"),
        (lambda: RetrievalChains.fit([0.5], [[3]], [0], depth=3), "found_at up to 3 of 2"),
    ],
)
def test_what_is_out_of_range_is_refused(call: Any, message: str) -> None:
    """The message names the value and what is allowed."""
    with pytest.raises(InputError, match=message):
        call()
