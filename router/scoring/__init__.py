"""Scoring: arrays to values, with NumPy only and without knowledge of logs, texts or models."""

from router.scoring.bootstrap import (
    Interval,
    bootstrap_interval,
    bootstrap_means,
    percentile_interval,
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

__all__ = [
    "Frontier",
    "Interval",
    "Mixture",
    "Multiplier",
    "best_mixture",
    "bootstrap_interval",
    "bootstrap_means",
    "build_frontier",
    "compute_capped_ratios",
    "compute_multiplier",
    "knapsack",
    "percentile_interval",
]
