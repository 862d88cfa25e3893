"""Batches: questions drawn, planned with one budget and scored, as many as there is room for.

Shards are drawn by themselves from seeds of their own, so that neither the engine nor the number of
workers changes a figure. A shard's predictions and true qualities lie in files between rounds;
nothing larger than a shard is ever held.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from router.allocation import allocate_sharded
from router.allocation.sharded.engine import run_tasks
from router.evaluation.simulation.population import Population
from router.exceptions import InputError
from router.scoring import best_mixture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

    from router.evaluation.simulation.predictors import SimulatedPredictor

__all__ = ["SimulatedBatch", "SimulatedPlan", "simulate_batch"]

SHARD_ROWS = 125_000


@dataclass(frozen=True)
class SimulatedPlan:
    """What one way to plan comes to.

    Parameters
    ----------
    name : str
        ``"uniform"`` (the best single option within the budget), ``"best fixed mix"``, ``"plan"``
        (by the predictor) or ``"oracle"`` (by the true qualities).
    quality : float
        Mean true quality.
    spend : float
        Mean cost a question, in micro-units.
    gain, gain_deviation : float
        Mean over questions of the difference to the best fixed mix, and its standard error; 0 for
        fixed choices.
    believed : float
        Mean quality that the plan promised: what was predicted of the options it took. A plan takes
        what was predicted too high more often than not, so that this exceeds `quality` unless the
        predictor is calibrated.
    """

    name: str
    quality: float
    spend: float
    gain: float
    gain_deviation: float
    believed: float


@dataclass(frozen=True)
class SimulatedBatch:
    """One simulated batch under a budget.

    Parameters
    ----------
    n_questions : int
        How many were drawn.
    budget : int
        For all of them, in micro-units.
    plans : tuple of SimulatedPlan
        Uniform, best fixed mix, plan, oracle.
    """

    n_questions: int
    budget: int
    plans: tuple[SimulatedPlan, ...]

    def find(self, name: str) -> SimulatedPlan:
        """Find a way to plan by its name."""
        return next(plan for plan in self.plans if plan.name == name)


class _Drawn(NamedTuple):
    """A drawn shard: where it lies, and its sums of true quality by option."""

    predicted: str
    true: str
    n_questions: int
    totals: NDArray[np.float64]


class _Scored(NamedTuple):
    """Sums over a shard: true quality, believed quality, and squares of gains over a mix."""

    true: float
    believed: float
    gain: float
    gain_squared: float


def simulate_batch(
    population: Population | Sequence[tuple[Population, float]],
    cost: ArrayLike,
    budget: int,
    predictor: SimulatedPredictor,
    *,
    n_questions: int,
    seed: int = 0,
    shard_rows: int = SHARD_ROWS,
    scratch_directory: str | Path | None = None,
    n_jobs: int | None = None,
) -> SimulatedBatch:
    """Draw a batch of questions, plan it with a predictor, and score the plan by what is so.

    Parameters
    ----------
    population : Population, or sequence of (Population, float)
        Where questions come from; several kinds with their shares of the questions, the kind of
        each being known to the predictor.
    cost : array_like of shape (m,), integer
        What options cost, in micro-units.
    budget : int
        For all questions together, in micro-units.
    predictor : SimulatedPredictor
        What is known before planning.
    n_questions : int
        How many to draw.
    seed : int, default=0
        Of all draws.
    shard_rows : int, default=125000
        Questions of a shard.
    scratch_directory : path, optional
        Where shards are kept for the time of the call, 8 bytes a question and option; workers on
        other machines have to see it. By default in the directory for temporary files.
    n_jobs : int, optional
        Processes, as joblib is set to by default.

    Returns
    -------
    SimulatedBatch

    Raises
    ------
    InputError
        If costs do not fit the options, kinds do not share theirs or have no shares, no question is
        asked for or the budget is no whole number.
    BudgetError
        If the budget does not reach the cheapest option for each question.
    MissingExtraError
        SciPy or joblib, which the extra ``train`` brings, is not installed.

    Examples
    --------
    >>> from router.evaluation.simulation import Population, SimulatedPredictor
    >>> population = Population(("small", "large"), [0.0, 0.8], [[0.6], [0.7]])
    >>> batch = simulate_batch(
    ...     population, [10, 100], 550_000, SimulatedPredictor(0.7), n_questions=10_000, n_jobs=1
    ... )
    >>> [plan.name for plan in batch.plans]
    ['uniform', 'best fixed mix', 'plan', 'oracle']
    >>> batch.find("plan").quality > batch.find("best fixed mix").quality
    True
    """
    kinds = [(population, 1.0)] if isinstance(population, Population) else list(population)
    shares = np.array([share for _, share in kinds], dtype=np.float64)
    if not (np.isfinite(shares).all() and (shares >= 0.0).all() and shares.sum() > 0.0):
        raise InputError(f"kinds have the shares {shares.tolist()}: 0 or more, and not all 0")
    options = kinds[0][0].options
    price = np.asarray(cost)
    if price.shape != (len(options),) or any(kind.options != options for kind, _ in kinds):
        raise InputError(
            f"cost has shape {price.shape}: one for each of {len(options)} options is needed, "
            "which all kinds of questions share"
        )
    if not float(budget).is_integer():
        raise InputError(f"budget is {budget}: a whole number of micro-units is needed")
    if n_questions < 1 or shard_rows < 1:
        raise InputError(f"{n_questions} questions in shards of {shard_rows}: at least 1 is needed")
    with TemporaryDirectory(dir=scratch_directory) as scratch:
        sizes = [min(shard_rows, n_questions - at) for at in range(0, n_questions, shard_rows)]
        seeds = np.random.SeedSequence(seed).spawn(len(sizes))
        drawn = run_tasks(
            _draw_shard,
            [
                (kinds, predictor, size, own, str(Path(scratch) / f"{place}"))
                for place, (size, own) in enumerate(zip(sizes, seeds, strict=True))
            ],
            n_jobs,
        )
        return _compare_plans(drawn, price, int(budget), scratch, n_jobs)


def _draw_shard(
    kinds: list[tuple[Population, float]],
    predictor: SimulatedPredictor,
    size: int,
    seed: np.random.SeedSequence,
    place: str,
) -> _Drawn:
    """Draw a shard's questions, and write what is predicted of them and what is so."""
    chance = np.random.default_rng(seed)
    shares = np.array([share for _, share in kinds], dtype=np.float64)
    numbers = chance.multinomial(size, shares / shares.sum())
    true, predicted = [], []
    for (population, _), number in zip(kinds, numbers.tolist(), strict=True):
        latent = population.draw(number, chance)
        predicted.append(predictor.predict(population, latent, chance))
        true.append(population.judge(latent))
    np.save(f"{place}-predicted.npy", np.concatenate(predicted))
    np.save(f"{place}-true.npy", whole := np.concatenate(true))
    totals = whole.sum(axis=0, dtype=np.float64)
    return _Drawn(f"{place}-predicted.npy", f"{place}-true.npy", size, totals)


