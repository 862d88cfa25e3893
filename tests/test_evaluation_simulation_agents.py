"""Agents that fail together."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binom

from router.evaluation.simulation import CorrelatedAgents
from router.exceptions import InputError


@pytest.mark.parametrize("correlation", [0.0, 0.2, 0.6])
def test_majorities_are_those_of_drawn_agents(correlation: float) -> None:
    """Predicted majorities are what drawn agents come to, ties counting half."""
    agents = CorrelatedAgents(correlation)
    right = agents.draw(np.full(100_000, 0.6), 8, np.random.default_rng(1))
    votes = right.sum(axis=1)
    won = (votes > 4).mean() + 0.5 * (votes == 4).mean()
    assert right.mean() == pytest.approx(0.6, abs=0.004)
    assert agents.predict_majority([0.6], [8])[0, 0] == pytest.approx(won, abs=0.006)


def test_agents_without_correlation_are_binomial() -> None:
    """Condorcet's majority comes out exactly."""
    found = CorrelatedAgents(0.0).predict_majority([0.3, 0.7], [1, 5])
    assert found[:, 1] == pytest.approx(binom.sf(2, 5, [0.3, 0.7]), abs=1e-9)
    assert found[:, 0] == pytest.approx([0.3, 0.7])


def test_correlated_agents_count_for_fewer() -> None:
    """The variance of the share that is right is that of the effective number."""
    agents = CorrelatedAgents(0.4)
    right = agents.draw(np.full(200_000, 0.7), 10, np.random.default_rng(2))
    number = float(agents.count_effective([0.7], [10])[0, 0])
    assert right.mean(axis=1).var() == pytest.approx(0.7 * 0.3 / number, rel=0.02)
    assert CorrelatedAgents(0.0).count_effective([0.7], [10])[0, 0] == pytest.approx(10.0)


def test_impossible_correlations_are_refused() -> None:
    """A correlation of one would leave no agent of its own."""
    with pytest.raises(InputError, match=r"correlation is 1\.0"):
        CorrelatedAgents(1.0)


def test_majority_of_agents_that_err_almost_together_is_exact(rng: np.random.Generator) -> None:
    """One agent's majority is its own quality, and nine of them win as often as drawn ones."""
    for correlation in (0.0, 0.8, 0.95, 0.99, 0.9999):
        agents = CorrelatedAgents(correlation)
        alone = agents.predict_majority([0.3, 0.9], [1])[:, 0]
        assert alone == pytest.approx([0.3, 0.9], abs=1e-6)
    drawn = CorrelatedAgents(0.99).draw(np.full(100_000, 0.6), 9, rng).sum(axis=1) > 4
    predicted = float(CorrelatedAgents(0.99).predict_majority([0.6], [9])[0, 0])
    assert abs(predicted - drawn.mean()) < 4 * (0.24 / 100_000) ** 0.5


def test_no_number_and_no_chance_are_refused() -> None:
    """Numbers of agents are whole and from 1 up, qualities probabilities."""
    agents = CorrelatedAgents(0.3)
    with pytest.raises(InputError, match="n_agents has 0"):
        agents.predict_majority([0.5], [0])
    with pytest.raises(InputError, match=r"quality has 1\.2"):
        agents.predict_majority([1.2], [3])
    with pytest.raises(InputError, match="cannot differ"):
        agents.count_effective([1.0], [3])
