"""Overspending: how often and by how much real cost exceeds the budget that a plan was made for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.plans import plan_in_integers
from router.evaluation.protocol import FRACTIONS, iterate_folds
from router.scoring import bootstrap_means, percentile_interval

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.evaluation.plans import Scores
    from router.evaluation.protocol import DenseView
    from router.scoring import Interval

__all__ = ["OverspendingRow", "measure_overspending"]

# Shares of each budget at which the router's curve is traced.
STEPS = (0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0, 1.1)
PLANS = ("blind", "router", "router_by_question")


@dataclass(frozen=True, slots=True)
class OverspendingRow:
    """What one plan really spent of one budget.

    Parameters
    ----------
    plan : {"blind", "router", "router_by_question"}
        The best fixed mix; the router planned with its options' mean costs; the same surface
        planned with what every question is expected to cost.
    fraction : float
        Where the budget lies between the cheapest and the best option.
    quality : float
        Mean quality.
    spend_ratio : float or None
        Real cost over the budget; None for a budget of zero.
    batches_over : float
        Share of the folds, each planned as one batch, whose real cost exceeds the budget.
    excess : float
        By what share of the budget they do on average, folds within it counting zero.
    excess_max : float
        By what share the worst fold does.
    gain_at_equal_cost : Interval or None
        Quality minus that of ``router`` at the same *real* cost, with its bootstrap interval; only
        for ``router_by_question``.
    """

    plan: str
    fraction: float
    quality: float
    spend_ratio: float | None
    batches_over: float
    excess: float
    excess_max: float
    gain_at_equal_cost: Interval | None


def measure_overspending(
    view: DenseView,
    scores: Scores,
    surface: NDArray[np.float64],
    *,
    seed: int = 0,
    n_resamples: int = 2000,
) -> tuple[OverspendingRow, ...]:
    """Measure what plans really spent, fold by fold.

    Parameters
    ----------
    view : DenseView
        The questions.
    scores : Scores
        With ``router`` and ``blind`` among the plans.
    surface : ndarray of float64, shape (n, m)
        What the router's plans were made on.
    seed : int, default=0
        Seed of the bootstrap.
    n_resamples : int, default=2000
        Resamples of the bootstrap.

    Returns
    -------
    tuple of OverspendingRow
        Plan by plan, each by budget.
    """
    gains: list[Interval | None] = [None] * len(FRACTIONS)
    rows = []
    for plan in PLANS:
        if plan not in scores.quality:
            continue
        if plan == "router_by_question":
            gains = _compare_at_equal_cost(
                view, scores, surface, seed=seed, n_resamples=n_resamples
            )
        for place, fraction in enumerate(FRACTIONS):
            spend, budget = scores.spend[plan][place], scores.budget[place]
            excess = _measure_excess(view, spend, budget)
            paid = float(budget.mean())
            rows.append(
                OverspendingRow(
                    plan,
                    fraction,
                    float(scores.quality[plan][place].mean()),
                    float(spend.mean()) / paid if paid > 0.0 else None,
                    float((excess > 0.0).mean()),
                    float(excess.mean()),
                    float(excess.max()),
                    gains[place],
                )
            )
    return tuple(rows)


def _measure_excess(
    view: DenseView, spend: NDArray[np.float64], budget: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Measure every fold's cost above its budget, as a share of it."""
    excess = []
    for fold in np.unique(view.folds):
        rows = view.folds == fold
        within = float(budget[rows].mean())
        over = float(spend[rows].mean()) - within
        # Sums of floats may differ in the last digit from a budget that was kept exactly.
        excess.append(max(over / within - 1e-9, 0.0) if within > 0.0 else 0.0)
    return np.array(excess)


def _compare_at_equal_cost(
    view: DenseView, scores: Scores, surface: NDArray[np.float64], *, seed: int, n_resamples: int
) -> list[Interval | None]:
    """Compare with the router's own curve of quality against real cost, read at equal cost."""
    quality, spend = _trace_router(view, surface, scores.budget)
    name = "router_by_question"
    table = np.vstack((quality, scores.quality[name], spend, scores.spend[name]))
    draws = bootstrap_means(table, seed=seed, n_resamples=n_resamples)
    whole = table.mean(axis=1)
    gains = [_read_gains(row) for row in (whole, *draws)]
    return [
        percentile_interval(np.array([gain[place] for gain in gains[1:]]), float(gains[0][place]))
        for place in range(len(FRACTIONS))
    ]


def _trace_router(
    view: DenseView, surface: NDArray[np.float64], budget: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Plan with options' mean costs at steps below and above every budget.

    Between points the curve is read off straight lines, which lie below it: steps are small, or
    whoever spends less than a budget would look good for that alone.
    """
    shape = (len(STEPS) * len(budget), len(surface))
    quality, spend = np.zeros(shape), np.zeros(shape)
    for fold in iterate_folds(view):
        rows = fold.test
        for place, step in enumerate(np.outer(budget[:, rows[0]], STEPS).ravel()):
            within = max(float(step), fold.floor)
            chosen = plan_in_integers(surface[rows], fold.mean_cost, within, view.allowed[rows])
            quality[place, rows] = view.quality[rows, chosen]
            spend[place, rows] = view.cost[rows, chosen]
    return quality, spend


def _read_gains(means: NDArray[np.float64]) -> NDArray[np.float64]:
    """Subtract the router's quality at equal real cost, both curves side by side in `means`."""
    quality, spend = np.split(means, 2)
    n_curve = len(quality) - len(FRACTIONS)
    order = np.argsort(spend[:n_curve], kind="stable")
    curve = np.interp(spend[n_curve:], spend[:n_curve][order], quality[:n_curve][order])
    return np.asarray(quality[n_curve:] - curve)
