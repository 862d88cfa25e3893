"""Scoring: arrays to values, with NumPy only and without knowledge of logs, texts or models."""

from router.scoring.bootstrap import (
    Interval,
    bootstrap_interval,
    bootstrap_means,
    percentile_interval,
)
from router.scoring.choices import (
    compute_entropy,
    find_collapse,
)
from router.scoring.deferral import (
    Sweep,
    sweep_prices,
)
from router.scoring.halves import (
    can_be_halved,
    draw_halves,
)
from router.scoring.knapsack import knapsack
from router.scoring.mixture import Mixture, best_mixture
from router.scoring.multiplier import (
    Frontier,
    Multiplier,
    build_frontier,
    compute_capped_ratios,
    compute_multiplier,
)
from router.scoring.ranking import (
    choose_levels,
    rank_questions,
)
from router.scoring.reliability import (
    ReliabilityBin,
    build_reliability,
    compute_brier,
    compute_ece,
    decompose_brier,
)
from router.scoring.routing import (
    compute_apgr,
    compute_area,
    compute_cost_saving,
    compute_cpt,
    compute_pgr,
)
from router.scoring.tradeoff import (
    compute_aiq,
    compute_arena_score,
    compute_qnc,
)
from router.scoring.uplift import (
    compute_auuc,
    compute_qini,
    normalise_area,
)

__all__ = [
    "Frontier",
    "Interval",
    "Mixture",
    "Multiplier",
    "ReliabilityBin",
    "Sweep",
    "best_mixture",
    "bootstrap_interval",
    "bootstrap_means",
    "build_frontier",
    "build_reliability",
    "can_be_halved",
    "choose_levels",
    "compute_aiq",
    "compute_apgr",
    "compute_area",
    "compute_arena_score",
    "compute_auuc",
    "compute_brier",
    "compute_capped_ratios",
    "compute_cost_saving",
    "compute_cpt",
    "compute_ece",
    "compute_entropy",
    "compute_multiplier",
    "compute_pgr",
    "compute_qini",
    "compute_qnc",
    "decompose_brier",
    "draw_halves",
    "find_collapse",
    "knapsack",
    "normalise_area",
    "percentile_interval",
    "rank_questions",
    "sweep_prices",
]
