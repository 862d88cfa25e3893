"""Which standard figures there are, what each needs, and how it follows from means.

========================= =====================================================================
apgr                      Area of the gap recovered over the share of strong calls (two options).
cpt_50, cpt_80            Least share of strong calls that recovers 50 or 80 % of the gap.
pgr_max                   Highest gap recovered at any share; above 1 beats the strong option.
cost_saving_50, _80       Cost of strong calls only over the router's at that share.
aiq, aiq_options          Mean height of the concave hull, paper's form; of the options alone.
aiq_code                  The same from zero cost, as in the script beside the paper.
qnc                       Least cost of the best option's quality over that option's cost.
peak_quality              Best point of the deferral curve; `best_option_quality` beside it.
headroom_over_best_option Peak less best option over best answer to every question less the same.
arena_score               Best point by the arena's score; `arena_score_options` of one option.
auuc, qini                Area under the uplift curve, and what of it is above chance.
*_normalised              Both over those of the perfect ranking.
headroom_captured         Router less blind over oracle less blind, mean over the budgets.
headroom_split_half       The same with the oracle planned on one half of the runs, scored on the
                          other.
routing_collapse          Share of questions that count against the router, mean over the budgets.
========================= =====================================================================

The knot of `peak_quality`, `headroom_over_best_option` and the arena's scores is chosen on the
questions themselves, not again in every resample, which would raise the whole interval.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

import numpy as np

from router.scoring import (
    compute_aiq,
    compute_apgr,
    compute_arena_score,
    compute_auuc,
    compute_cost_saving,
    compute_cpt,
    compute_pgr,
    compute_qini,
    compute_qnc,
    normalise_area,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from router.evaluation.resampling import Estimate, Figure, ResampledMeans

__all__ = ["FIGURES", "Cast", "collect_figures"]

CALLS = (
    "apgr",
    "cpt_50",
    "cpt_80",
    "pgr_max",
    "cost_saving_50",
    "cost_saving_80",
)
SWEEP = ("aiq", "aiq_options", "aiq_code", "qnc", "peak_quality", "best_option_quality")
UPLIFT = ("auuc", "auuc_normalised", "qini", "qini_normalised")
ARENA = ("arena_score", "arena_score_options")
BEST = ("headroom_over_best_option",)
PLANS = ("headroom_captured", "headroom_split_half", "routing_collapse")
FIGURES = (*CALLS, *SWEEP, *BEST, *ARENA, *UPLIFT, *PLANS)
# Differences below this are rounding, not headroom.
HEADROOM_MIN = 1e-9

Means = Mapping[str, "NDArray[np.float64]"]


@dataclass(frozen=True, slots=True)
class Cast:
    """Who plays which part in the figures of a log.

    Parameters
    ----------
    cheapest, best : int
        Options of lowest mean cost and of highest mean quality.
    n_options : int
        How many options.
    in_usd : bool
        Whether costs are dollars a question.
    router_cost : float
        What asking the router costs a question.
    no_split_half : str or None
        Why there is no split-half oracle.
    """

    cheapest: int
    best: int
    n_options: int
    in_usd: bool
    router_cost: float
    no_split_half: str | None


def collect_figures(
    table: ResampledMeans | None, cast: Cast
) -> tuple[dict[str, Estimate | None], dict[str, str]]:
    """Compute every figure that has a meaning, and say why others have none.

    Parameters
    ----------
    table : ResampledMeans or None
        Means of what is known.
    cast : Cast
        Who plays which part.

    Returns
    -------
    figures : dict of str to Estimate or None
        One entry for every name in ``FIGURES``.
    reasons : dict of str to str
        One entry for every figure that is None.

    Examples
    --------
    >>> figures, reasons = collect_figures(None, Cast(0, 1, 2, False, 0.0, None))
    >>> figures["apgr"], reasons["apgr"]
    (None, 'not every question saw every option')
    """
    means: Means = {} if table is None else table.means
    reasons = _find_reasons(means, cast)
    wanted = _choose_functions(means, cast) if means else {}
    figures: dict[str, Estimate | None] = dict.fromkeys(FIGURES)
    for name in FIGURES:
        if name not in reasons and table is not None:
            figures[name] = table.estimate(wanted[name])
    return figures, reasons


def _find_reasons(means: Means, cast: Cast) -> dict[str, str]:
    """Say of every figure without a meaning why it has none."""
    reasons: dict[str, str] = {}
    if "sweep_cost" not in means:
        names = set(FIGURES) - {"headroom_captured", "headroom_split_half"}
        reasons |= dict.fromkeys(sorted(names), "not every question saw every option")
    else:
        option_cost = means["option_cost"]
        if cast.n_options != 2:
            reasons |= dict.fromkeys(CALLS, f"the log has {cast.n_options} options, not two")
        if cast.best == cast.cheapest:
            no_gap = "the cheapest option is the best one"
            reasons |= dict.fromkeys((*CALLS, *UPLIFT), no_gap)
        if option_cost.max() <= option_cost.min():
            flat = "all options cost the same"
            reasons |= dict.fromkeys(("aiq", "aiq_options", "aiq_code"), flat)
        if not cast.in_usd:
            reasons |= dict.fromkeys(ARENA, "costs are not in usd")
        if "collapse" not in means:
            reasons["routing_collapse"] = "no plans were made"
    if "router" not in means:
        reasons["headroom_captured"] = "no plans were made"
    if "split_half" not in means:
        reasons["headroom_split_half"] = cast.no_split_half or "no plans were made"
    return reasons


def _choose_functions(means: Means, cast: Cast) -> dict[str, Figure]:
    """Give every figure its function of means."""
    functions: dict[str, Figure] = {
        "apgr": lambda t: compute_apgr(t["share"], _called_quality(t, cast)),
        "cpt_50": lambda t: compute_cpt(t["share"], _called_quality(t, cast), 0.5),
        "cpt_80": lambda t: compute_cpt(t["share"], _called_quality(t, cast), 0.8),
        "pgr_max": lambda t: compute_pgr(_called_quality(t, cast)).max(-1),
        "cost_saving_50": partial(_save, cast, 0.5),
        "cost_saving_80": partial(_save, cast, 0.8),
        "aiq": partial(_aiq, cast, "sweep"),
        "aiq_options": partial(_aiq, cast, "option"),
        "aiq_code": partial(_aiq, cast, "code"),
        "qnc": partial(_qnc, cast),
        "best_option_quality": lambda t: t["option_quality"][..., cast.best],
        "auuc": lambda t: compute_auuc(t["share"], t["gain"]),
        "auuc_normalised": lambda t: normalise_area(
            compute_auuc(t["share"], t["gain"]),
            compute_auuc(t["perfect_share"], t["perfect_gain"]),
        ),
        "qini": lambda t: compute_qini(t["share"], t["gain"]),
        "qini_normalised": lambda t: normalise_area(
            compute_qini(t["share"], t["gain"]),
            compute_qini(t["perfect_share"], t["perfect_gain"]),
        ),
        "headroom_captured": lambda t: _capture(t["router"], t["blind"], t["oracle"]),
        "headroom_split_half": lambda t: _capture(t["router"], t["blind"], t["split_half"]),
        "routing_collapse": lambda t: t["collapse"][..., 0],
    }
    return functions | (_choose_at_knots(means, cast) if "sweep_cost" in means else {})


def _choose_at_knots(means: Means, cast: Cast) -> dict[str, Figure]:
    """Give the figures of one point of the curve their functions, the point held fixed."""
    peak = int(means["sweep_quality"].argmax())
    knot = int(_arena(means, "sweep").argmax())
    option = int(_arena(means, "option").argmax())
    return {
        "peak_quality": lambda t: t["sweep_quality"][..., peak],
        "headroom_over_best_option": lambda t: _capture(
            t["sweep_quality"][..., peak : peak + 1],
            t["option_quality"][..., cast.best : cast.best + 1],
            t["highest"],
        ),
        "arena_score": lambda t: _arena(t, "sweep")[..., knot],
        "arena_score_options": lambda t: _arena(t, "option")[..., option],
    }


def _called_quality(means: Means, cast: Cast) -> NDArray[np.float64]:
    """Give the mean quality over the share of strong calls."""
    weak: NDArray[np.float64] = means["option_quality"][..., cast.cheapest, None]
    return weak + means["gain"]


def _save(cast: Cast, target: float, means: Means) -> NDArray[np.float64]:
    """Give the cost-saving ratio at a share of the gap."""
    quality = _called_quality(means, cast)
    return compute_cost_saving(means["served_cost"], quality, target, router_cost=cast.router_cost)


def _aiq(cast: Cast, kind: str, means: Means) -> NDArray[np.float64]:
    """Give the AIQ of the deferral curve or of the options alone."""
    option_cost, option_quality = means["option_cost"], means["option_quality"]
    cost, quality = option_cost, option_quality
    if kind != "option":
        # The cheapest option can be had without asking a router.
        free = slice(cast.cheapest, cast.cheapest + 1)
        cost = np.concatenate([means["sweep_cost"], option_cost[..., free]], axis=-1)
        quality = np.concatenate([means["sweep_quality"], option_quality[..., free]], axis=-1)
    lowest, highest = option_cost.min(-1), option_cost.max(-1)
    form: Literal["paper", "code"] = "code" if kind == "code" else "paper"
    values = [
        compute_aiq(points, heights, cost_min=low, cost_max=high, normalisation=form)
        # A resample of few questions may leave no range of costs.
        if high > max(low, 0.0)
        else np.nan
        for points, heights, low, high in zip(
            np.atleast_2d(cost),
            np.atleast_2d(quality),
            np.atleast_1d(lowest),
            np.atleast_1d(highest),
            strict=True,
        )
    ]
    return np.array(values).reshape(lowest.shape)


def _qnc(cast: Cast, means: Means) -> NDArray[np.float64]:
    """Give the quality-neutral cost of the deferral curve."""
    return compute_qnc(
        means["sweep_cost"],
        means["sweep_quality"],
        goal=means["option_quality"][..., cast.best],
        goal_cost=means["option_cost"][..., cast.best],
    )


def _arena(means: Means, kind: str) -> NDArray[np.float64]:
    """Give the arena's score at every knot or of every option."""
    return compute_arena_score(means[f"{kind}_quality"], 1000 * means[f"{kind}_cost"])


def _capture(
    reached: NDArray[np.float64], base: NDArray[np.float64], top: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Give the share of the way from a base to a top that was reached; all have one column."""
    headroom = (top - base)[..., 0]
    captured: NDArray[np.float64] = (reached - base)[..., 0] / np.where(
        headroom > HEADROOM_MIN, headroom, np.nan
    )
    return captured
