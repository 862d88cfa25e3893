"""The field's standard figures of routers, each by its exact definition, with its interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from router.evaluation.figures import Cast, collect_figures
from router.evaluation.protocol import iterate_folds
from router.evaluation.resampling import Estimate, resample_means
from router.scoring import compute_entropy, find_collapse, rank_questions, sweep_prices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.evaluation.plans import Scores
    from router.evaluation.protocol import DenseView
    from router.scoring import Sweep

__all__ = ["CurvePoint", "RoutingReport", "measure_routing"]


@dataclass(frozen=True, slots=True)
class CurvePoint:
    """One point of the deferral curve.

    Parameters
    ----------
    price : float or None
        Quality that a unit of cost must bring; None for an infinite one.
    cost, quality : float
        Mean real cost, the router's own included, and mean true quality.
    """

    price: float | None
    cost: float
    quality: float


@dataclass(frozen=True, slots=True)
class RoutingReport:
    """Standard figures of a router, over the whole range of prices or of calls.

    Parameters
    ----------
    cheapest_option, best_option : str
        Options of lowest mean cost and of highest mean quality.
    figures : dict of str to Estimate or None
        By name, as listed in ``router.evaluation.figures``; None where a figure has no meaning on
        this log, with the reason in `reasons`.
    reasons : dict of str to str
        Why figures are missing.
    choice_entropy_bits : tuple of float
        Entropy of the router's choices by budget.
    curve : tuple of CurvePoint
        The deferral curve, from the cheapest plan to the best.
    """

    cheapest_option: str
    best_option: str
    figures: dict[str, Estimate | None]
    reasons: dict[str, str]
    choice_entropy_bits: tuple[float, ...]
    curve: tuple[CurvePoint, ...]


def measure_routing(
    view: DenseView,
    surface: NDArray[np.float64],
    options: tuple[str, ...],
    *,
    scores: Scores | None = None,
    split_half: NDArray[np.float64] | str = "not asked for",
    cost_unit: str = "nominal",
    router_cost: float = 0.0,
    seed: int = 0,
    n_resamples: int = 2000,
) -> RoutingReport:
    """Measure a cross-fitted surface by the field's standard figures.

    Parameters
    ----------
    view : DenseView
        The questions.
    surface : ndarray of float64, shape (n, m)
        Predicted quality.
    options : tuple of str, length m
        Names.
    scores : Scores, optional
        With ``router``, ``blind`` and ``oracle``; without it what needs plans is missing.
    split_half : ndarray of float64, shape (5, n), or str
        Quality of the split-half oracle by budget and question, or why there is none.
    cost_unit : str, default="nominal"
        ``usd`` means dollars a question; the arena's score needs it.
    router_cost : float, default=0
        What asking the router costs a question, in the unit of costs.
    seed : int, default=0
        Seed of the bootstrap.
    n_resamples : int, default=2000
        Resamples of the bootstrap.

    Returns
    -------
    RoutingReport

    Examples
    --------
    >>> from router.evaluation.protocol import build_view
    >>> from router.logs import build_log
    >>> log = build_log({
    ...     "query_id": [i for i in range(20) for _ in "ab"],
    ...     "query": [f"Why {i}?" for i in range(20) for _ in "ab"], "option": ["a", "b"] * 20,
    ...     "quality": [0.0, 1.0, 1.0, 1.0] * 10, "cost": [1.0, 2.0] * 20,
    ... })
    >>> view = build_view(log)
    >>> report = measure_routing(view, view.quality, ("a", "b"), n_resamples=50)
    >>> round(report.figures["apgr"].value, 3), round(report.figures["cpt_50"].value, 3)
    (0.75, 0.25)
    """
    cheapest = int(view.mean_by_option(view.cost).argmin())
    best = int(view.mean_by_option(view.quality).argmax())
    rows: dict[str, NDArray[np.float64]] = {}
    sweep = None
    if view.is_complete:
        sweep = sweep_prices(surface, _spread_costs(view))
        rows |= _collect_curves(view, surface, sweep, cheapest=cheapest, best=best)
    rows |= _collect_plans(view, scores, split_half)
    if sweep is not None:
        rows["sweep_cost"] = rows["sweep_cost"] + router_cost
    cast = Cast(
        cheapest=cheapest,
        best=best,
        n_options=view.quality.shape[1],
        in_usd=cost_unit == "usd",
        router_cost=router_cost,
        no_split_half=split_half if isinstance(split_half, str) else None,
    )
    table = resample_means(rows, seed=seed, n_resamples=n_resamples) if rows else None
    figures, reasons = collect_figures(table, cast)
    return RoutingReport(
        cheapest_option=options[cheapest],
        best_option=options[best],
        figures=figures,
        reasons=reasons,
        choice_entropy_bits=_measure_entropies(scores),
        curve=() if sweep is None or table is None else _draw_curve(sweep, table.means),
    )


def _spread_costs(view: DenseView) -> NDArray[np.float64]:
    """Give every question its options' mean costs in the folds that did not hold it."""
    cost = np.zeros_like(view.quality)
    for fold in iterate_folds(view):
        cost[fold.test] = fold.mean_cost
    return cost


def _collect_curves(
    view: DenseView, surface: NDArray[np.float64], sweep: Sweep, *, cheapest: int, best: int
) -> dict[str, NDArray[np.float64]]:
    """Collect what every question adds to the knots of the curves."""
    gain = view.quality[:, best] - view.quality[:, cheapest]
    served = rank_questions(surface[:, best] - surface[:, cheapest])
    perfect = rank_questions(gain)
    low, high = view.cost[:, cheapest], view.cost[:, best]
    return {
        "share": served,
        "gain": served * gain,
        "served_cost": low + served * (high - low),
        "perfect_share": perfect,
        "perfect_gain": perfect * gain,
        "sweep_quality": sweep.take(view.quality),
        "sweep_cost": sweep.take(view.cost),
        "option_quality": np.ascontiguousarray(view.quality.T),
        "option_cost": np.ascontiguousarray(view.cost.T),
        "highest": view.quality.max(1)[None],
    }


def _collect_plans(
    view: DenseView, scores: Scores | None, split_half: NDArray[np.float64] | str
) -> dict[str, NDArray[np.float64]]:
    """Collect what every question adds to the plans' mean quality over the budgets."""
    if scores is None:
        return {}
    rows: dict[str, NDArray[np.float64]] = {
        name: scores.quality[name].mean(0)[None]
        for name in ("router", "blind", "oracle")
        if name in scores.quality
    }
    if not isinstance(split_half, str):
        rows["split_half"] = split_half.mean(0)[None]
    if scores.choices is not None and view.is_complete:
        dearest = int(view.cost.mean(0).argmax())
        collapse = [find_collapse(chosen, view.quality, dearest) for chosen in scores.choices]
        rows["collapse"] = np.mean(collapse, axis=0)[None]
    return rows


def _measure_entropies(scores: Scores | None) -> tuple[float, ...]:
    """Measure how spread the router's choices are under every budget."""
    if scores is None or scores.choices is None:
        return ()
    return tuple(compute_entropy(chosen) for chosen in scores.choices)


def _draw_curve(sweep: Sweep, means: dict[str, NDArray[np.float64]]) -> tuple[CurvePoint, ...]:
    """Write the deferral curve as points."""
    prices = [None if np.isinf(price) else float(price) for price in sweep.price]
    return tuple(
        CurvePoint(price, float(cost), float(quality))
        for price, cost, quality in zip(
            prices, means["sweep_cost"], means["sweep_quality"], strict=True
        )
    )
