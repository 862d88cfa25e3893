"""Evaluate a learner on a log: cross-fit, plan under every budget, score, compare."""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from router.evaluation.baselines import predict_baselines
from router.evaluation.calibration import measure_calibration
from router.evaluation.crossfit import cross_fit
from router.evaluation.halves import draw_log_halves, explain_no_halves, score_halves
from router.evaluation.labels import assign_task_folds, check_labels, hide_labels
from router.evaluation.overspending import measure_overspending
from router.evaluation.plans import score_plans
from router.evaluation.protocol import build_view, compute_budgets
from router.evaluation.report import Evaluation
from router.evaluation.routing import measure_routing
from router.evaluation.strata import split_by_difficulty, split_by_task, stratify
from router.evaluation.summary import summarise
from router.exceptions import InputError
from router.question_costs import check_margin

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping

    from numpy.typing import NDArray

    from router.evaluation.crossfit import Learner, SurfaceModel
    from router.evaluation.labels import Labels
    from router.evaluation.plans import Allocator, Scores
    from router.evaluation.protocol import DenseView
    from router.outcomes import OutcomeLog

__all__ = ["evaluate"]


def evaluate(
    log: OutcomeLog,
    *,
    learner: Learner | None = None,
    allocator: Allocator | None = None,
    labels: Labels = "given",
    router_cost: float = 0.0,
    cost_margin: float | None = None,
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
    labels : {"given", "absent", "unseen"}, default="given"
        Whether questions come with their task's label, without, or with one that no training
        question had: whole tasks are then left out in five folds.
    router_cost : float, default=0
        What asking the router costs a question, in the log's unit. It is paid out of every
        budget and counted wherever the router's cost is.
    cost_margin : float, optional
        Where given, the router's surface is planned with predicted costs of every question too,
        this share reserved on top: plan ``router_by_question``. The protocol's own plans are as
        without.
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
        If the log has too few questions or options, an option without any cost, or fewer than two
        tasks where labels are to be unseen.
    InputError
        If a model predicts a wrong shape or a number that is not finite, `labels` is another word,
        or `router_cost` is negative or not finite.
    BudgetError
        If `cost_margin` is not from 0 to 10.
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
    _check_settings(labels, router_cost, cost_margin)
    seconds: dict[str, float] = {}
    with _timed(seconds, "view"):
        folds = assign_task_folds(log) if labels == "unseen" else None
        view = build_view(log, folds=folds)
        view = hide_labels(view) if labels == "absent" else view
    with _timed(seconds, "baselines"):
        surfaces = predict_baselines(view, n_jobs=n_jobs, progress=progress)
    with _timed(seconds, "learner"):
        train = learner or partial(_train_gain_model, seed)
        surface = cross_fit(log, train, view, folds=folds, n_jobs=n_jobs, progress=progress)
    charges: dict[str, Any] = {"router_cost": router_cost}
    if cost_margin is not None:
        with _timed(seconds, "question costs"):
            costs = cross_fit(log, partial(_train_costs, seed), view, folds=folds, n_jobs=n_jobs)
            charges["question_costs"] = costs * (1.0 + cost_margin)
    with _timed(seconds, "plans"):
        surfaces["router_knapsack"] = surface
        scores = score_plans(view, surfaces, router=surface, allocator=allocator, **charges)
    with _timed(seconds, "bootstrap"):
        *budgets, mean = summarise(view, scores, seed=seed, n_resamples=n_bootstrap)
    with _timed(seconds, "metrics"):
        sections = _measure(
            log, view, surfaces, scores, router_cost=router_cost, seed=seed, n_resamples=n_bootstrap
        )
    return Evaluation(
        **_describe(log, view, labels, router_cost),
        budgets=tuple(budgets),
        mean=mean,
        seed=seed,
        n_resamples=n_bootstrap,
        seconds=seconds,
        **sections,
    )


def _check_settings(labels: str, router_cost: float, cost_margin: float | None) -> None:
    """Refuse settings without a meaning before anything is trained."""
    check_labels(labels)
    check_margin(cost_margin or 0.0)
    if not (np.isfinite(router_cost) and router_cost >= 0):
        msg = f"router_cost is {router_cost}: a finite number, not negative, is needed"
        raise InputError(msg)


def _describe(
    log: OutcomeLog, view: DenseView, labels: Labels, router_cost: float
) -> dict[str, Any]:
    """Say what is evaluated and under which settings."""
    return {
        "dataset": log.dataset,
        "form": "complete" if view.is_complete else "observed",
        "n_questions": len(view.rows),
        "n_questions_log": log.n_questions,
        "options": tuple(option.name for option in log.options),
        "coverage": log.coverage,
        "cost_unit": log.cost_unit,
        "notes": (*_collect_notes(log, view), *_note_settings(view, labels, router_cost)),
        "labels": labels,
        "router_cost": router_cost,
    }


def _measure(
    log: OutcomeLog,
    view: DenseView,
    surfaces: Mapping[str, NDArray[np.float64]],
    scores: Scores,
    *,
    router_cost: float,
    seed: int,
    n_resamples: int,
) -> dict[str, Any]:
    """Measure what goes beyond the budgets: standard figures, calibration and strata."""
    surface = surfaces["router_knapsack"]
    options = tuple(option.name for option in log.options)
    reason = explain_no_halves(log, view)
    halves = reason or score_halves(view, draw_log_halves(log, view, seed=seed))
    routing = measure_routing(
        view,
        surface,
        options,
        scores=scores,
        split_half=halves,
        cost_unit=log.cost_unit,
        router_cost=router_cost,
        seed=seed,
        n_resamples=n_resamples,
    )
    router, blind = scores.quality["router"].mean(0), scores.quality["blind"].mean(0)
    cheapest = int(view.mean_by_option(view.cost).argmin())
    parts = {
        # Figures by task stay, although the router may not have been told the labels.
        "by_task": split_by_task([log.groups[row] for row in view.rows]),
        "by_difficulty": split_by_difficulty(surface[:, cheapest]),
    }
    strata = {
        name: stratify(part, router, blind, seed=seed, n_resamples=n_resamples)
        for name, part in parts.items()
    }
    baselines = {name: surfaces[name] for name in ("task", "ridge")}
    calibration = measure_calibration(
        view, surface, baselines=baselines, options=options, seed=seed, n_resamples=n_resamples
    )
    overspending = measure_overspending(view, scores, surface, seed=seed, n_resamples=n_resamples)
    return {
        "routing": routing,
        "calibration": calibration,
        "overspending": overspending,
        **strata,
    }


def _train_gain_model(seed: int, log: OutcomeLog) -> SurfaceModel:
    """Train the gain model of this library."""
    from router.models.training import fit_gain_model

    model: SurfaceModel = fit_gain_model(log, seed=seed)
    return model


def _train_costs(seed: int, log: OutcomeLog) -> SurfaceModel:
    """Train what predicts every question's cost."""
    from router.models.quantity_training import fit_quantity_model

    model: SurfaceModel = fit_quantity_model(log, seed=seed)
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


def _note_settings(view: DenseView, labels: Labels, router_cost: float) -> tuple[str, ...]:
    """Say what settings do to the figures."""
    notes = []
    if labels == "absent":
        notes.append(
            "task labels absent: the learner trains with labels and predicts without; the "
            "baselines train without"
        )
    if labels == "unseen":
        notes.append("task labels unseen: whole tasks are left out of training, in folds by task")
    cheapest = np.where(view.allowed, view.mean_by_option(view.cost), np.inf).min(1).mean()
    if router_cost > compute_budgets(view).min() - cheapest:
        notes.append(
            "the router's own cost leaves less than the cheapest plan needs of some budgets: "
            "there it takes the cheapest plan and overspends"
        )
    return tuple(notes)
