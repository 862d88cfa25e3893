"""Evaluation: what a router is worth on a log, measured under one protocol."""

from router.evaluation.calibration import (
    CalibrationReport,
    CalibrationRow,
    ReliabilityRow,
    measure_calibration,
)
from router.evaluation.coverage import Coverage, measure_coverage
from router.evaluation.crossfit import Learner, SurfaceModel, cross_fit
from router.evaluation.evaluate import evaluate
from router.evaluation.halves import draw_log_halves, score_halves
from router.evaluation.labels import Labels, assign_task_folds
from router.evaluation.overspending import OverspendingRow, measure_overspending
from router.evaluation.plans import Allocator, Scores, score_plans
from router.evaluation.protocol import FRACTIONS, DenseView, assign_folds, build_view
from router.evaluation.report import BudgetReport, Evaluation, MultiplierReport, render
from router.evaluation.resampling import Estimate
from router.evaluation.routing import CurvePoint, RoutingReport, measure_routing
from router.evaluation.strata import Stratum

__all__ = [
    "FRACTIONS",
    "Allocator",
    "BudgetReport",
    "CalibrationReport",
    "CalibrationRow",
    "Coverage",
    "CurvePoint",
    "DenseView",
    "Estimate",
    "Evaluation",
    "Labels",
    "Learner",
    "MultiplierReport",
    "OverspendingRow",
    "ReliabilityRow",
    "RoutingReport",
    "Scores",
    "Stratum",
    "SurfaceModel",
    "assign_folds",
    "assign_task_folds",
    "build_view",
    "cross_fit",
    "draw_log_halves",
    "evaluate",
    "measure_calibration",
    "measure_coverage",
    "measure_overspending",
    "measure_routing",
    "render",
    "score_halves",
    "score_plans",
]