def _compare_plans(
    drawn: list[_Drawn],
    cost: NDArray[np.int64],
    budget: int,
    scratch: str,
    n_jobs: int | None,
) -> SimulatedBatch:
    """Plan by what was predicted and by what is so, and score both beside fixed choices."""
    n_questions = sum(shard.n_questions for shard in drawn)
    mean = np.sum([shard.totals for shard in drawn], axis=0) / n_questions
    mix = best_mixture(cost, mean, budget / n_questions)
    weights = mix.blend(np.eye(len(cost)))
    fixed = float(mix.blend(mean))
    affordable = np.where(cost * n_questions <= budget, mean, -np.inf)
    single = int(np.argmax(affordable))
    plans = [
        _state_fixed("uniform", float(mean[single]), float(cost[single]), fixed),
        _state_fixed("best fixed mix", fixed, float(mix.blend(cost.astype(np.float64))), fixed),
    ]
    for name, files in (("plan", "predicted"), ("oracle", "true")):
        paths = [getattr(shard, files) for shard in drawn]
        solved = allocate_sharded(
            paths,
            budget,
            cost=cost,
            output_directory=Path(scratch) / name,
            scratch_directory=scratch,
            n_jobs=n_jobs,
        )
        tasks = [
            (shard.predicted if name == "plan" else shard.true, shard.true, str(choices), weights)
            for shard, choices in zip(drawn, solved.paths, strict=True)
        ]
        sums = np.sum(run_tasks(_score_shard, tasks, n_jobs), axis=0) / n_questions
        total = _Scored(*sums.tolist())
        deviation = np.sqrt(max(0.0, total.gain_squared - total.gain**2) / n_questions)
        plans.append(
            SimulatedPlan(
                name,
                total.true,
                solved.spend / n_questions,
                total.gain,
                float(deviation),
                total.believed,
            )
        )
    return SimulatedBatch(n_questions, budget, tuple(plans))


def _state_fixed(name: str, quality: float, spend: float, best: float) -> SimulatedPlan:
    """State a choice that looks at no question, and believes what is so on average."""
    return SimulatedPlan(name, quality, spend, quality - best, 0.0, quality)


def _score_shard(predicted: str, true: str, choices: str, weights: NDArray[np.float64]) -> _Scored:
    """Add up what a shard's choices are worth, were believed to be, and exceed a mix by."""
    chosen = np.load(choices).astype(np.int64)[:, None]
    quality = np.load(true, mmap_mode="r")
    taken = np.take_along_axis(quality, chosen, axis=1)[:, 0].astype(np.float64)
    believed = np.take_along_axis(np.load(predicted, mmap_mode="r"), chosen, axis=1)
    gain = taken - quality @ weights.astype(np.float32)
    return _Scored(
        float(taken.sum()),
        float(believed.sum(dtype=np.float64)),
        float(gain.sum()),
        float((gain**2).sum()),
    )
