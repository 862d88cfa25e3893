"""Whole batches, drawn, planned and scored."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from router.allocation import solve
from router.evaluation.simulation import Population, SimulatedPredictor, simulate_batch
from router.exceptions import BudgetError, InputError

if TYPE_CHECKING:
    from router.evaluation.simulation import SimulatedBatch

POPULATION = Population(
    ("a", "b", "c"), [-0.3, 0.5, 0.8], [[0.6, 0.3], [0.5, -0.4], [0.7, 0.1]], [0.0, 0.1, 0.0]
)
COST = np.array([10, 60, 100])


def simulate(
    strength: float = 0.6, n_questions: int = 4_000, budget: int = 50, **wanted: Any
) -> SimulatedBatch:
    """Simulate a batch at a budget a question."""
    predictor = SimulatedPredictor(strength, **wanted.pop("predictor", {}))
    wanted = {"n_jobs": 1, "shard_rows": 1_500, **wanted}
    return simulate_batch(
        POPULATION, COST, budget * n_questions, predictor, n_questions=n_questions, **wanted
    )


def test_plans_lie_between_the_fixed_mix_and_the_oracle() -> None:
    """Knowing questions pays, and never spends more than the budget."""
    batch = simulate()
    uniform, mix, plan, oracle = batch.plans
    assert uniform.quality <= mix.quality < plan.quality < oracle.quality
    assert max(plan.spend, oracle.spend, uniform.spend) <= 50.0
    assert plan.gain == pytest.approx(plan.quality - mix.quality, abs=1e-6)
    assert oracle.believed == pytest.approx(oracle.quality, abs=1e-6)


def test_one_shard_is_what_the_allocator_plans() -> None:
    """Drawn by hand and solved in memory, the same questions give the same figures."""
    batch = simulate(n_questions=1_000, shard_rows=1_000, seed=9)
    chance = np.random.default_rng(np.random.SeedSequence(9).spawn(1)[0])
    chance.multinomial(1_000, [1.0])
    latent = POPULATION.draw(1_000, chance)
    predicted = SimulatedPredictor(0.6).predict(POPULATION, latent, chance)
    true = POPULATION.judge(latent)
    plan = solve(predicted.astype(np.float64), COST, 50_000)
    taken = true[np.arange(1_000), plan.choices]
    assert batch.find("plan").quality == pytest.approx(taken.mean(), abs=1e-3)
    assert batch.find("plan").believed == pytest.approx(plan.value / 1_000, abs=1e-6)


def test_workers_change_nothing_and_seeds_do() -> None:
    """Two processes give the figures of one; another seed draws other questions."""
    assert simulate(n_jobs=2) == simulate()
    assert simulate(seed=1) != simulate()


def test_a_calibrated_predictor_keeps_its_promise_and_a_bold_one_does_not() -> None:
    """What a plan believes comes true, unless predictions are too extreme."""
    honest = simulate(n_questions=20_000).find("plan")
    bold = simulate(n_questions=20_000, predictor={"trust": 3.0}).find("plan")
    assert honest.believed == pytest.approx(honest.quality, abs=0.01)
    assert bold.believed > bold.quality + 0.03


def test_knowing_nothing_is_the_fixed_mix() -> None:
    """A predictor without strength plans the best fixed mix."""
    plan = simulate(strength=0.0).find("plan")
    assert abs(plan.gain) < 4.0 * plan.gain_deviation + 1e-6


def test_kinds_of_questions_are_known_to_the_predictor() -> None:
    """With two kinds, knowing the kind alone already pays."""
    kinds = [(POPULATION.shift([0.0, 0.0, 1.0]), 1.0), (POPULATION.shift([0.5, 0.5, -1.0]), 1.0)]
    batch = simulate_batch(
        kinds, COST, 200_000, SimulatedPredictor(0.0), n_questions=4_000, n_jobs=1
    )
    assert batch.find("plan").gain > 4.0 * batch.find("plan").gain_deviation > 0.0


def test_what_does_not_fit_is_refused() -> None:
    """Costs of other options, no questions, and budgets that reach for nothing are named."""
    predictor = SimulatedPredictor(0.5)
    with pytest.raises(InputError, match="3 options"):
        simulate_batch(POPULATION, [1, 2], 10, predictor, n_questions=2)
    with pytest.raises(InputError, match="0 questions"):
        simulate_batch(POPULATION, COST, 10, predictor, n_questions=0)
    with pytest.raises(BudgetError):
        simulate_batch(POPULATION, COST, 10, predictor, n_questions=100, n_jobs=1)
    for shares in ([0.0, 0.0], [-1.0, 3.0], []):
        kinds = [(POPULATION, share) for share in shares]
        with pytest.raises(InputError, match="have the shares"):
            simulate_batch(kinds, COST, 10_000, predictor, n_questions=100)
    with pytest.raises(InputError, match=r"budget is 0\.5"):
        simulate_batch(POPULATION, COST, 0.5, predictor, n_questions=100)  # type: ignore[arg-type]
