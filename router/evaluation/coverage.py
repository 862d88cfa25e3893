"""Coverage: whether intervals measured on some questions hold the outcomes of others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.models.calibration_training import (
    COVERAGE,
    fit_calibration,
    gather_batches,
    gather_cells,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.evaluation.protocol import DenseView

__all__ = ["Coverage", "measure_coverage"]


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often intervals held what they promise, on questions they were not measured on.

    Parameters
    ----------
    nominal : float
        The share that is promised.
    n_cells : int
        Cells of alike predictions (one task, one option, one bin) in all folds together.
    cells : float or None
        Share of cells whose mean outcome lay in the interval, which allows for the chance in the
        cell's own outcomes; None without a cell.
    width : float
        Mean half-width of the expected quality of a cell, chance apart.
    n_plans : int
        Plans tried on parts of tasks at five prices of compute.
    plans : float or None
        Share of plans whose mean outcome lay in the interval of the plan, which is made to hold at
        every price at once.
    plan_width : float or None
        Mean half-width for a plan, chance included.
    """

    nominal: float
    n_cells: int
    cells: float | None
    width: float
    n_plans: int
    plans: float | None
    plan_width: float | None


def measure_coverage(view: DenseView, surface: NDArray[np.float64]) -> Coverage:
    """Measure coverage: intervals from four folds of a cross-fitted surface, judged on the fifth.

    Where whole tasks were left out, so are they here.

    Parameters
    ----------
    view : DenseView
        The questions.
    surface : ndarray of float64, shape (n, m)
        Predicted quality from 0 to 1.

    Returns
    -------
    Coverage
    """
    quality = np.where(view.allowed, view.quality, np.nan)
    cost = view.mean_by_option(view.cost)
    names = {name: place for place, name in enumerate(dict.fromkeys(view.groups.tolist()))}
    group = np.array([names[name] for name in view.groups.tolist()], dtype=np.int64)
    inside, plans_inside, plan_widths = [], [], []
    widths = np.zeros_like(surface)
    for fold in np.unique(view.folds):
        test = view.folds == fold
        fitted = fit_calibration(surface[~test], quality[~test], group[~test], option_cost=cost)
        widths[test] = fitted.measure_width(surface[test])
        parts = (surface[test], quality[test], group[test])
        cells = gather_cells(*parts, np.asarray(fitted.edges))
        width = np.asarray(fitted.width)[cells.bins]
        inside.append(cells.is_inside(width, fitted.quantile, fitted.noise))
        if fitted.batch is not None:
            batches = gather_batches(*parts, cost)
            batch = fitted.batch
            spread = np.full(len(batches.size), batch.quantile * batch.spread)
            plans_inside.append(batches.is_inside(spread, batch.quantile, batch.noise))
            chance = batch.quantile**2 * batch.noise * batches.variance / batches.size
            plan_widths.append(np.sqrt(spread**2 + chance))
    cells_inside = np.concatenate(inside)
    every_plan = np.concatenate(plans_inside) if plans_inside else np.zeros(0, np.bool_)
    has_plans = len(every_plan) > 0
    return Coverage(
        nominal=COVERAGE,
        n_cells=len(cells_inside),
        cells=float(cells_inside.mean()) if len(cells_inside) else None,
        width=float(widths[view.allowed].mean()),
        n_plans=len(every_plan),
        plans=float(every_plan.mean()) if has_plans else None,
        plan_width=float(np.concatenate(plan_widths).mean()) if has_plans else None,
    )
