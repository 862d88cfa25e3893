"""Evaluation: what a router is worth on a log, measured under one protocol."""

from router.evaluation.crossfit import Learner, SurfaceModel, cross_fit
from router.evaluation.evaluate import evaluate
from router.evaluation.plans import Allocator, Scores, score_plans
from router.evaluation.protocol import FRACTIONS, DenseView, assign_folds, build_view
from router.evaluation.report import BudgetReport, Evaluation, MultiplierReport, render

__all__ = [
    "FRACTIONS",
    "Allocator",
    "BudgetReport",
    "DenseView",
    "Evaluation",
    "Learner",
    "MultiplierReport",
    "Scores",
    "SurfaceModel",
    "assign_folds",
    "build_view",
    "cross_fit",
    "evaluate",
    "render",
    "score_plans",
]
