"""The split of a pool over agents, against other splits and runs of its own process."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from router.exceptions import InputError
from router.strategies.agent_split import AgentSplit, PartCurve

PARTS = [PartCurve(0.9, 1000.0), PartCurve(0.5, 6000.0), PartCurve(1.0, 3000.0)] * 2
COSTS: dict[str, Any] = {
    "prefix_tokens": 1500.0,
    "agent_tokens": 400.0,
    "orchestrator_tokens": 900.0,
    "reread": 1e-4,
}


@pytest.mark.parametrize("n_agents", [1, 2, 4])
@pytest.mark.parametrize("pool", [8_000.0, 60_000.0])
def test_no_other_split_of_the_pool_solves_more(n_agents: int, pool: float) -> None:
    """Plans take the whole pool, and neither random splits nor the equal one are better."""
    split = AgentSplit(PARTS, **COSTS)
    plan = split.plan(pool, n_agents)
    assert split.charge(plan) == pytest.approx(pool, rel=1e-6)
    equal = split.plan_equal(pool, n_agents)
    assert split.charge(equal) == pytest.approx(pool, rel=1e-6)
    assert equal.solved < plan.solved
    generator = np.random.default_rng(7)
    for _ in range(300):
        moved = plan.tokens * generator.lognormal(0.0, 0.2, len(PARTS))
        other = plan._replace(tokens=moved)
        # As much work as fits into the pool, by halving.
        low, high = 0.0, 10.0
        for _ in range(50):
            middle = (low + high) / 2.0
            fits = split.charge(other._replace(tokens=moved * middle)) <= pool
            low, high = (middle, high) if fits else (low, middle)
        solved = sum(
            float(part.predict(tokens)) for part, tokens in zip(PARTS, moved * low, strict=True)
        )
        assert solved <= plan.solved + 1e-9


@pytest.mark.parametrize("n_agents", [1, 3])
def test_expected_parts_are_those_of_runs(n_agents: int) -> None:
    """Pooled and equal splits solve in runs what they are expected to, within four errors."""
    split = AgentSplit(PARTS, kept=0.9, **COSTS)
    means = []
    for plan in (split.plan(25_000.0, n_agents), split.plan_equal(25_000.0, n_agents)):
        solved = split.simulate(np.random.default_rng(11), plan, 20_000)
        assert solved.mean() == pytest.approx(plan.solved, abs=4 * solved.std() / 20_000**0.5)
        means.append(solved.mean())
    assert means[0] > means[1]


def test_overhead_counts_the_shared_prefix_once_and_then_at_the_cached_price() -> None:
    """One agent reads the prefix; with three, four read it, three of them from the cache."""
    split = AgentSplit(PARTS, cached_price=0.25, **COSTS)
    assert split.count_overhead(1) == 1500.0
    assert split.count_overhead(3) == 1500.0 * 1.75 + 900.0 + 3 * 400.0
    dear = AgentSplit(PARTS, cached_price=1.0, **COSTS)
    assert dear.plan(30_000.0, 3).solved < split.plan(30_000.0, 3).solved


def test_one_agent_is_better_until_its_context_costs_more_than_company() -> None:
    """Few tokens are best spent by one agent, many by several; without context always by one."""
    split = AgentSplit(PARTS, **COSTS)
    numbers = [split.plan_best(pool, agents_max=6).n_agents for pool in (6e3, 2e4, 5e4, 2e5)]
    assert numbers[0] == 1
    assert numbers[-1] > 1
    assert numbers == sorted(numbers)
    alone = AgentSplit(PARTS, prefix_tokens=1500.0, agent_tokens=400.0)
    assert alone.plan_best(2e5, agents_max=6).n_agents == 1
    lossy = AgentSplit(PARTS, kept=0.5, **COSTS)
    assert lossy.plan_best(2e5, agents_max=6).n_agents == 1
    assert split.plan(2e5, 3).slowest_tokens < split.plan(2e5, 1).slowest_tokens


def test_pool_below_the_overhead_solves_nothing() -> None:
    """Where planning takes all there is, no part is worked on."""
    plan = AgentSplit(PARTS, **COSTS).plan(1000.0, 2)
    assert plan.solved == 0.0
    assert not plan.tokens.any()


def test_fit_finds_the_curve_that_was_drawn() -> None:
    """Ceiling and scale of a drawn process lie in the intervals."""
    generator = np.random.default_rng(13)
    tokens = generator.uniform(100.0, 9000.0, 800)
    is_solved = (generator.random(800) < 0.7) & (generator.exponential(2000.0, 800) <= tokens)
    fitted = PartCurve.fit(tokens, is_solved)
    assert fitted.estimates["ceiling"].low <= 0.7 <= fitted.estimates["ceiling"].high
    assert fitted.estimates["scale_tokens"].low <= 2000.0 <= fitted.estimates["scale_tokens"].high
    assert fitted.ceiling == pytest.approx(0.7, abs=0.1)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: PartCurve(1.2, 10.0), "ceiling has 1.2"),
        (lambda: PartCurve(0.5, 0.0), "scale_tokens has 0"),
        (lambda: PartCurve.fit([1.0], [True, False]), r"tokens \(1,\)"),
        (lambda: AgentSplit([]), "parts is empty"),
        (lambda: AgentSplit(PARTS, reread=-1.0), "reread is -1"),
        (lambda: AgentSplit(PARTS, kept=2.0), "kept has 2"),
        (lambda: AgentSplit(PARTS).plan(1e4, 7), "only 6 parts"),
        (lambda: AgentSplit(PARTS).plan(0.0, 1), "pool_tokens has 0"),
    ],
)
def test_what_is_out_of_range_is_refused(call: Any, message: str) -> None:
    """The message names the value and what is allowed."""
    with pytest.raises(InputError, match=message):
        call()


@pytest.mark.parametrize("n_agents", [1, 2])
def test_no_plan_takes_more_than_the_pool(n_agents: int) -> None:
    """Where the overhead alone is above the pool nobody is started, and nothing is charged."""
    split = AgentSplit([PartCurve(0.9, 4000.0)] * 2, 2000.0, 0.1, 500.0, 3000.0)
    for plan in (split.plan(1000.0, n_agents), split.plan_equal(1000.0, n_agents)):
        assert (split.charge(plan), plan.solved) == (0.0, 0.0)
