"""From scores of single questions to the figures of a report."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.protocol import FRACTIONS
from router.evaluation.report import BudgetReport, MultiplierReport
from router.scoring import (
    bootstrap_means,
    build_frontier,
    compute_capped_ratios,
    compute_multiplier,
    percentile_interval,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.evaluation.plans import Scores
    from router.evaluation.protocol import DenseView
    from router.scoring import Interval

__all__ = ["summarise"]

RIVALS = ("blind", "ridge")
# Gains of oracle over blind below this are rounding, not headroom.
HEADROOM_MIN = 1e-9


def summarise(
    view: DenseView, scores: Scores, *, seed: int = 0, n_resamples: int = 2000
) -> tuple[BudgetReport, ...]:
    """Summarise scores by budget, with the mean over budgets behind them.

    Parameters
    ----------
    view : DenseView
        The questions.
    scores : Scores
        With ``router``, ``blind``, ``ridge`` and ``oracle`` among the plans.
    seed : int, default=0
        Seed of the bootstrap.
    n_resamples : int, default=2000
        Resamples of the bootstrap.

    Returns
    -------
    tuple of BudgetReport, length 6
        One a budget, then the mean.
    """
    router = scores.quality["router"]
    gains = {name: _append_mean(router - scores.quality[name]) for name in RIVALS}
    blocks = [*gains.values(), router, scores.spend["router"], view.quality.T, view.cost.T]
    draws = bootstrap_means(np.vstack(blocks), seed=seed, n_resamples=n_resamples)
    parts = np.split(draws, np.cumsum([len(block) for block in blocks])[:-1], axis=1)
    intervals = {
        name: [
            percentile_interval(part[:, place], float(gain.mean()))
            for place, gain in enumerate(gains[name])
        ]
        for name, part in zip(RIVALS, parts, strict=False)
    }
    multipliers = _compute_multipliers(view, scores, parts[len(RIVALS) :])
    return tuple(
        _report(scores, place, {name: intervals[name][place] for name in RIVALS}, multiplier)
        for place, multiplier in enumerate(multipliers)
    )


def _append_mean(table: NDArray[np.float64]) -> NDArray[np.float64]:
    """Put the mean over budgets behind the budgets."""
    return np.vstack([table, table.mean(0)])


def _report(
    scores: Scores,
    place: int,
    gains: dict[str, Interval],
    multiplier: MultiplierReport | None,
) -> BudgetReport:
    """Make the report of one budget, or of the mean over all."""
    rows: int | slice = place if place < len(FRACTIONS) else slice(None)
    quality = {name: float(table[rows].mean()) for name, table in scores.quality.items()}
    budget = float(scores.budget[rows].mean())
    headroom = quality["oracle"] - quality["blind"]
    captured = (
        (quality["router"] - quality["blind"]) / headroom if headroom > HEADROOM_MIN else None
    )
    return BudgetReport(
        fraction=FRACTIONS[place] if place < len(FRACTIONS) else None,
        budget=budget,
        quality=quality,
        # A budget of zero leaves nothing to compare with, and only free options to choose.
        spend_ratio={
            name: float(table[rows].mean()) / budget if budget > 0 else None
            for name, table in scores.spend.items()
        },
        gain_over_blind=gains["blind"],
        gain_over_ridge=gains["ridge"],
        headroom_captured=captured,
        multiplier=multiplier,
    )


def _compute_multipliers(
    view: DenseView, scores: Scores, draws: list[NDArray[np.float64]]
) -> list[MultiplierReport | None]:
    """Compute every budget's multiplier with its interval; the mean over budgets has none."""
    nothing: list[MultiplierReport | None] = [None] * (len(FRACTIONS) + 1)
    if not view.is_complete:
        return nothing
    frontier = build_frontier(view.cost.mean(0), view.quality.mean(0))
    quality, spend = scores.quality["router"].mean(1), scores.spend["router"].mean(1)
    points = [
        compute_multiplier(frontier, float(q), float(c))
        for q, c in zip(quality, spend, strict=True)
    ]
    ratios = _draw_ratios(*draws)
    reports: list[MultiplierReport | None] = []
    for place, point in enumerate(points):
        if point.value is None or not np.isfinite(ratios[:, place]).all():
            reports.append(MultiplierReport(point.value, point.status, None, None))
            continue
        interval = percentile_interval(ratios[:, place], point.value)
        reports.append(MultiplierReport(point.value, point.status, interval.low, interval.high))
    return [*reports, None]


def _draw_ratios(
    quality: NDArray[np.float64],
    spend: NDArray[np.float64],
    option_quality: NDArray[np.float64],
    option_cost: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Compute every resample's multipliers, frontier and router resampled together."""
    ratios = np.full(quality.shape, np.nan)
    for row in range(len(ratios)):
        paid = spend[row] > 0
        frontier = build_frontier(option_cost[row], option_quality[row])
        ratios[row, paid] = compute_capped_ratios(frontier, quality[row, paid], spend[row, paid])
    return ratios
