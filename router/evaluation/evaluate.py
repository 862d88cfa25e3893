"""Evaluate a learner on a log: cross-fit, plan under every budget, score, compare."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.baselines import predict_baselines
from router.evaluation.crossfit import cross_fit
from router.evaluation.plans import score_plans
from router.evaluation.protocol import build_view
from router.evaluation.report import Evaluation
from router.evaluation.summary import summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from router.evaluation.crossfit import Learner, SurfaceModel
    from router.evaluation.plans import Allocator
    from router.evaluation.protocol import DenseView
    from router.outcomes import OutcomeLog

__all__ = ["evaluate"]


def evaluate(
    log: OutcomeLog,
    *,
    learner: Learner | None = None,
    allocator: Allocator | None = None,
    seed: int = 0,
    n_jobs: int = 1,
    n_bootstrap: int = 2000,
    progress: Callable[[str], None] | None = None,
) -> Evaluation:
    """Evaluate a learner on a log under the protocol, beside every baseline.

    Parameters
    ----------
    log : OutcomeLog
        At least 20 questions that saw two options, and a cost for every option.
    learner : Learner, optional
        Trains a model on a log; default is this library's own gain model with `seed`.
    allocator : Allocator, optional
        Plans in integers; default is ``router.allocation.solve``.
    seed : int, default=0
        Seed of the default learner and of the bootstrap.
    n_jobs : int, default=1
        Processes to train folds in; -1 is one a core.
    n_bootstrap : int, default=2000
        Resamples of questions behind every interval.
    progress : callable, optional
        Called with a line of text before every fold.

    Returns
    -------
    Evaluation

    Raises
    ------
    LogError
        If the log has too few questions or options, or an option without any cost.
    InputError
        If a model predicts a wrong shape or a number that is not finite.
    MissingExtraError
        If the extra ``[train]`` is not installed.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from router.logs import build_log
    >>> def learn(log):
    ...     mean = np.nanmean(log.to_matrix(log.quality), axis=0)
    ...     return SimpleNamespace(predict=lambda texts, groups: np.tile(mean, (len(texts), 1)))
    >>> log = build_log({
    ...     "query_id": [i for i in range(50) for _ in "ab"],
    ...     "query": [f"Why {i}?" for i in range(50) for _ in "ab"],
    ...     "option": ["a", "b"] * 50, "quality": [0.0, 1.0] * 50, "cost": [1.0, 2.0] * 50,
    ... })
    >>> evaluation = evaluate(log, learner=learn)
    >>> evaluation.form, round(evaluation.mean.quality["blind"], 2)
    ('complete', 0.29)
    """
    seconds: dict[str, float] = {}
    with _timed(seconds, "view"):
        view = build_view(log)
    with _timed(seconds, "baselines"):
        surfaces = predict_baselines(view, n_jobs=n_jobs, progress=progress)
    with _timed(seconds, "learner"):
        surface = cross_fit(
            log, learner or partial(_train_gain_model, seed), view, n_jobs=n_jobs, progress=progress
        )
    with _timed(seconds, "plans"):
        scores = score_plans(
            view, {**surfaces, "router_knapsack": surface}, router=surface, allocator=allocator
        )
    with _timed(seconds, "bootstrap"):
        *budgets, mean = summarise(view, scores, seed=seed, n_resamples=n_bootstrap)
    return Evaluation(
        dataset=log.dataset,
        form="complete" if view.is_complete else "observed",
        n_questions=len(view.rows),
        n_questions_log=log.n_questions,
        options=tuple(option.name for option in log.options),
        coverage=log.coverage,
        cost_unit=log.cost_unit,
        budgets=tuple(budgets),
        mean=mean,
        seed=seed,
        n_resamples=n_bootstrap,
        seconds=seconds,
        notes=_collect_notes(log, view),
    )


def _train_gain_model(seed: int, log: OutcomeLog) -> SurfaceModel:
    """Train the gain model of this library."""
    from router.models.training import fit_gain_model

    model: SurfaceModel = fit_gain_model(log, seed=seed)
    return model


@contextmanager
def _timed(seconds: dict[str, float], part: str) -> Generator[None, None, None]:
    """Enter how long a part took."""
    start = time.perf_counter()
    try:
        yield
    finally:
        seconds[part] = round(time.perf_counter() - start, 3)


def _collect_notes(log: OutcomeLog, view: DenseView) -> tuple[str, ...]:
    """Collect what a reader must know to read the figures."""
    notes = [*log.notes]
    if not view.is_complete:
        notes.append(
            "too few questions saw every option: each plan, baselines included, chooses among the "
            "options its question saw, so figures compare with each other only; blind plans by "
            "the options' means over the questions that saw them"
        )
    elif len(view.rows) < log.n_questions:
        notes.append(
            f"scored on the {len(view.rows)} questions that saw every option; the learner also "
            "trains on the others"
        )
    if view.n_costs_filled:
        notes.append(f"{view.n_costs_filled} unknown costs were filled with the option's mean")
    if np.median(log.trials) == 1:
        notes.append(
            "rows are single runs: the oracle picks lucky ones, so it overstates the headroom"
        )
    return tuple(notes)
